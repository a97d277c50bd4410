"""ComfyUI's pictures (IMAGE: [B, H, W, 3], MASK: [B, H, W] or [H, W], 0 to 1) and files."""

from __future__ import annotations

import numpy
from patchbay_client import clip_of, picture_of, png_of
from PIL import Image


def tensor_of(files: list[bytes]):
    """An IMAGE of pictures of one size."""
    import torch  # ComfyUI's own
    pixels = numpy.stack([numpy.asarray(picture_of(file)) for file in files])
    return torch.from_numpy(pixels.astype(numpy.float32) / 255.0)


def _bytes_of(values) -> numpy.ndarray:
    return numpy.clip(numpy.rint(values.cpu().numpy().astype(numpy.float32) * 255.0), 0, 255).astype(numpy.uint8)


def pictures_of(images) -> list[Image.Image]:
    """The pictures of an IMAGE."""
    return [Image.fromarray(pixels) for pixels in _bytes_of(images)]


def files_of(images) -> list[bytes]:
    """A PNG file for each picture of an IMAGE."""
    return [png_of(picture) for picture in pictures_of(images)]


def clip_file_of(images) -> bytes:
    """One file for all pictures of an IMAGE, as frames; of one picture a PNG file."""
    pictures = pictures_of(images)
    return png_of(pictures[0]) if len(pictures) == 1 else clip_of(pictures)


def mask_files_of(masks, width: int, height: int) -> list[bytes]:
    """A PNG file of the given size for each mask of a MASK; 1, white, is painted anew."""
    pixels = _bytes_of(masks)
    pixels = pixels.reshape(-1, *pixels.shape[-2:])
    return [png_of(Image.fromarray(mask).resize((width, height), Image.Resampling.BILINEAR)) for mask in pixels]
