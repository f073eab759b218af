from lkedge.rtp.feedback import TransportFeedback
from lkedge.rtp.unwrap import FeedbackUnwrapper, SerialUnwrapper


def test_numbers_go_on_over_the_wrap_and_may_step_back() -> None:
    unwrapper = SerialUnwrapper(16)

    assert [unwrapper.unwrap(value) for value in (65_534, 1, 65_535, 2)] == [65_534, 65_537, 65_535, 65_538]


def feedback(number: int) -> TransportFeedback:
    """Report `number` of 20 packets each, shortly before all three counters wrap."""
    base, reference = 65_500 + 20 * number, (1 << 24) - 3 + number
    arrivals = tuple((base + index & 0xFFFF, reference % (1 << 24) * 64_000 + 1000 * index) for index in range(20))
    return TransportFeedback(base & 0xFFFF, reference % (1 << 24), 250 + number & 255, arrivals)


def test_reports_stay_in_order_when_every_counter_wraps() -> None:
    unwrapper = FeedbackUnwrapper()

    packets = [packet for number in range(10) for packet in unwrapper.unwrap(feedback(number)).packets]

    assert [number for number, _ in packets] == list(range(65_500, 65_700))
    times = [time for _, time in packets if time is not None]
    assert times == sorted(times)
    assert times[-1] - times[0] == 9 * 64_000 + 19_000
    assert unwrapper.lost_reports == 0


def test_missing_reports_are_counted() -> None:
    unwrapper = FeedbackUnwrapper()

    for number in (0, 1, 4, 3, 9):
        unwrapper.unwrap(feedback(number))

    assert unwrapper.lost_reports == 2 + 4


def test_packets_that_did_not_arrive_stay_unknown() -> None:
    (only,) = FeedbackUnwrapper().unwrap(TransportFeedback(5, 1, 0, ((5, None),))).packets

    assert only == (5, None)
