"""Broken plugins: each becomes a record with status and reason, and disturbs nobody.

And the suite on itself: every test of PluginContract fails on a plugin that breaks it.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from lkedge.plugin.api import DeviceInfo, EncoderRegistration, ProcessorRegistration, SourceRegistration, option
from lkedge.plugin.discovery import FoundPlugin
from lkedge.plugin.hookspecs import EncoderRequest, StartupContext, hookimpl
from lkedge.plugin.manager import PluginManager, PluginRecord, PluginStatus
from lkedge.terms import Codec, TrackKind
from lkedge.testing.plugin_contract import PluginContract

VIDEO = frozenset({TrackKind.VIDEO})

PREAMBLE = """
import dataclasses
from lkedge.plugin.api import *
from lkedge.plugin.api import option
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import Codec, TrackKind
VIDEO = frozenset({TrackKind.VIDEO})
make = lambda *a: None
"""

BROKEN = {
    "raises at import": ("raise RuntimeError('no GPU here')", PluginStatus.IMPORT_ERROR, "RuntimeError: no GPU here"),
    "exits at import": ("import sys; sys.exit(3)", PluginStatus.IMPORT_ERROR, "SystemExit: 3"),
    "needs a missing module": ("import no_such_module", PluginStatus.IMPORT_ERROR, "No module named 'no_such_module'"),
    "is no Python": ("def (", PluginStatus.IMPORT_ERROR, "SyntaxError"),
    "wrong hook argument": (
        "@hookimpl\ndef lkedge_register_sources(registre): pass",
        PluginStatus.CONTRACT_ERROR,
        "lkedge_register_sources asks for registre; it can have register",
    ),
    "misspelt hook": (
        "@hookimpl\ndef lkedge_register_source(register): pass",
        PluginStatus.CONTRACT_ERROR,
        "there is no hook lkedge_register_source; did you mean lkedge_register_sources?",
    ),
    "async hook": (
        "@hookimpl\nasync def lkedge_startup(context): pass",
        PluginStatus.CONTRACT_ERROR,
        "lkedge_startup is async; hooks are plain functions",
    ),
    "no hook at all": ("x = 1", PluginStatus.CONTRACT_ERROR, "no hook is implemented"),
    "raises while registering": (
        "@hookimpl\ndef lkedge_register_sources(register): raise KeyError('boom')",
        PluginStatus.CONTRACT_ERROR,
        "KeyError: 'boom'",
    ),
    "registers something else": (
        "@hookimpl\ndef lkedge_register_sources(register): register('cam')",
        PluginStatus.CONTRACT_ERROR,
        "must register a SourceRegistration, not str",
    ),
    "a name that is taken": (
        "@hookimpl\ndef lkedge_register_sources(register):\n"
        "    register(SourceRegistration('other', VIDEO, 's', video=make))\n"
        "    register(SourceRegistration('tone', VIDEO, 's', video=make))",
        PluginStatus.CONTRACT_ERROR,
        "the source 'tone' of plugin 'broken' is already offered by plugin 'builtin'",
    ),
    "a name that is a setting": (
        "@hookimpl\ndef lkedge_register_sources(register):\n"
        "    register(SourceRegistration('capture', VIDEO, 's', video=make))",
        PluginStatus.CONTRACT_ERROR,
        "a source may not be named 'capture'",
    ),
    "a name with blanks": (
        "@hookimpl\ndef lkedge_register_sources(register):\n"
        "    register(SourceRegistration('My Cam', VIDEO, 's', video=make))",
        PluginStatus.CONTRACT_ERROR,
        "'My Cam' is no name for a source",
    ),
    "no factory": (
        "@hookimpl\ndef lkedge_register_sources(register): register(SourceRegistration('cam', VIDEO, 's'))",
        PluginStatus.CONTRACT_ERROR,
        "the source 'cam' says it does video, but has no video factory",
    ),
    "no kind": (
        "@hookimpl\ndef lkedge_register_sources(register): register(SourceRegistration('cam', frozenset(), 's'))",
        PluginStatus.CONTRACT_ERROR,
        "names no kind",
    ),
    "options that are no dataclass": (
        "@hookimpl\ndef lkedge_register_sources(register):\n"
        "    register(SourceRegistration('cam', VIDEO, 's', video=make, options=dict))",
        PluginStatus.CONTRACT_ERROR,
        "must be a frozen dataclass",
    ),
    "an option without help": (
        "@dataclasses.dataclass(frozen=True)\nclass O:\n    device: str = ''\n"
        "@hookimpl\ndef lkedge_register_sources(register):\n"
        "    register(SourceRegistration('cam', VIDEO, 's', video=make, options=O))",
        PluginStatus.CONTRACT_ERROR,
        "the option cam.device has no help",
    ),
    "a processor without factory": (
        "@hookimpl\ndef lkedge_register_processors(register): register(ProcessorRegistration('p', 's', None))",
        PluginStatus.CONTRACT_ERROR,
        "the processor 'p' has no factory",
    ),
    "settings without help": (
        "@dataclasses.dataclass(frozen=True)\nclass O: pin: int = 1\n"
        "@hookimpl\ndef lkedge_register_settings(register): register(O)",
        PluginStatus.CONTRACT_ERROR,
        "the option broken.pin has no help",
    ),
    "settings twice": (
        "@dataclasses.dataclass(frozen=True)\nclass O: pin: int = option(1, help='h')\n"
        "@hookimpl\ndef lkedge_register_settings(register): register(O), register(O)",
        PluginStatus.CONTRACT_ERROR,
        "the settings table 'broken' of plugin 'broken' is already offered",
    ),
    "settings that are no dataclass": (
        "@hookimpl\ndef lkedge_register_settings(register): register({'pin': 1})",
        PluginStatus.CONTRACT_ERROR,
        "the options of plugin 'broken' must be a frozen dataclass",
    ),
    "an encoder without factory": (
        "@hookimpl\ndef lkedge_register_encoders(register): register(EncoderRegistration('e', Codec.VP8, 's'))",
        PluginStatus.CONTRACT_ERROR,
        "the encoder 'e' says it does video, but has no video factory",
    ),
}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FoundPlugin]]:
    """Writes a package with a plugin module and gives its entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)

    def make(text: str, name: str = "broken") -> FoundPlugin:
        package = tmp_path / f"pkg_{name}"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "plugin.py").write_text(PREAMBLE + textwrap.dedent(text) + "\n")
        return FoundPlugin(name, f"pkg_{name}.plugin", f"lkedge-{name}", "1.0")

    yield make
    for added in set(sys.modules) - known:
        if added.startswith("pkg_"):
            del sys.modules[added]


