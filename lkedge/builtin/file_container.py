"""One stream of a media file through FFmpeg: opened, demuxed, looped, its errors made plain."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from lkedge.clock import SECOND_NS
from lkedge.errors import SourceEnded, SourceLost, SourceUnavailable
from lkedge.terms import TrackKind

MAX_DAMAGED_PACKETS = 200
"""Packets in a row that give nothing; a damaged stretch is shorter, a broken file is not."""

PROBE_PACKETS = 120


class FileStream:
    """The first video or audio stream of a file. Belongs to one thread at a time."""

    def __init__(self, path: str, kind: TrackKind, loop: bool) -> None:
        """Raises SourceUnavailable."""
        self.path = path
        self._loop = loop
        self._container = _open(path)
        try:
            self.stream = _first_stream(self._container, path, kind)
        except SourceUnavailable:
            self._container.close()
            raise
        self._count = 0

    @property
    def codec_name(self) -> str:
        return str(self.stream.codec_context.name)

    @property
    def context(self) -> Any:
        """The codec context: av.VideoCodecContext or av.AudioCodecContext."""
        return self.stream.codec_context

    def time_ns(self, value: int | None, time_base: Fraction | None = None) -> int | None:
        """A pts or duration in nanoseconds."""
        base = time_base or self.stream.time_base
        return None if value is None or base is None else value * base.numerator * SECOND_NS // base.denominator

    def probe(self) -> list[Any]:
        """The first packets, read ahead; the stream is at its beginning again afterwards."""
        packets = []
        for packet in self._one_pass():
            packets.append(packet)
            if len(packets) == PROBE_PACKETS:
                break
        self._rewind()
        return packets

    def passes(self) -> Iterator[Iterator[Any]]:
        """The packets of the file from its beginning to its end: once, or for ever when it loops.

        Raises:
            SourceLost: the file has nothing for us, or cannot be read any more.
        """
        self._count = 1
        while self._count:
            self._count = 0
            yield self._one_pass()
            if not self._loop:
                return
            self._rewind()
        raise SourceLost(f"{self.path} holds no data in its stream {self.stream.index}; give another file")

    def decoded_passes(self) -> Iterator[Iterator[Any]]:
        """As `passes`, decoded. Damaged packets are passed over."""
        for packets in self.passes():
            yield self._decoded(packets)
            self.context.flush_buffers()

    def _decoded(self, packets: Iterator[Any]) -> Iterator[Any]:
        damaged = 0
        for packet in packets:
            frames = self._decode(packet)
            damaged = 0 if frames else damaged + 1
            if damaged > MAX_DAMAGED_PACKETS:
                raise SourceLost(f"{self.path} cannot be decoded: {damaged} packets in a row give nothing")
            yield from frames
        yield from self._decode(None)

    def ended(self) -> SourceEnded:
        return SourceEnded(f"{self.path} is at its end")

    def close(self) -> None:
        self._container.close()

    def _one_pass(self) -> Iterator[Any]:
        try:
            for packet in self._container.demux(self.stream):
                if packet.size:
                    self._count += 1
                    yield packet
        except av.FFmpegError as error:
            raise SourceLost(f"{self.path} cannot be read on: {error.strerror}") from error

    def _decode(self, packet: Any) -> list[Any]:
        try:
            return list(self.context.decode(packet))
        except av.FFmpegError:
            return []

    def _rewind(self) -> None:
        try:
            self._container.seek(0)
        except av.FFmpegError as error:
            raise SourceLost(f"{self.path} cannot be played again: {error.strerror}") from error


def _open(path: str) -> Any:
    try:
        return av.open(path)
    except av.FFmpegError as error:
        raise SourceUnavailable(
            f"{path} is no media file that FFmpeg knows, or it is damaged ({error.strerror}); check it with ffprobe"
        ) from error


def _first_stream(container: Any, path: str, kind: TrackKind) -> Any:
    streams = container.streams.video if kind is TrackKind.VIDEO else container.streams.audio
    if not streams:
        other = 'publish_as = "microphone"' if kind is TrackKind.VIDEO else 'publish_as = "camera"'
        raise SourceUnavailable(f"{path} has no {kind.value} stream; choose another file, or set {other}")
    stream = streams[0]
    if stream.codec_context is None:
        raise SourceUnavailable(f"{path} has a {kind.value} stream that FFmpeg cannot decode; convert the file")
    return stream
