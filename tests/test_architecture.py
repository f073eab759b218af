"""Every import in lkedge points down the layers, pure modules stay pure, and plugins see only what is public."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
ROOT = TOP / "lkedge"

LAYERS = (
    {"errors", "terms", "viewer", "journal", "interrupts", "datagrams"},
    {"clock", "log"},
    {"media"},
    {"rtp", "config"},
    {"congestion", "plugin"},
    {"worker", "signaling", "rtc", "builtin"},
    {"publish"},
    {"control"},
    {"daemon"},
    {"demo", "doctor"},
    {"cli", "ctl"},
    {"__main__"},
)
"""From the bottom up. Packages of one layer may not import each other."""

LEVEL = {name: level for level, layer in enumerate(LAYERS) for name in layer}

USES_TESTING = {"demo"}
"""`lkedge demo` falls back on the loop-back room of lkedge.testing; nothing else of the daemon may."""

IMPURE = {"asyncio", "threading", "socket", "time", "subprocess", "os", "logging", "random"}
"""What a module marked `# lkedge: pure` may not import."""

ONLY_IN = {
    "aiortc": {"rtc"},
    "aioice": {"rtc"},
    "pylibsrtp": {"rtc"},
    "livekit": {"signaling"},
    "websockets": {"signaling"},
    "pluggy": {"plugin"},
    "pydantic": {"config", "control"},
    "pydantic_core": {"config", "control"},
    "h11": {"control"},
    "dbus_fast": {"control"},
    "av": {"builtin", "worker"},
    "systemd": {"log", "daemon"},
}
"""Which package of lkedge may import a third-party one."""

PUBLIC = {"plugin", "media", "terms", "errors", "testing", "clock"}
"""What a plugin may import of lkedge."""

STARTS_PROCESSES = {"Popen", "run", "create_subprocess_exec", "create_subprocess_shell", "system", "popen"}
OF_PROCESSES = {"subprocess", "asyncio", "os"}

BY_A_PERSON = {"doctor", "demo", "cli"}
"""What only commands do, not the daemon; the service manager says nothing to them."""

MODULES = sorted(path for path in ROOT.rglob("*.py") if "testing" not in path.relative_to(ROOT).parts)
PLUGIN_MODULES = sorted((TOP / "plugins").glob("*/src/**/*.py"))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: absolute imports only"
            yield from _imported_from(node)


def _imported_from(node: ast.ImportFrom) -> Iterator[str]:
    """`from lkedge import log` imports lkedge.log; `from lkedge.log import redact` imports lkedge.log."""
    if node.module == "lkedge":
        yield from (f"lkedge.{alias.name}" for alias in node.names)
    else:
        yield node.module or ""


def faults(path: Path, here: str) -> list[str]:
    """What is wrong with the imports of a module in the package `here`."""
    is_pure = "# lkedge: pure" in path.read_text(encoding="utf-8").splitlines()[:3]
    return [fault for name in imports(path) for fault in _faults_of(name, here, is_pure)]


def _faults_of(name: str, here: str, is_pure: bool) -> Iterator[str]:
    top, *rest = name.split(".")
    if top == "lkedge" and rest and not _may_import(here, rest[0]):
        yield f"{here} may not import {name}"
    if is_pure and top in IMPURE:
        yield f"a pure module imports {name}"
    if top in ONLY_IN and here not in ONLY_IN[top]:
        yield f"only {sorted(ONLY_IN[top])} may import {top}"


def _may_import(here: str, other: str) -> bool:
    if other == "testing":
        return here in USES_TESTING
    is_attribute = other not in LEVEL
    return is_attribute or other == here or LEVEL[other] < LEVEL[here]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    here = path.relative_to(ROOT).with_suffix("").parts[0]
    if here != "__init__":
        assert faults(path, here) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_process_of_the_daemon_inherits_its_environment(path: Path) -> None:
    """In it are secrets, and where to speak for the daemon: `lkedge.worker.launch.worker_environment` has neither."""
    if path.relative_to(ROOT).parts[0] not in BY_A_PERSON:
        assert [ast.unparse(call) for call in inheriting(path.read_text(encoding="utf-8"))] == []


def inheriting(text: str) -> Iterator[ast.Call]:
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    for call in calls:
        if _starts_process(call.func) and not any(
            "worker_environment()" in ast.unparse(word) for word in call.keywords
        ):
            yield call


def _starts_process(function: ast.expr) -> bool:
    owner, _, name = ast.unparse(function).rpartition(".")
    is_loop = (owner, name) == ("asyncio", "run")
    return owner in OF_PROCESSES and name in STARTS_PROCESSES and not is_loop


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("subprocess.run(['a'])", 1),
        ("os.system('a')", 1),
        ("asyncio.create_subprocess_exec('a', env=os.environ)", 1),
        ("subprocess.Popen(['a'], env=worker_environment() | {'A': 'b'})", 0),
        ("asyncio.run(serve())", 0),
    ],
)
def test_an_inherited_environment_is_found(text: str, count: int) -> None:
    assert len(list(inheriting(text))) == count


@pytest.mark.parametrize("path", PLUGIN_MODULES, ids=lambda path: str(path.relative_to(TOP)))
def test_plugins_import_only_what_is_public(path: Path) -> None:
    parts = [name.split(".") for name in imports(path)]
    assert [".".join(part) for part in parts if part[0] == "lkedge" and part[1] not in PUBLIC] == []


def test_every_package_has_a_layer() -> None:
    found = {path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert found - {"testing", "__init__"} <= set(LEVEL)


@pytest.mark.parametrize(
    ("here", "text", "fault"),
    [
        ("rtc", "from lkedge.publish.session import Session", "rtc may not import lkedge.publish.session"),
        ("builtin", "import lkedge.control.http", "builtin may not import lkedge.control.http"),
        ("worker", "from lkedge.rtc import sdp", "worker may not import lkedge.rtc"),
        ("media", "from lkedge import cli", "media may not import lkedge.cli"),
        ("daemon", "from lkedge.testing.clock import FakeClock", "daemon may not import lkedge.testing.clock"),
        ("congestion", "# lkedge: pure\nimport time", "a pure module imports time"),
        ("publish", "import aiortc.rtp", "only ['rtc'] may import aiortc"),
    ],
)
def test_the_rules_catch_what_they_forbid(tmp_path: Path, here: str, text: str, fault: str) -> None:
    module = tmp_path / "module.py"
    module.write_text(text)
    assert faults(module, here) == [fault]
