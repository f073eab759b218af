"""Lets a running track go over to a better encoder, unless somebody has changed the track meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from lkedge.config.models import TrackConfig
from lkedge.errors import LkedgeError

logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    # Making a Protocol takes a millisecond, ten on a small board, at each start.
    class Running(Protocol):
        """A Publication, as far as it is needed here."""

        @property
        def config(self) -> TrackConfig: ...

    class Tracks(Protocol):
        """The Publisher, as far as it is needed here."""

        @property
        def publications(self) -> Sequence[Running]: ...

        async def change_track(self, config: TrackConfig) -> None: ...


class EncoderSwitch:
    """Owned by the event loop."""

    def __init__(self, tracks: Tracks) -> None:
        self._tracks = tracks
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, began: TrackConfig, better: TrackConfig) -> None:
        """Change the encoder of this track; `began` is how it was started."""
        now = next((one.config for one in self._tracks.publications if one.config.name == began.name), None)
        if now is None or (now.source, now.capture, now.publish) != (began.source, began.capture, began.publish):
            logger.debug("%s: it was changed meanwhile, its encoder stays", began.name)
            return
        changed = replace(now, publish=better.publish)
        task = asyncio.create_task(self._change(changed), name=f"encoder:{began.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _change(self, track: TrackConfig) -> None:
        try:
            await self._tracks.change_track(track)
        except LkedgeError as error:
            logger.warning("%s: its encoder stays: %s", track.name, error)
