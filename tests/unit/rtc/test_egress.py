from lkedge.clock import MILLISECOND_NS
from lkedge.congestion.pacer import OVERHEAD_BYTES
from lkedge.rtc.egress import Egress
from lkedge.rtp.history import SentRun
from lkedge.rtp.packetizer import Flow, PacketGroup, PacketKind
from lkedge.terms import BitsPerSecond, Ssrc
from lkedge.testing.clock import FakeClock
from tests.unit.rtc.fake_loop import FakeLoop

CC_OFFSET = 20
VIDEO = Flow(Ssrc(1), PacketKind.VIDEO, media_ssrc=Ssrc(1), transport_cc_offset=CC_OFFSET)
REPAIR = Flow(Ssrc(2), PacketKind.RETRANSMISSION, media_ssrc=Ssrc(1), transport_cc_offset=CC_OFFSET)
AUDIO = Flow(Ssrc(3), PacketKind.AUDIO, media_ssrc=Ssrc(3))


class Room:
    """An egress at 1000 bytes per millisecond, 10 ms at once, whose network is a list."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.loop = FakeLoop(self.clock)
        self.wire: list[bytes] = []
        self.runs: list[SentRun] = []
        self.dropped: list[int] = []
        self.is_up = True
        self.egress = Egress(
            self.write,
            loop=self.loop.as_loop,
            clock=self.clock,
            on_sent=self.runs.append,
            on_dropped=self.dropped.append,
            rate=BitsPerSecond(8_000_000),
            burst_ns=10 * MILLISECOND_NS,
        )

    def write(self, data: bytes | bytearray) -> bool:
        if self.is_up:
            self.wire.append(bytes(data))
        return self.is_up

    def transport_numbers(self) -> list[int]:
        return [int.from_bytes(packet[CC_OFFSET : CC_OFFSET + 2], "big") for packet in self.wire]


def group(count: int = 1, flow: Flow = VIDEO) -> PacketGroup:
    return PacketGroup(flow, [bytearray(1000 - OVERHEAD_BYTES) for _ in range(count)])


def test_what_fits_leaves_in_the_callers_stack_without_a_timer() -> None:
    room = Room()

    room.egress.send(group(5))

    assert len(room.wire) == 5
    assert room.loop.pending == 0


def test_packets_get_consecutive_transport_wide_numbers_when_they_leave() -> None:
    room = Room()
    room.egress.send(group(12))
    room.egress.send(group(2, REPAIR))
    room.egress.send(group(1, AUDIO))

    room.loop.advance(1)

    assert len(room.wire) == 15
    assert room.transport_numbers() == [*range(1, 12), 0, 12, 13, 14]


def test_a_large_frame_is_spread_by_one_timer() -> None:
    room = Room()
    room.egress.send(group(30))
    assert (len(room.wire), room.loop.pending) == (11, 1)

    room.egress.send(group(1))
    assert (len(room.wire), room.loop.pending) == (11, 1)
    room.loop.advance(0.005)
    assert len(room.wire) == 16
    room.loop.advance(1)
    assert (len(room.wire), room.loop.pending) == (31, 0)
    assert room.loop.wakeups == 4


def test_sent_packets_can_be_looked_up_by_their_wrapped_number() -> None:
    room = Room()
    now_ns = room.clock.monotonic_ns()
    room.egress.send(group(2))
    room.egress.send(group(1, REPAIR))

    size = 1000 - OVERHEAD_BYTES
    assert room.egress.sent_packet(2) == (2, now_ns, size, 1, PacketKind.VIDEO)
    assert room.egress.sent_packet(3) == (3, now_ns, size, 2, PacketKind.RETRANSMISSION)
    assert room.egress.sent_packet(4) is None
    assert [(run.first_sequence, len(run.sizes)) for run in room.runs] == [(1, 2), (3, 1)]


def test_transport_wide_numbers_wrap() -> None:
    room = Room()
    room.egress.set_rate(BitsPerSecond(10**12))
    for _ in range(66):
        room.egress.send(group(1000))

    assert room.transport_numbers()[65_534:65_537] == [65_535, 0, 1]
    sent = room.egress.sent_packet(1)
    assert sent is not None
    assert sent.transport_sequence == 65_537


def test_a_packet_the_network_refuses_takes_no_number_and_is_counted() -> None:
    room = Room()
    room.is_up = False
    room.egress.send(group(2))
    room.is_up = True
    room.egress.send(group(1))

    counters = room.egress.counters
    assert (counters.unsent, counters.packets) == (2, 1)
    assert room.transport_numbers() == [1]
    assert len(room.runs) == 1


def test_a_faster_way_is_used_and_may_take_only_the_first_packets() -> None:
    room = Room()
    batches: list[list[bytearray]] = []

    def write_many(packets: list[bytearray]) -> int:
        batches.append(packets)
        return 2

    egress = Egress(room.write, write_many=write_many, loop=room.loop.as_loop, clock=room.clock)
    egress.send(group(3))
    egress.send(group(2))

    assert [len(batch) for batch in batches] == [3, 2]
    assert [batch[0][CC_OFFSET + 1] for batch in batches] == [1, 3]
    assert (egress.counters.packets, egress.counters.unsent, room.wire) == (4, 1, [])


def test_a_frame_that_waits_too_long_is_dropped_and_reported() -> None:
    room = Room()
    room.egress.set_rate(BitsPerSecond(160_000))
    room.egress.send(group(20))
    waiting = group(3)
    room.egress.send(waiting)

    room.loop.advance(0.5)

    assert room.dropped == [1]
    assert (room.egress.counters.dropped_frames, room.egress.counters.dropped_packets) == (1, 3)
    assert waiting.released == 0


def test_discard_drops_what_waits_of_a_layer() -> None:
    room = Room()
    room.egress.send(group(20))
    room.egress.send(group(7))

    assert room.egress.discard(Ssrc(1)) == 7
    room.loop.advance(1)
    assert len(room.wire) == 20
    assert room.egress.counters.discarded == 7
    assert room.dropped == []


def test_nothing_leaves_after_close() -> None:
    room = Room()
    room.egress.send(group(30))

    room.egress.close()
    room.egress.close()
    room.egress.send(group(1))
    room.loop.advance(1)

    assert len(room.wire) == 11
    assert (room.loop.pending, room.egress.waiting_bytes) == (0, 0)


def test_an_empty_group_costs_nothing() -> None:
    room = Room()

    room.egress.send(group(0))

    assert (room.wire, room.runs, room.loop.pending) == ([], [], 0)


def test_ticks_come_on_a_coarse_grid() -> None:
    room = Room()
    room.egress.send(group(100))

    room.loop.advance(0.05)

    assert room.loop.wakeups == 0.05 * 1_000_000_000 // (5 * MILLISECOND_NS)
