# lkedge: pure
"""The file that says how to be let in by an X server (Xau, `man 7 Xsecurity`)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

COOKIE = b"MIT-MAGIC-COOKIE-1"
FAMILY_LOCAL = 256
FAMILY_WILD = 65535


class Entry(NamedTuple):
    family: int
    address: bytes
    number: bytes
    name: bytes
    data: bytes


def cookie_for(content: bytes, hostname: str, number: int) -> bytes:
    """The cookie for a display of this machine; b"" when the file has none."""
    entries = [entry for entry in _entries(content) if entry.name == COOKIE and _is_for(entry, hostname, number)]
    # A host may have changed its name since the file was written.
    entries += [entry for entry in _entries(content) if entry.name == COOKIE and entry.number == str(number).encode()]
    return entries[0].data if entries else b""


def _is_for(entry: Entry, hostname: str, number: int) -> bool:
    if entry.number not in (b"", str(number).encode()):
        return False
    return entry.family == FAMILY_WILD or (entry.family == FAMILY_LOCAL and entry.address == hostname.encode())


def _entries(content: bytes) -> Iterator[Entry]:
    """As far as the file is whole."""
    offset = 0
    while offset + 2 <= len(content):
        (family,) = struct.unpack_from(">H", content, offset)
        offset += 2
        fields = []
        for _ in range(4):
            if offset + 2 > len(content):
                return
            (length,) = struct.unpack_from(">H", content, offset)
            fields.append(content[offset + 2 : offset + 2 + length])
            offset += 2 + length
        yield Entry(family, *fields)
