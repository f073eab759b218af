"""Judges the encoders of a track: from memory at once, and by trials in the background for what is not known."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lkedge.config.models import TrackConfig, VideoPublish
from lkedge.daemon.encoder_memory import EncoderMemory, results_by_name
from lkedge.daemon.encoder_rank import Judgement, explained, judged, to_try
from lkedge.plugin.api import EncoderRegistration
from lkedge.plugin.manager import PluginManager
from lkedge.worker.trial_launch import NICENESS, TrialProcess
from lkedge.worker.trial_values import TrialLayer, TrialRequest, TrialResult, trial_layers

logger = logging.getLogger(__name__)

START_AFTER_S = 2.0
"""Publishing comes first; on a board with one core a trial would slow it down."""

STOP_S = 1.0

UNKNOWN_SIZE = (1280, 720, 30.0)
"""Tried for a source that is left to choose its size."""

Done = Callable[[TrackConfig, str], None]
"""Is told, on the event loop, of a track whose trials are done, and of the encoder that it began with."""


@dataclass(frozen=True, slots=True)
class _Task:
    track: TrackConfig
    began_with: str
    requests: tuple[TrialRequest, ...]


class EncoderTrials:
    """Owned by the event loop; the trials themselves run one after the other in a thread of their own."""

    def __init__(
        self,
        plugins: PluginManager,
        memory: EncoderMemory | None = None,
        *,
        start_after_s: float = START_AFTER_S,
        launch: Callable[[TrialRequest], TrialProcess] | None = None,
    ) -> None:
        self._plugins = plugins
        self._memory = memory or EncoderMemory()
        self._start_after_s = start_after_s
        self._launch = launch or (lambda request: TrialProcess(request, niceness=NICENESS))
        self._due: dict[str, _Task] = {}
        self._thread: threading.Thread | None = None
        self._process: TrialProcess | None = None
        self._is_stopping = threading.Event()
        self._begun: set[TrialRequest] = set()
        """Once in the life of a daemon is enough: what fails is not tried for ever."""

    def best(
        self, track: TrackConfig, publish: VideoPublish, candidates: Sequence[EncoderRegistration]
    ) -> EncoderRegistration:
        """The best candidate after what is known now; notes what should be tried.

        candidates: the highest rank first.
        """
        layers = layers_of(track, publish)
        requests = [self._request(entry, publish, layers) for entry in candidates]
        results = results_by_name(self._memory.find(request, self._version(request.encoder)) for request in requests)
        order = judged(candidates, results, layers)
        wanted = to_try(order)
        due = tuple(request for request in requests if request.encoder in wanted and request not in self._begun)
        best = order[0]
        if due:
            self._due[track.name] = _Task(track, best.encoder.name, due)
        _tell(track, best, len(due))
        return best.encoder

    def start(self, done: Done) -> None:
        """Begin with what is due; a second call takes what has become due since."""
        tasks, self._due = tuple(self._due.values()), {}
        if not tasks:
            return
        loop = asyncio.get_running_loop()
        before = self._thread
        self._begun.update(request for task in tasks for request in task.requests)
        self._thread = threading.Thread(
            target=self._run, args=(tasks, loop, done, before), name="encoder-trials", daemon=True
        )
        self._thread.start()

    async def stop(self) -> None:
        """Kill what runs and wait a moment for the thread."""
        self._is_stopping.set()
        if self._process is not None:
            self._process.kill()
        until = time.monotonic() + STOP_S
        while self._thread is not None and self._thread.is_alive() and time.monotonic() < until:
            await asyncio.sleep(0.01)

    def _run(
        self, tasks: tuple[_Task, ...], loop: asyncio.AbstractEventLoop, done: Done, before: threading.Thread | None
    ) -> None:
        """The thread; its only broad handler."""
        if before is not None:
            before.join()
        if self._is_stopping.wait(self._start_after_s):
            return
        results: dict[TrialRequest, TrialResult] = {}
        try:
            for task in tasks:
                self._try(task, results, loop, done)
        except RuntimeError:
            logger.debug("the loop is closed: nobody wants to know of encoders any more")
        except Exception:
            logger.exception("the trial of encoders failed; tracks go on with the encoders they have")

    def _try(
        self, task: _Task, results: dict[TrialRequest, TrialResult], loop: asyncio.AbstractEventLoop, done: Done
    ) -> None:
        for request in task.requests:
            if self._is_stopping.is_set():
                return
            if request not in results:
                results[request] = self._result(request)
                loop.call_soon_threadsafe(self._keep, request, results[request])
        loop.call_soon_threadsafe(done, task.track, task.began_with)

    def _result(self, request: TrialRequest) -> TrialResult:
        try:
            self._process = self._launch(request)
        except OSError as error:
            return TrialResult(request.encoder, f"it cannot be tried: {error}")
        if self._is_stopping.is_set():
            self._process.kill()
        return self._process.result()

    def _keep(self, request: TrialRequest, result: TrialResult) -> None:
        if self._is_stopping.is_set():
            return
        self._memory.keep(request, self._version(request.encoder), result)
        (judgement,) = judged(
            [self._plugins.registry.encoders[request.encoder]], {result.encoder: result}, request.layers
        )
        logger.info("encoder %s was tried: %s", request.encoder, explained(judgement))

    def _request(
        self, entry: EncoderRegistration, publish: VideoPublish, layers: tuple[TrialLayer, ...]
    ) -> TrialRequest:
        return TrialRequest(
            entry.name, entry.codec, layers, self._plugins.targets, is_screen_share=publish.is_screen_share
        )

    def _version(self, encoder: str) -> str:
        return plugin_version(self._plugins, encoder)


def layers_of(track: TrackConfig, publish: VideoPublish) -> tuple[TrialLayer, ...]:
    """What the encoder of this track will have to do; for a source of unknown size, what is usual."""
    capture = track.capture
    width, height, framerate = UNKNOWN_SIZE
    if capture.width and capture.height:
        width, height = capture.width, capture.height
    return trial_layers(publish.layers(width, height, capture.framerate or framerate))


def plugin_version(plugins: PluginManager, encoder: str) -> str:
    """Of the plugin that offers this encoder: a result is not valid for another one."""
    return next((record.version for record in plugins.records if encoder in record.encoders), "")


def _tell(track: TrackConfig, best: Judgement, due: int) -> None:
    reason = explained(best)
    text = f" ({reason})" if reason else ""
    later = "; hardware is tried meanwhile" if due else ""
    logger.info("%s: encoder %s%s%s", track.name, best.encoder.name, text, later)
