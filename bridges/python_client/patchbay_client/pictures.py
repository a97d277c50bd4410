"""Picture files and Pillow's images."""

from __future__ import annotations

import io

from PIL import Image


def picture_of(file: bytes) -> Image.Image:
    """An RGB image."""
    return Image.open(io.BytesIO(file)).convert("RGB")


def infotext_of(file: bytes) -> str:
    """What the host wrote into the picture, in AUTOMATIC1111's format; empty when there is none."""
    return Image.open(io.BytesIO(file)).info.get("parameters", "")


def clip_of(pictures: list[Image.Image]) -> bytes:
    """An animated WebP file without loss, a frame for each picture, also for those that are alike, which Pillow's own
    animations leave out. https://developers.google.com/speed/webp/docs/riff_container"""
    def chunk(name: bytes, content: bytes) -> bytes:
        return name + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)

    width, height = pictures[0].size
    if any(picture.size != (width, height) for picture in pictures):
        raise ValueError("the frames of a clip must be of one size")
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = [chunk(b"VP8X", bytes([0x12, 0, 0, 0]) + size), chunk(b"ANIM", bytes(6))]
    for picture in pictures:
        file = io.BytesIO()
        picture.convert("RGBA").save(file, "WEBP", lossless=True, exact=True, quality=0, method=0)
        # Without blending, for 125 ms, which nobody reads.
        frame = bytes(6) + size + (125).to_bytes(3, "little") + b"\x02"
        chunks.append(chunk(b"ANMF", frame + _pixel_chunks(file.getvalue())))
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _pixel_chunks(still: bytes) -> bytes:
    """Those of a still WebP file that a frame holds: its pixels, not what it says of the whole file."""
    place, kept = 12, b""
    while place < len(still):
        end = place + 8 + int.from_bytes(still[place + 4:place + 8], "little")
        end += end % 2
        if still[place:place + 4] in (b"VP8L", b"VP8 ", b"ALPH"):
            kept += still[place:end]
        place = end
    return kept


def png_of(picture: Image.Image) -> bytes:
    """A PNG file, fast rather than small: it only travels to the host."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()
