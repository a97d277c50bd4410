"""Compose training pictures: sprites on named backgrounds, drawn on the fly from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from models.data.captions import BACKGROUNDS, COLOUR_NAMES, COLOURS, Parts
from models.data.sources import load_concepts

PALETTE = torch.tensor([COLOURS[name] for name in COLOUR_NAMES], dtype=torch.float32) / 255


class Sprites:
    """All rendered drawings, reduced to the resolution that compositions need."""

    def __init__(self, work: Path, size: int) -> None:
        stored = np.load(work / "sprites.npz")
        pixels = torch.from_numpy(stored["pixels"]).permute(0, 3, 1, 2)
        self.pixels = torch.cat([F.interpolate(part.float(), size=(size, size), mode="area")
                                 for part in pixels.split(64)]).round().to(torch.uint8)
        self.concept: np.ndarray = stored["concept"]
        self.style: np.ndarray = stored["style"]
        self.concepts = load_concepts()
        core = np.array([concept.core for concept in self.concepts])
        self.core = np.flatnonzero(core[self.concept])  # what the denoiser learns
        # Kept from the autoencoder's training, to measure it on drawings it has not seen.
        self.held_out = np.arange(7, len(self.concept), 20)


@dataclass(frozen=True)
class Scene:
    """One picture, described: sprites as (index, centre x, centre y, side) in picture widths."""

    sprites: tuple[tuple[int, float, float, float], ...]
    background: int
    colours: tuple[int, int]

    def parts(self, sprites: Sprites) -> Parts:
        """What a caption can say about this scene."""
        first = self.sprites[0][0]
        names = tuple(sprites.concepts[sprites.concept[s[0]]].name for s in self.sprites)
        return Parts(names, int(sprites.style[first]), self.background, self.colours)


def draw_scene(sprites: Sprites, choices: np.ndarray, rng: np.random.Generator,
               first: int | None = None) -> Scene:
    """Draw a scene: 92 % single centred subjects, the rest two subjects side by side.

    Single subjects are centred on purpose: a model that has only seen one object per picture
    repeats it when asked for a larger canvas, which is what some of our methods cure.
    """
    first = int(rng.choice(choices)) if first is None else first
    x, y = 0.5 + rng.uniform(-0.03, 0.03, 2)
    placed = [(first, x, y, rng.uniform(0.70, 0.80))]
    if rng.random() < 0.08:
        same = choices[sprites.style[choices] == sprites.style[first]]
        second = int(rng.choice(same))
        placed = [(first, 0.27, y, 0.45), (second, 0.73, y, 0.45)]
    kind = int(rng.choice(len(BACKGROUNDS), p=[0.79, 0.07, 0.07, 0.07]))
    colours = rng.choice(len(COLOUR_NAMES), size=2, replace=False)
    return Scene(tuple(placed), kind, (int(colours[0]), int(colours[1])))


def _background(scene: Scene, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Background colours at the points (x, y), as 3 x h x w."""
    first, second = (PALETTE[c][:, None, None] for c in scene.colours)
    kind = BACKGROUNDS[scene.background]
    if kind == "gradient":
        mix = y.clamp(0, 1)
    elif kind == "stripes":
        mix = _soft_step(torch.sin(x * (2 * torch.pi * 4)), x)
    elif kind == "dots":
        cell_x, cell_y = (x * 5) % 1 - 0.5, (y * 5) % 1 - 0.5
        mix = _soft_step(0.3 - (cell_x ** 2 + cell_y ** 2).sqrt(), x)
    else:
        return first.expand(3, *x.shape)
    return first * (1 - mix) + second * mix


def _soft_step(value: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """0 to 1 across about one pixel, so that pattern edges are not jagged."""
    pixel = float(x[0, 1] - x[0, 0])
    return (value / (pixel * 12) + 0.5).clamp(0, 1)


def compose(sprites: Sprites, scenes: list[Scene], size: int,
            windows: np.ndarray | None = None) -> torch.Tensor:
    """Draw scenes as a batch of 3 x size x size pictures in [-1, 1].

    ``windows`` (left, top, width in picture widths, one row per scene) selects crops.
    """
    if windows is None:
        windows = np.tile([0.0, 0.0, 1.0], (len(scenes), 1))
    ramp = (torch.arange(size, dtype=torch.float32) + 0.5) / size
    pictures = []
    for scene, (left, top, width) in zip(scenes, windows):
        y, x = torch.meshgrid(top + ramp * width, left + ramp * width, indexing="ij")
        picture = _background(scene, x, y)
        for index, centre_x, centre_y, side in scene.sprites:
            grid = torch.stack([(x - centre_x) * 2 / side, (y - centre_y) * 2 / side], -1)
            layer = F.grid_sample(sprites.pixels[index][None].float() / 255, grid[None],
                                  align_corners=False)[0]
            picture = picture * (1 - layer[3:]) + layer[:3]
        pictures.append(picture)
    return torch.stack(pictures) * 2 - 1
