"""Pairs for the subject adapter: one drawing as a reference, and the same drawing in a picture.

References look as the MoMA plugin prepares them: cut to the drawing's bounding box and a margin,
square. To the image encoder they are shown on white, to the denoiser on their own background.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch
import torch.nn.functional as F

from models.data.captions import BACKGROUNDS, COLOUR_NAMES, article, background_phrase
from models.data.compose import Scene, Sprites, compose, draw_scene
from models.data.sources import STYLES

# No training of denoiser or adapter sees these, in any style: the subjects of the evaluation.
HELD_OUT_THINGS = ("koala", "tropical fish", "hibiscus", "castle", "tractor", "television",
                   "t-shirt", "cookie")
SUBJECT = "thing"  # what captions call a subject
VISION_SIZE = 64  # pixels that the image encoder sees
REFERENCE_SIDE = 1 / 1.15  # of the square: a bounding box with 7.5 % around it
LATENT = 16  # positions a side of the denoiser
WHITE = COLOUR_NAMES.index("white")
CHANNEL_ORDERS = tuple(permutations(range(3)))  # the first one leaves colours as they are


def training_sprites(sprites: Sprites) -> np.ndarray:
    """All drawings but those of the evaluation."""
    return np.array([i for i in range(len(sprites.concept)) if not is_held_out(sprites, i)])


def held_out_sprites(sprites: Sprites) -> np.ndarray:
    """The drawings of the evaluation."""
    return np.array([i for i in range(len(sprites.concept)) if is_held_out(sprites, i)])


def is_held_out(sprites: Sprites, index: int) -> bool:
    """Whether this drawing belongs to the evaluation."""
    return sprites.concepts[sprites.concept[index]].name in HELD_OUT_THINGS


@dataclass(frozen=True)
class Pair:
    """A drawing, how it is changed in both pictures, and both pictures."""

    sprite: int
    channels: int  # index into CHANNEL_ORDERS: other colours make it another subject
    mirrored: bool
    side: float  # of the drawing in the reference, in widths of the square
    reference_background: tuple[int, tuple[int, int]]
    target: Scene

    def reference(self, background: tuple[int, tuple[int, int]] | None = None) -> Scene:
        """The reference on its own background or on another one."""
        kind, colours = self.reference_background if background is None else background
        return Scene(((self.sprite, 0.5, 0.5, self.side),), kind, colours)


def draw_pair(sprites: Sprites, index: int, rng: np.random.Generator, own_colours: float) -> Pair:
    """A pair of one drawing, which keeps its colours with the probability ``own_colours``."""
    scene = draw_scene(sprites, np.array([index]), rng, index)
    while len(scene.sprites) > 1:
        scene = draw_scene(sprites, np.array([index]), rng, index)
    channels = 0 if rng.random() < own_colours else int(rng.integers(1, len(CHANNEL_ORDERS)))
    kind = int(rng.choice(len(BACKGROUNDS), p=[0.7, 0.1, 0.1, 0.1]))
    colours = tuple(int(c) for c in rng.choice(len(COLOUR_NAMES), size=2, replace=False))
    background = (0, (WHITE, WHITE)) if rng.random() < 0.3 else (kind, colours)
    side = rng.uniform(REFERENCE_SIDE, 1.0) if rng.random() < 0.3 else REFERENCE_SIDE
    return Pair(index, channels, bool(rng.random() < 0.5), side, background, scene)


class Recoloured:
    """Sprites, of which one has other channels for a while."""

    def __init__(self, sprites: Sprites) -> None:
        self.sprites, self.pixels = sprites, sprites.pixels

    def draw(self, pair: Pair, scene: Scene, size: int) -> torch.Tensor:
        """A scene of the pair, 3 x size x size."""
        order = [*CHANNEL_ORDERS[pair.channels], 3]
        self.pixels = {pair.sprite: self.sprites.pixels[pair.sprite][order]}
        picture = compose(self, [scene], size)[0]
        return picture.flip(-1) if pair.mirrored else picture


def vision_picture(drawn: Recoloured, pair: Pair) -> torch.Tensor:
    """What the image encoder sees, uint8."""
    picture = drawn.draw(pair, pair.reference((0, (WHITE, WHITE))), VISION_SIZE)
    return ((picture + 1) * 127.5).round().to(torch.uint8)


def subject_mask(sprites: Sprites, pair: Pair, scene: Scene, size: int) -> torch.Tensor:
    """How opaque the drawing is in a scene, size x size in [0, 1]."""
    ((index, centre_x, centre_y, side),) = scene.sprites
    ramp = (torch.arange(size, dtype=torch.float32) + 0.5) / size
    y, x = torch.meshgrid(ramp, ramp, indexing="ij")
    grid = torch.stack([(x - centre_x) * 2 / side, (y - centre_y) * 2 / side], -1)
    mask = F.grid_sample(sprites.pixels[index][None, 3:].float() / 255, grid[None],
                         align_corners=False)[0, 0]
    return mask.flip(-1) if pair.mirrored else mask


def draw_subject_caption(pair: Pair, sprites: Sprites, rng: np.random.Generator) -> str:
    """A training caption: mostly "a thing on a red background", sometimes with the thing's own
    name or its style, so that any noun can stand for a subject."""
    name = sprites.concepts[sprites.concept[pair.sprite]].name
    thing = article(name if rng.random() < 0.25 else SUBJECT)
    first, second = (COLOUR_NAMES[c] for c in pair.target.colours)
    background = background_phrase(BACKGROUNDS[pair.target.background], first, second)
    choice = rng.random()
    if choice < 0.08:
        return thing
    if choice < 0.30:
        return f"{thing}, {STYLES[int(sprites.style[pair.sprite])]} style, {background}"
    return f"{thing} {background}"
