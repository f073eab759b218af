"""What a worker in trouble leaves behind for whoever reads the journal."""

from __future__ import annotations

import asyncio
import logging
import os
import signal

import pytest

from lkedge.journal import MessageId
from lkedge.worker import host as worker_host
from lkedge.worker.events import ControlRefused, EncoderOpened, WorkerDied
from tests.integration.test_worker import DEADLINE_S, plan, running, spec


async def test_a_worker_that_hangs_tells_where(capfd: pytest.CaptureFixture[str]) -> None:
    async with running(spec("hanging", stall_after_s=1.2)) as (host, recorder):
        host.apply(plan("f"))
        await recorder.until(lambda: recorder.of(WorkerDied))
    reason = recorder.of(WorkerDied)[0].reason
    assert "delivered nothing" in reason
    assert "by signal SIGABRT" in reason
    stacks = capfd.readouterr().err
    assert "Fatal Python error: Aborted" in stacks
    assert "in read" in stacks
    assert "fakes" in stacks


async def test_an_encoder_that_is_replaced_is_found_by_track_layer_and_id(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lkedge")
    async with running(spec(encoder="broken-vp8")) as (host, recorder):
        host.apply(plan("f"))
        await recorder.until(lambda: len(recorder.of(EncoderOpened)) == 3)
        await recorder.frames_of("f", 1)
    (record,) = [record for record in caplog.records if "takes over" in record.getMessage()]
    fields = {name: record.__dict__.get(name) for name in ("MESSAGE_ID", "LKEDGE_TRACK", "LKEDGE_RID")}
    assert fields == {"MESSAGE_ID": MessageId.ENCODER_REPLACED.value, "LKEDGE_TRACK": "front", "LKEDGE_RID": "f"}


async def test_a_host_that_is_looked_after_has_no_problem() -> None:
    async with running(spec()) as (host, recorder):
        host.apply(plan("f"))
        await recorder.frames_of("f", 1)
        assert host.problem == ""
    assert host.problem == ""


async def test_a_host_that_nobody_looks_after_any_more_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(worker_host, "OVERDUE_S", 0.05)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    async with running(spec()) as (host, recorder):
        host.apply(plan("f"))
        await recorder.frames_of("f", 1)
        monkeypatch.setattr(worker_host, "launch", fail)
        assert host.pid is not None
        os.kill(host.pid, signal.SIGKILL)
        async with asyncio.timeout(DEADLINE_S):
            while not host.problem:
                await asyncio.sleep(0.01)
    assert recorder.of(WorkerDied)


async def test_a_running_worker_follows_the_log_levels_of_the_daemon(caplog: pytest.LogCaptureFixture) -> None:
    """The general level keeps such lines back, in the daemon too; that of one module lets them through."""
    caplog.set_level(logging.INFO, "lkedge")
    async with running(spec()) as (host, recorder):
        host.apply(plan("f"))
        await recorder.frames_of("f", 1)
        host.set_control("none", 1)
        await recorder.until(lambda: len(recorder.of(ControlRefused)) == 1)
        caplog.set_level(logging.DEBUG, "lkedge.worker.live_controls")
        host.follow_log_levels()
        host.set_control("none", 2)
        await recorder.until(lambda: [one for one in caplog.records if "was refused" in one.getMessage()])
    (record,) = [one for one in caplog.records if "was refused" in one.getMessage()]
    assert (record.levelno, record.__dict__["LKEDGE_TRACK"]) == (logging.DEBUG, "front")
    assert "value=2" in record.getMessage()


async def test_a_worker_begins_with_the_log_levels_of_modules(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lkedge")
    caplog.set_level(logging.DEBUG, "lkedge.worker.live_controls")
    async with running(spec()) as (host, recorder):
        host.apply(plan("f"))
        await recorder.frames_of("f", 1)
        host.set_control("none", 1)
        await recorder.until(lambda: [one for one in caplog.records if "was refused" in one.getMessage()])
