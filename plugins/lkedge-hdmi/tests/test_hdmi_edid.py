from __future__ import annotations

import pytest
from lkedge_hdmi.edid import checksum, edid_name, edid_problem, parse_edid
from lkedge_hdmi.edid_presets import PRESETS, preset


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_whole_and_prefer_what_they_say(name: str) -> None:
    data = preset(name)
    timing = PRESETS[name]
    first = data[54:72]

    assert edid_problem(data) == ""
    assert len(data) == 256
    assert edid_name(data) == "lkedge"
    assert int.from_bytes(first[:2], "little") * 10 == timing.clock_khz
    assert first[2] + (first[4] >> 4 << 8) == timing.width
    assert first[5] + (first[7] >> 4 << 8) == timing.height
    assert f"{timing.height}p{timing.framerate:.0f}" == name


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_sound_and_a_physical_address(name: str) -> None:
    extension = preset(name)[128:]
    tags, position = {}, 4
    while position < extension[2]:
        tag, length = extension[position] >> 5, extension[position] & 0x1F
        tags[tag] = extension[position + 1 : position + 1 + length]
        position += 1 + length

    assert tags[1] == bytes((9, 4, 1))
    assert tags[2][0] & 0x7F == PRESETS[name].vic
    assert tags[3][:5] == bytes((3, 12, 0, 0x10, 0))


def test_a_file_is_binary_or_hexadecimal_text() -> None:
    data = preset("720p60")
    rows = "\n".join(data[begin : begin + 16].hex(" ") for begin in range(0, 256, 16))

    assert parse_edid(data) == data
    assert parse_edid(rows.encode() + b"\n") == data


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (preset("720p60")[:200], "it has 200 bytes, not a multiple of 128"),
        (b"", "it has 0 bytes"),
        (b"\xff\xfe nonsense", "neither a binary EDID nor hexadecimal text"),
        (b"00 11", "it has 2 bytes"),
        (bytes(128).hex().encode(), "it does not begin with"),
        (preset("720p60")[:-1] + b"\x01", "the checksum of block 1 is 01, not"),
        (preset("720p60")[:128], "it announces 2 blocks and has 1"),
    ],
)
def test_what_is_no_edid_is_explained(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_edid(content)


def test_more_blocks_than_bridges_hold_are_refused() -> None:
    base = bytearray(preset("720p60")[:128])
    base[126] = 8
    base[127] = checksum(bytes(base[:127]))

    assert edid_problem(bytes(base) + bytes(128) * 8) == "it has 9 blocks, more than 8"
