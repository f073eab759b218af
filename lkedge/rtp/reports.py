# lkedge: pure
"""RTCP that we send: sender reports with their CNAME, and answers to reference times."""

from __future__ import annotations

import struct

from lkedge.rtp.feedback import PT_EXTENDED_REPORT, PT_RECEIVER_REPORT, PT_SENDER_REPORT
from lkedge.terms import Ssrc

PT_SOURCE_DESCRIPTION = 202

_VERSION = 0x80
_SDES_CNAME = 1
_XR_DLRR = 5


def sender_report(ssrc: Ssrc, ntp: int, rtp: int, packets: int, octets: int) -> bytes:
    """One sender report without report blocks (RFC 3550, section 6.4.1).

    ntp, rtp: the same instant as 64-bit NTP timestamp and as RTP timestamp of the stream.
    packets, octets: sent so far, payload only; taken modulo 2^32.
    """
    counts = packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    return struct.pack("!BBHIQIII", _VERSION, PT_SENDER_REPORT, 6, ssrc, ntp, rtp, *counts)


def source_description(ssrc: Ssrc, cname: str) -> bytes:
    """The canonical name of one SSRC (RFC 3550, section 6.5); cut to 255 bytes."""
    name = cname.encode()[:255]
    chunk = struct.pack("!IBB", ssrc, _SDES_CNAME, len(name)) + name
    chunk += bytes(4 - len(chunk) % 4)
    return struct.pack("!BBH", _VERSION | 1, PT_SOURCE_DESCRIPTION, len(chunk) // 4) + chunk


def reference_time_answer(ssrc: Ssrc, receiver: Ssrc, ntp: int, delay: int = 0) -> bytes:
    """Tells a receiver when its reference time came (DLRR: RFC 3611, section 4.5), in a compound.

    ssrc: one of ours. receiver, ntp: of the reference time. delay: since it came, in 1/65536 s.
    """
    empty_report = struct.pack("!BBHI", _VERSION, PT_RECEIVER_REPORT, 1, ssrc)
    block = struct.pack("!BBHIII", _XR_DLRR, 0, 3, receiver, ntp >> 16 & 0xFFFFFFFF, delay)
    return empty_report + struct.pack("!BBHI", _VERSION, PT_EXTENDED_REPORT, 5, ssrc) + block
