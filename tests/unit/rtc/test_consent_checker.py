"""Consent checks on the wire: late answers count, forged ones do not."""

from __future__ import annotations

import asyncio
from typing import Any

from aioice import stun

from lkedge.rtc.consent import Liveness
from lkedge.rtc.consent_checker import ConsentCheck, ConsentChecker
from lkedge.rtc.settings import ConsentTimings

KEY, ADDRESS = b"password", ("192.0.2.1", 7882)
FAST = ConsentTimings(interval_s=0.02, retry_s=0.01, silence_s=0.1, expiry_s=0.4)


class Wire:
    """Where checks go; `answer` replies to one of them."""

    def __init__(self) -> None:
        self.checks: list[tuple[ConsentCheck, bytes]] = []
        self.transactions: dict[bytes, Any] = {}
        self.liveness: list[Liveness] = []

    def send(self, check: ConsentCheck) -> None:
        transaction_id = len(self.checks).to_bytes(12, "big")
        check.expect(KEY, ADDRESS, self.transactions, transaction_id)
        self.checks.append((check, transaction_id))

    def answer(self, index: int, *, key: bytes = KEY, address: tuple[str, int] = ADDRESS) -> None:
        transaction_id = self.checks[index][1]
        message = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id)
        message.add_message_integrity(key)
        self.transactions[transaction_id].response_received(message, address)

    async def until(self, liveness: Liveness) -> None:
        async with asyncio.timeout(2):
            while self.liveness[-1:] != [liveness]:
                await asyncio.sleep(0.005)


async def test_silence_is_reported_and_a_late_answer_ends_it_at_once() -> None:
    wire = Wire()
    task = asyncio.create_task(ConsentChecker(FAST, wire.send, wire.liveness.append).run())
    await wire.until(Liveness.SILENT)
    wire.answer(0)
    assert wire.liveness == [Liveness.SILENT, Liveness.ALIVE]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert wire.transactions == {}


async def test_forged_answers_do_not_count() -> None:
    wire = Wire()
    task = asyncio.create_task(ConsentChecker(FAST, wire.send, wire.liveness.append).run())
    await wire.until(Liveness.SILENT)
    wire.answer(0, key=b"another")
    wire.answer(0, address=("192.0.2.66", 7882))
    assert wire.liveness == [Liveness.SILENT]
    await task
    assert wire.liveness == [Liveness.SILENT, Liveness.EXPIRED]