def record_of(manager: PluginManager, name: str) -> PluginRecord:
    return next(record for record in manager.records if record.name == name)


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_named_and_set_aside(case: str, module: Callable[..., FoundPlugin]) -> None:
    text, status, words = BROKEN[case]
    good = module("@hookimpl\ndef lkedge_startup(): pass", "good")
    manager = PluginManager(find=lambda: [module(text), good])

    record = record_of(manager, "broken")
    assert (record.status, words in record.reason) == (status, True), record
    assert (record.distribution, record.sources, record.encoders) == ("lkedge-broken", (), ())
    assert set(manager.registry.sources) == {"testsrc", "tone", "file"}
    assert set(manager.registry.encoders) == {"vp8", "x264", "opus"}
    assert record_of(manager, "good").status is PluginStatus.READY
    assert manager.targets == ("pkg_good.plugin",)


def test_two_distributions_with_one_plugin_name(module: Callable[..., FoundPlugin]) -> None:
    first = module("@hookimpl\ndef lkedge_startup(): pass", "cam")
    second = FoundPlugin("cam", "elsewhere.plugin", "lkedge-cam-fork", "2.0")
    manager = PluginManager(find=lambda: [first, second])

    duplicate = manager.records[-1]
    assert duplicate.status is PluginStatus.DUPLICATE_NAME
    assert "lkedge-cam-fork" in duplicate.reason
    assert "taken by lkedge-cam;" in duplicate.reason


def test_a_class_instead_of_an_instance() -> None:
    manager = PluginManager(load_entry_points=False)
    manager.add("cls", Notified)

    assert "names the class Notified" in record_of(manager, "cls").reason


