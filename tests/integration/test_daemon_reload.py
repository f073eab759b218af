"""A reload in a room: what is unchanged is not touched, what is changed changes, what is wrong is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkedge.control.target import Notice, Reloaded
from lkedge.errors import ConfigError
from lkedge.publish.state import ConnectionState, TrackState
from tests.integration.changing_daemon import FRONT, HDMI, MIC, changing, is_continuous

LOWER = "publish = { video_encoding = { max_bitrate = 300_000, max_framerate = 15 } }\n"


async def test_what_is_unchanged_loses_no_packet(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT + MIC) as run:
        front, mic = await run.published("front", "h"), await run.published("mic")
        await run.settled(front, "q", "h")
        run.write(FRONT + HDMI)
        plan = await run.daemon.reload()
        assert plan.summary == "mic: removed; hdmi: added; 1 unchanged"
        await run.published("hdmi")
        await run.until(lambda: {track.name for track in run.sfu.tracks()} == {"front", "hdmi"})
        run.write(FRONT + MIC)
        await run.daemon.reload()
        again = await run.published("mic")
        await run.more_frames(front, "h")
        assert again.sid != mic.sid
        assert run.status("front").sid == front.sid
        assert all(is_continuous(front.stream(rid)) for rid in ("q", "h"))
        assert [front.stream(rid).key_frames for rid in ("q", "h")] == [2, 2]
        assert not run.sfu.violations


async def test_bitrate_and_frame_rate_change_without_a_key_frame(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT) as run:
        front = await run.published("front", "h")
        await run.settled(front, "q", "h")
        pid, restarts = run.status("front").worker_pid, run.status("front").restarts
        run.write(FRONT + LOWER)
        plan = await run.daemon.reload()
        assert (
            plan.summary == "front: frame rate of q 20 -> 15, bitrate of h 450 -> 300 kbit/s, frame rate of h 30 -> 15"
        )
        await run.more_frames(front, "h", 20)
        assert (run.layer("front", "h").bitrate, run.layer("front", "h").framerate) == (300_000, 15.0)
        assert [front.stream(rid).key_frames for rid in ("q", "h")] == [2, 2]
        assert (run.status("front").worker_pid, run.status("front").restarts) == (pid, restarts)
        assert all(is_continuous(front.stream(rid)) for rid in ("q", "h"))
        assert not run.sfu.violations


async def test_a_bad_file_is_refused_with_all_its_errors_and_nothing_changes(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT + MIC) as run:
        front = await run.published("front", "h")
        notices: list[Notice] = []
        run.target.add_listener(notices.append)
        run.write(FRONT.replace("testsrc", "testsrcc") + MIC + "mutedd = true\n" + HDMI)
        with pytest.raises(ConfigError) as caught:
            await run.daemon.reload()
        assert [problem.partition(": ")[2][:12] for problem in caught.value.problems] == [
            'track "front',
            'track "mic",',
        ]
        assert [notice.problems for notice in notices if isinstance(notice, Reloaded)] == [caught.value.problems]
        await run.more_frames(front, "h")
        assert {track.name for track in run.daemon.status().tracks} == {"front", "mic"}
        assert is_continuous(front.stream("h"))
        run.write(FRONT + MIC)
        assert (await run.daemon.reload()).summary == "nothing is different; 2 unchanged"


async def test_another_size_keeps_the_sid_and_the_server_is_told(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT) as run:
        front = await run.published("front", "h")
        run.write(FRONT.replace("width = 640, height = 360", "width = 800, height = 450"))
        plan = await run.daemon.reload()
        assert plan.summary.startswith("front: restarted (capture 640x360 -> 800x450")
        await run.until(lambda: run.status("front").layers and run.layer("front", "h").width == 800)
        await run.more_frames(front, "h")
        assert run.status("front").sid == front.sid
        assert is_continuous(front.stream("h"))
        told = [r.update_video_track for r in run.sfu.participant().requests if r.HasField("update_video_track")]
        assert [(one.track_sid, one.width, one.height) for one in told] == [(front.sid, 800, 450)]
        assert not run.sfu.violations


@pytest.mark.parametrize(
    ("change", "rids"),
    [
        ('publish = { video_codec = "h264" }', ["q", "h"]),
        ("publish = { simulcast = false }", [""]),
        ('publish = { stream = "other" }', ["q", "h"]),
    ],
)
async def test_what_the_server_has_to_be_told_anew(tmp_path: Path, change: str, rids: list[str]) -> None:
    async with changing(tmp_path, FRONT + MIC) as run:
        front, mic = await run.published("front", "h"), await run.published("mic")
        run.write(FRONT + change + "\n" + MIC)
        assert "front: published anew" in (await run.daemon.reload()).summary
        await run.until(lambda: run.status("front").sid not in ("", front.sid))
        again = await run.published("front", rids[-1])
        assert sorted(layer.rid for layer in run.status("front").layers) == sorted(rids)
        assert {track.name for track in run.sfu.tracks()} == {"front", "mic"}
        assert again.codec == run.status("front").codec
        assert is_continuous(mic.stream())
        assert not run.sfu.violations


async def test_another_source_goes_on_in_the_same_track(tmp_path: Path) -> None:
    async with changing(tmp_path, HDMI) as run:
        hdmi = await run.published("hdmi")
        run.write(HDMI.replace('"controlled"', '"pattern"'))
        assert (await run.daemon.reload()).summary == "hdmi: restarted (source controlled -> pattern)"
        await run.more_frames(hdmi)
        assert (run.status("hdmi").source, run.status("hdmi").sid) == ("pattern", hdmi.sid)
        assert is_continuous(hdmi.stream())


async def test_a_source_that_cannot_be_opened_is_said_and_the_way_back_is_open(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT) as run:
        front = await run.published("front", "h")
        (tmp_path / "none.mp4").write_bytes(b"no film")
        clip = 'file = { path = "none.mp4" }\npublish_as = "camera"\n'
        run.write(FRONT.replace('"testsrc"', '"file"') + clip)
        await run.daemon.reload()
        await run.until(lambda: run.status("front").state is TrackState.FAILED)
        run.write(FRONT)
        await run.daemon.reload()
        await run.until(lambda: run.status("front").state is TrackState.PUBLISHED)
        await run.more_frames(front, "h")
        assert run.status("front").sid == front.sid


async def test_a_track_of_another_kind_takes_the_place(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT) as run:
        await run.published("front", "h")
        run.write(MIC.replace("mic", "front"))
        assert (await run.daemon.reload()).summary.startswith("front: published anew")
        await run.published("front")
        assert [track.is_video for track in run.sfu.tracks()] == [False]


async def test_names_are_shown_without_leaving_the_room(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT, 'name = "old"\nattributes = { a = "1", b = "2" }') as run:
        front = await run.published("front", "h")
        run.write(FRONT, 'name = "new"\nattributes = { b = "3" }')
        await run.daemon.reload()
        await run.sfu.until(lambda: run.sfu.participant().name == "new")
        assert run.sfu.participant().attributes == {"b": "3"}
        assert run.sfu.joins == 1
        assert is_continuous(front.stream("h"))


async def test_other_credentials_mean_another_join_with_the_same_workers(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT) as run:
        await run.published("front", "h")
        (tmp_path / "other").write_text(run.sfu.token(identity="other-box"))
        text = run.path.read_text()
        run.path.write_text(text.replace('token_file = "token"', 'token_file = "other"'))
        assert (await run.daemon.reload()).summary == "room: joined anew (other credentials); 1 unchanged"
        await run.until(lambda: run.daemon.status().connection.identity == "other-box")
        await run.published("front", "h")
        assert run.daemon.status().connection.joins == 2
        assert run.status("front").restarts == 0


async def test_a_server_that_does_not_answer_is_left_for_another_at_once(tmp_path: Path) -> None:
    async with changing(tmp_path, FRONT) as run:
        await run.published("front", "h")
        text = run.path.read_text()
        run.path.write_text(text.replace(run.sfu.url, "ws://127.0.0.1:9"))
        await run.daemon.reload()
        await run.until(lambda: run.daemon.status().connection.state is ConnectionState.WAITING)
        run.path.write_text(text)
        await run.daemon.reload()
        await run.published("front", "h")


async def test_the_rest_follows(tmp_path: Path) -> None:
    async with changing(tmp_path, MIC) as run:
        run.write(MIC, top='[log]\nlevel = "debug"\n[control]\ndbus = false\n')
        plan = await run.daemon.reload()
        assert [str(step) for step in plan.steps] == [
            "log: level info -> debug", "[control]: restart the daemon to apply it (dbus on -> off)",
        ]  # fmt: skip
        assert run.target.log_levels()[""] == "debug"
        run.target.set_log_level("info", "")
