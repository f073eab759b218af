"""The one worker of a track, over all changes of what it captures and encodes, with what was set at its source."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from lkedge.config.models import TrackConfig
from lkedge.errors import SourceError
from lkedge.media.frame import EncodedFrame
from lkedge.plugin.api import ControlValue
from lkedge.publish.live_source import LiveSource
from lkedge.publish.track import changed_controls, needs_other_worker
from lkedge.terms import Isolation, Rid
from lkedge.worker.events import WorkerDied, WorkerEvent
from lkedge.worker.host import WorkerHost
from lkedge.worker.spec import Plan, WorkerSpec

logger = logging.getLogger(__name__)


class TrackWorker:
    """Holds at most one WorkerHost at a time. Owned by the event loop; `start` and `stop` by turns.

    on_frame, on_event: as of WorkerHost; silent about a worker that has been told to stop.
    changed: called when `live`, the open source, shows something else.
    """

    def __init__(
        self,
        name: str,
        plugins: tuple[str, ...],
        *,
        on_frame: Callable[[EncodedFrame], None],
        on_event: Callable[[WorkerEvent], None],
        changed: Callable[[], None],
    ) -> None:
        self._name = name
        self._plugins = plugins
        self._on_frame = on_frame
        self._on_event = on_event
        self._host: WorkerHost | None = None
        self._controls: dict[str, ControlValue] = {}
        self._earlier_restarts = 0
        self.live = LiveSource(name, self, changed)

    @property
    def pid(self) -> int | None:
        """None in a thread, and while there is no worker."""
        return self._host.pid if self._host is not None else None

    @property
    def restarts(self) -> int:
        """How often a dead worker was replaced."""
        return self._earlier_restarts + (self._host.restarts if self._host is not None else 0)

    @property
    def problem(self) -> str:
        """WorkerHost.problem; "" while there is no worker."""
        return self._host.problem if self._host is not None else ""

    def restore_controls(self, controls: Mapping[str, ControlValue]) -> None:
        """Set these at every opening of the source, beside what is set later. Call before `start`."""
        self._controls.update(controls)

    def start(self, spec: WorkerSpec, isolation: Isolation) -> None:
        """Start a worker. The source is opened at once, with what was set at an earlier one."""
        assert self._host is None, "stop the one before"
        host = self._host = WorkerHost(
            spec,
            isolation=isolation,
            on_frame=lambda frame: self._on_frame(frame) if self._host is host else None,
            on_event=lambda event: self._on_event(event) if self._host is host else None,
            plugins=self._plugins,
            controls=self._controls,
        )
        host.start()

    async def stop(self) -> None:
        """End the worker, if there is one."""
        host, self._host = self._host, None
        if host is None:
            return
        self._controls = dict(host.controls)
        self._earlier_restarts += host.restarts
        try:
            await host.stop()
        finally:
            # Not before: the device is in use until the worker has ended.
            self.live.take(WorkerDied("it was told to stop"))

    async def follow(self, old: TrackConfig, new: TrackConfig) -> bool:
        """Take over what the running worker can: controls, encoder. False when these settings need another worker."""
        if needs_other_worker(old, new):
            return False
        if self._host is not None and new.publish.encoder != old.publish.encoder:
            self._host.use_encoder(new.publish.encoder)
        try:
            for name, value in (changed_controls(old, new) or {}).items():
                await self.live.set_control(name, value)
        except SourceError as error:
            logger.info("the source is opened anew: %s", error)
            return False
        return True

    def forget_controls(self, old: TrackConfig, new: TrackConfig) -> None:
        """What was set at run time gives way to what the settings say now. Call while there is no worker."""
        if new.source != old.source:
            self._controls.clear()
        for name in changed_controls(old, new) or ():
            self._controls.pop(name, None)

    def apply(self, plan: Plan) -> None:
        """Use this plan from the next picture on."""
        if self._host is not None:
            self._host.apply(plan)

    def retry(self) -> None:
        """A device came: a source that waits after a failure is opened at once."""
        if self._host is not None:
            self._host.retry()

    def follow_log_levels(self) -> None:
        """WorkerHost.follow_log_levels."""
        if self._host is not None:
            self._host.follow_log_levels()

    def request_key_frame(self, rid: Rid) -> None:
        if self._host is not None:
            self._host.request_key_frame(rid)

    def set_control(self, name: str, value: ControlValue) -> int:
        """WorkerHost.set_control. Raises SourceError while there is no worker."""
        return self._running(f"control {name!r} cannot be set").set_control(name, value)

    def take_snapshot(self, width: int) -> int:
        """WorkerHost.take_snapshot. Raises SourceError while there is no worker."""
        return self._running("there is no picture now").take_snapshot(width)

    def _running(self, problem: str) -> WorkerHost:
        if self._host is None:
            raise SourceError(f"{self._name}: {problem}: the track is disabled or being restarted")
        return self._host