class Notified:
    """Records what it is told; raises when `failing`."""

    def __init__(self, *, failing: bool = False) -> None:
        self.heard: list[object] = []
        self.failing = failing

    @hookimpl
    def lkedge_startup(self, context: StartupContext) -> None:
        self._hear(context.version)

    @hookimpl
    def lkedge_shutdown(self) -> None:
        self._hear("shutdown")

    @hookimpl
    def lkedge_track_changed(self, track: str, state: str) -> None:
        self._hear((track, state))

    @hookimpl
    def lkedge_capture_changed(self, captures: bool) -> None:
        self._hear(captures)

    @hookimpl
    def lkedge_layers_changed(self, plan: object) -> None:
        self._hear(plan)

    def _hear(self, what: object) -> None:
        self.heard.append(what)
        if self.failing:
            raise RuntimeError("boom")


@pytest.fixture
def manager() -> PluginManager:
    return PluginManager(load_entry_points=False)


class TestNotifications:
    @pytest.mark.parametrize(
        ("hook", "arguments", "heard"),
        [
            ("lkedge_startup", {"context": StartupContext("1")}, "1"),
            ("lkedge_shutdown", {}, "shutdown"),
            ("lkedge_track_changed", {"track": "a", "state": "muted"}, ("a", "muted")),
            ("lkedge_capture_changed", {"track": "a", "captures": True}, True),
            ("lkedge_layers_changed", {"track": "a", "plan": "plan"}, "plan"),
        ],
    )
    def test_reach_every_plugin_although_one_raises(
        self, manager: PluginManager, hook: str, arguments: dict[str, object], heard: object
    ) -> None:
        first, failing, last = Notified(), Notified(failing=True), Notified()
        for name, plugin in (("first", first), ("failing", failing), ("last", last)):
            manager.add(name, plugin)

        manager.notify(hook, **arguments)

        assert first.heard == failing.heard == last.heard == [heard]
        assert record_of(manager, "failing").reason == f"{hook}: RuntimeError: boom"
        assert record_of(manager, "first").reason == ""

    def test_the_third_failure_within_a_minute_stops_a_plugin(self, manager: PluginManager) -> None:
        failing = Notified(failing=True)
        manager.add("failing", failing)

        for _ in range(5):
            manager.notify("lkedge_shutdown")

        assert len(failing.heard) == 3
        assert record_of(manager, "failing").status is PluginStatus.STOPPED


class Clock:
    def __init__(self) -> None:
        self.now_ns = 0

    def monotonic_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return 0


def test_rare_failures_do_not_stop_a_plugin() -> None:
    clock = Clock()
    manager = PluginManager(load_entry_points=False, clock=clock)
    failing = Notified(failing=True)
    manager.add("failing", failing)
    for _ in range(5):
        manager.notify("lkedge_shutdown")
        clock.now_ns += 61 * 10**9

    assert len(failing.heard) == 5
    assert record_of(manager, "failing").status is PluginStatus.READY


class Chooser:
    def __init__(self, answer: str | None) -> None:
        self.answer = answer

    @hookimpl
    def lkedge_register_encoders(self, register: Callable[[EncoderRegistration], None]) -> None:
        name = f"hw-{self.answer or 'none'}"
        register(EncoderRegistration(name, Codec.VP8, "fast", rank=200, video=lambda settings: None))  # type: ignore[arg-type,return-value]

    @hookimpl
    def lkedge_choose_encoder(self, candidates: tuple[EncoderRegistration, ...]) -> str | None:
        if self.answer == "raise":
            raise RuntimeError("boom")
        return self.answer


@pytest.mark.parametrize(
    ("answer", "chosen"), [(None, "hw-none"), ("vp8", "vp8"), ("unknown", "hw-unknown"), ("raise", "hw-raise")]
)
def test_choose_encoder_takes_an_opinion_else_the_highest_rank(
    manager: PluginManager, answer: str | None, chosen: str
) -> None:
    manager.add("chooser", Chooser(answer))

    assert manager.choose_encoder(EncoderRequest("t", Codec.VP8)).name == chosen


CAMERA = DeviceInfo("good", "Cam", TrackKind.VIDEO, "[[track]]")


class Prober:
    def __init__(self, answer: list[DeviceInfo] | None) -> None:
        self.answer = answer

    @hookimpl
    def lkedge_probe(self, kind: TrackKind | None) -> list[DeviceInfo] | None:
        return self.answer if kind is not TrackKind.AUDIO else []


def test_plugins_list_their_devices(manager: PluginManager) -> None:
    manager.add("good", Prober([CAMERA]))
    manager.add("none", Prober(None))

    assert {"good", "none"} <= set(manager.probing)
    assert [manager.probe_plugin(name, TrackKind.VIDEO) for name in ("good", "none")] == [[CAMERA], []]
    assert manager.probe_plugin("good", TrackKind.AUDIO) == []


