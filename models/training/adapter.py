"""Train the subject adapter for the finished denoiser: ``python -m models.training.adapter --work DIR``.

Both branches at once: of every four pictures, one is learned from the tokens alone, so that the
same weights serve as an IP-Adapter. The denoiser stays as it is. Begins with the encoder of
``models.training.vision_encoder``; resumes from ``adapter/checkpoint.pt``; every random choice
depends on the step number.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
import torch.nn.functional as F

from models.data.compose import Sprites
from models.data.pairs import SUBJECT, draw_subject_caption, training_sprites
from models.training.adapter_networks import SELF_UNTIL, Adapter
from models.training.addition import Addition, parse_arguments
from models.training.denoiser import noise_levels
from models.training.pair_latents import PairCache

OWN_COLOURS = 0.6  # share of the pairs whose drawing keeps its colours
WITHOUT_REFERENCE = 0.25  # shares of the pictures
WITHOUT_PROMPT = 0.1
EVERYWHERE = 0.5  # the branches act on the whole picture, as in a run's first steps


class Trainer(Addition):
    """The adapter and the pairs."""

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args, "adapter")
        self.sprites = Sprites(args.work, 128)
        self.pairs = PairCache(args.work, self.sprites, args.size).read(
            training_sprites(self.sprites), 0, args.pairs, OWN_COLOURS)
        self.adapter = Adapter(self.unet)
        self.adapter.encoder.load_state_dict(torch.load(self.folder / "encoder.pt")["encoder"])
        self.noun = self.contexts([SUBJECT])
        self.begin(self.adapter, self._groups())

    def _groups(self) -> list[dict]:
        named = list(self.adapter.named_parameters())
        encoder = [p for name, p in named if name.startswith("encoder.")]
        scales = [p for name, p in named if name.endswith(".scale")]
        others = [p for name, p in named
                  if not name.startswith("encoder.") and not name.endswith(".scale")]
        return [{"params": others, "share": 1.0, "weight_decay": 0.01},
                {"params": encoder, "share": 0.3, "weight_decay": 0.01},
                {"params": scales, "share": 5.0, "weight_decay": 0.0}]

    def rows(self) -> np.ndarray:
        """The pairs of this step: all of them in a new order, again and again."""
        count, batch = len(self.pairs.pairs), self.args.batch
        visit, position = divmod(self.step, count // batch)
        order = np.random.default_rng((16, visit)).permutation(count)
        return order[position * batch:(position + 1) * batch]

    def prepare(self, rows: np.ndarray, rng: np.random.Generator,
                levels: torch.Tensor) -> list[str]:
        """Fill what the attentions need to know; returns the captions."""
        pairs, run, batch = self.pairs, self.adapter.run, len(rows)
        captions = [draw_subject_caption(pairs.pairs[row], self.sprites, rng) for row in rows]
        empty = torch.from_numpy(rng.random(batch) < WITHOUT_PROMPT)
        captions = ["" if gone else caption for caption, gone in zip(captions, empty)]
        alone = torch.from_numpy(rng.random(batch) < WITHOUT_REFERENCE)
        everywhere = torch.from_numpy(rng.random(batch) < EVERYWHERE)
        run.strength = (~alone & (levels < SELF_UNTIL)).float()
        run.content = torch.ones(batch)
        around = F.max_pool2d(pairs.target_mask[rows].float()[:, None], 3, 1, 1)[:, 0]
        run.gate = torch.where(everywhere[:, None, None], torch.ones(()), around)
        run.reference_mask = pairs.reference_mask[rows].float()
        with torch.autocast("cpu", torch.bfloat16):
            embedding = self.adapter.embed(pairs.vision[rows]).float()
            run.tokens = self.adapter.image_proj(embedding * ~empty[:, None]).float()
        return captions

    def loss(self) -> torch.Tensor:
        rows, rng = self.rows(), np.random.default_rng((17, self.step))
        generator = torch.Generator().manual_seed(self.step)
        levels = noise_levels(len(rows), generator)
        clean, reference = (x[rows].float() for x in (self.pairs.target, self.pairs.reference))
        noise, speck = (torch.randn(clean.shape, generator=generator) for _ in range(2))
        captions = self.prepare(rows, rng, levels)
        context = self.contexts(captions)
        seen, _ = self.diffusion.noisy(reference, speck, torch.zeros(len(rows), dtype=torch.long))
        noisy, velocity = self.diffusion.noisy(clean, noise, levels)
        with torch.autocast("cpu", torch.bfloat16):
            self.adapter.look_at(self.unet, seen.bfloat16(), self.noun.expand(len(rows), -1, -1))
            self.adapter.run.active = True
            predicted = self.unet(noisy.bfloat16(), levels, context).sample
        return self.diffusion.loss(predicted, velocity, levels)


if __name__ == "__main__":
    Trainer(parse_arguments(__doc__, pairs=1244, batch=8, steps=1000, lr=1e-3)).train()
