from lkedge.clock import MILLISECOND_NS, SECOND_NS
from lkedge.rtp.history import RetransmissionBudget, SentHistory, SentLog, SentRun
from lkedge.rtp.packetizer import Flow, PacketGroup, PacketKind
from lkedge.terms import Ssrc

FLOW = Flow(Ssrc(7), PacketKind.VIDEO, media_ssrc=Ssrc(7))
NEVER = 0
RTT = 50 * MILLISECOND_NS


def group(*names: bytes, released: int | None = None) -> PacketGroup:
    made = PacketGroup(FLOW, [bytearray(name) for name in names])
    made.released = len(names) if released is None else released
    return made


def test_finds_packets_by_their_sixteen_bit_number_over_the_wrap() -> None:
    history = SentHistory()
    history.add(0x1FFFE, group(b"a", b"b"), 0)
    history.add(0x20000, group(b"c"), 1)

    found = [history.find(sequence, 2, NEVER) for sequence in (0xFFFE, 0xFFFF, 0, 1, 0xFFFD)]

    assert found == [b"a", b"b", b"c", None, None]


def test_a_packet_is_handed_out_once_per_interval() -> None:
    history = SentHistory()
    history.add(0, group(b"a"), 0)

    found = [history.find(0, at, RTT) for at in (0, RTT - 1, RTT)]

    assert found == [b"a", None, b"a"]


def test_packets_still_in_the_pacer_are_not_handed_out() -> None:
    history = SentHistory()
    history.add(0, group(b"a", b"b", released=1), 0)

    assert history.find(0, 1, NEVER) == bytearray(b"a")
    assert history.find(1, 1, NEVER) is None


def test_old_packets_are_forgotten() -> None:
    history = SentHistory(duration_ns=SECOND_NS)
    history.add(0, group(b"aaa"), 0)
    history.add(1, group(b"b"), SECOND_NS)

    assert history.find(0, SECOND_NS, NEVER) == bytearray(b"aaa")
    assert history.find(0, SECOND_NS + 1, NEVER) is None
    assert (len(history), history.size) == (1, 1)


def test_the_number_of_packets_is_bounded() -> None:
    history = SentHistory(max_packets=4)
    for number in range(0, 10, 2):
        history.add(number, group(b"a", b"b"), 0)

    assert len(history) == 4
    assert history.find(5, 0, NEVER) is None
    assert history.find(6, 0, NEVER) == bytearray(b"a")


def test_an_empty_history_has_nothing() -> None:
    assert SentHistory().find(5, 0, NEVER) is None


def test_repairs_get_a_quarter_of_the_media() -> None:
    budget = RetransmissionBudget()
    while budget.spend(1000):
        pass

    budget.earn(8000, 100_000)

    assert [budget.spend(1000) for _ in range(3)] == [True, True, False]


def test_the_repair_budget_does_not_pile_up() -> None:
    budget = RetransmissionBudget()
    for _ in range(100):
        budget.earn(100_000, 100_000)

    assert budget.spend(25_000)
    assert not budget.spend(1)


def test_the_log_finds_what_was_sent_by_transport_wide_number() -> None:
    log = SentLog()
    log.add(SentRun(0xFFFF, 10, FLOW, [100, 200]))
    log.add(SentRun(0x10001, 20, FLOW, [300]))

    assert log.find(0) == (0x10000, 10, 200, 7, PacketKind.VIDEO)
    assert log.find(0x10001) == (0x10001, 20, 300, 7, PacketKind.VIDEO)
    assert log.find(2) is None


def test_the_log_is_bounded_in_time_and_number() -> None:
    log = SentLog(duration_ns=100, max_packets=3)
    log.add(SentRun(1, 0, FLOW, [1, 1]))
    log.add(SentRun(3, 50, FLOW, [1, 1]))
    assert len(log) == 2

    log.add(SentRun(5, 151, FLOW, [1]))
    assert len(log) == 1
    assert log.find(4) is None
    assert SentLog().find(1) is None
