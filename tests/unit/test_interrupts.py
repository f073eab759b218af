"""What a signal does in the phases of a process, and that each phase gives back what it found."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from lkedge import interrupts

NUMBERS = [signal.SIGINT, signal.SIGTERM]


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_first_calls_back_and_the_same_sent_twice_is_one(number: int) -> None:
    taken: list[int] = []
    with interrupts.on_first(taken.append):
        send(number)
        send(number)
    assert taken == [number]


def test_what_was_there_before_comes_back() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with interrupts.on_first(print), interrupts.raising():
        assert [signal.getsignal(number) for number in NUMBERS] != before
    assert [signal.getsignal(number) for number in NUMBERS] == before


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_raising(number: int, status: int) -> None:
    with pytest.raises(KeyboardInterrupt) as caught, interrupts.raising():
        send(number)
    assert interrupts.status_of(caught.value) == status


def test_a_running_coroutine_is_cancelled_in_order() -> None:
    log: list[str] = []

    async def work() -> None:
        try:
            send(signal.SIGTERM)
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            log.append("tidied")

    with pytest.raises(KeyboardInterrupt) as caught:
        interrupts.run(work())
    assert (log, interrupts.status_of(caught.value)) == (["tidied"], 143)


def test_a_coroutine_that_ends_is_not_disturbed() -> None:
    async def work() -> int:
        return 7

    assert interrupts.run(work()) == 7


def test_a_child_that_begins_held_is_not_interrupted() -> None:
    script = (
        "print('imports', flush=True); input()\n"
        "from lkedge import interrupts; interrupts.leave_to_parent(); print('done', flush=True)"
    )
    with interrupts.held():
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "imports\n"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert process.communicate("\n", 30)[0] == "done\n"
    assert process.returncode == 0
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) & set(NUMBERS) == set()
