from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from lkedge_h264_v4l2m2m.board import Board, known_pixel_rate, this_board
from lkedge_h264_v4l2m2m.budget import Budget, Share
from lkedge_h264_v4l2m2m.folders import cache_folder, runtime_folder

from lkedge.errors import EncoderError

PI = 62_700_000
FULL = Share("f", 1920, 1080, 30)
HD = Share("f", 1280, 720, 30)
HALF = Share("h", 640, 360, 30)
QUARTER = Share("q", 320, 180, 30)


def budget(folder: Path, pixel_rate: int = PI) -> Budget:
    return Budget("bcm2835-codec-encode", pixel_rate, folder / "claims")


def test_a_ladder_fits(tmp_path: Path) -> None:
    claims = [budget(tmp_path).claim(share) for share in (HD, HALF, QUARTER)]

    assert not any(claim.is_revoked for claim in claims)


def test_what_does_not_fit_is_refused_in_one_sentence(tmp_path: Path) -> None:
    full = budget(tmp_path).claim(FULL)

    with pytest.raises(EncoderError) as refusal:
        budget(tmp_path).claim(HALF)

    assert str(refusal.value) == (
        "layer h (640x360 at 30 frames/s, 6.9 Mpx/s) does not fit into the hardware encoder bcm2835-codec-encode: "
        "it does 62.7 Mpx/s in all, 62.2 Mpx/s are taken; another encoder takes this layer"
    )
    assert not full.is_revoked


def test_what_never_fits_is_refused_without_driving_others_out(tmp_path: Path) -> None:
    half = budget(tmp_path).claim(HALF)

    with pytest.raises(EncoderError, match=r"1920x1080 at 60 frames/s, 124\.4 Mpx/s"):
        budget(tmp_path).claim(Share("f", 1920, 1080, 60))

    assert not half.is_revoked


def test_a_released_share_can_be_claimed_again(tmp_path: Path) -> None:
    claim = budget(tmp_path).claim(FULL)
    claim.release()
    claim.release()

    assert not budget(tmp_path).claim(FULL).is_revoked


def test_a_larger_layer_drives_out_the_smallest_that_are_in_its_way(tmp_path: Path) -> None:
    quarter, half = budget(tmp_path).claim(QUARTER), budget(tmp_path).claim(HALF)
    hd = budget(tmp_path).claim(HD)

    other = budget(tmp_path).claim(Share("f", 1280, 720, 31))

    assert [claim.is_revoked for claim in (quarter, half, hd, other)] == [True, True, False, False]


def test_equals_do_not_drive_each_other_out(tmp_path: Path) -> None:
    first, second = budget(tmp_path).claim(HD), budget(tmp_path).claim(HD)

    with pytest.raises(EncoderError):
        budget(tmp_path).claim(HD)

    assert not first.is_revoked
    assert not second.is_revoked


def test_the_share_of_a_worker_that_was_killed_is_free(tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        budget(tmp_path).claim(FULL)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert list((tmp_path / "claims").glob("claim-*"))

    assert not budget(tmp_path).claim(FULL).is_revoked


def test_without_a_known_rate_there_is_no_limit(tmp_path: Path) -> None:
    claims = [budget(tmp_path, 0).claim(FULL) for _ in range(5)]

    assert not any(claim.is_revoked for claim in claims)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "claims"
    blocked.write_text("")

    with pytest.raises(EncoderError, match="claims: the share"):
        budget(tmp_path).claim(HD)


@pytest.mark.parametrize("model", ["Raspberry Pi 4 Model B Rev 1.4", "Raspberry Pi Zero 2 W Rev 1.0", "Raspberry Pi 3"])
def test_the_boards_of_the_table(model: str) -> None:
    assert known_pixel_rate("bcm2835-codec", Board(model, "6.12")) == PI


@pytest.mark.parametrize(("driver", "model"), [("vicodec", "Raspberry Pi 4"), ("bcm2835-codec", "Some clone")])
def test_other_encoders_have_to_be_measured(driver: str, model: str) -> None:
    assert known_pixel_rate(driver, Board(model, "6.12")) == 0


def test_the_board_says_its_model(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")

    board = this_board([str(tmp_path / "missing"), str(tmp_path / "model")])

    assert board == Board("Raspberry Pi 4 Model B Rev 1.4", os.uname().release)


def test_the_folders_of_a_service_go_first(tmp_path: Path) -> None:
    assert cache_folder({"CACHE_DIRECTORY": "/var/cache/lkedge", "HOME": "/home/pi"}) == Path("/var/cache/lkedge")
    assert cache_folder({"HOME": "/home/pi"}) == Path("/home/pi/.cache/lkedge")
    assert runtime_folder({"RUNTIME_DIRECTORY": str(tmp_path / "run")}) == tmp_path / "run"


def test_a_runtime_folder_that_cannot_be_made_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    folder = runtime_folder({"RUNTIME_DIRECTORY": str(tmp_path / "file" / "x"), "XDG_RUNTIME_DIR": str(tmp_path)})

    assert folder == tmp_path / "lkedge"
