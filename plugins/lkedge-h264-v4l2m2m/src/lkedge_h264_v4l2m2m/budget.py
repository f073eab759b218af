"""The pixel rate that one hardware block gives to all encoders of all workers together.

The driver opens more encoders than the block can serve, and then all of them stutter. So each
encoder first claims its share: a locked file in a folder that the workers of this machine
share. The kernel drops the lock when a worker dies, however it dies, and with it the claim.

The largest pictures profit most from hardware: a claim that does not fit takes the place of
smaller ones, whose encoders notice at their next picture and leave the layer to software.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lkedge.errors import EncoderError

GRANTED, REVOKED = b"+", b"-"
"""The first byte of a claim file; the rest is its pixel rate."""

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Share:
    """What a layer needs, in pixels per second."""

    rid: str
    width: int
    height: int
    framerate: float

    @property
    def pixel_rate(self) -> int:
        return round(self.width * self.height * self.framerate)

    def __str__(self) -> str:
        name = f"layer {self.rid} " if self.rid else ""
        return f"{name}({self.width}x{self.height} at {self.framerate:g} frames/s, {_mega(self.pixel_rate)})"


class Claim:
    """A share that was granted; belongs to one encoder."""

    def __init__(self, fd: int, path: Path, share: Share) -> None:
        self._fd = fd
        self._path = path
        self.share = share

    @property
    def is_revoked(self) -> bool:
        """Whether a larger layer took the place. One small read: cheap enough for every picture."""
        return self._fd >= 0 and os.pread(self._fd, 1, 0) == REVOKED

    def release(self) -> None:
        """Give it back. Any number of times."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._path.unlink(missing_ok=True)
            os.close(fd)


@dataclass(frozen=True, slots=True)
class _Live:
    path: Path
    pixel_rate: int


class Budget:
    """Of one encoder block.

    name: of the block, for people. pixel_rate: 0 sets no limit. folder: shared by all
    workers; made when needed.
    """

    def __init__(self, name: str, pixel_rate: int, folder: Path) -> None:
        self.name = name
        self.pixel_rate = pixel_rate
        self._folder = folder

    def claim(self, share: Share) -> Claim:
        """Take a share.

        Raises:
            EncoderError: it does not fit; says what there is and what is taken.
        """
        with self._locked():
            live = list(self._live())
            for smaller in self._in_the_way(share, live):
                _mark(smaller.path, REVOKED)
            return self._granted(share)

    def _in_the_way(self, share: Share, live: list[_Live]) -> list[_Live]:
        """The smaller claims that must go, the smallest first; none when it fits as it is."""
        taken = sum(claim.pixel_rate for claim in live)
        if not self.pixel_rate or taken + share.pixel_rate <= self.pixel_rate:
            return []
        smaller = sorted(
            (claim for claim in live if claim.pixel_rate < share.pixel_rate), key=lambda claim: claim.pixel_rate
        )
        freed = itertools.accumulate(claim.pixel_rate for claim in smaller)
        for count, free in enumerate(freed, 1):
            if taken - free + share.pixel_rate <= self.pixel_rate:
                return smaller[:count]
        raise EncoderError(
            f"{share} does not fit into the hardware encoder {self.name}: it does {_mega(self.pixel_rate)} in all, "
            f"{_mega(taken)} are taken; another encoder takes this layer"
        )

    def _granted(self, share: Share) -> Claim:
        path = self._folder / f"claim-{os.getpid()}-{next(_numbers)}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.pwrite(fd, GRANTED + str(share.pixel_rate).encode(), 0)
        return Claim(fd, path, share)

    def _live(self) -> Iterator[_Live]:
        """The claims in force; those of dead workers are removed on the way."""
        for path in sorted(self._folder.glob("claim-*")):
            if _is_abandoned(path):
                path.unlink(missing_ok=True)
                continue
            state, rate = _read(path)
            if state == GRANTED:
                yield _Live(path, rate)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Held for a few system calls only, so waiting for it without a deadline is safe."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EncoderError(
                f"{self._folder}: the share of the hardware encoder cannot be kept: {error.strerror}; "
                "make the folder writable"
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _is_abandoned(path: Path) -> bool:
    """Whether nobody holds the lock any more."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def _read(path: Path) -> tuple[bytes, int]:
    try:
        content = path.read_bytes()
        return content[:1], int(content[1:])
    except (OSError, ValueError):
        return REVOKED, 0


def _mark(path: Path, state: bytes) -> None:
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(fd, state, 0)
        finally:
            os.close(fd)


def _mega(pixel_rate: int) -> str:
    return f"{pixel_rate / 1e6:.1f} Mpx/s"
