"""The bare work: encoders and scaler alone, in one thread, on frames from memory.

What publishing costs beyond this is overhead of lkedge's own. Compare ratios of one run
only: a shared machine changes its speed by the minute.

    .venv/bin/python -m bench.codecs --clip clip.mp4 --seconds 10
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import av

from lkedge.builtin.opus import OpusEncoder
from lkedge.builtin.picture import from_av
from lkedge.builtin.scaler import Scaler
from lkedge.builtin.vp8 import Vp8Encoder
from lkedge.builtin.x264 import X264Encoder
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.media.layers import SimulcastLayer, default_encoding, simulcast_ladder
from lkedge.plugin.api import AudioEncoderSettings, VideoEncoder, VideoEncoderSettings
from lkedge.terms import Codec
from lkedge.testing.encoder_clip import PictureDecoder, endless, luma, moving_picture, psnr, tone
from lkedge.worker.cascade import Cascade
from lkedge.worker.divider import FrameRateDivider

FRAMERATE = 30
CLIP_FRAMES = 132
PSNR_EVERY = 10

ENCODERS: dict[Codec, Callable[[VideoEncoderSettings], VideoEncoder]] = {
    Codec.VP8: Vp8Encoder,
    Codec.H264: X264Encoder,
}


@dataclass
class _Layer:
    """One layer's encoder and what was measured of it."""

    layer: SimulcastLayer
    encoder: VideoEncoder
    decoder: PictureDecoder
    divider: FrameRateDivider
    encode_ns: int = 0
    scale_ns: int = 0
    frames: int = 0
    encoded_bytes: int = 0
    qualities: list[float] = field(default_factory=list)

    def take(self, cascade: Cascade) -> None:
        begun_ns = time.thread_time_ns()
        picture = cascade.scale(self.layer.width, self.layer.height, self.encoder.pixel_formats)
        scaled_ns = time.thread_time_ns()
        encoded = self.encoder.encode(picture, key_frame=False)
        self.encode_ns += time.thread_time_ns() - scaled_ns
        self.scale_ns += scaled_ns - begun_ns
        self.frames += 1
        if encoded is not None:
            self._look_at(encoded, picture)

    def report(self, seconds: float) -> dict[str, float]:
        return {
            "width": self.layer.width,
            "height": self.layer.height,
            "encode_ms_per_frame": self.encode_ns / 1e6 / max(1, self.frames),
            "encode_cores": self.encode_ns / 1e9 / seconds,
            "scale_cores": self.scale_ns / 1e9 / seconds,
            "kbps": 8 * self.encoded_bytes / 1000 / seconds,
            "psnr_db": sum(self.qualities) / max(1, len(self.qualities)),
        }

    def _look_at(self, encoded: EncodedFrame, picture: VideoFrame) -> None:
        """Not part of what is measured."""
        self.encoded_bytes += len(encoded.data)
        for _, _, decoded in self.decoder.decode(encoded):
            if self.frames % PSNR_EVERY == 0:
                self.qualities.append(psnr(decoded, luma(picture)))


def measure_bare(
    frames: Sequence[VideoFrame], codec: Codec, layers: Sequence[SimulcastLayer], seconds: float, *, paced: bool = False
) -> dict[str, Any]:
    """Encode `seconds` of the frames, there and back, 30 a second of their time, all layers in one thread.

    Args:
        frames: at least two, of the size of the top layer.
        layers: low to high; each with its own frame rate.
        paced: wait for each frame as a publisher has to, instead of going as fast as it can.

    Returns:
        "cores": CPU seconds of scaling and encoding per second of video; "layers": per rid
        the size, ms per frame, cores, kbit/s and luma PSNR in dB of every tenth picture.
    """
    runs = [_layer(codec, layer) for layer in reversed(layers)]
    scaler = Scaler()
    begun_s = time.monotonic()
    for index, frame in enumerate(islice(endless(frames, FRAMERATE), round(seconds * FRAMERATE))):
        if paced:
            time.sleep(max(0.0, begun_s + index / FRAMERATE - time.monotonic()))
        cascade = Cascade(scaler, frame)
        for run in runs:
            if run.divider.take(frame.captured_ns):
                run.take(cascade)
    for run in runs:
        run.encoder.close()
    work_ns = sum(run.encode_ns + run.scale_ns for run in runs)
    reports = {str(run.layer.rid): run.report(seconds) for run in runs}
    return {"codec": codec.value, "cores": work_ns / 1e9 / seconds, "layers": reports}


def measure_bare_audio(seconds: float, settings: AudioEncoderSettings | None = None) -> dict[str, float]:
    """Encode a tone; CPU seconds per second of sound, and the bitrate."""
    encoder = OpusEncoder(settings or AudioEncoderSettings())
    sounds = [tone(index) for index in range(50)]
    count, encoded_bytes = round(seconds * 50), 0
    begun_ns = time.thread_time_ns()
    for index in range(count):
        encoded = encoder.encode(sounds[index % len(sounds)])
        encoded_bytes += len(encoded.data) if encoded else 0
    spent_ns = time.thread_time_ns() - begun_ns
    return {"cores": spent_ns / 1e9 / seconds, "kbps": 8 * encoded_bytes / 1000 / seconds}


def load_frames(path: str, width: int, height: int, count: int = CLIP_FRAMES) -> list[VideoFrame]:
    """The first pictures of a file, decoded, in that size."""
    with av.open(path) as container:
        pictures = (picture.reformat(width, height, "yuv420p") for picture in container.decode(video=0))
        return [from_av(picture, index) for index, picture in zip(range(count), pictures, strict=False)]


def _layer(codec: Codec, layer: SimulcastLayer) -> _Layer:
    framerate = min(layer.encoding.max_framerate, FRAMERATE)
    bitrate = layer.encoding.max_bitrate
    settings = VideoEncoderSettings(codec, layer.rid, layer.width, layer.height, framerate, bitrate, bitrate)
    return _Layer(layer, ENCODERS[codec](settings), PictureDecoder(codec), FrameRateDivider(framerate, FRAMERATE))


def _print(result: dict[str, Any]) -> None:
    print(f"{result['codec']}: {result['cores']:.3f} of a core")
    for rid, layer in result["layers"].items():
        print(
            f"  {rid} {layer['width']}x{layer['height']:<5}{layer['encode_ms_per_frame']:6.2f} ms/frame"
            f"{layer['encode_cores']:7.3f} cores, scaling{layer['scale_cores']:7.3f}"
            f"{layer['kbps']:7.0f} kbit/s{layer['psnr_db']:6.1f} dB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU of the bare codecs and the scaler, and their quality")
    parser.add_argument("--clip", default="", help="a video file; without it a synthetic picture")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--codec", choices=[codec.value for codec in ENCODERS], action="append")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    width, height = (int(part) for part in options.size.split("x"))
    frames = load_frames(options.clip, width, height) if options.clip else _synthetic(width, height)
    layers = simulcast_ladder(width, height, default_encoding(width, height))
    codecs = [Codec(name) for name in options.codec or [codec.value for codec in ENCODERS]]
    results = [measure_bare(frames, codec, layers, options.seconds) for codec in codecs]
    audio = measure_bare_audio(options.seconds)
    if options.json:
        print(json.dumps({"video": results, "audio": audio}))
        return
    for result in results:
        _print(result)
    print(f"opus: {audio['cores']:.3f} of a core, {audio['kbps']:.0f} kbit/s")


def _synthetic(width: int, height: int) -> list[VideoFrame]:
    return [moving_picture(width, height, index) for index in range(CLIP_FRAMES // 2)]


if __name__ == "__main__":
    main()