class Registering:
    @hookimpl
    def lkedge_register_sources(self, register: Callable[[SourceRegistration], None]) -> None:
        register(SourceRegistration("cam", VIDEO, "a camera", video=lambda capture, options: None))  # type: ignore[arg-type,return-value]


def test_a_plugin_registers_a_source(manager: PluginManager) -> None:
    manager.add("cam", Registering(), "lkedge-cam", "1.2")

    assert record_of(manager, "cam") == PluginRecord("cam", "lkedge-cam", "1.2", PluginStatus.READY, sources=("cam",))
    assert manager.registry.plugin_of_source("cam") == "cam"


class Processing:
    def __init__(self, name: str, rank: int) -> None:
        self.registration = ProcessorRegistration(name, "clean sound", lambda settings: None, rank)  # type: ignore[arg-type,return-value]

    @hookimpl
    def lkedge_register_processors(self, register: Callable[[ProcessorRegistration], None]) -> None:
        register(self.registration)


def test_plugins_register_audio_processors(manager: PluginManager) -> None:
    manager.add("plain", Processing("plain", 100))
    manager.add("better", Processing("better", 200))
    manager.add("again", Processing("plain", 300))

    assert list(manager.registry.processors) == ["better", "plain"]
    assert record_of(manager, "plain").processors == ("plain",)
    assert "the processor 'plain' of plugin 'again' is already offered by plugin 'plain'" in manager.records[-1].reason


class TestBuiltinPlugin(PluginContract):
    name = "builtin"
    target = "lkedge.builtin.plugin"
    heavy_modules = ("av", "numpy", "pydantic", "asyncio", "lkedge.builtin.testsrc", "lkedge.builtin.vp8")

    def installed(self) -> list[FoundPlugin]:
        return [FoundPlugin(record.name, record.target, "", "") for record in PluginManager(False).records]

    def files(self) -> Iterator[Path]:
        # The built-in plugin is part of lkedge; test_architecture.py keeps its imports.
        return iter(())


@dataclass
class Thawed:
    device: str = option("", help="path")


@dataclass(frozen=True)
class WrongDefault:
    rate: int = option(3, help="rate", ge=10)


@dataclass(frozen=True)
class StrangeType:
    rate: complex = option(3j, help="rate")


class WithOptions:
    def __init__(self, options: type) -> None:
        self.options = options

    @hookimpl
    def lkedge_register_sources(self, register: Callable[[SourceRegistration], None]) -> None:
        register(SourceRegistration("cam", VIDEO, "s", video=lambda c, o: None, options=self.options))  # type: ignore[arg-type,return-value]


def contract_of(found: FoundPlugin) -> PluginContract:
    class Broken(PluginContract):
        name = found.name
        target = found.target
        heavy_modules = ("wave",)

    return Broken()


BREAKING = [
    ("test_it_is_found_by_its_entry_point", "@hookimpl\ndef lkedge_startup(): pass"),
    ("test_it_loads_and_offers_something", "raise RuntimeError"),
    ("test_it_loads_and_offers_something", "@hookimpl\ndef lkedge_startup(): pass"),
    ("test_loading_it_imports_no_heavy_module", "import wave"),
    ("test_it_imports_only_what_lkedge_makes_public", "import lkedge.config.loader"),
]


@pytest.mark.parametrize(("test", "text"), BREAKING)
def test_the_contract_fails_on_a_broken_plugin(test: str, text: str, module: Callable[..., FoundPlugin]) -> None:
    contract = contract_of(module(text))
    with pytest.raises(AssertionError):
        getattr(contract, test)()


@pytest.mark.parametrize(
    ("test", "options"),
    [
        ("test_options_are_frozen", Thawed),
        ("test_every_default_is_allowed", WrongDefault),
        ("test_every_option_is_of_a_known_type_and_has_help", StrangeType),
    ],
)
def test_the_contract_fails_on_broken_options(test: str, options: type, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = ModuleType("pkg_options")
    broken.plugin = WithOptions(options)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pkg_options", broken)
    with pytest.raises(AssertionError):
        getattr(contract_of(FoundPlugin("cam", "pkg_options:plugin", "", "")), test)()
