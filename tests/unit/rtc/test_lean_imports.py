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


def test_av_is_never_touched_and_works_in_a_worker_thread() -> None:
    program = """
import sys, threading
from lkedge.rtc.publisher_transport import preload
other = threading.Thread(target=preload)
other.start()
import av
from lkedge.builtin.x264 import X264Encoder
from lkedge.plugin.api import VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.encoder_clip import clip
rate = BitsPerSecond(200_000)
encoder = X264Encoder(VideoEncoderSettings(Codec.H264, Rid("q"), 320, 180, 30, rate, rate, is_screen_share=False))
frame = encoder.encode(clip(320, 180, 1)[0], key_frame=True)
other.join()
import aiortc
print(frame.is_key, av.__file__ is not None, sys.modules["av"] is av, aiortc.mediastreams.VideoFrame is av.VideoFrame)
"""
    assert run(program) == "True True True True"


def test_av_that_is_loaded_already_is_left_alone() -> None:
    program = """
import sys, av
from lkedge.rtc.dtls import RTCDtlsTransport
print(sys.modules["av"] is av, "aiortc.rtcpeerconnection" in sys.modules)
"""
    assert run(program) == "True False"
