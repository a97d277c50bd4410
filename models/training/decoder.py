"""Sharpen the autoencoder's decoder: ``python -m models.training.decoder --work DIR``.

The encoder stays as it is, so that latents, and with them a denoiser in training, remain valid.
Whole pictures instead of crops: group normalisation sees the statistics it will see in use.
Resumes from ``decoder.pt``; replaces the weights in ``vae/`` when it is done.
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
from models.training.autoencoder import SIZE, held_out_batch, measure
from models.training.common import Ema, append_log, learning_rate, plot_log, save_atomic

NOISE = 0.05  # added to latents: sampled latents are never as clean as encoded ones


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    sprites = Sprites(args.work, SIZE)
    choices = np.setdiff1d(np.arange(len(sprites.concept)), sprites.held_out)
    held_out = held_out_batch(sprites)
    vae = AutoencoderKL.from_pretrained(args.work / "vae")
    vae.encoder.requires_grad_(False)
    vae.quant_conv.requires_grad_(False)
    trained = [*vae.decoder.parameters(), *vae.post_quant_conv.parameters()]
    optimizer = torch.optim.AdamW(trained, lr=args.lr, betas=(0.9, 0.99), weight_decay=1e-4,
                                  fused=True)
    modules = {"vae": vae}
    ema = Ema(modules, 0.998)
    start, checkpoint = 0, args.work / "decoder.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint)
        vae.load_state_dict(state["vae"])
        optimizer.load_state_dict(state["optimizer"])
        ema.shadow, start = state["ema"], state["step"]
    log, clock, total_loss = args.work / "decoder.jsonl", time.time(), 0.0
    for step in range(start, args.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args.lr, 50, args.steps)
        rng = np.random.default_rng((10, step))
        scenes = [draw_scene(sprites, choices, rng) for _ in range(args.batch)]
        pictures = compose(sprites, scenes, SIZE)
        generator = torch.Generator().manual_seed(step)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                latents = vae.encode(pictures).latent_dist.mean.float()
            noise = torch.randn(latents.shape, generator=generator)
            latents = latents + noise * (NOISE / vae.config.scaling_factor)
            decoded = vae.decode(latents).sample.float()
        loss = F.l1_loss(decoded, pictures) + 2 * F.mse_loss(decoded, pictures)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        ema.update(modules, step)
        total_loss += loss.item()
        done = step + 1
        if done % 25 == 0:
            append_log(log, step=done, loss=total_loss / 25,
                       per_second=25 * args.batch / (time.time() - clock))
            clock, total_loss = time.time(), 0.0
        if done % 250 == 0 or done == args.steps:
            value = measure(vae, ema.shadow["vae"], held_out, args.work / "decoder.png")
            append_log(log, step=done, psnr=value)
            save_atomic({"vae": vae.state_dict(), "optimizer": optimizer.state_dict(),
                         "ema": ema.shadow, "step": done}, checkpoint)
            plot_log(log, args.work / "decoder-loss.png")
            clock = time.time()
    vae.load_state_dict(ema.shadow["vae"])
    vae.save_pretrained(args.work / "vae")


if __name__ == "__main__":
    main()
