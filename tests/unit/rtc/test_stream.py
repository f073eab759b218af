from itertools import pairwise

from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtcpPacket, RtcpSrPacket, RtpPacket, unwrap_rtx

from lkedge.clock import MILLISECOND_NS, SECOND_NS, WallClock, ntp_timestamp
from lkedge.media.frame import EncodedFrame
from lkedge.rtc.stream import RtpStream, StreamConfig
from lkedge.rtp.packetizer import PacketGroup, PacketKind
from lkedge.rtp.profile import (
    AUDIO_LEVEL,
    EXTENSION_ID,
    MID,
    REPAIRED_RTP_STREAM_ID,
    RTP_STREAM_ID,
    TRANSPORT_CC,
)
from lkedge.terms import Codec, Mid, Rid, Ssrc

ALL = frozenset(EXTENSION_ID)
FRAME_NS = 100 * MILLISECOND_NS


def make(
    codec: Codec = Codec.VP8,
    *,
    rid: str = "q",
    extensions: frozenset[str] = ALL,
    has_rtx: bool = True,
    red: bool = False,
    offset: int = 0,
) -> RtpStream:
    config = StreamConfig(codec, Mid("0"), Rid(rid), extensions, has_rtx, offset, "lkedge", red)
    return RtpStream(config, ssrc=Ssrc(5), rtx_ssrc=Ssrc(6))


def audio(*, red: bool = False) -> RtpStream:
    return make(Codec.OPUS, rid="", has_rtx=False, red=red)


def frame(at_ns: int, size: int = 3000, *, codec: Codec = Codec.VP8, is_key: bool = False) -> EncodedFrame:
    return EncodedFrame(codec, Rid("q"), bytes(index % 251 for index in range(size)), at_ns, is_key=is_key)


def sound(at_ns: int, *, level: int = 30, has_voice: bool = True) -> EncodedFrame:
    return EncodedFrame(Codec.OPUS, Rid(""), b"sound", at_ns, audio_level=level, has_voice=has_voice)


def send(group: PacketGroup) -> list[bytearray]:
    """As the pacer does."""
    group.released = len(group.packets)
    return group.packets


def parse(packet: bytearray) -> RtpPacket:
    extensions = HeaderExtensionsMap()
    known = (MID, AUDIO_LEVEL, TRANSPORT_CC, RTP_STREAM_ID, REPAIRED_RTP_STREAM_ID)
    headers = [RTCRtpHeaderExtensionParameters(id=EXTENSION_ID[uri], uri=uri) for uri in known]
    extensions.configure(RTCRtpParameters(headerExtensions=headers))
    return RtpPacket.parse(bytes(packet), extensions)


def test_every_packet_of_a_frame_names_its_layer_and_has_its_capture_time() -> None:
    stream = make(offset=0xFFFFFFFF)

    packets = [parse(packet) for packet in send(stream.packetize(frame(SECOND_NS)))]

    assert {(packet.ssrc, packet.payload_type, packet.timestamp) for packet in packets} == {(5, 96, 89_999)}
    assert {(packet.extensions.mid, packet.extensions.rtp_stream_id) for packet in packets} == {("0", "q")}
    assert {packet.extensions.transport_sequence_number for packet in packets} == {0}
    assert [packet.marker for packet in packets] == [0, 0, 1]


def test_layers_of_one_picture_share_the_timestamp() -> None:
    groups = [make(rid=rid, offset=77).packetize(frame(12_345_678_901)) for rid in ("q", "h", "f")]

    assert len({parse(group.packets[0]).timestamp for group in groups}) == 1
    assert [group.flow.layer for group in groups] == [0, 1, 2]


def test_only_accepted_extensions_are_sent() -> None:
    group = make(extensions=frozenset((MID,))).packetize(frame(0))

    extensions = parse(group.packets[0]).extensions
    assert (extensions.mid, extensions.rtp_stream_id, extensions.transport_sequence_number) == ("0", None, None)
    assert group.flow.transport_cc_offset == 0


