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


def png_of(picture: Image.Image) -> bytes:
    """A PNG file, fast rather than small: it only travels to the host."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()
