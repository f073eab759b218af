"""Plugins that hang or crash while they are asked for their devices."""

from __future__ import annotations

import faulthandler
import os
import signal
import threading
from collections.abc import Callable, Sequence

import pytest

from lkedge.errors import PluginError
from lkedge.plugin.api import DeviceInfo
from lkedge.plugin.hookspecs import hookimpl
from lkedge.plugin.manager import PluginManager
from lkedge.terms import TrackKind
from lkedge.worker.probing import LIMIT_S, LIMIT_VARIABLE, probe_apart, usual_limit_s

CAMERA = DeviceInfo("v4l2", "Cam", TrackKind.VIDEO, "[[track]]", {"node": "/dev/video0"})
OTHER = DeviceInfo("v4l2", "Other", TrackKind.VIDEO, "[[track]]", {"node": "/dev/video2"})
MICROPHONE = DeviceInfo("alsa", "Mic", TrackKind.AUDIO, "[[track]]")


def lister(probe: Callable[[TrackKind | None], Sequence[DeviceInfo]]) -> object:
    class Plugin:
        @hookimpl
        def lkedge_probe(self, kind: TrackKind | None) -> Sequence[DeviceInfo]:
            return probe(kind)

    return Plugin()


def manager(**probes: Callable[[TrackKind | None], Sequence[DeviceInfo]]) -> PluginManager:
    plugins = PluginManager(load_entry_points=False)
    for name, probe in probes.items():
        plugins.add(name, lister(probe))
    return plugins


def hang(kind: TrackKind | None) -> list[DeviceInfo]:
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL})
    threading.Event().wait()
    return []


def crash(kind: TrackKind | None) -> list[DeviceInfo]:
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)
    return []


def fail(kind: TrackKind | None) -> list[DeviceInfo]:
    raise ZeroDivisionError("in the driver")


def refuse(kind: TrackKind | None) -> list[DeviceInfo]:
    raise PluginError("the card is locked")


def test_all_that_is_found_comes_back_whole_and_in_order() -> None:
    found, problems = probe_apart(manager(cameras=lambda kind: [CAMERA, OTHER], sound=lambda kind: [MICROPHONE]))

    assert found == [CAMERA, OTHER, MICROPHONE]
    assert problems == []


def test_a_plugin_that_lists_nothing() -> None:
    assert probe_apart(manager(none=lambda kind: None)) == ([], [])  # type: ignore[arg-type,return-value]


def test_the_kind_is_handed_on() -> None:
    found, _ = probe_apart(manager(any=lambda kind: [MICROPHONE] if kind is TrackKind.AUDIO else []), TrackKind.AUDIO)
    assert found == [MICROPHONE]


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (hang, "lkedge_probe: no answer within 1 s; `--timeout` waits longer"),
        (crash, "lkedge_probe: it crashed, its process ended by signal SIGSEGV"),
        (fail, "lkedge_probe: ZeroDivisionError: in the driver"),
        (refuse, "lkedge_probe: the card is locked"),
    ],
)
def test_a_plugin_that_goes_wrong_costs_its_own_devices_only(
    probe: Callable[[TrackKind | None], Sequence[DeviceInfo]], reason: str
) -> None:
    found, problems = probe_apart(manager(bad=probe, cameras=lambda kind: [CAMERA]), limit_s=1)

    assert found == [CAMERA]
    assert [(problem.plugin, problem.reason) for problem in problems] == [("bad", reason)]


def test_many_devices_are_more_than_a_pipe_holds() -> None:
    found, _ = probe_apart(manager(cameras=lambda kind: [CAMERA] * 3_000))
    assert len(found) == 3_000


@pytest.mark.parametrize(("text", "seconds"), [("30", 30.0), ("", LIMIT_S), ("soon", LIMIT_S), ("-1", 0.1)])
def test_the_limit_can_be_set(monkeypatch: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, text)
    assert usual_limit_s() == seconds
