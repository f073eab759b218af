"""DTLS where the kernel refuses memory that is written and executed, as under MemoryDenyWriteExecute= of systemd."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, PR_GET_MDWE = 65, 1, 66
"""linux/prctl.h, since 6.3."""

HANDSHAKE = f"""
import ctypes

from OpenSSL import SSL

from lkedge.rtc.dtls import CERTIFICATE
from aiortc.rtcdtlstransport import SRTP_PROFILES

assert ctypes.CDLL(None).prctl({PR_SET_MDWE}, {PR_MDWE_REFUSE_EXEC_GAIN}, 0, 0, 0) == 0
server, client = (SSL.Connection(CERTIFICATE._create_ssl_context(SRTP_PROFILES)) for _ in range(2))
server.set_accept_state()
client.set_connect_state()
for _ in range(8):
    for one, other in ((client, server), (server, client)):
        try:
            one.do_handshake()
        except SSL.WantReadError:
            pass
        try:
            other.bio_write(one.bio_read(65536))
        except SSL.WantReadError:
            pass
assert server.get_peer_certificate() is not None, "the server asks for a certificate"
assert client.get_selected_srtp_profile() == server.get_selected_srtp_profile() != b""
print("connected")
"""


def test_handshakes_need_no_writable_and_executable_memory() -> None:
    if ctypes.CDLL(None).prctl(PR_GET_MDWE, 0, 0, 0, 0) < 0:
        pytest.skip("this kernel is older than 6.3 and cannot refuse such memory: run it on a newer one")
    done = subprocess.run([sys.executable, "-c", HANDSHAKE], capture_output=True, text=True, timeout=60)
    assert done.stdout == "connected\n", done.stderr
