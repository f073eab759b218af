"""The trial in its process: what hangs, crashes or chatters there is a result here."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.worker.trial_launch import TrialProcess, try_encoder
from lkedge.worker.trial_values import TrialLayer, TrialRequest

LAYERS = (TrialLayer(Rid("q"), 160, 90, 30.0, BitsPerSecond(100_000)),)

PLUGIN = """
import os, signal, threading
from lkedge.plugin.api import EncoderRegistration
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import Codec

def hang(settings):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    threading.Event().wait()

def crash(settings):
    os.kill(os.getpid(), signal.SIGSEGV)

def chatter(settings):
    from lkedge.builtin.x264 import X264Encoder
    print("libcodec: hello")
    os.write(1, b"{}" + bytes([10]))
    return X264Encoder(settings)

def confess(settings):
    raise OSError(os.environ["RUNTIME_DIRECTORY"])

@hookimpl
def lkedge_register_encoders(register):
    for name, make in (("hanging", hang), ("crashing", crash), ("chattering", chatter), ("confessing", confess)):
        register(EncoderRegistration(name, Codec.H264, "", video=make))
"""


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trial_plugin.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))


def request(encoder: str) -> TrialRequest:
    return TrialRequest(encoder, Codec.H264, LAYERS, ("trial_plugin",), pictures=4)


def test_a_working_encoder_comes_back_usable() -> None:
    result = try_encoder(request("x264"))

    assert (result.encoder, result.reason) == ("x264", "")
    assert result.ms > 0


def test_what_a_library_prints_does_no_harm() -> None:
    assert try_encoder(request("chattering")).is_usable


def test_a_driver_that_hangs_is_killed_and_named() -> None:
    result = try_encoder(request("hanging"), deadline_s=4)

    assert result.reason.startswith("it hangs while opening it for 160x90")


def test_a_crash_is_a_result() -> None:
    result = try_encoder(request("crashing"))

    assert result.reason == "it crashed while opening it for 160x90 (the trial ended by signal 11)"


def test_it_shares_nothing_with_running_tracks_and_leaves_nothing_behind() -> None:
    folder = Path(try_encoder(request("confessing")).reason.rpartition(" ")[2])

    assert folder.name.startswith("lkedge-trial-")
    assert not folder.exists()


def test_an_unknown_encoder_is_a_result() -> None:
    assert "no plugin offers this encoder" in try_encoder(request("nope")).reason


def test_a_trial_can_be_ended_from_outside() -> None:
    process = TrialProcess(request("hanging"), niceness=1)
    process.kill()

    assert "crashed" in process.result().reason


def test_without_a_process_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr("subprocess.Popen", refuse)

    assert try_encoder(request("x264")).reason == "it cannot be tried: no more processes"
