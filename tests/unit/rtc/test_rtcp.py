import struct

import pytest
from aiortc.rtp import RtcpPacket, RtcpSrPacket

from lkedge.clock import MILLISECOND_NS, SECOND_NS, WallClock
from lkedge.media.frame import EncodedFrame
from lkedge.rtc.egress import Egress
from lkedge.rtc.rtcp import RtcpEndpoint
from lkedge.rtc.stream import RtpStream, StreamConfig
from lkedge.rtp.feedback import TransportFeedback
from lkedge.rtp.profile import EXTENSION_ID
from lkedge.terms import BitsPerSecond, Codec, Mid, Rid, Ssrc
from lkedge.testing.clock import FakeClock
from tests.unit.rtc.fake_loop import FakeLoop

SSRC = Ssrc(5)
SILENCE_NS = 10 * SECOND_NS


def pli(ssrc: int = SSRC) -> bytes:
    return struct.pack("!BBHII", 0x81, 206, 2, 1, ssrc)


def fir(number: int) -> bytes:
    return struct.pack("!BBHIIII", 0x84, 206, 4, 1, 0, SSRC, number << 24)


def nack(sequence: int) -> bytes:
    return struct.pack("!BBHIIHH", 0x81, 205, 3, 1, SSRC, sequence, 0)


def receiver_report(last_report: int, delay: int, lost: int = 0) -> bytes:
    return struct.pack("!BBHIIIIIII", 0x81, 201, 7, 1, SSRC, lost << 24, 0, 0, last_report, delay)


