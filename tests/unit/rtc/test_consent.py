"""Consent as arithmetic: no clock but the test's."""

from __future__ import annotations

from lkedge.clock import SECOND_NS
from lkedge.rtc.consent import Consent, Liveness
from lkedge.rtc.settings import ConsentTimings


def seconds(value: float) -> int:
    return int(value * SECOND_NS)


def test_silence_then_expiry() -> None:
    consent = Consent(ConsentTimings(), 0)
    assert consent.liveness(seconds(4.4)) is Liveness.ALIVE
    assert consent.liveness(seconds(4.5)) is Liveness.SILENT
    assert consent.liveness(seconds(29.9)) is Liveness.SILENT
    assert consent.liveness(seconds(30)) is Liveness.EXPIRED


def test_answer_of_any_age_renews_consent() -> None:
    consent = Consent(ConsentTimings(), 0)
    consent.sent(seconds(2.5))
    consent.answered(seconds(7.4))
    assert consent.liveness(seconds(11)) is Liveness.ALIVE


def test_checks_are_randomized_by_a_fifth() -> None:
    consent = Consent(ConsentTimings(interval_s=2.5), 0)
    assert consent.delay_s(0.0) == 2.0
    assert round(consent.delay_s(1.0), 9) == 3.0


def test_checks_hurry_while_one_is_unanswered() -> None:
    consent = Consent(ConsentTimings(interval_s=2.5, retry_s=0.5), 0)
    consent.sent(seconds(2.5))
    assert consent.delay_s(0.5) == 0.5
    consent.answered(seconds(2.6))
    assert consent.delay_s(0.5) == 2.5


def test_ten_percent_loss_is_no_silence() -> None:
    timings = ConsentTimings()
    checks_before_silence = 1 + int((timings.silence_s - timings.interval_s * 1.2) / (timings.retry_s * 1.2))
    either_way_lost = 1 - 0.9**2
    assert either_way_lost**checks_before_silence < 0.01
