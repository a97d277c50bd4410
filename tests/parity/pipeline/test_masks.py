"""What stands where nothing is painted, against A1111's own steps done with Pillow and numpy.

modules/processing.py: create_binary_mask(), the overlay that init() makes, and apply_overlay().
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image, ImageOps

SIZE = (96, 64)
OPTIONS = ["--steps", 2, "--sampler", "euler", "--seed", 3, "--precision", "fp32", "--threads", 1, "--strength", 0.8]


def noise(channels: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIZE[1], SIZE[0], channels), dtype=np.uint8)


def soft_mask() -> Image.Image:
    """Black, a ramp through every grey, white."""
    row = np.clip(np.arange(SIZE[0]) * 6 - 100, 0, 255).astype(np.uint8)
    return Image.fromarray(np.tile(row, (SIZE[1], 1)))


def draw(program, model, image: Image.Image, mask: Image.Image, *arguments) -> tuple[np.ndarray, list[str]]:
    image.save(program.folder / "start.png")
    mask.save(program.folder / "mask.png")
    result = program.run("generate", "an apple", "--model", model("sd1"), "--image", program.folder / "start.png",
                         "--mask", program.folder / "mask.png", "-o", program.folder / "x.png", "--json", *OPTIONS,
                         *arguments)
    assert result.returncode == 0, result.stderr
    return np.asarray(Image.open(program.folder / "x.png")), json.loads(result.stdout)["warnings"]


def overlaid(drawn: np.ndarray, original: Image.Image, mask: Image.Image) -> np.ndarray:
    doubled = Image.fromarray(np.clip(np.asarray(mask).astype(np.float32) * 2, 0, 255).astype(np.uint8))
    overlay = Image.new("RGBa", SIZE)
    overlay.paste(original.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(doubled))
    result = Image.fromarray(drawn).convert("RGBA")
    result.alpha_composite(overlay.convert("RGBA"))
    return np.asarray(result.convert("RGB"))


def test_a1111_puts_the_original_back(program, model):
    original, mask = Image.fromarray(noise(3)), soft_mask()
    plain, _ = draw(program, model, original, mask, "--compat", "a1111", "--no-overlay")
    ours, _ = draw(program, model, original, mask, "--compat", "a1111")
    black = np.asarray(mask) == 0
    assert (ours[black] == np.asarray(original)[black]).all() and not (plain[black] == np.asarray(original)[black]).all()
    white = np.asarray(mask) >= 128
    assert (ours[white] == plain[white]).all()
    # Pillow rounds premultiplied colours to 8 bits on the way.
    wanted = overlaid(plain, original, mask).astype(int)
    kept = 255 - np.minimum(2 * np.asarray(mask).astype(int), 255)
    exact = (kept == 0) | (kept == 255)
    assert (ours[exact] == wanted[exact]).all() and np.abs(ours.astype(int) - wanted)[kept > 64].max() <= 3


@pytest.mark.parametrize("profile", ["diffusers", "comfyui"])
def test_other_profiles_do_so_when_asked(profile, program, model):
    original = Image.fromarray(noise(3))
    black = np.asarray(soft_mask()) == 0
    plain, _ = draw(program, model, original, soft_mask(), "--compat", profile)
    ours, _ = draw(program, model, original, soft_mask(), "--compat", profile, "--overlay")
    assert not (plain[black] == np.asarray(original)[black]).all()
    assert (ours[black] == np.asarray(original)[black]).all()


@pytest.mark.parametrize("profile", ["diffusers", "a1111"])
def test_masks_painted_in_their_opacity(profile, program, model):
    """Black, and opaque where it is to be painted: how page and painting programs save a mask."""
    original = Image.fromarray(noise(3))
    white = Image.fromarray(np.where(np.asarray(soft_mask()) > 128, 255, 0).astype(np.uint8))
    painted = Image.merge("RGBA", (Image.new("L", SIZE),) * 3 + (white,))
    wanted, _ = draw(program, model, original, white, "--compat", profile)
    ours, warnings = draw(program, model, original, painted, "--compat", profile)
    assert (ours == wanted).all() and warnings == []


def test_a_black_mask_is_said(program, model):
    opaque = Image.new("RGBA", SIZE, (0, 0, 0, 255))
    _, warnings = draw(program, model, Image.fromarray(noise(3)), opaque)
    assert len(warnings) == 1 and "mask" in warnings[0]
