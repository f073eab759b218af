from __future__ import annotations

import random

import pytest

from lkedge.rtp.feedback import FullIntraRequest, Nack, PictureLoss, ReportBlock, TransportFeedback, parse_compound
from lkedge.terms import Ssrc
from lkedge.testing import sfu_rtcp
from lkedge.testing.sfu_rtcp import Reception, TransportFeedbackRecorder

MS = 1_000_000


def parsed(data: bytes) -> TransportFeedback:
    assert len(data) % 4 == 0
    (feedback,) = parse_compound(data)
    assert isinstance(feedback, TransportFeedback)
    return feedback


@pytest.mark.parametrize("sequences", [[1], [1, 2, 17], [1, 18], [65530, 65535, 3], list(range(100, 140))])
def test_nack_round_trip(sequences: list[int]) -> None:
    (nack,) = parse_compound(sfu_rtcp.nack(7, sequences))
    assert isinstance(nack, Nack)
    assert list(nack.sequences) == sequences


def test_requests_and_reports_are_understood() -> None:
    compound = sfu_rtcp.pli(1) + sfu_rtcp.fir(2, 5) + sfu_rtcp.receiver_report(Reception(3, 1000, 64, -2))
    loss, request, report = parse_compound(compound)
    assert loss == PictureLoss(Ssrc(1))
    assert request == FullIntraRequest(Ssrc(2), 5)
    assert isinstance(report, ReportBlock)
    assert (report.ssrc, report.highest_sequence, report.fraction_lost, report.cumulative_lost) == (3, 1000, 0.25, -2)


def test_feedback_is_gated_by_count_and_time() -> None:
    recorder = TransportFeedbackRecorder()
    for number in range(20):
        recorder.record(number, number * 10 * MS)
    assert not recorder.is_due(True, 10_000 * MS)
    recorder.record(20, 200 * MS)
    assert not TransportFeedbackRecorder().is_due(True, 10_000 * MS)
    assert recorder.is_due(False, 200 * MS)
    recorder.report(1, 200 * MS)
    for number in range(21, 42):
        recorder.record(number, 210 * MS)
    assert not recorder.is_due(False, 249 * MS)
    assert not recorder.is_due(False, 260 * MS)
    assert recorder.is_due(True, 260 * MS)
    for number in range(42, 123):
        recorder.record(number, 210 * MS)
    assert recorder.is_due(False, 210 * MS)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_reported_is_what_arrived(seed: int) -> None:
    """Random losses, bursts, gaps and reordering over the wrap of the sequence number."""
    rng = random.Random(seed)
    recorder = TransportFeedbackRecorder()
    now_ns = rng.randrange(10**15)
    arrivals: dict[int, int] = {}
    for number in range(65_400, 65_400 + 400):
        now_ns += rng.choice([0, 1, 5, 30, 700]) * MS
        if rng.random() < 0.7:
            arrivals[number & 0xFFFF] = now_ns
    order = list(arrivals)
    for index in rng.sample(range(len(order) - 1), 10):
        order[index], order[index + 1] = order[index + 1], order[index]
    for number in order:
        recorder.record(number, arrivals[number])

    feedback = parsed(recorder.report(1, now_ns))

    told = {number & 0xFFFF: arrival for number, arrival in feedback.packets if arrival is not None}
    assert set(told) == set(arrivals)
    origin = order[0]
    for number in arrivals:
        expected_us = (arrivals[number] - arrivals[origin]) / 1000
        assert abs((told[number] - told[origin]) - expected_us) <= 251


def test_reports_follow_each_other() -> None:
    recorder = TransportFeedbackRecorder()
    for number in (1, 2, 3):
        recorder.record(number, 0)
    first = parsed(recorder.report(1, 0))
    for number in (6, 7):
        recorder.record(number, 5 * MS)
    second = parsed(recorder.report(1, 0))

    assert (first.base_sequence, second.base_sequence) == (1, 4)
    assert [arrival is not None for _, arrival in second.packets] == [False, False, True, True]
    assert (first.feedback_count, second.feedback_count) == (0, 1)


@pytest.mark.parametrize("data", [b"", b"\x80", bytes(8), b"\x80\xc8\xff\xff" + bytes(8), b"\x80\xc8\x00\x00"])
def test_nonsense_is_walked_over(data: bytes) -> None:
    for _type, _count, body in sfu_rtcp.walk(data):
        assert sfu_rtcp.parse_sender_report(body, 0) is None
