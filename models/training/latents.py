"""The denoiser's training pictures as cached latents, in shards made when they are first needed.

Rendering and encoding once per picture keeps both out of the training loop; a shard depends on its
number alone, so the data order is the same in every run.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from models.data.captions import Parts
from models.data.compose import Sprites, compose, draw_scene
from models.data.sources import load_concepts

SHARD = 4096


@dataclass(frozen=True)
class Shard:
    """Latents (scaled to a standard deviation of one) and what each picture shows."""

    latents: torch.Tensor  # float16, n x 4 x h x w
    meta: np.ndarray  # int16, n x 6: two things (-1: none), style, background, two colours

    def parts(self, row: int, names: list[str]) -> Parts:
        """The caption material of one picture."""
        first, second, style, background, colour, other = (int(v) for v in self.meta[row])
        things = (names[first],) + ((names[second],) if second >= 0 else ())
        return Parts(things, style, background, (colour, other))


class LatentCache:
    """Shards on disk, encoded by the finished autoencoder."""

    def __init__(self, work: Path, size: int) -> None:
        # Another choice of things or another autoencoder must not meet shards of the old one.
        things = "\n".join(concept.name for concept in load_concepts() if concept.core)
        weights = (work / "vae" / "diffusion_pytorch_model.safetensors").read_bytes()
        digest = zlib.crc32(weights, zlib.crc32(things.encode()))
        self.folder = work / f"latents-{size}-{digest:08x}"
        self.folder.mkdir(exist_ok=True)
        self.work, self.size = work, size
        self.sprites: Sprites | None = None
        self.vae: AutoencoderKL | None = None

    def shard(self, number: int) -> Shard:
        """Read a shard, making it first if nobody has."""
        path = self.folder / f"{number:03d}.pt"
        if not path.exists():
            torch.save(self._encode(number), path)
        stored = torch.load(path)
        return Shard(stored["latents"], stored["meta"].numpy())

    @torch.no_grad()
    def _encode(self, number: int) -> dict[str, torch.Tensor]:
        if self.sprites is None or self.vae is None:
            self.sprites = Sprites(self.work, min(256, self.size))
            self.vae = AutoencoderKL.from_pretrained(self.work / "vae")
        sprites, rng = self.sprites, np.random.default_rng((4, number))
        # Every drawing equally often: a permutation per pass over the drawings, not chance.
        order = np.concatenate([rng.permutation(sprites.core)
                                for _ in range(-(-SHARD // len(sprites.core)))])[:SHARD]
        scenes = [draw_scene(sprites, sprites.core, rng, int(first)) for first in order]
        latents = []
        for i in range(0, SHARD, 32):
            pictures = compose(sprites, scenes[i:i + 32], self.size)
            with torch.autocast("cpu", torch.bfloat16):
                mean = self.vae.encode(pictures).latent_dist.mean
            latents.append((mean.float() * self.vae.config.scaling_factor).half())
        meta = []
        for scene in scenes:
            things = [int(sprites.concept[s[0]]) for s in scene.sprites] + [-1]
            meta.append([*things[:2], int(sprites.style[scene.sprites[0][0]]), scene.background,
                         *scene.colours])
        return {"latents": torch.cat(latents), "meta": torch.tensor(meta, dtype=torch.int16)}
