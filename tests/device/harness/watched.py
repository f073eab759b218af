"""One track that gets a fault and a pattern that gets none, both seen from outside."""

from __future__ import annotations

import logging
import re
import time
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.device.harness.daemon import GuestDaemon, guest_daemon, track_of
from tests.device.harness.guest import Guest
from tests.device.harness.tracks import PATTERN
from tests.sfu.harness.records import FrameSeen, Luma, backward_counters, missing_counters
from tests.sfu.harness.sfu import Sfu
from tests.sfu.harness.subscriber import Subscriber, default_strip_reader

DEADLINE_S = 240.0
"""An emulated machine needs seconds for what takes a real one milliseconds; vimc, a second for a picture."""

MOST_LATE_MS = 3_000
"""For a picture of the pattern, which has five a second; more only when the whole machine stood still."""

ENOUGH = 5
UNDER_WAY = 2
"""Pictures that a status has as captured and not yet as encoded."""


@dataclass
class Brightness:
    """How bright the newest picture of each track was: mean luma."""

    newest: dict[str, float] = field(default_factory=dict)

    def note(self, name: str, _: FrameSeen, luma: Luma) -> None:
        self.newest[name] = float(luma.mean())


class ViewerDrops(logging.Handler):
    """Counts the decoded pictures that the viewer's SDK threw away, because this process had no time for them."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        if found := re.search(r"queue overflow; dropped (\d+)", record.getMessage()):
            self.count += int(found[1])

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Within this context."""
        logger = logging.getLogger("livekit")
        logger.addHandler(self)
        try:
            yield
        finally:
            logger.removeHandler(self)


@dataclass
class Watched:
    """The daemon inside, and a viewer outside who sees its tracks.

    name: of the track that gets the fault. before: the status when all was well, at since_ns; what was told after that
    is in the daemon's history from history_start on.
    """

    daemon: GuestDaemon
    viewer: Subscriber
    brightness: Brightness
    name: str
    before: dict[str, Any]
    since_ns: int
    history_start: int
    stood_still_ms: int
    drops: ViewerDrops

    @property
    def track(self) -> dict[str, Any]:
        """The newest status of the track that gets the fault."""
        return self.daemon.track(self.name)

    @property
    def track_before(self) -> dict[str, Any]:
        """The status of the track that gets the fault, before the fault."""
        return track_of(self.before, self.name)

    @property
    def states(self) -> set[str]:
        """All that were told of that track since all was well."""
        return {track["state"] for track in self.daemon.track_history(self.name, self.history_start)}

    async def wait_for_seen(self, predicate: Callable[[], object]) -> None:
        """Until `predicate` holds of what the viewer sees and hears. Raises TimeoutError with the journal."""
        try:
            await self.viewer.wait_for(predicate, DEADLINE_S)
        except TimeoutError as error:
            await self.daemon.update()
            raise TimeoutError(f"{error}\n{self.track}\n{await self.daemon.journal()}") from None

    async def expect_same_track(self) -> None:
        """It is published again, or still, with the same SID, for the viewer without a new subscription."""
        await self.daemon.wait_for(lambda: self.track["state"] == "published", DEADLINE_S)
        assert self.track["sid"] == self.track_before["sid"]
        assert self.viewer.events.count(("subscribed", self.name)) == 1

    async def expect_same_worker(self) -> None:
        """As expect_same_track, and nothing was restarted for it."""
        await self.expect_same_track()
        assert self.track["restarts"] == self.track_before["restarts"]

    async def expect_pattern_went_on(self) -> None:
        """The other track had no gap: all its pictures were seen, none of them late, and nothing of it was touched."""
        record = await self.viewer.wait_for_frames("pattern", ENOUGH, DEADLINE_S)
        pictures = record.since(self.since_ns)
        seen = [picture for picture in pictures if picture.counter is not None]
        await self._expect_all(seen, unreadable=len(pictures) - len(seen))
        allowed_ms = MOST_LATE_MS + await self.daemon.standstill_ms() - self.stood_still_ms
        late = {after.counter: lateness_ms(before, after) for before, after in pairwise(seen)}
        assert max(late.values()) < allowed_ms, (allowed_ms, late)
        assert self.viewer.events.count(("subscribed", "pattern")) == 1
        assert ("unsubscribed", "pattern") not in self.viewer.events
        told = {
            (track["state"], track["captures"], track["restarts"], *(layer["active"] for layer in track["layers"]))
            for track in self.daemon.track_history("pattern", self.history_start)
        }
        assert told <= {("published", True, 0, True)}

    async def _expect_all(self, seen: list[FrameSeen], unreadable: int) -> None:
        """None is missing, beside those that worker and server account for in the status, and the viewer in its log."""
        assert len(seen) >= ENOUGH, self.viewer.summary()
        assert not backward_counters(seen)
        newest = seen[-1].counter or 0
        await self.daemon.wait_for(lambda: self.daemon.track("pattern")["work"]["captured"] > newest)
        missing = missing_counters(seen)
        told = _excused(self.daemon.track("pattern")) - _excused(track_of(self.before, "pattern"))
        explained = told + self.drops.count + unreadable + UNDER_WAY
        assert sum(later - earlier - 1 for earlier, later in missing) <= explained, (explained, missing)


def lateness_ms(before: FrameSeen, after: FrameSeen) -> float:
    """How much longer than the one before a picture took from the pattern to the viewer."""
    assert before.age_ms is not None
    assert after.age_ms is not None
    return after.age_ms - before.age_ms


def _excused(track: dict[str, Any]) -> int:
    """Pictures that the worker had no time to encode, and packets that the server says did not arrive."""
    pictures: int = track["work"]["captured"] - sum(track["work"]["encoded"].values())
    packets: int = sum(layer["counters"]["nacked"] for layer in track["layers"])
    return pictures + packets


@asynccontextmanager
async def watching(guest: Guest, sfu: Sfu, room: str, track: str, **daemon_settings: Any) -> AsyncIterator[Watched]:
    """Until pictures of the pattern are seen, and the track is published.

    track: configuration of one. daemon_settings: as guest_daemon.
    """
    name = tomllib.loads(track)["track"][0]["name"]
    brightness, drops = Brightness(), ViewerDrops()
    strips = default_strip_reader()
    async with (
        guest_daemon(guest, sfu, room, track + PATTERN, **daemon_settings) as daemon,
        Subscriber(sfu.url, sfu.token("viewer", room), strip_reader=strips, on_frame=brightness.note) as viewer,
    ):
        await viewer.wait_for_frames("pattern", ENOUGH, DEADLINE_S)
        await daemon.wait_state("pattern", "published", deadline_s=DEADLINE_S)
        published = await daemon.wait_state(name, "published", deadline_s=DEADLINE_S)
        await daemon.wait_for(lambda: daemon.track(name)["captures"], DEADLINE_S)
        if published["kind"] == "video":
            await viewer.wait_for_frames(name, ENOUGH, DEADLINE_S)
        await daemon.update()
        stood_still_ms, before, start = await daemon.standstill_ms(), daemon.history[-1], len(daemon.history)
        with drops.counting():
            yield Watched(daemon, viewer, brightness, name, before, time.monotonic_ns(), start, stood_still_ms, drops)
