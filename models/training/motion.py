"""Train motion modules for the finished denoiser: ``python -m models.training.motion --work DIR``.

The denoiser stays as it is. Resumes from ``motion/checkpoint.pt``; every random choice depends on
the step number.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from models.data.captions import draw_caption
from models.data.motion import FRAMES
from models.training.addition import Addition, parse_arguments
from models.training.clips import ClipCache
from models.training.motion_networks import MotionModules

TRAINING, HELD_OUT = 0, 1  # seeds of clips
GOLDEN = 0.6180339887498949


def noise_levels(step: int, count: int) -> torch.Tensor:
    """Timesteps that cover the whole range within a few steps, however few clips a step has."""
    numbers = torch.arange(step * count, (step + 1) * count, dtype=torch.float64)
    return (numbers * GOLDEN % 1 * 1000).long()


class Trainer(Addition):
    """The modules and the clips."""

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args, "motion")
        self.clips = ClipCache(args.work, args.size).read(TRAINING, args.clips)
        modules = MotionModules()
        modules.attach(self.unet, compiled=args.compile)
        modules.frames = FRAMES
        self.begin(modules, [{"params": list(modules.parameters()), "share": 1.0,
                              "weight_decay": 0.01}])

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents [clips * frames, 4, h, w] and one caption's context per clip. Half of the clips
        run backwards."""
        count, batch = len(self.clips.parts), self.args.batch
        visit, position = divmod(self.step, count // batch)
        order = np.random.default_rng((11, visit)).permutation(count)
        rows = order[position * batch:(position + 1) * batch]
        rng = np.random.default_rng((12, self.step))
        latents = [self.clips.latents[row].flip(0) if rng.random() < 0.5 else self.clips.latents[row]
                   for row in rows]
        captions = [draw_caption(self.clips.parts[row], rng) for row in rows]
        return torch.cat(latents).float(), self.contexts(captions)

    def loss(self) -> torch.Tensor:
        latents, context = self.batch()
        generator = torch.Generator().manual_seed(self.step)
        noise = torch.randn(latents.shape, generator=generator)
        levels = noise_levels(self.step, len(context)).repeat_interleave(FRAMES)
        noisy, velocity = self.diffusion.noisy(latents, noise, levels)
        with torch.autocast("cpu", torch.bfloat16):
            predicted = self.unet(noisy.bfloat16(), levels,
                                  context.repeat_interleave(FRAMES, 0)).sample
        return self.diffusion.loss(predicted, velocity, levels)


if __name__ == "__main__":
    Trainer(parse_arguments(__doc__, clips=162, batch=1, steps=800, lr=1e-3)).train()
