# lkedge: pure
"""Serial numbers that wrap, as numbers that do not."""

from __future__ import annotations

from dataclasses import replace

from lkedge.rtp.feedback import REFERENCE_TIME_US, TransportFeedback


class SerialUnwrapper:
    """Serial numbers of `bits` bits as integers that never wrap, each the nearest to the highest so far."""

    def __init__(self, bits: int) -> None:
        self._modulus = 1 << bits
        self._highest: int | None = None

    def unwrap(self, value: int) -> int:
        if self._highest is None:
            self._highest = value
            return value
        ahead = (value - self._highest) % self._modulus
        if ahead >= self._modulus // 2:
            ahead -= self._modulus
        unwrapped = self._highest + ahead
        self._highest = max(self._highest, unwrapped)
        return unwrapped


class FeedbackUnwrapper:
    """Makes the numbers and times of successive reports of one transport comparable.

    lost_reports: reports that never came, by the gaps in their count.
    """

    def __init__(self) -> None:
        self._sequence = SerialUnwrapper(16)
        self._reference = SerialUnwrapper(24)
        self._count = SerialUnwrapper(8)
        self._newest_count: int | None = None
        self.lost_reports = 0

    def unwrap(self, feedback: TransportFeedback) -> TransportFeedback:
        """The same report with numbers and arrival times that never wrap."""
        self._note_count(self._count.unwrap(feedback.feedback_count))
        base = self._sequence.unwrap(feedback.base_sequence)
        reference = self._reference.unwrap(feedback.reference_time)
        shift_us = (reference - feedback.reference_time) * REFERENCE_TIME_US
        packets = tuple(
            (base + index, None if arrival is None else arrival + shift_us)
            for index, (_, arrival) in enumerate(feedback.packets)
        )
        self._sequence.unwrap(base + len(packets) - 1 & 0xFFFF)
        return replace(feedback, base_sequence=base, reference_time=reference, packets=packets)

    def _note_count(self, count: int) -> None:
        newest = self._newest_count
        if newest is None or count > newest:
            self.lost_reports += 0 if newest is None else count - newest - 1
            self._newest_count = count
