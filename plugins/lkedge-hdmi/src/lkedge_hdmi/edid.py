# lkedge: pure
"""EDIDs: what a display tells a source about itself. Checked before they reach the hardware.

Source: VESA E-EDID 1.4, sections 3.1 to 3.11; the layout is the same in 1.3.
"""

from __future__ import annotations

BLOCK_BYTES = 128
MAX_BLOCKS = 8
"""The TC358743 has no more memory."""

HEADER = bytes.fromhex("00ffffffffffff00")


def parse_edid(content: bytes) -> bytes:
    """An EDID from the content of a file: binary, or hexadecimal text as v4l2-ctl writes it.

    Raises:
        ValueError: it is none; says what is wrong.
    """
    data = content if content.startswith(HEADER) else _from_hex(content)
    problem = edid_problem(data)
    if problem:
        raise ValueError(problem)
    return data


def edid_problem(data: bytes) -> str:
    """What is wrong with an EDID; "" when nothing is."""
    if not data or len(data) % BLOCK_BYTES:
        return f"it has {len(data)} bytes, not a multiple of {BLOCK_BYTES}"
    if not data.startswith(HEADER):
        return "it does not begin with 00 FF FF FF FF FF FF 00"
    blocks = [data[begin : begin + BLOCK_BYTES] for begin in range(0, len(data), BLOCK_BYTES)]
    for number, block in enumerate(blocks):
        if sum(block) % 256:
            return f"the checksum of block {number} is {block[-1]:02X}, not {checksum(block[:-1]):02X}"
    announced = data[126] + 1
    if announced != len(blocks):
        return f"it announces {announced} blocks and has {len(blocks)}"
    return f"it has {announced} blocks, more than {MAX_BLOCKS}" if announced > MAX_BLOCKS else ""


def checksum(body: bytes) -> int:
    """The last byte of a block from the 127 before it."""
    return -sum(body) % 256


def edid_name(data: bytes) -> str:
    """The monitor's name; "" when there is none."""
    for begin in (54, 72, 90, 108):
        if data[begin : begin + 4] == b"\0\0\0\xfc":
            return data[begin + 5 : begin + 18].split(b"\n")[0].decode("ascii", "replace").strip()
    return ""


def _from_hex(content: bytes) -> bytes:
    try:
        return bytes.fromhex(content.decode("ascii"))
    except ValueError as error:
        raise ValueError("it is neither a binary EDID nor hexadecimal text") from error
