"""Train U-Net and text encoder together: ``python -m models.training.denoiser --work DIR``.

Resumes from ``denoiser.pt``. Every random choice depends on the step number, so a resumed run
continues exactly as an uninterrupted one would.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from transformers import CLIPTokenizer

from models.data.captions import draw_caption
from models.data.sources import load_concepts
from models.training.common import (Ema, append_log, learning_rate, plot_log, save_atomic,
                                    save_sheet)
from models.training.latents import SHARD, LatentCache, Shard
from models.training.networks import (PlainAttention, build_scheduler, build_text_encoder,
                                      build_unet)
from models.training.sampling import SHEET_PROMPTS, draw

SNR_LIMIT = 5.0  # nearly clean pictures teach little: limit their weight
SECONDS_PER_SHEET = 420
STEPS_PER_LOG = 50


class Batches:
    """Latents and captions of a step, in an order that depends on the step alone."""

    def __init__(self, cache: LatentCache, shards: int, batch: int,
                 tokenizer: CLIPTokenizer) -> None:
        self.cache, self.shards, self.batch, self.tokenizer = cache, shards, batch, tokenizer
        self.names = [concept.name for concept in load_concepts()]
        self.loaded: dict[int, Shard] = {}
        self.ids: dict[str, list[int]] = {}

    def tokens(self, caption: str) -> list[int]:
        """Token ids, remembered: captions repeat, and tokenising is slow in comparison."""
        if caption not in self.ids:
            self.ids[caption] = self.tokenizer(
                caption, padding="max_length", truncation=True, max_length=77).input_ids
        return self.ids[caption]

    def at(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Batch number ``step``: one shard after the other, each in a new order every time."""
        steps_per_shard = SHARD // self.batch
        visit, position = divmod(step, steps_per_shard)
        number = visit % self.shards
        if number not in self.loaded:
            self.loaded[number] = self.cache.shard(number)
        shard = self.loaded[number]
        order = np.random.default_rng((5, visit)).permutation(SHARD)
        rows = order[position * self.batch:(position + 1) * self.batch]
        rng = np.random.default_rng((6, step))
        ids = [self.tokens(draw_caption(shard.parts(row, self.names), rng)) for row in rows]
        return shard.latents[torch.from_numpy(rows)].float(), torch.tensor(ids)


def noise_levels(count: int, generator: torch.Generator) -> torch.Tensor:
    """Stratified timesteps: every batch covers the whole range, which steadies the gradient."""
    offsets = torch.rand(count, generator=generator)
    return ((torch.arange(count) + offsets) / count * 1000).long().clamp(0, 999)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--size", type=int, default=128, help="picture size in pixels")
    parser.add_argument("--steps", type=int, default=16000, help="length of the cosine schedule")
    parser.add_argument("--stop", type=int, default=None, help="stop earlier, at this step")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--shards", type=int, default=12)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--ema", type=float, default=0.998)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)

    tokenizer = CLIPTokenizer.from_pretrained(args.work / "tokenizer")
    batches = Batches(LatentCache(args.work, args.size), args.shards, args.batch, tokenizer)
    vae = AutoencoderKL.from_pretrained(args.work / "vae")
    unet, text = build_unet(args.size), build_text_encoder()
    unet.set_attn_processor(PlainAttention())
    modules = {"unet": unet, "text": text}
    parameters = [p for module in modules.values() for p in module.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=args.lr, betas=(0.9, 0.99), weight_decay=0.01,
                                  fused=True)
    ema = Ema(modules, args.ema)
    start, checkpoint = 0, args.work / "denoiser.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint)
        for name, module in modules.items():
            module.load_state_dict(state[name])
        if "optimizer" in state:  # absent after models.training.restore
            optimizer.load_state_dict(state["optimizer"])
        ema.shadow, start = state["ema"], state["step"]
        print(f"resumed at step {start}", flush=True)
    scheduler = build_scheduler()
    alpha = scheduler.alphas_cumprod
    weight = ((alpha / (1 - alpha)).clamp(max=SNR_LIMIT) + 1) * (1 - alpha)

    def finish_period(step: int) -> None:
        """Checkpoint, loss plot and sample sheet."""
        save_atomic({"unet": unet.state_dict(), "text": text.state_dict(), "ema": ema.shadow,
                     "optimizer": optimizer.state_dict(), "step": step}, checkpoint)
        plot_log(log, args.work / "denoiser-loss.png")
        pictures = draw(unet, text, vae, tokenizer, ema.shadow, SHEET_PROMPTS, args.size)
        save_sheet(pictures, args.work / f"sheet-{step:06d}.png", 6)

    log, losses = args.work / "denoiser.jsonl", []
    clock = last_sheet = time.time()
    stop = args.stop or args.steps
    for step in range(start, stop):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args.lr, 200, args.steps)
        latents, ids = batches.at(step)
        generator = torch.Generator().manual_seed(step)
        noise = torch.randn(latents.shape, generator=generator)
        levels = noise_levels(len(latents), generator)
        signal = alpha[levels].view(-1, 1, 1, 1)
        noisy = signal.sqrt() * latents + (1 - signal).sqrt() * noise
        target = signal.sqrt() * noise - (1 - signal).sqrt() * latents
        with torch.autocast("cpu", torch.bfloat16):
            context = text(ids).last_hidden_state
            predicted = unet(noisy, levels, context).sample.float()
        errors = (predicted - target).square().flatten(1).mean(1)
        loss = (errors * weight[levels]).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        ema.update(modules, step)
        losses.append(loss.item())
        done = step + 1
        if done % STEPS_PER_LOG == 0:
            append_log(log, step=done, samples=done * args.batch, loss=sum(losses) / len(losses),
                       per_second=len(losses) * args.batch / (time.time() - clock))
            clock, losses = time.time(), []
        if time.time() - last_sheet > SECONDS_PER_SHEET or done == stop:
            finish_period(done)
            clock = last_sheet = time.time()
            losses = []


if __name__ == "__main__":
    main()
