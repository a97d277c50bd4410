"""Train the autoencoder: ``python -m models.training.autoencoder --work DIR``.

On crops first, which are quick, then on whole pictures: group normalisation and attention must see
the statistics that they will see in use, or the error on whole pictures stays while that on crops
falls. Resumes from ``autoencoder.pt``; writes the averaged weights to ``vae/`` when it is done.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

from models.data.compose import Sprites, compose, draw_scene
from models.training.common import (Ema, append_log, learning_rate, plot_log, save_atomic,
                                    save_sheet)

CROP = 64  # pixels; a crop covers half the width of a 128-pixel picture
CROP_SHARE = 0.5  # of the steps; afterwards whole pictures
SIZE = 128
KL_WEIGHT = 3e-4
WARM_UP = 150  # steps


def build() -> AutoencoderKL:
    """The f8 autoencoder: Stable Diffusion's structure, a quarter of its width and less."""
    return AutoencoderKL(
        block_out_channels=(32, 64, 96, 128), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=1, latent_channels=4,
        norm_num_groups=32, sample_size=SIZE)


def batch_at(sprites: Sprites, choices: np.ndarray, step: int, count: int,
             whole_pictures: bool) -> torch.Tensor:
    """`count` crops, or as many pixels in whole pictures. They depend on the step alone, so a
    resumed run sees the same data."""
    rng = np.random.default_rng((1, step))
    if whole_pictures:
        whole = [draw_scene(sprites, choices, rng) for _ in range(count * CROP ** 2 // SIZE ** 2)]
        return compose(sprites, whole, SIZE)
    scenes = [draw_scene(sprites, choices, rng) for _ in range(count)]
    corner = rng.uniform(0.05, 0.45, (count, 2))
    windows = np.concatenate([corner, np.full((count, 1), CROP / SIZE)], axis=1)
    return compose(sprites, scenes, CROP, windows)


def held_out_batch(sprites: Sprites) -> torch.Tensor:
    """Whole pictures of the drawings that training never sees."""
    rng = np.random.default_rng(2)
    scenes = [draw_scene(sprites, sprites.held_out, rng, int(i)) for i in sprites.held_out]
    return compose(sprites, scenes, SIZE)


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    """Mean over pictures of the peak signal-to-noise ratio in dB, for pictures in [-1, 1]."""
    error = (a - b.clamp(-1, 1)).square().flatten(1).mean(1)
    return float((10 * torch.log10(4 / error)).mean())


@torch.no_grad()
def measure(vae: AutoencoderKL, shadow: dict, pictures: torch.Tensor, sheet: Path) -> float:
    """PSNR of the averaged weights on held-out pictures; also writes a sheet to look at."""
    current = {key: value.clone() for key, value in vae.state_dict().items()}
    vae.load_state_dict(shadow)
    decoded = torch.cat([vae.decode(vae.encode(part).latent_dist.mode()).sample
                         for part in pictures.split(8)])
    vae.load_state_dict(current)
    save_sheet(torch.stack([pictures[:12], decoded[:12]], 1).flatten(0, 1), sheet, 8)
    return psnr(pictures, decoded)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    sprites = Sprites(args.work, SIZE)
    choices = np.setdiff1d(np.arange(len(sprites.concept)), sprites.held_out)
    held_out = held_out_batch(sprites)
    vae = build()
    modules = {"vae": vae}
    ema = Ema(modules, 0.995)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=args.lr, betas=(0.9, 0.99),
                                  weight_decay=1e-4, fused=True)
    start, first, checkpoint = 0, 0, args.work / "autoencoder.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint)
        vae.load_state_dict(state["vae"])
        ema.shadow, start, first = state["ema"], state["step"], state["first"]
        if "optimizer" in state:  # absent after models.training.restore
            optimizer.load_state_dict(state["optimizer"])
    log, clock, total_loss = args.work / "autoencoder.jsonl", time.time(), 0.0
    for step in range(start, args.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args.lr, WARM_UP, args.steps, first)
        pictures = batch_at(sprites, choices, step, args.batch, step >= CROP_SHARE * args.steps)
        torch.manual_seed(step)
        with torch.autocast("cpu", torch.bfloat16):
            posterior = vae.encode(pictures).latent_dist
            decoded = vae.decode(posterior.sample()).sample.float()
        divergence = 0.5 * (posterior.mean.float().square() + posterior.var.float() - 1
                            - posterior.logvar.float()).mean()
        loss = (F.l1_loss(decoded, pictures) + 2 * F.mse_loss(decoded, pictures)
                + KL_WEIGHT * divergence)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        ema.update(modules, step)
        total_loss += loss.item()
        done = step + 1
        if done % 25 == 0:
            append_log(log, step=done, loss=total_loss / 25, kl=divergence.item(),
                       per_second=25 * args.batch / (time.time() - clock))
            clock, total_loss = time.time(), 0.0
        if done % 300 == 0 or done == args.steps:
            value = measure(vae, ema.shadow["vae"], held_out, args.work / "autoencoder.png")
            append_log(log, step=done, psnr=value)
            save_atomic({"vae": vae.state_dict(), "optimizer": optimizer.state_dict(),
                         "ema": ema.shadow, "step": done, "first": first}, checkpoint)
            plot_log(log, args.work / "autoencoder-loss.png")
            clock = time.time()
    finish(vae, ema.shadow["vae"], sprites, choices, args.work)


@torch.no_grad()
def finish(vae: AutoencoderKL, shadow: dict, sprites: Sprites, choices: np.ndarray,
           work: Path) -> None:
    """Save the averaged weights with the scale that gives latents a standard deviation of one."""
    vae.load_state_dict(shadow)
    rng = np.random.default_rng(3)
    scenes = [draw_scene(sprites, choices, rng) for _ in range(256)]
    latents = torch.cat([vae.encode(compose(sprites, scenes[i:i + 32], SIZE)).latent_dist.mode()
                         for i in range(0, 256, 32)])
    vae.register_to_config(scaling_factor=round(float(1 / latents.std()), 5))
    vae.save_pretrained(work / "vae")
    print("latent mean", latents.mean((0, 2, 3)), "std", latents.std((0, 2, 3)))


if __name__ == "__main__":
    main()
