"""The configuration in effect: the files, over them what is kept, over that what was only changed for now.

What is kept survives a restart and a reload. What is not kept ends with a reload, which
brings back what is on the disk. Nothing here touches a running track.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lkedge.config.catalogue import Catalogue
from lkedge.config.document import Document
from lkedge.config.loader import read_document, resolve
from lkedge.config.models import Config, TrackConfig
from lkedge.config.overlay import TrackOverlay, overlaid, track_table
from lkedge.daemon.kept import Kept
from lkedge.daemon.persist import StateFile
from lkedge.errors import ConfigError, NoSuchTrack

logger = logging.getLogger(__name__)

Overlays = Mapping[str, TrackOverlay]


@dataclass(frozen=True, slots=True)
class Draft:
    """A configuration that could be the next; has been found right.

    document: of the files alone. passing: what is not kept.
    """

    config: Config
    document: Document | None
    kept: Kept
    passing: Overlays


class Configuration:
    """Owned by the event loop. A draft is made, planned with, and adopted, without anything else in between.

    Every draft raises ConfigError with all problems, and nothing has changed then.
    """

    def __init__(
        self, config: Config, catalogue: Catalogue, state: StateFile, environ: Mapping[str, str] | None = None
    ) -> None:
        """config: of the files alone, as `lkedge.config.loader.load` gives it."""
        self._catalogue = catalogue
        self._state = state
        self._environ = os.environ if environ is None else environ
        self._now = Draft(config, config.document, Kept(), {})
        self._written = self._now.kept

    @property
    def current(self) -> Config:
        return self._now.config

    @property
    def kept(self) -> Kept:
        return self._now.kept

    def track(self, name: str) -> TrackConfig:
        """Raises NoSuchTrack."""
        tracks = {track.name: track for track in self.current.tracks}
        if name not in tracks:
            raise NoSuchTrack(name, tracks)
        return tracks[name]

    def restored(self) -> Draft:
        """With what an earlier life has kept. Never raises: what no longer fits is dropped, with a line for each."""
        kept = self._state.read()
        self._written = kept
        return self._fitting(self._now, kept)

    def reread(self) -> Draft:
        """The files as they are now, with what is kept; what is not kept ends."""
        document = self._document()
        fresh = read_document(document.path)
        files = Draft(resolve(fresh, self._catalogue, self._environ), fresh, Kept(), {})
        return self._fitting(files, self.kept)

    def added(self, settings: Mapping[str, Any], *, persist: bool) -> Draft:
        """With one track more. settings: a table as `[[track]]`."""
        name = settings.get("name")
        if not isinstance(name, str) or not name:
            raise ConfigError(["a track needs a name: a text in quotes"])
        if any(track.name == name for track in self.current.tracks):
            raise ConfigError([f"a track named {name!r} exists already: choose another name, or change that one"])
        rest = {key: value for key, value in settings.items() if key != "name"}
        overlay = TrackOverlay(rest, is_added=True)
        if persist:
            return self._drafted(self.kept.with_track(name, overlay), _laid(self._now.passing, name, None))
        return self._drafted(self.kept, _laid(self._now.passing, name, overlay))

    def changed(self, name: str, settings: Mapping[str, Any], *, persist: bool) -> Draft:
        """With these settings of a track on top of the present ones; None takes a setting away."""
        self.track(name)
        if settings.get("name", name) != name:
            raise ConfigError([f"track {name!r} cannot be renamed: add another one, and remove this one"])
        rest = {key: value for key, value in settings.items() if key != "name"}
        passing = self._now.passing.get(name, TrackOverlay())
        if not persist:
            return self._drafted(self.kept, _laid(self._now.passing, name, passing.then(rest)))
        if passing.is_added:
            return self._drafted(self.kept.with_track(name, passing.then(rest)), _laid(self._now.passing, name, None))
        # What is not kept lies on top, so that it has to learn of what is kept below it.
        on_top = passing if passing.is_empty else passing.then(rest)
        kept = self.kept.with_track(name, self.kept.tracks.get(name, TrackOverlay()).then(rest))
        return self._drafted(kept, _laid(self._now.passing, name, on_top))

    def removed(self, name: str, *, persist: bool) -> Draft:
        """Without this track."""
        self.track(name)
        is_in_files = track_table(self._document(), name) is not None
        gone = TrackOverlay(is_removed=True)
        if not persist:
            is_known_below = is_in_files or name in self.kept.tracks
            return self._drafted(self.kept, _laid(self._now.passing, name, gone if is_known_below else None))
        kept = self.kept.without(name)
        kept = kept.with_track(name, gone) if is_in_files else kept
        return self._drafted(kept, _laid(self._now.passing, name, None))

    def keeping(self, kept: Kept) -> Draft:
        """With something else kept that is no setting of a track."""
        return replace(self._now, kept=kept)

    def adopt(self, draft: Draft) -> None:
        """This is the configuration now. Call `save` afterwards, without the need to hurry."""
        self._now = draft

    def check_can_keep(self) -> None:
        """Whether changes can be kept at all. Raises StateError."""
        self._state.check()

    async def save(self) -> None:
        """Write what is kept, if it differs from what is on the disk. Raises StateError."""
        kept = self.kept
        if kept != self._written:
            await self._state.write(kept)
            self._written = kept

    def _document(self) -> Document:
        document = self._now.document
        if document is None:
            raise ConfigError(["this configuration was not read from files: it cannot be changed while it is used"])
        return document

    def _drafted(self, kept: Kept, passing: Overlays) -> Draft:
        document = self._document()
        return Draft(self._resolved(document, kept, passing), document, kept, passing)

    def _resolved(self, document: Document, kept: Kept, passing: Overlays) -> Config:
        overlays = _combined(kept.tracks, passing)
        config = resolve(overlaid(document, overlays), self._catalogue, self._environ)
        tracks = tuple(t for t in config.tracks if not overlays.get(t.name, TrackOverlay()).is_removed)
        return replace(config, tracks=tracks, document=document)

    def _fitting(self, files: Draft, kept: Kept) -> Draft:
        """As much of what was kept as fits the files."""
        if not kept.names or files.document is None:
            return replace(files, kept=kept)
        known = {track.name for track in files.config.tracks}
        draft = replace(files, kept=replace(kept, tracks={}))
        for name in sorted(kept.names):
            overlay = kept.tracks.get(name, TrackOverlay())
            if name in known or overlay.is_added:
                draft = self._one_more(draft, files.document, name, overlay)
            else:
                logger.info("what was kept of track %s is dropped: there is no such track any more", name)
                draft = replace(draft, kept=draft.kept.without(name))
        return draft

    def _one_more(self, draft: Draft, document: Document, name: str, overlay: TrackOverlay) -> Draft:
        if overlay.is_empty:
            return draft
        kept = draft.kept.with_track(name, overlay)
        try:
            return replace(draft, config=self._resolved(document, kept, {}), kept=kept)
        except ConfigError as error:
            logger.warning("what was kept of track %s no longer fits, and is dropped: %s", name, error)
            return replace(draft, kept=draft.kept.without(name))


def _laid(overlays: Overlays, name: str, overlay: TrackOverlay | None) -> Overlays:
    """With this one for the track; without any for None and for one that says nothing."""
    rest = {key: other for key, other in overlays.items() if key != name}
    return rest if overlay is None or overlay.is_empty else {**rest, name: overlay}


def _combined(kept: Overlays, passing: Overlays) -> Overlays:
    result = dict(kept)
    for name, overlay in passing.items():
        is_whole = overlay.is_added or overlay.is_removed or name not in kept
        result[name] = overlay if is_whole else kept[name].then(overlay.settings)
    return result