class Room:
    """An endpoint with one video stream; what it sends and asks for is kept in lists."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.loop = FakeLoop(self.clock)
        self.wire: list[bytes] = []
        self.reports: list[bytes] = []
        self.asked_ms: list[float] = []
        self.feedback: list[TransportFeedback] = []
        self.begin_ns = self.clock.monotonic_ns()
        self.egress = Egress(self._write, loop=self.loop.as_loop, clock=self.clock)
        self.endpoint = RtcpEndpoint(
            self.egress,
            self.reports.append,
            clock=self.clock,
            wall=WallClock(self.clock.monotonic_ns(), self.clock.wall_ns()),
            on_key_frame_request=self._asked,
            on_transport_feedback=self.feedback.append,
            loop=self.loop.as_loop,
        )
        config = StreamConfig(Codec.VP8, Mid("0"), Rid("q"), frozenset(EXTENSION_ID), True, 0, "lkedge")
        self.stream = RtpStream(config, ssrc=SSRC, rtx_ssrc=Ssrc(6))
        self.endpoint.add(self.stream)

    def _write(self, data: bytes | bytearray) -> bool:
        self.wire.append(bytes(data))
        return True

    def _asked(self, stream: RtpStream) -> None:
        assert stream is self.stream
        self.asked_ms.append((self.clock.monotonic_ns() - self.begin_ns) / MILLISECOND_NS)

    def send_frame(self, *, is_key: bool = False) -> None:
        frame = EncodedFrame(Codec.VP8, Rid("q"), bytes(100), self.clock.monotonic_ns(), is_key=is_key)
        self.egress.send(self.stream.packetize(frame))

    def send_for(self, seconds: float) -> None:
        """Ten frames per second."""
        for _ in range(round(seconds * 10)):
            self.send_frame()
            self.loop.advance(0.1)

    def reports_after(self, seconds: float) -> int:
        before = len(self.reports)
        self.send_for(seconds)
        return len(self.reports) - before


def sequence(packet: bytes) -> int:
    return int.from_bytes(packet[2:4], "big")


def test_the_first_report_follows_the_first_frame_at_once() -> None:
    room = Room()
    room.send_frame(is_key=True)
    assert room.reports == []

    room.loop.run_soon()

    (data,) = room.reports
    report = RtcpPacket.parse(data)[0]
    assert isinstance(report, RtcpSrPacket)
    assert (report.ssrc, report.sender_info.packet_count) == (SSRC, 1)
    assert report.sender_info.ntp_timestamp != 0


def test_reports_come_each_second_at_first_and_less_often_later() -> None:
    room = Room()

    assert room.reports_after(4.9) == 5
    assert 8 <= room.reports_after(24) <= 12


def test_a_stream_that_does_not_send_gets_no_reports_and_no_wakeups() -> None:
    room = Room()
    room.send_for(6)
    room.loop.advance(5)
    before = len(room.reports), room.loop.wakeups

    room.loop.advance(60)

    assert (len(room.reports), room.loop.wakeups) == before
    assert room.loop.pending == 0


def test_a_report_follows_the_first_frame_after_a_pause() -> None:
    room = Room()
    room.send_for(20)
    room.loop.advance(10)
    before = len(room.reports)

    room.send_frame(is_key=True)
    room.loop.run_soon()

    assert len(room.reports) == before + 1
    assert room.reports_after(4.9) == 4


def test_a_stream_that_was_sending_before_is_reported_when_it_is_added() -> None:
    room = Room()
    room.endpoint.remove(room.stream)
    room.send_for(1)
    assert room.reports == []

    room.endpoint.add(room.stream)
    room.loop.run_soon()

    assert len(room.reports) == 1
    assert room.reports_after(3) == 3


def test_a_nacked_packet_is_sent_again() -> None:
    room = Room()
    room.send_frame()

    room.endpoint.receive(nack(sequence(room.wire[0])))

    assert len(room.wire) == 2
    assert room.wire[1][8:12] == (6).to_bytes(4, "big")


def test_a_key_frame_is_asked_for_at_once_and_then_once_per_interval() -> None:
    room = Room()
    for _ in range(10):
        room.endpoint.receive(pli())
        room.loop.advance(0.05)

    room.loop.advance(1)

    assert room.asked_ms == [0, 300, 600]
    assert room.stream.counters.plis == 10


def test_a_deferred_request_is_dropped_when_a_key_frame_was_sent_meanwhile() -> None:
    room = Room()
    room.endpoint.receive(pli())
    room.loop.advance(0.1)
    room.endpoint.receive(pli())
    room.loop.advance(0.1)
    room.send_frame(is_key=True)

    room.loop.advance(1)

    assert room.asked_ms == [0]


def test_a_deferred_request_fires_when_the_key_frame_was_before_it() -> None:
    room = Room()
    room.endpoint.receive(pli())
    room.loop.advance(0.1)
    room.send_frame(is_key=True)
    room.loop.advance(0.1)
    room.endpoint.receive(pli())

    room.loop.advance(1)

    assert room.asked_ms == [0, 300]


def test_a_repeated_full_intra_request_counts_once() -> None:
    room = Room()
    for number in (1, 1, 2):
        room.endpoint.receive(fir(number))
        room.loop.advance(1)

    assert room.asked_ms == [0, 2000]


def test_round_trip_and_loss_come_from_receiver_reports() -> None:
    room = Room()
    room.send_frame()
    room.loop.run_soon()
    last_report = int.from_bytes(room.reports[0][10:14], "big")
    assert room.endpoint.round_trip_ms(room.stream) is None
    room.loop.advance(0.6)

    room.endpoint.receive(receiver_report(last_report, 65_536 // 2, lost=64))

    assert room.endpoint.round_trip_ms(room.stream) == pytest.approx(100, abs=0.1)
    assert room.endpoint.loss(room.stream) == 0.25


def test_an_impossible_round_trip_is_ignored() -> None:
    room = Room()

    room.endpoint.receive(receiver_report(0, 0))
    room.endpoint.receive(receiver_report(1, 0xFFFFFF))

    assert room.endpoint.round_trip_ms(room.stream) is None


def test_transport_feedback_is_handed_on_without_wraps() -> None:
    room = Room()

    for base in (0xFFFF, 0):
        body = struct.pack("!IIHHIHBB", 1, 2, base, 1, 5 << 8, 1 << 13 | 1, 4, 0)
        room.endpoint.receive(struct.pack("!BBH", 0x8F, 205, 5) + body)

    assert [feedback.packets for feedback in room.feedback] == [((0xFFFF, 321_000),), ((0x10000, 321_000),)]


def test_reference_times_are_answered() -> None:
    room = Room()

    room.endpoint.receive(struct.pack("!BBHIBBHQ", 0x80, 207, 4, 9, 4, 0, 2, 0x1111222233334444))

    assert room.reports[0][-12:] == bytes.fromhex("00000009 22223333 00000000")


def test_feedback_about_strangers_and_noise_is_skipped() -> None:
    room = Room()

    for data in (pli(99), b"", b"\0", bytes(40), b"\x81\xce\xff\xff"):
        room.endpoint.receive(data)

    assert room.asked_ms == []


def test_nothing_happens_after_removal() -> None:
    room = Room()
    room.send_frame()
    room.endpoint.receive(pli())
    room.endpoint.receive(pli())

    room.endpoint.close()
    room.endpoint.remove(room.stream)
    room.loop.advance(1)
    room.endpoint.receive(pli())
    room.send_frame()
    room.loop.advance(1)

    assert room.asked_ms == [0]
    assert room.reports == []
    assert room.loop.pending == 0


def test_a_step_of_the_wall_clock_reaches_the_reports_smoothly_or_at_once() -> None:
    room = Room()
    room.send_for(2)
    room.clock.step_wall(3600)

    room.send_for(2)

    report = RtcpPacket.parse(room.reports[-1])[0]
    assert isinstance(report, RtcpSrPacket)
    seconds = (report.sender_info.ntp_timestamp >> 32) - 2_208_988_800
    assert abs(seconds - room.clock.wall_ns() // SECOND_NS) <= 2


def test_the_first_report_waits_until_the_first_frame_has_left() -> None:
    room = Room()
    room.egress.set_rate(BitsPerSecond(1_000_000))
    frame = EncodedFrame(Codec.VP8, Rid("q"), bytes(20_000), room.clock.monotonic_ns(), is_key=True)
    room.egress.send(room.stream.packetize(frame))
    room.loop.advance(0.05)
    assert room.egress.waiting_bytes
    assert not room.reports
    room.loop.advance(0.2)
    assert not room.egress.waiting_bytes
    assert len(room.reports) == 1
