from __future__ import annotations

from lkedge.clock import SECOND_NS
from lkedge.daemon.vital_signs import Verdict, VitalSigns

WELL = {"publisher": "", "worker of front": ""}
ILL = {"publisher": "", "worker of front": "nobody looks after it"}


def looks(signs: VitalSigns, *seen: tuple[float, dict[str, str]]) -> list[Verdict]:
    return [signs.look(problems, round(at_s * SECOND_NS)) for at_s, problems in seen]


def test_all_well_feeds() -> None:
    assert looks(VitalSigns(), (0, WELL), (10, {})) == [Verdict(True), Verdict(True)]


def test_a_short_trouble_is_forgiven() -> None:
    assert all(verdict.is_alive for verdict in looks(VitalSigns(), (0, ILL), (4.9, ILL), (5, WELL), (9, ILL)))


def test_a_lasting_trouble_starves_and_is_told_once() -> None:
    _, second, third = looks(VitalSigns(), (0, ILL), (5, ILL), (6, ILL))
    assert second == Verdict(False, "worker of front: nobody looks after it")
    assert third == Verdict(False)


def test_another_part_that_gets_stuck_is_told_with_the_first() -> None:
    both = {"publisher": "it has ended", "worker of front": "nobody looks after it"}
    *_, last = looks(VitalSigns(), (0, ILL), (5, ILL), (6, both), (11, both))
    assert last == Verdict(False, "publisher: it has ended; worker of front: nobody looks after it")


def test_recovery_feeds_again_and_is_told() -> None:
    *_, back, after = looks(VitalSigns(), (0, ILL), (5, ILL), (6, WELL), (7, WELL))
    assert back == Verdict(True, "well again: worker of front")
    assert after == Verdict(True)


def test_a_part_that_is_gone_is_no_trouble() -> None:
    *_, last = looks(VitalSigns(), (0, ILL), (5, ILL), (6, {"publisher": ""}))
    assert last.is_alive
