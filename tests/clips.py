"""Clips that tests make and look at, by PyAV: a libav of its own, built by others."""

from __future__ import annotations

import fractions
import io
import pathlib

import av
import numpy as np
from PIL import Image

RATE = 12


def scene(frames: int, width: int = 64, height: int = 48) -> np.ndarray:
    """[F, H, W, 3]: a square that moves over a gradient."""
    y, x = np.mgrid[:height, :width]
    still = np.stack([20 + 150 * x / width, 30 + 120 * y / height, 90 + 0 * x], -1).astype(np.uint8)
    clip = np.repeat(still[None], frames, 0)
    for i in range(frames):
        clip[i, 10:26, (3 * i) % (width - 16):][:, :16] = (250, 200, 30)
    return clip


def write_folder(folder: pathlib.Path, clip: np.ndarray) -> pathlib.Path:
    folder.mkdir()
    for i, frame in enumerate(clip):
        Image.fromarray(frame).save(folder / f"frame-{i + 1}.png")
    return folder


def read_folder(folder: pathlib.Path) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted(folder.iterdir())])


def clip_file(clip: np.ndarray) -> bytes:
    """An animated PNG file."""
    stream = io.BytesIO()
    frames = [Image.fromarray(frame) for frame in clip]
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:])
    return stream.getvalue()


def _sound(container, stream, seconds: float) -> None:
    samples = int(stream.rate * seconds)
    tone = (0.2 * np.sin(np.arange(samples) * 0.05)).astype(np.float32)
    resampler = av.AudioResampler(format=stream.format, layout=stream.layout, rate=stream.rate,
                                  frame_size=stream.frame_size or 960)
    frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
    frame.rate, frame.pts = stream.rate, 0
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


def write_video(path: pathlib.Path, clip: np.ndarray | None, codec: str = "libx264", sound: str | None = None,
                seconds: float = 1.0, options: dict[str, str] | None = None) -> pathlib.Path:
    with av.open(str(path), "w", format="apng" if codec == "apng" else None) as container:
        pictures = None
        if clip is not None:
            pictures = container.add_stream(codec, rate=RATE, options=options or {})
            pictures.width, pictures.height = clip.shape[2], clip.shape[1]
            pictures.pix_fmt = {"gif": "rgb8", "apng": "rgb24", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        audio = container.add_stream(sound, rate=48000, layout="stereo") if sound else None
        if pictures is not None:
            for i, frame in enumerate(clip):
                made = av.VideoFrame.from_ndarray(frame, format="rgb24")
                made.pts, made.time_base = i, fractions.Fraction(1, RATE)
                container.mux(pictures.encode(made))
            container.mux(pictures.encode(None))
        if audio is not None:
            _sound(container, audio, seconds)
    return path


def read_video(path: pathlib.Path) -> tuple[np.ndarray, float]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return np.stack(frames), float(stream.average_rate)


def sound_packets(path: pathlib.Path) -> list[bytes]:
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return []
        return [bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(-10 * np.log10(max(np.square(one.astype(float) - other).mean(), 1e-6) / 255 ** 2))
