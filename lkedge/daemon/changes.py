"""Carries out plans: brings what runs in line with another configuration, one change after another."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from lkedge.config.models import Config, LiveKitConfig, TrackConfig
from lkedge.control.target import Reloaded
from lkedge.daemon.configuration import Configuration, Draft
from lkedge.daemon.encoders import Encoders
from lkedge.daemon.notices import Notices
from lkedge.daemon.reload import Effect, ReloadPlan, Step, plan
from lkedge.errors import ConfigError, StateError
from lkedge.journal import MessageId, event
from lkedge.log import LEVELS, ROOT
from lkedge.plugin.manager import PluginManager
from lkedge.publish.publisher import Publisher
from lkedge.signaling.token import TokenKeeper

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Changes:
    """Owned by the event loop.

    tokens: makes the keeper for other credentials. around_reload: entered for each reload.
    """

    def __init__(
        self,
        configuration: Configuration,
        publisher: Publisher,
        encoders: Encoders,
        plugins: PluginManager,
        notices: Notices,
        tokens: Callable[[LiveKitConfig], TokenKeeper],
    ) -> None:
        self._configuration = configuration
        self._publisher = publisher
        self._encoders = encoders
        self._plugins = plugins
        self._notices = notices
        self._tokens = tokens
        self.around_reload: Callable[[], AbstractContextManager[None]] = nullcontext
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def reload(self) -> ReloadPlan:
        """Read the files again and apply what is different.

        Raises:
            ConfigError: with all problems; the old configuration stays.
        """
        with self.around_reload():
            return await self._reload()

    async def _reload(self) -> ReloadPlan:
        try:
            done = await self.make(self._configuration.reread, must_save=False)
        except ConfigError as error:
            text = "the new configuration is refused, the old one stays: %s"
            logger.error(text, error, extra=event(MessageId.CONFIG_REFUSED))
            self._notices.tell(Reloaded(None, error.problems))
            raise
        logger.info("configuration reloaded: %s", done.summary)
        self._notices.tell(Reloaded(done))
        return done

    async def make(self, draft: Callable[[], Draft], *, must_save: bool) -> ReloadPlan:
        """Adopt the draft, apply it, and write what is to be kept. Goes on when its caller gives up.

        must_save: raise when that cannot be written, instead of only saying so.

        Raises:
            ConfigError: from making the draft; nothing has changed.
            StateError: the change was made, but will not survive a restart.
        """
        done = await self._whole(self._make(draft))
        await (self._configuration.save() if must_save else self._save())
        return done

    async def set_enabled(self, name: str, is_enabled: bool) -> None:
        """Enable or disable a track, with the best encoder that is known by now."""
        await self._whole(self._set_enabled(name, is_enabled))

    def adopt(self, draft: Draft) -> None:
        """For what was done at once already: only keep it, in the background."""
        self._configuration.adopt(draft)
        self._spawn(self._save(), "daemon.state")

    async def close(self) -> None:
        """Wait for what is still done; its parts have deadlines."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _spawn(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Whoever waits gets the exception; nobody may be left to.
            task.exception()

    async def _whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Half a change is worse than one that nobody waits for."""
        return await asyncio.shield(self._spawn(work, "daemon.change"))

    async def _make(self, draft: Callable[[], Draft]) -> ReloadPlan:
        async with self._turn:
            before, next_one = self._configuration.current, draft()
            done = plan(before, next_one.config)
            self._configuration.adopt(next_one)
            await self._apply(done, next_one.config)
        return done

    async def _set_enabled(self, name: str, is_enabled: bool) -> None:
        async with self._turn:
            await self._enable(name, is_enabled)
        self._encoders.start()

    async def _save(self) -> None:
        try:
            await self._configuration.save()
        except StateError as error:
            logger.error("%s", error)

    async def _apply(self, done: ReloadPlan, config: Config) -> None:
        """Group by group: what goes has gone before anything else may want its device."""
        for _, steps in itertools.groupby(done.steps, lambda step: step.effect):
            group = list(steps)
            results = await asyncio.gather(*(self._do(step, config) for step in group), return_exceptions=True)
            for step, result in zip(group, results, strict=True):
                if isinstance(result, BaseException):
                    logger.error("%s: failed", step, exc_info=result)
        self._encoders.start()

    def _do(self, step: Step, config: Config) -> Coroutine[Any, Any, None]:
        match step.effect:
            case Effect.REMOVED:
                return self._publisher.remove_track(step.subject)
            case Effect.ENABLED | Effect.DISABLED:
                return self._enable(step.subject, step.effect is Effect.ENABLED)
            case Effect.CHANGED | Effect.RESTARTED | Effect.PUBLISHED_ANEW:
                return self._change(step)
            case Effect.ADDED:
                return self._add(step)
        return self._follow(step.effect, config)

    async def _change(self, step: Step) -> None:
        assert step.track is not None
        if step.mute:
            self._publisher.set_muted(step.subject, True)
        await self._publisher.change_track(self._with_encoder(step.track))
        if step.mute is False:
            self._publisher.set_muted(step.subject, False)

    async def _enable(self, name: str, is_enabled: bool) -> None:
        if is_enabled and not self._publisher.publication(name).is_enabled:
            track = self._configuration.track(name)
            await self._publisher.change_track(self._encoders.with_encoder(track))
        await self._publisher.set_enabled(name, is_enabled)

    def _with_encoder(self, track: TrackConfig) -> TrackConfig:
        """Nothing is tried for a track that does not run."""
        return self._encoders.with_encoder(track) if track.enabled else track

    async def _add(self, step: Step) -> None:
        assert step.track is not None
        kept, name = self._configuration.kept, step.subject
        track = self._with_encoder(step.track)
        self._publisher.add_track(track, limits=kept.limits.get(name), controls=kept.controls.get(name))

    async def _follow(self, effect: Effect, config: Config) -> None:
        match effect:
            case Effect.SHOWN:
                self._publisher.show(config.livekit, self._tokens(config.livekit))
            case Effect.JOINED_ANEW:
                self._publisher.use(config.livekit, self._tokens(config.livekit))
            case Effect.LOG_LEVEL:
                logging.getLogger(ROOT).setLevel(LEVELS[config.log_level])
                self._publisher.follow_log_levels()
            case Effect.PLUGINS:
                self._plugins.configure(config.plugins)
