"""Sends consent checks and listens for their answers, however late (RFC 7675)."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from aioice import stun

from lkedge.rtc.consent import ANSWER_WINDOW_NS, Consent, Liveness
from lkedge.rtc.settings import ConsentTimings


class ConsentCheck:
    """One check: stands in a socket's table of STUN transactions until a valid answer comes.

    aioice's own transaction gives up after 0.5 s without retransmission, hence this one.
    """

    def __init__(self, on_answer: Callable[[], None], sent_ns: int) -> None:
        self.sent_ns = sent_ns
        self._on_answer = on_answer
        self._key = b""
        self._address: tuple[str, int] | None = None
        self._forget: Callable[[], object] = lambda: None

    def expect(
        self, key: bytes, address: tuple[str, int], transactions: MutableMapping[bytes, Any], transaction_id: bytes
    ) -> None:
        """Enter the table. An answer counts when `address` signed it with `key`."""
        self._key, self._address = key, address
        self._forget = lambda: transactions.pop(transaction_id, None)
        transactions[transaction_id] = self

    def response_received(self, message: stun.Message, addr: tuple[str, int]) -> None:
        """Called by aioice for the transaction's answer."""
        is_answer = message.message_class == stun.Class.RESPONSE and addr == self._address
        if is_answer and message.check_message_integrity(self._key):
            self.forget()
            self._on_answer()

    def forget(self) -> None:
        self._forget()


class ConsentChecker:
    """Runs the checks of one path and reports every change of its liveness."""

    def __init__(
        self,
        timings: ConsentTimings,
        send: Callable[[ConsentCheck], None],
        on_liveness: Callable[[Liveness], None],
    ) -> None:
        self._consent = Consent(timings, time.monotonic_ns())
        self._send = send
        self._on_liveness = on_liveness
        self._reported = Liveness.ALIVE
        self._outstanding: list[ConsentCheck] = []

    async def run(self) -> None:
        """Check until consent has expired; the path must not be used afterwards."""
        try:
            while self._reported is not Liveness.EXPIRED:
                self._check()
                await asyncio.sleep(self._consent.delay_s(random.random()))
                self._report(self._consent.liveness(time.monotonic_ns()))
        finally:
            self._forget_until(time.monotonic_ns())

    def _check(self) -> None:
        now_ns = time.monotonic_ns()
        self._forget_until(now_ns - ANSWER_WINDOW_NS)
        check = ConsentCheck(self._answered, now_ns)
        self._outstanding.append(check)
        self._send(check)
        self._consent.sent(now_ns)

    def _answered(self) -> None:
        self._consent.answered(time.monotonic_ns())
        if self._reported is Liveness.SILENT:
            self._report(Liveness.ALIVE)

    def _report(self, liveness: Liveness) -> None:
        if liveness is not self._reported:
            self._reported = liveness
            self._on_liveness(liveness)

    def _forget_until(self, time_ns: int) -> None:
        for check in self._outstanding:
            if check.sent_ns <= time_ns:
                check.forget()
        self._outstanding = [check for check in self._outstanding if check.sent_ns > time_ns]
