"""What control does to a running daemon in a room, and what of it survives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lkedge.control.errors import ControlError
from lkedge.control.target import ControlChanged, Notice
from lkedge.errors import ConfigError, NoSuchTrack, StateError
from lkedge.media.layers import NO_RID
from lkedge.publish.layer_controller import LayerLimit
from lkedge.publish.permissions import ParticipantPermission, Permissions
from lkedge.publish.state import TrackState
from lkedge.terms import BitsPerSecond, Rid, TrackSource
from lkedge.testing.sfu import LoopbackSfu
from tests.integration.changing_daemon import FRONT, HDMI, MIC, Changing, begun, changing, is_continuous
from tests.integration.daemon_in_room import QUICK

H = Rid("h")
LOW = LayerLimit(max_bitrate=BitsPerSecond(100_000))


def said(run: Changing) -> list[dict[str, Any]]:
    """The permissions that the present participant sent, oldest first; tracks by name."""
    participant = run.sfu.participant()
    names = {track.sid: track.name for track in participant.tracks.values()}
    return [
        {
            "all": request.subscription_permission.all_participants,
            **{
                one.participant_identity: one.all_tracks or sorted(names.get(sid, "gone") for sid in one.track_sids)
                for one in request.subscription_permission.track_permissions
            },
        }
        for request in participant.requests
        if request.HasField("subscription_permission")
    ]


async def test_disabled_and_enabled_again(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT + MIC) as run:
        front, mic = await run.published("front", "h"), await run.published("mic")
        run.target.set_layer("front", H, LOW, False)
        await run.target.set_enabled("front", False, False)
        status = run.status("front")
        assert (status.state, status.sid, status.captures, status.layers) == (TrackState.DISABLED, "", False, ())
        await run.until(lambda: [track.name for track in run.sfu.tracks()] == ["mic"])
        run.target.set_muted("mic", True, False)
        await run.target.set_enabled("front", True, False)
        again = await run.published("front", "h")
        assert again.sid != front.sid
        assert run.layer("front", "h").bitrate == 100_000
        assert is_continuous(mic.stream())
        assert not run.sfu.violations


async def test_all_tracks_of_a_kind(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT + HDMI + MIC) as run:
        await run.published("mic")
        assert await run.target.set_kind_enabled(TrackSource.CAMERA, False, False) == ["front", "hdmi"]
        assert await run.target.set_kind_enabled(TrackSource.CAMERA, False, False) == []
        await run.until(lambda: [track.name for track in run.sfu.tracks()] == ["mic"])
        await run.target.set_kind_enabled(TrackSource.CAMERA, True, False)
        await run.published("hdmi")
        await run.published("front", "h")


async def test_disabled_from_the_start_is_listed_and_can_be_enabled(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT + "enabled = false\n") as run:
        assert run.status("front").state is TrackState.DISABLED
        await run.target.change_track("front", {"publish": {"simulcast": False}}, False)
        await run.target.set_enabled("front", True, False)
        await run.published("front")
        assert [layer.rid for layer in run.status("front").layers] == [""]


async def test_disabled_and_enabled_in_a_hurry(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT) as run:
        front = await run.published("front", "h")
        for _ in range(3):
            await run.target.set_enabled("front", False, False)
            await run.target.set_enabled("front", True, False)
        await run.until(lambda: run.status("front").sid not in ("", front.sid))
        await run.published("front", "h")
        assert not run.sfu.violations


async def test_added_changed_and_removed(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT) as run:
        front = await run.published("front", "h")
        settings = {"name": "talk", "source": "tone", "isolation": "thread"}
        assert await run.target.add_track(settings, False) == "talk"
        talk = await run.published("talk")
        plan = await run.target.change_track("talk", {"publish": {"audio_bitrate": 24_000}}, False)
        assert plan.summary == "talk: bitrate 48 -> 24 kbit/s; 1 unchanged"
        await run.more_frames(talk, "")
        assert (run.status("talk").layers[0].bitrate, run.status("talk").sid) == (24_000, talk.sid)
        await run.target.remove_track("talk", False)
        await run.until(lambda: [track.name for track in run.sfu.tracks()] == ["front"])
        assert is_continuous(front.stream("h"))


async def test_refusals_change_nothing(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT) as run:
        await run.published("front", "h")
        with pytest.raises(ControlError, match="exists already"):
            await run.target.add_track({"name": "front", "source": "tone"}, False)
        with pytest.raises(ConfigError, match='source = "tonee": there is no such source'):
            await run.target.add_track({"name": "talk", "source": "tonee"}, False)
        with pytest.raises(ConfigError, match=r"publish\.dynacast"):
            await run.target.change_track("front", {"publish": {"dynacast": 1}}, True)
        with pytest.raises(NoSuchTrack):
            await run.target.remove_track("side", False)
        with pytest.raises(NoSuchTrack):
            run.target.set_muted("side", True, True)
        with pytest.raises(NoSuchTrack):
            await run.target.set_permissions(Permissions(False, (ParticipantPermission("a", tracks=("side",)),)), False)
        with pytest.raises(ConfigError, match="no layer 'f'"):
            run.target.set_layer("front", Rid("f"), LOW, False)
        assert [track.name for track in run.daemon.status().tracks] == ["front"]
        assert not (tmp_path / "state" / "changes.json").exists()


async def test_mute_at_run_time_outlives_a_reload_that_says_nothing_of_it(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT + MIC) as run:
        await run.published("mic")
        run.target.set_muted("mic", True, False)
        run.write(FRONT + MIC + "publish = { audio_bitrate = 24_000 }\n")
        await run.daemon.reload()
        assert run.status("mic").muted
        run.write(FRONT + MIC + "muted = true\n")
        await run.daemon.reload()
        run.write(FRONT + MIC)
        await run.daemon.reload()
        assert not run.status("mic").muted


async def test_mute_at_run_time_is_not_undone_by_another_change(tmp_path: Path) -> None:
    async with changing(tmp_path, MIC) as run:
        await run.published("mic")
        run.target.set_muted("mic", False, True)
        run.target.set_muted("mic", True, False)
        await run.target.change_track("mic", {"publish": {"audio_bitrate": 24_000}}, False)
        await run.target.change_track("mic", {"publish": {"fec": False}}, True)
        assert run.status("mic").muted
        await run.target.change_track("mic", {"muted": False}, False)
        assert not run.status("mic").muted


async def test_limits_stay_through_another_join(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT) as run:
        await run.published("front", "h")
        run.target.set_layer("front", H, LOW, False)
        run.sfu.dismiss(run.sfu.participant(), "reconnect", "STATE_MISMATCH")
        await run.sfu.until(lambda: run.sfu.joins == 2)
        await run.published("front", "h")
        assert run.layer("front", "h").bitrate == 100_000


async def test_reconnect_joins_anew_at_once(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT) as run:
        front = await run.published("front", "h")
        run.target.reconnect()
        await run.sfu.until(lambda: run.sfu.joins == 2)
        again = await run.published("front", "h")
        assert again.sid != front.sid
        assert run.status("front").restarts == 0


async def test_permissions_are_said_by_sid_and_again_after_every_join(tmp_path: Path) -> None:
    only = Permissions(False, (ParticipantPermission("ann", True), ParticipantPermission("bob", tracks=("front",))))
    async with changing(tmp_path, FRONT + MIC) as run:
        await run.published("front", "h")
        assert said(run) == []
        await run.target.set_permissions(only, False)
        await run.until(lambda: said(run)[-1:] == [{"all": False, "ann": True, "bob": ["front"]}])
        run.sfu.dismiss(run.sfu.participant(), "reconnect", "STATE_MISMATCH")
        await run.sfu.until(lambda: run.sfu.joins == 2)
        await run.published("front", "h")
        assert said(run)[0] == {"all": False, "ann": True, "bob": []}
        await run.until(lambda: said(run)[-1] == {"all": False, "ann": True, "bob": ["front"]})
        await run.target.set_enabled("front", False, False)
        await run.target.set_enabled("front", True, False)
        await run.published("front", "h")
        last = run.sfu.participant().requests
        sids = [list(one.subscription_permission.track_permissions[1].track_sids) for one in last
                if one.HasField("subscription_permission")]  # fmt: skip
        assert sids[-1] == [run.status("front").sid]
        await run.target.set_permissions(Permissions(), False)
        await run.until(lambda: said(run)[-1] == {"all": True})


async def test_permissions_are_said_again_after_a_resume(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT) as run:
        await run.published("front", "h")
        await run.target.set_permissions(Permissions(False), False)
        await run.until(lambda: said(run) == [{"all": False}])
        run.sfu.drop_socket(run.sfu.participant())
        await run.until(lambda: run.daemon.status().connection.resumes == 1)
        await run.until(lambda: said(run) == [{"all": False}, {"all": False}])


async def test_what_is_kept_survives_a_restart_of_the_daemon(tmp_path: Path) -> None:
    only = Permissions(False, (ParticipantPermission("bob", tracks=("front",)),))
    async with LoopbackSfu(QUICK) as sfu:
        async with begun(tmp_path, sfu, FRONT + MIC + HDMI) as run:
            await run.published("front", "h")
            await run.published("hdmi")
            await run.until(lambda: run.target.controls("hdmi"))
            run.target.set_muted("mic", True, True)
            run.target.set_layer("front", H, LOW, True)
            await run.target.set_control("hdmi", "gain", 4, True)
            await run.target.set_enabled("hdmi", False, True)
            await run.target.add_track({"name": "talk", "source": "tone", "isolation": "thread"}, True)
            await run.target.set_permissions(only, True)
            run.target.set_layer("talk", NO_RID, LayerLimit(False), False)
        async with begun(tmp_path, sfu, FRONT + MIC + HDMI) as run:
            await run.published("front", "h")
            assert run.layer("front", "h").bitrate == 100_000
            assert run.status("mic").muted
            assert run.status("hdmi").state is TrackState.DISABLED
            assert run.target.permissions() == only
            await run.published("talk")
            await run.target.set_enabled("hdmi", True, False)
            await run.published("hdmi")
            await run.until(lambda: run.target.controls("hdmi"))
            assert {one.name: one.value for one in run.target.controls("hdmi")}["gain"] == 4.0
            assert (await run.daemon.reload()).summary == "nothing is different; 4 unchanged"


async def test_what_cannot_be_kept_is_not_done(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    async with changing(tmp_path, FRONT) as run:
        with pytest.raises(StateError, match="state"):
            run.target.set_muted("front", True, True)
        with pytest.raises(StateError, match="state"):
            await run.target.remove_track("front", True)
        assert not run.status("front").muted


async def test_a_broken_file_of_kept_changes_costs_only_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").mkdir()
    kept = tmp_path / "state" / "changes.json"
    kept.write_text(json.dumps({"version": 1, "tracks": {"front": 5}}))
    async with changing(tmp_path, FRONT) as run:
        await run.published("front", "h")
        assert f"{kept} makes no sense" in caplog.text
        run.target.set_muted("front", True, True)
    assert json.loads(kept.read_text())["tracks"] == {"front": {"settings": {"muted": True}}}


async def test_a_changed_control_is_a_notice(tmp_path: Path) -> None:
    async with changing(tmp_path, HDMI) as run:
        await run.until(lambda: run.target.controls("hdmi"))
        notices: list[Notice] = []
        run.target.add_listener(notices.append)
        await run.target.set_control("hdmi", "brightness", 7, False)
        await run.until(lambda: any(isinstance(one, ControlChanged) for one in notices))
        changed = [one for one in notices if isinstance(one, ControlChanged)]
        assert [(one.track, one.control.name, one.control.value) for one in changed] == [("hdmi", "brightness", 7)]
        run.target.remove_listener(notices.append)