def test_numbers_and_picture_ids_go_on_over_a_pause() -> None:
    stream = make()
    before = parse(send(stream.packetize(frame(0)))[-1])

    after = parse(send(stream.packetize(frame(60 * SECOND_NS)))[0])

    assert after.sequence_number == before.sequence_number + 1 & 0xFFFF
    assert after.timestamp - before.timestamp == 60 * 90_000
    picture_ids = [int.from_bytes(packet.payload[2:4], "big") & 0x7FFF for packet in (before, after)]
    assert picture_ids[1] == picture_ids[0] + 1 & 0x7FFF


def test_a_frame_older_than_the_last_is_left_out() -> None:
    stream = make()
    last = parse(stream.packetize(frame(SECOND_NS)).packets[-1])

    assert stream.packetize(frame(SECOND_NS - 1)).packets == []
    assert stream.packetize(frame(SECOND_NS)).packets == []
    assert stream.counters.late_frames == 2
    following = parse(stream.packetize(frame(2 * SECOND_NS)).packets[0])
    assert following.sequence_number == last.sequence_number + 1 & 0xFFFF


def test_a_frame_without_data_takes_no_number() -> None:
    stream = make()

    assert stream.packetize(frame(0, 0)).packets == []
    assert (stream.counters.frames, stream.last_frame_ns) == (0, None)


def test_a_lost_packet_comes_again_as_rtx_that_names_the_repaired_layer() -> None:
    stream = make()
    originals = send(stream.packetize(frame(0)))
    lost = parse(originals[2])

    group = stream.retransmit([lost.sequence_number], MILLISECOND_NS)

    (repair,) = [parse(packet) for packet in group.packets]
    assert (repair.ssrc, repair.payload_type) == (6, 97)
    assert (repair.extensions.mid, repair.extensions.repaired_rtp_stream_id) == ("0", "q")
    assert repair.extensions.rtp_stream_id is None
    assert (group.flow.kind, group.flow.media_ssrc) == (PacketKind.RETRANSMISSION, 5)
    assert group.packets[0][group.flow.transport_cc_offset - 1] == EXTENSION_ID[TRANSPORT_CC] << 4 | 1
    original = unwrap_rtx(repair, payload_type=96, ssrc=5)
    assert (original.sequence_number, original.timestamp) == (lost.sequence_number, lost.timestamp)
    assert (original.marker, original.payload) == (1, lost.payload)


def test_rtx_numbers_are_consecutive() -> None:
    stream = make()
    numbers = [parse(packet).sequence_number for packet in send(stream.packetize(frame(0)))]

    repairs = [parse(packet).sequence_number for packet in stream.retransmit(numbers, 1).packets]
    repairs += [parse(packet).sequence_number for packet in stream.retransmit(numbers[:1], SECOND_NS).packets]

    assert [number - repairs[0] & 0xFFFF for number in repairs] == [0, 1, 2, 3]


def test_a_packet_is_repeated_once_per_round_trip() -> None:
    stream = make()
    number = parse(send(stream.packetize(frame(0)))[0]).sequence_number
    stream.round_trip_ns = 80 * MILLISECOND_NS

    answers = [len(stream.retransmit([number], at * MILLISECOND_NS)) for at in (1, 80, 81)]

    assert answers == [1, 0, 1]
    assert (stream.counters.nacked, stream.counters.retransmitted) == (3, 2)


def test_packets_not_yet_sent_are_not_repeated() -> None:
    stream = make()
    group = stream.packetize(frame(0))

    assert len(stream.retransmit([parse(group.packets[0]).sequence_number], 1)) == 0


def test_repairs_stay_below_a_quarter_of_the_media() -> None:
    stream = make()
    numbers = []
    for index in range(100):
        numbers += [parse(packet).sequence_number for packet in send(stream.packetize(frame(index * 10_000_000)))]

    group = stream.retransmit(numbers, SECOND_NS)

    assert 0.15 * stream.counters.bytes < group.size <= 0.25 * stream.counters.bytes


def test_without_rtx_the_original_goes_out_unchanged() -> None:
    stream = make(has_rtx=False)
    packet = send(stream.packetize(frame(0)))[0]

    group = stream.retransmit([parse(packet).sequence_number], 1)

    assert group.packets == [packet]
    assert (group.flow.ssrc, group.flow.transport_cc_offset) == (5, 0)
    assert stream.rtx_ssrc is None


