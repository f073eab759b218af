from lkedge.clock import MILLISECOND_NS, SECOND_NS
from lkedge.congestion.pacer import OVERHEAD_BYTES, Pacer
from lkedge.rtp.packetizer import Flow, PacketGroup, PacketKind
from lkedge.terms import BitsPerSecond, Ssrc

RATE = BitsPerSecond(8_000_000)
"""1000 bytes per millisecond."""

BURST_NS = 10 * MILLISECOND_NS
AUDIO, RTX, VIDEO = PacketKind.AUDIO, PacketKind.RETRANSMISSION, PacketKind.VIDEO


def group(count: int = 1, *, kind: PacketKind = VIDEO, ssrc: int = 1, layer: int = 0) -> PacketGroup:
    """Packets of 1000 bytes on the wire."""
    flow = Flow(Ssrc(ssrc), kind, media_ssrc=Ssrc(ssrc), layer=layer)
    return PacketGroup(flow, [bytearray(1000 - OVERHEAD_BYTES) for _ in range(count)])


def pacer() -> Pacer:
    return Pacer(RATE, BURST_NS)


def sent(pacer: Pacer, now_ms: float) -> list[tuple[PacketGroup, int]]:
    """Groups and how many of their packets leave now."""
    return [(group, stop - start) for group, start, stop in pacer.pop(int(now_ms * MILLISECOND_NS))]


def counts(pacer: Pacer, now_ms: float) -> list[int]:
    return [count for _, count in sent(pacer, now_ms)]


def test_a_group_within_the_burst_leaves_whole() -> None:
    video = group(10)
    tested = pacer()
    tested.push(video, 0)

    assert sent(tested, 0) == [(video, 10)]
    assert (video.released, len(tested), tested.waiting_bytes) == (10, 0, 0)
    assert tested.next_deadline(0) is None


def test_a_large_frame_is_spread_at_the_rate() -> None:
    tested = pacer()
    tested.push(group(30), 0)

    assert counts(tested, 0) == [11]
    assert tested.next_deadline(0) == 1 * MILLISECOND_NS
    assert counts(tested, 0.5) == []
    assert counts(tested, 5) == [5]
    assert counts(tested, 10) == [5]
    assert counts(tested, 20) == [9]
    assert len(tested) == 0


def test_idle_time_gives_no_credit() -> None:
    tested = pacer()
    tested.push(group(5), 0)
    tested.pop(0)
    tested.push(group(30), 10 * SECOND_NS)

    assert counts(tested, 10_000) == [11]


def test_audio_never_waits_but_counts() -> None:
    tested = pacer()
    tested.push(group(20), 0)
    tested.pop(0)
    voice = group(4, kind=AUDIO, ssrc=9)
    tested.push(voice, 0)

    assert sent(tested, 0) == [(voice, 4)]
    assert counts(tested, 4.9) == []
    assert counts(tested, 5) == [1]


def test_retransmissions_leave_before_video() -> None:
    tested = pacer()
    tested.push(group(11), 0)
    tested.pop(0)
    video, repair = group(ssrc=2), group(kind=RTX, ssrc=3)
    tested.push(video, 0)
    tested.push(repair, 0)

    assert [run[0] for run in tested.pop(10 * MILLISECOND_NS)] == [repair, video]


def test_the_lower_layer_leaves_first_even_before_a_frame_begun() -> None:
    tested = pacer()
    top = group(20, ssrc=3, layer=2)
    tested.push(top, 0)
    tested.pop(0)
    low = group(3, ssrc=1, layer=0)
    tested.push(low, 0)

    assert sent(tested, 5) == [(low, 3), (top, 2)]


def test_the_lower_layer_leaves_first_when_it_comes_later_by_its_encoding() -> None:
    tested = pacer()
    tested.push(group(20, ssrc=3, layer=2), 0)
    tested.pop(0)
    middle, low = group(2, ssrc=2, layer=1), group(2, ssrc=1, layer=0)
    tested.push(middle, 5 * MILLISECOND_NS)
    tested.push(low, 15 * MILLISECOND_NS)

    assert [run[0] for run in tested.pop(25 * MILLISECOND_NS)][:2] == [middle, low]


def test_the_lower_layer_does_not_overtake_an_earlier_picture() -> None:
    tested = pacer()
    tested.push(group(60, ssrc=3, layer=2), 0)
    tested.pop(0)
    pictures = [group(4, ssrc=3, layer=2), group(4, ssrc=2, layer=1)]
    for number, picture in enumerate(pictures):
        tested.push(picture, (1 + 33 * number) * MILLISECOND_NS)

    order = [run[0] for now_ms in range(40, 90, 5) for run in tested.pop(now_ms * MILLISECOND_NS)]

    assert [order.index(picture) for picture in pictures] == sorted(order.index(picture) for picture in pictures)


def test_frames_of_one_layer_keep_their_order() -> None:
    tested = pacer()
    frames = [group(6) for _ in range(4)]
    for frame in frames:
        tested.push(frame, 0)

    order = [run[0] for now_ms in range(0, 40, 5) for run in tested.pop(now_ms * MILLISECOND_NS)]

    assert sorted(order, key=frames.index) == order
    assert all(frame.released == 6 for frame in frames)


def test_frames_that_wait_too_long_are_dropped_whole() -> None:
    tested = pacer()
    begun, waiting, fresh = group(20), group(5), group(5)
    tested.push(begun, 0)
    tested.pop(0)
    tested.push(waiting, 0)
    tested.push(fresh, 300 * MILLISECOND_NS)

    assert tested.drop_stale(400 * MILLISECOND_NS) == []
    assert tested.drop_stale(401 * MILLISECOND_NS) == [waiting]
    assert (tested.dropped_groups, tested.dropped_packets) == (1, 5)
    assert tested.waiting_bytes == 14 * (1000 - OVERHEAD_BYTES)
    assert [run[0] for run in tested.pop(450 * MILLISECOND_NS)] == [begun, fresh]


def test_discard_spares_frames_begun_and_other_streams() -> None:
    tested = pacer()
    begun, waiting, other = group(20), group(5), group(2, ssrc=2, layer=1)
    tested.push(begun, 0)
    tested.pop(0)
    tested.push(waiting, 0)
    tested.push(other, 0)

    assert tested.discard(Ssrc(1)) == 5
    assert [run[0] for run in tested.pop(100 * MILLISECOND_NS)] == [begun, other]
    assert tested.dropped_groups == 0


def test_the_debt_is_bounded() -> None:
    tested = pacer()
    tested.push(group(5000, kind=AUDIO), 0)
    tested.pop(0)
    tested.push(group(), 0)

    assert tested.next_deadline(0) == 490 * MILLISECOND_NS


def test_a_new_rate_applies_to_what_is_owed() -> None:
    tested = pacer()
    tested.push(group(30), 0)
    tested.pop(0)

    tested.set_rate(BitsPerSecond(RATE // 2), 0)

    assert tested.next_deadline(0) == 12 * MILLISECOND_NS
    tested.set_rate(BitsPerSecond(0), 0)
    assert tested.next_deadline(0) == 490 * MILLISECOND_NS


def test_clear_forgets_everything() -> None:
    tested = pacer()
    tested.push(group(), 0)
    tested.push(group(kind=AUDIO), 0)

    assert tested.clear() == 1
    assert tested.pop(0) == []
    assert tested.waiting_bytes == 0
