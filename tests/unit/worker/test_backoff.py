from lkedge.worker.backoff import BackOff


def test_delays_grow_and_the_last_one_stays() -> None:
    back_off = BackOff((0.0, 1.0, 5.0))
    assert [back_off.next_s() for _ in range(5)] == [0.0, 1.0, 5.0, 5.0, 5.0]


def test_success_begins_again() -> None:
    back_off = BackOff()
    first = back_off.next_s()
    back_off.next_s()
    back_off.reset()
    assert back_off.next_s() == first
