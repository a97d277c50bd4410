"""Moving scenes: one thing that moves over a background that stands or pans, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from models.data.captions import BACKGROUNDS, COLOUR_NAMES
from models.data.compose import Scene, Sprites, compose

FRAMES = 16
PATHS = ("still", "line", "arc", "bounce")
# How far a thing's centre moves from the picture's middle, in picture widths. The denoiser knows
# things in the middle alone, and frames act on each other only where they are.
REACH = 0.15
SIDES = (0.6, 0.8)  # of a thing, in picture widths


@dataclass(frozen=True)
class Clip:
    """One scene per frame, and the part of the background's plane that each frame shows."""

    scenes: tuple[Scene, ...]
    windows: np.ndarray  # FRAMES x 3: left, top, width, as ``compose`` takes them


def draw_path(kind: str, rng: np.random.Generator) -> np.ndarray:
    """Centres of a thing in all frames, FRAMES x 2, in picture widths."""
    time = np.linspace(0, 1, FRAMES)
    start, end = rng.uniform(-REACH, REACH, (2, 2))
    if kind == "still":
        return np.tile(0.5 + start * 0.5, (FRAMES, 1))
    if kind == "line":
        return 0.5 + start + time[:, None] * (end - start)
    if kind == "arc":
        angle = rng.uniform(0, 2 * np.pi) + time * rng.uniform(0.5, 1.6) * np.pi * rng.choice([-1, 1])
        return 0.5 + REACH * np.stack([np.cos(angle), np.sin(angle)], -1)
    jumps = np.abs(np.sin(np.pi * (rng.uniform(0, 1) + time * rng.uniform(1, 2.5))))
    across = start[0] + time * (end[0] - start[0])
    return 0.5 + np.stack([across, REACH - 2 * REACH * jumps], -1)


def draw_clip(sprites: Sprites, rng: np.random.Generator, first: int) -> Clip:
    """A clip of one thing: a quarter of them grow or shrink, and two fifths pan."""
    grows = rng.random() < 0.25
    side = rng.uniform(*SIDES)
    end = rng.uniform(*SIDES) if grows else side
    sides = np.linspace(side, end, FRAMES)
    kind = PATHS[int(rng.choice(len(PATHS), p=[0.15, 0.35, 0.25, 0.25]))]
    centres = draw_path(kind, rng)
    background = int(rng.choice(len(BACKGROUNDS), p=[0.40, 0.20, 0.20, 0.20]))
    colours = tuple(int(c) for c in rng.choice(len(COLOUR_NAMES), size=2, replace=False))
    speed = rng.uniform(-0.6, 0.6, 2) if rng.random() < 0.4 else np.zeros(2)
    pan = np.linspace(0, 1, FRAMES)[:, None] * speed
    # The composer's window moves over background and things alike, so the things are moved along.
    placed = centres + pan
    scenes = tuple(Scene(((first, float(x), float(y), float(s)),), background, colours)
                   for (x, y), s in zip(placed, sides))
    return Clip(scenes, np.concatenate([pan, np.ones((FRAMES, 1))], 1))


def draw_clips(sprites: Sprites, seed: tuple[int, ...], count: int) -> list[Clip]:
    """Clips of the denoiser's drawings, every drawing equally often."""
    rng = np.random.default_rng(seed)
    passes = -(-count // len(sprites.core))
    order = np.concatenate([rng.permutation(sprites.core) for _ in range(passes)])[:count]
    return [draw_clip(sprites, rng, int(first)) for first in order]


def compose_clip(sprites: Sprites, clip: Clip, size: int) -> torch.Tensor:
    """The frames, FRAMES x 3 x size x size in [-1, 1]."""
    return compose(sprites, list(clip.scenes), size, clip.windows)
