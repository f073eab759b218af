"""The daemon's side of one capture worker: starts it, commands it, replaces it when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lkedge.errors import SourceError, WorkerError
from lkedge.media.frame import EncodedFrame
from lkedge.plugin.api import ControlValue
from lkedge.terms import Isolation, Rid
from lkedge.worker.backoff import DELAYS_S, BackOff
from lkedge.worker.commands import apply_command, start_command
from lkedge.worker.daemon_link import DaemonLink
from lkedge.worker.events import ControlSet, SnapshotTaken, WorkerDied, WorkerEvent, WorkerStats
from lkedge.worker.launch import RunningWorker, launch
from lkedge.worker.log_levels import levels
from lkedge.worker.log_lines import log_line
from lkedge.worker.messages import (
    Command,
    LogLine,
    Report,
    RequestKeyFrame,
    Retry,
    SetControl,
    SetLogLevels,
    Stop,
    TakeSnapshot,
    UseEncoder,
)
from lkedge.worker.spec import Plan, WorkerSpec
from lkedge.worker.watch import StallWatch

STOP_DEADLINE_S = 2.0
WATCH_INTERVAL_S = 0.5
REAP_INTERVAL_S = 0.01
ABORT_GRACE_S = 0.3
"""Long enough to write the stacks of all threads."""

OVERDUE_S = 5.0
HEALTHY_AFTER_S = 30.0
"""A worker that lived so long is replaced at once when it dies."""

MAX_REMEMBERED = 64
"""Controls that were set at run time; so many fit into one message."""


class WorkerHost:
    """One track's worker. Lives on one event loop; every callback is called there.

    on_frame: takes each encoded frame; frames of one picture share `captured_ns`.
    on_event: takes everything else that happens; see lkedge.worker.events.
    plugins: what `PluginManager.targets` gave; empty: the worker loads every installed plugin.
    controls: set at every opening of the source, as if they had been set before.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        *,
        isolation: Isolation,
        on_frame: Callable[[EncodedFrame], None],
        on_event: Callable[[WorkerEvent], None],
        plugins: Sequence[str] = (),
        controls: Mapping[str, ControlValue] | None = None,
    ) -> None:
        self._spec = spec
        self._isolation = isolation
        self._on_frame = on_frame
        self._on_event = on_event
        self._plugins = tuple(plugins)
        self._plan: Plan | None = None
        self._controls: dict[str, ControlValue] = dict(controls or {})
        self._request = 0
        self._worker: RunningWorker | None = None
        self._link: DaemonLink | None = None
        self._watch: StallWatch | None = None
        self._started_at = 0.0
        self._back_off = BackOff((0.0, *DELAYS_S))
        self._timer: asyncio.TimerHandle | None = None
        self._ended: list[RunningWorker] = []
        self._is_stopping = False
        self.restarts = 0
        """How often a dead worker was replaced."""

    @property
    def pid(self) -> int | None:
        """The worker process; None in a thread, and while there is none."""
        return self._worker.pid if self._worker is not None else None

    @property
    def problem(self) -> str:
        """That nobody looks after the worker any more; "" while somebody does, before the start and after the end."""
        if self._timer is None or self._is_stopping:
            return ""
        overdue_s = asyncio.get_running_loop().time() - self._timer.when()
        return f"nobody has looked after it for {overdue_s:.0f} s" if overdue_s > OVERDUE_S else ""

    @property
    def controls(self) -> Mapping[str, ControlValue]:
        """What is set at every opening of the source, in the order of setting."""
        return dict(self._controls)

    def start(self) -> None:
        """Start the worker, on the running loop; returns at once. The source is opened at once."""
        self._launch()

    def apply(self, plan: Plan) -> None:
        """Use this plan from the next picture on; it outlives the worker."""
        self._plan = plan
        self._send(apply_command(plan))
        if self._watch is not None:
            self._watch.want(plan.capture, time.monotonic_ns())

    def request_key_frame(self, rid: Rid) -> None:
        self._send(RequestKeyFrame(rid))

    def use_encoder(self, name: str) -> None:
        """Encode pictures with it from now on, in every later worker too; "" goes by rank."""
        self._spec = replace(self._spec, encoder=name)
        self._send(UseEncoder(name))

    def retry(self) -> None:
        """A device came: a source that waits after a failure is opened at once."""
        self._send(Retry())

    def follow_log_levels(self) -> None:
        """Have a worker process log as this process does now. A thread does so anyway."""
        if self._isolation is Isolation.PROCESS:
            self._send(SetLogLevels(levels()))

    def set_control(self, name: str, value: ControlValue) -> int:
        """Ask the source to set a control; once set, it is set again at every later opening, in every later worker.

        Returns:
            The `request` of the ControlSet or ControlRefused that will answer, unless the worker dies before.

        Raises:
            SourceError: there is no worker now.
        """
        request = self._next_request(f"control {name!r} cannot be set")
        self._send(SetControl(name, value, request))
        return request

    def take_snapshot(self, width: int) -> int:
        """Ask for the next picture as JPEG; opens the source for it when the plan does not.

        Returns:
            The `request` of the answer; none comes when the worker dies, or no picture within SNAPSHOT_DEADLINE_S.

        Raises:
            SourceError: there is no worker now.
        """
        request = self._next_request("there is no picture now")
        self._send(TakeSnapshot(width, request))
        if self._watch is not None:
            self._watch.lend(time.monotonic_ns())
        return request

    async def stop(self) -> None:
        """Close source and encoders and end the worker; kills it after 2 s."""
        self._is_stopping = True
        self._cancel_timer()
        self._send(Stop())
        try:
            await self._wait_for_end()
        finally:
            self._discard()
        await self._reap()

    def _launch(self) -> None:
        try:
            self._worker, sock = launch(self._isolation, self._spec.track)
        except WorkerError as error:
            self._died(str(error))
            return
        self._started_at = time.monotonic()
        self._link = DaemonLink(
            sock,
            asyncio.get_running_loop(),
            on_frame=self._take_frame,
            on_report=self._take_report,
            on_closed=self._link_closed,
        )
        self._watch = StallWatch(self._spec.stall_after_s, time.monotonic_ns())
        self._send(start_command(self._spec, self._plugins, self._controls))
        self.follow_log_levels()
        if self._plan is not None:
            self.apply(self._plan)
        self._schedule(WATCH_INTERVAL_S, self._check)

    def _send(self, command: Command) -> None:
        if self._link is not None:
            self._link.send(command)

    def _take_frame(self, frame: EncodedFrame) -> None:
        if self._watch is not None:
            self._watch.hear(time.monotonic_ns())
        self._on_frame(frame)

    def _next_request(self, problem: str) -> int:
        if self._link is None:
            raise SourceError(f"{problem}: the worker is being started again; try again later")
        self._request += 1
        return self._request

    def _take_report(self, report: Report | SnapshotTaken) -> None:
        if isinstance(report, LogLine):
            log_line(self._spec.track, report)
            return
        if isinstance(report, WorkerStats) and self._watch is not None:
            self._watch.take(report, time.monotonic_ns())
        if isinstance(report, ControlSet):
            self._remember(report)
        self._on_event(report)

    def _remember(self, control: ControlSet) -> None:
        """The latest comes last: some controls can only be set after others."""
        self._controls.pop(control.name, None)
        if len(self._controls) < MAX_REMEMBERED:
            self._controls[control.name] = control.value

    def _check(self) -> None:
        """Kill a worker that hangs."""
        reason = self._watch.verdict(time.monotonic_ns()) if self._watch is not None else ""
        if reason:
            self._abort(f"the worker of track {self._spec.track} was killed: {reason}")
            return
        self._ended = [worker for worker in self._ended if worker.is_running()]
        self._schedule(WATCH_INTERVAL_S, self._check)

    def _abort(self, reason: str) -> None:
        """Before it is killed it may tell where it hangs."""
        self._watch = None
        if self._worker is not None:
            self._worker.abort()
        self._schedule(ABORT_GRACE_S, lambda: self._died(reason))

    def _link_closed(self, reason: str) -> None:
        """The link broke; give a process the moment it needs to end, to say how it did."""
        if not self._is_stopping and self._watch is not None:
            self._schedule(REAP_INTERVAL_S, lambda: self._died(f"the worker of track {self._spec.track}: {reason}"))

    def _died(self, reason: str) -> None:
        ending = self._worker.how_it_ended() if self._worker is not None else ""
        self._discard()
        reason = f"{reason} ({ending})" if ending else reason
        if self._started_at and time.monotonic() - self._started_at > HEALTHY_AFTER_S:
            self._back_off.reset()
        self._schedule(self._back_off.next_s(), self._restart)
        self._on_event(WorkerDied(reason))

    def _restart(self) -> None:
        self.restarts += 1
        self._launch()

    def _discard(self) -> None:
        """Let go of the worker; what is left of it is killed and reaped later."""
        if self._link is not None:
            self._link.close()
        if self._worker is not None:
            self._worker.kill()
            self._ended.append(self._worker)
        self._link = self._worker = self._watch = None

    async def _wait_for_end(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_DEADLINE_S):
                while self._worker is not None and self._worker.is_running():
                    await asyncio.sleep(REAP_INTERVAL_S)

    async def _reap(self) -> None:
        """A killed process ends as soon as the kernel lets it go; do not wait for a driver for ever."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_DEADLINE_S):
                while any(worker.pid is not None and worker.is_running() for worker in self._ended):
                    await asyncio.sleep(REAP_INTERVAL_S)
        self._ended = [worker for worker in self._ended if worker.pid is not None and worker.is_running()]

    def _schedule(self, delay_s: float, callback: Callable[[], None]) -> None:
        self._cancel_timer()
        if not self._is_stopping:
            self._timer = asyncio.get_running_loop().call_later(delay_s, callback)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
