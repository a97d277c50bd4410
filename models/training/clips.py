"""Moving scenes as cached latents: drawn and encoded once, since that costs as much as learning from them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL

from models.data.captions import Parts
from models.data.compose import Sprites
from models.data.motion import Clip, compose_clip, draw_clips

PART = 81  # clips per file: one of every thing


@dataclass(frozen=True)
class Clips:
    """Latents of clips, scaled to a standard deviation of one, and what each shows."""

    latents: torch.Tensor  # float16, clips x frames x 4 x h x w
    parts: list[Parts]


@torch.no_grad()
def encode(vae: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """Latents of pictures in [-1, 1], 16 at a time, in float16."""
    latents = []
    for some in pictures.split(16):
        with torch.autocast("cpu", torch.bfloat16):
            mean = vae.encode(some).latent_dist.mean
        latents.append((mean.float() * vae.config.scaling_factor).half())
    return torch.cat(latents)


class ClipCache:
    """Clips by a seed, on disk in parts so that an interrupted preparation goes on."""

    def __init__(self, work: Path, size: int) -> None:
        self.folder = work / "motion" / f"clips-{size}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.work, self.size = work, size
        self.sprites = Sprites(work, min(256, size))
        self.vae = AutoencoderKL.from_pretrained(work / "vae")

    def read(self, seed: int, count: int) -> Clips:
        """``count`` clips of this seed, made first where nobody has."""
        weights = (self.work / "vae" / "diffusion_pytorch_model.safetensors").read_bytes()
        clips = draw_clips(self.sprites, (10, seed), count)
        latents = []
        for begin in range(0, count, PART):
            part = clips[begin:begin + PART]
            digest = zlib.crc32(weights, zlib.crc32(repr(part).encode()))
            path = self.folder / f"{digest:08x}.pt"
            if not path.exists():
                torch.save(self._encode(part), path)
                print(f"clips {begin} to {begin + len(part)} of {count}", flush=True)
            latents.append(torch.load(path))
        return Clips(torch.cat(latents), [clip.scenes[0].parts(self.sprites) for clip in clips])

    def _encode(self, clips: list[Clip]) -> torch.Tensor:
        return torch.stack([encode(self.vae, compose_clip(self.sprites, clip, self.size))
                            for clip in clips])