def test_audio_has_level_and_no_transport_wide_number() -> None:
    group = audio().packetize(sound(0, level=42))

    packet = parse(group.packets[0])
    assert packet.extensions.audio_level == (True, 42)
    assert packet.extensions.transport_sequence_number is None
    assert (packet.payload_type, packet.payload) == (111, b"sound")
    assert (group.flow.kind, group.flow.transport_cc_offset) == (PacketKind.AUDIO, 0)


def test_the_marker_begins_a_talk_spurt() -> None:
    stream = audio()
    times_ms = (0, 20, 40, 440, 460)

    markers = [parse(stream.packetize(sound(at * MILLISECOND_NS)).packets[0]).marker for at in times_ms]
    silent = parse(stream.packetize(sound(SECOND_NS, has_voice=False)).packets[0])

    assert markers == [1, 0, 0, 1, 0]
    assert (silent.marker, silent.extensions.audio_level) == (0, (False, 30))


def test_audio_timestamps_advance_by_exactly_one_frame() -> None:
    stream = audio()
    start = 123_456_789_012

    times = [parse(stream.packetize(sound(start + n * 20_000_000)).packets[0]).timestamp for n in range(50)]

    assert {later - earlier for earlier, later in pairwise(times)} == {960}


def test_red_repeats_the_previous_packet() -> None:
    stream = audio(red=True)
    stream.packetize(sound(0))

    packet = parse(stream.packetize(sound(20 * MILLISECOND_NS)).packets[0])

    assert packet.payload_type == 63
    assert packet.payload[4:] == b"\x6fsoundsound"


def test_h264_uses_its_payload_types() -> None:
    stream = make(Codec.H264)
    data = b"\0\0\0\1\x67\1\2\3\0\0\0\1\x68\1\2\0\0\0\1\x65" + b"x" * 3000
    packets = send(stream.packetize(EncodedFrame(Codec.H264, Rid("q"), data, 0)))

    repairs = stream.retransmit([parse(packets[0]).sequence_number], 1).packets

    assert [parse(packet).payload[0] & 31 for packet in packets] == [24, 28, 28, 28]
    assert (parse(packets[0]).payload_type, parse(repairs[0]).payload_type) == (102, 103)


def test_the_sender_report_maps_now_not_the_last_frame() -> None:
    stream = make(offset=1000)
    stream.packetize(frame(SECOND_NS, 2000))
    wall = WallClock(0, 1_770_000_000 * SECOND_NS)

    report, _ = RtcpPacket.parse(stream.sender_report(3 * SECOND_NS, wall))

    assert isinstance(report, RtcpSrPacket)
    assert report.sender_info.rtp_timestamp == 1000 + 3 * 90_000
    assert report.sender_info.ntp_timestamp == ntp_timestamp(1_770_000_003 * SECOND_NS)
    assert (report.sender_info.packet_count, report.sender_info.octet_count) == (2, 2008)


def test_resumption_is_reported_at_the_start_and_after_a_pause() -> None:
    stream = make()
    resumed: list[int | None] = []
    stream.on_resumed = lambda which: resumed.append(which.last_frame_ns)

    for at_s in (0, 1, 2, 4, 5):
        stream.packetize(frame(at_s * SECOND_NS))

    assert resumed == [0, 4 * SECOND_NS]


def test_counters() -> None:
    stream = make()
    stream.packetize(frame(0, 3000, is_key=True))
    stream.packetize(frame(1, 100))

    counters = stream.counters
    assert (counters.frames, counters.key_frames, counters.packets) == (2, 1, 4)
    assert counters.bytes == 3100 + 4 * 4


def test_ssrcs_are_random_by_default_and_different() -> None:
    config = StreamConfig(Codec.VP8, Mid("0"), Rid("q"), ALL, True, 0, "lkedge")

    streams = [RtpStream(config) for _ in range(3)]

    assert len({ssrc for stream in streams for ssrc in (stream.ssrc, stream.rtx_ssrc)}) == 6
