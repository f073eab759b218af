"""The adapter's self-check and what it does without a peer."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lkedge.errors import TransportError
from lkedge.rtc.adapter import UnsuitableLibrary, require_attributes
from lkedge.rtc.dtls import DtlsTransport
from lkedge.rtc.link import IceLink
from lkedge.rtc.sdp_parser import Fingerprint


class Library:
    present = 1


def test_missing_names_are_told_with_the_versions() -> None:
    require_attributes(Library, ["present"], "aiortc", "9.9", ">=1.16,<1.17")
    with pytest.raises(UnsuitableLibrary) as failure:
        require_attributes(Library, ["present", "_gone"], "aiortc", "9.9", ">=1.16,<1.17")
    assert str(failure.value) == "aiortc 9.9 has no Library._gone; install aiortc >=1.16,<1.17"
    assert not failure.value.retryable


def test_instances_are_checked_too() -> None:
    with pytest.raises(UnsuitableLibrary, match=r"has no Library\._here, _there"):
        require_attributes(Library(), ["_here", "_there"], "aioice", "1", ">=0.13,<0.14")


def test_threads_that_import_at_once_get_one_certificate() -> None:
    program = """
import threading
seen = set()
def ask():
    from lkedge.rtc.dtls import certificate_fingerprint
    seen.add(certificate_fingerprint())
threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(seen) == 1, seen
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


async def test_nothing_is_sent_before_the_handshake() -> None:
    dtls = DtlsTransport(IceLink("controlling"), lambda data: None, lambda: None)
    assert not dtls.send_rtp(bytes(12))
    dtls.send_rtcp(bytes(8))
    assert dtls.unsent == 1
    await dtls.close()


async def test_silent_server_ends_the_handshake_in_time() -> None:
    dtls = DtlsTransport(IceLink("controlling"), lambda data: None, lambda: None)
    with pytest.raises(TransportError, match=r"did not finish within 0\.05 s"):
        await dtls.handshake([Fingerprint("sha-256", "00")], is_server=True, timeout_s=0.05)
    await dtls.close()


async def test_received_media_is_dropped_unparsed() -> None:
    dtls = DtlsTransport(IceLink("controlling"), lambda data: None, lambda: None)
    await dtls._handle_rtp_data(b"no rtp at all", 0)
    await dtls.close()


def test_transports_are_imported_without_their_libraries() -> None:
    code = (
        "import sys; import lkedge.rtc.publisher_transport, lkedge.rtc.subscriber_transport; "
        "sys.exit(any(name in sys.modules for name in ('aiortc', 'aioice', 'av', 'OpenSSL', 'dns')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0
