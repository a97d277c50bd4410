"""Pairs for the subject adapter as cached tensors, drawn and encoded once."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from models.data.compose import Sprites
from models.data.pairs import (LATENT, Pair, Recoloured, draw_pair, subject_mask, vision_picture)
from models.training.clips import encode

PART = 128  # pairs per file


@dataclass(frozen=True)
class Pairs:
    """Per pair: what the encoder sees (uint8), the reference's latent and where its subject is, the
    target's latent and where its subject is; latents in float16, masks 16 x 16."""

    pairs: list[Pair]
    vision: torch.Tensor
    reference: torch.Tensor
    reference_mask: torch.Tensor
    target: torch.Tensor
    target_mask: torch.Tensor


class PairCache:
    """Pairs by a seed, on disk in parts so that an interrupted preparation goes on."""

    def __init__(self, work: Path, sprites: Sprites, size: int) -> None:
        self.folder = work / "adapter" / f"pairs-{size}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sprites, self.size = sprites, size
        self.vae = AutoencoderKL.from_pretrained(work / "vae")
        self.weights = (work / "vae" / "diffusion_pytorch_model.safetensors").read_bytes()

    def read(self, choices: np.ndarray, seed: int, count: int, own_colours: float) -> Pairs:
        """``count`` pairs, every drawing equally often, made first where nobody has."""
        rng = np.random.default_rng((15, seed))
        passes = -(-count // len(choices))
        order = np.concatenate([rng.permutation(choices) for _ in range(passes)])[:count]
        pairs = [draw_pair(self.sprites, int(index), rng, own_colours) for index in order]
        parts = []
        for begin in range(0, count, PART):
            some = pairs[begin:begin + PART]
            digest = zlib.crc32(self.weights, zlib.crc32(repr(some).encode()))
            path = self.folder / f"{digest:08x}.pt"
            if not path.exists():
                torch.save(self._make(some), path)
                print(f"pairs {begin} to {begin + len(some)} of {count}", flush=True)
            parts.append(torch.load(path))
        return Pairs(pairs, **{key: torch.cat([part[key] for part in parts]) for key in parts[0]})

    def _make(self, pairs: list[Pair]) -> dict[str, torch.Tensor]:
        drawn = Recoloured(self.sprites)
        references = torch.stack([drawn.draw(p, p.reference(), self.size) for p in pairs])
        targets = torch.stack([drawn.draw(p, p.target, self.size) for p in pairs])
        step = self.size // LATENT
        # The plugin takes the mask's nearest neighbours at each layer; targets have soft edges.
        masks = torch.stack([subject_mask(self.sprites, p, p.reference(), self.size)[::step, ::step]
                             for p in pairs])
        return {"vision": torch.stack([vision_picture(drawn, p) for p in pairs]),
                "reference": encode(self.vae, references), "reference_mask": (masks >= 0.5).half(),
                "target": encode(self.vae, targets),
                "target_mask": torch.stack([subject_mask(self.sprites, p, p.target, LATENT)
                                            for p in pairs]).half()}
