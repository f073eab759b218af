"""What the transports load, in interpreters of their own."""

import subprocess
import sys


def run(program: str) -> str:
    """What the program prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_the_transports_load_neither_av_nor_dns() -> None:
    program = """
import sys, lkedge.rtc.publisher_transport as transport
transport.preload()
print([name for name in ("av", "dns", "aiortc", "aiortc.rtcpeerconnection") if name in sys.modules])
"""
    assert run(program) == "[]"


def test_all_of_aiortc_is_there_for_whoever_wants_it() -> None:
    program = """
from lkedge.rtc.dtls import RTCDtlsTransport
import aiortc, asyncio
async def main():
    connection = aiortc.RTCPeerConnection()
    connection.addTransceiver("audio")
    await connection.createOffer()
    await connection.close()
asyncio.run(main())
print(aiortc.RTCDtlsTransport is RTCDtlsTransport)
"""
    assert run(program) == "True"


def test_aiortc_that_is_loaded_already_is_used() -> None:
    program = """
import aiortc
from lkedge.rtc.dtls import RTCDtlsTransport
print(aiortc.RTCDtlsTransport is RTCDtlsTransport)
"""
    assert run(program) == "True"


def test_an_aiortc_of_another_shape_is_loaded_as_a_whole() -> None:
    program = """
from lkedge.rtc import lean_imports
def fail(): raise ImportError("changed")
lean_imports._import_rtp_without_av = fail
from lkedge.rtc.dtls import RTCDtlsTransport
import sys
print("aiortc.rtcpeerconnection" in sys.modules)
"""
    assert run(program) == "True"


def test_the_mdns_resolver_is_loaded_when_it_is_used() -> None:
    program = """
import sys
from lkedge.rtc.ice_connection import IceConnection
from aioice import ice
print(ice.mdns.is_mdns_hostname("a-b.local"), ice.mdns.is_mdns_hostname("192.0.2.1"), "dns" in sys.modules)
print(ice.mdns.create_mdns_hostname().endswith(".local"), "dns" in sys.modules)
"""
    assert run(program) == "True False False\nTrue True"
