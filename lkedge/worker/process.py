"""The worker itself: takes commands from the link until it is told to stop or left alone.

`python -m lkedge.worker FD PARENT` runs it in a process of its own. The host starts
that program anew for every worker: it imports only what it needs, so a plain start costs
little more than a fork, and it shares no state, lock or thread with anything else.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import logging
import os
import socket
import sys
import time
from collections.abc import Callable

from lkedge import interrupts, journal
from lkedge.clock import SECOND_NS
from lkedge.terms import Codec
from lkedge.worker import factories, log_levels
from lkedge.worker.audio import AudioPipeline
from lkedge.worker.encode import EncoderChoice
from lkedge.worker.events import SourceFailed
from lkedge.worker.messages import (
    ApplyAudio,
    ApplyLayers,
    Command,
    LogLine,
    RequestKeyFrame,
    Retry,
    SetControl,
    SetLogLevels,
    Start,
    Stop,
    TakeSnapshot,
    UseEncoder,
)
from lkedge.worker.parent import die_with
from lkedge.worker.pipeline import VideoPipeline
from lkedge.worker.sentence import describe
from lkedge.worker.snapshot import Tools
from lkedge.worker.worker_link import LinkClosed, WorkerLink

logger = logging.getLogger(__name__)

STATS_INTERVAL_S = 1.0
START_DEADLINE_S = 5.0
MAX_LOG_LINES_PER_S = 50
PR_SET_NAME = 15
PR_SET_THP_DISABLE = 41

Pipeline = VideoPipeline | AudioPipeline


def run(
    link: WorkerLink,
    *,
    cpu_ns: Callable[[], int],
    started: Callable[[Start], None] = lambda start: None,
    built: Callable[[], None] = lambda: None,
) -> None:
    """One worker's whole life, in the calling thread.

    cpu_ns: the CPU time to report. started: called with the first command. built: called
    when source and encoders are about to be opened.
    """
    pipeline: Pipeline | None = None
    try:
        start, commands = _await_start(link)
        started(start)
        pipeline = _build(start, link, cpu_ns)
        pipeline.controls.restore(start.controls)
        built()
        _serve(pipeline, link, commands)
    except LinkClosed as error:
        logger.debug("the worker ends: %s", error)
    except Exception as error:
        logger.debug("the worker cannot run", exc_info=error)
        _report_failure(link, error)
    finally:
        if pipeline is not None:
            pipeline.stop()
        link.close()


def _await_start(link: WorkerLink) -> tuple[Start, list[Command]]:
    commands = link.receive(START_DEADLINE_S)
    if not commands or not isinstance(commands[0], Start):
        raise LinkClosed("no start command came")
    return commands[0], commands[1:]


def _report_failure(link: WorkerLink, error: Exception) -> None:
    with contextlib.suppress(LinkClosed):
        link.send(SourceFailed(describe("worker", error), getattr(error, "retryable", True)))


def _build(start: Start, link: WorkerLink, cpu_ns: Callable[[], int]) -> Pipeline:
    registry = factories.load_registry(start.plugins)
    if start.video is not None:
        spec = start.video
        return VideoPipeline(
            spec,
            link,
            make_source=factories.video_source(registry, spec),
            choice=EncoderChoice(
                spec.codec, factories.encoder_candidates(registry, spec.codec, spec.encoder), spec.is_screen_share
            ),
            scaler=factories.make_scaler(),
            tools=Tools(factories.make_scaler, factories.make_jpeg_encoder),
            cpu_ns=cpu_ns,
        )
    assert start.audio is not None
    return AudioPipeline(
        start.audio,
        link,
        make_source=factories.audio_source(registry, start.audio),
        candidates=factories.encoder_candidates(registry, Codec.OPUS, start.audio.encoder),
        processors=tuple(registry.processors.values()),
        cpu_ns=cpu_ns,
    )


def _serve(pipeline: Pipeline, link: WorkerLink, commands: list[Command]) -> None:
    """Obey, and report once a second, until Stop."""
    for command in commands:
        _obey(pipeline, command)
    pipeline.start()
    stats_due = 0.0
    while not any(isinstance(command, Stop) for command in commands):
        now = time.monotonic()
        if now >= stats_due:
            stats_due = now + STATS_INTERVAL_S
            link.send(pipeline.stats())
        commands = link.receive(min(stats_due - now, pipeline.tick()))
        for command in commands:
            _obey(pipeline, command)


def _obey(pipeline: Pipeline, command: Command) -> None:
    match command, pipeline:
        case ApplyLayers(plan=plan), VideoPipeline():
            pipeline.apply(plan)
        case ApplyAudio(plan=audio_plan), AudioPipeline():
            pipeline.apply(audio_plan)
        case RequestKeyFrame(rid=rid), _:
            pipeline.request_key_frame(rid)
        case UseEncoder(name=name), VideoPipeline():
            pipeline.use_encoder(name)
        case SetControl(), _:
            pipeline.controls.ask(command)
        case TakeSnapshot(), _:
            pipeline.take_snapshot(command)
        case Retry(), _:
            pipeline.retry()
        case SetLogLevels(levels=levels), _:
            log_levels.follow(levels)


class LinkLogHandler(logging.Handler):
    """Hands log records to the daemon, which has the one log; more than 50 in a second are lost."""

    def __init__(self, link: WorkerLink) -> None:
        super().__init__()
        self._link = link
        self._second = 0
        self._count = 0

    def emit(self, record: logging.LogRecord) -> None:
        second = time.monotonic_ns() // SECOND_NS
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        if self._count > MAX_LOG_LINES_PER_S:
            return
        with contextlib.suppress(LinkClosed):
            fields = journal.fields_of(record.__dict__)
            self._link.send(LogLine(record.levelno, self.format(record)[:4000], fields))


def main() -> None:
    """Entry point of the worker process. Arguments: the link's descriptor, the daemon's process id.

    The daemon stops its workers itself, so signals meant for the whole group are ignored.
    """
    die_with(int(sys.argv[2]))
    # Huge pages round the many buffers of encoders up: 4 MB more in x264 at 720p, and not faster.
    _prctl(PR_SET_THP_DISABLE, 1)
    interrupts.leave_to_parent()
    faulthandler.enable()
    link = WorkerLink(socket.socket(fileno=int(sys.argv[1])))
    run(link, cpu_ns=time.process_time_ns, started=lambda start: _introduce(start, link), built=_collect_garbage)
    sys.stderr.flush()
    os._exit(0)


def _introduce(start: Start, link: WorkerLink) -> None:
    """Take the track's name for `ps` and `top`, and log through the link."""
    spec = start.video or start.audio
    assert spec is not None
    _prctl(PR_SET_NAME, f"lkedge:{spec.track}".encode()[:15])
    logging.basicConfig(level=start.log_level, handlers=[LinkLogHandler(link)], format="%(message)s")


def _collect_garbage() -> None:
    """From now on, save among what was imported."""
    gc.freeze()
    gc.enable()


def _prctl(option: int, value: int | bytes) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
