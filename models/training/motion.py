"""Train motion modules for the finished denoiser: ``python -m models.training.motion --work DIR``.

The denoiser stays as it is. Resumes from ``motion/checkpoint.pt``; every random choice depends on
the step number.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from models.data.captions import draw_caption
from models.data.motion import FRAMES
from models.training.clips import ClipCache
from models.training.common import Ema, append_log, learning_rate, plot_log, save_atomic
from models.training.denoiser import SNR_LIMIT
from models.training.motion_networks import MotionModules
from models.training.networks import (PlainAttention, build_scheduler, build_text_encoder,
                                      build_unet)

SECONDS_PER_CHECKPOINT = 240
STEPS_PER_LOG = 20
TRAINING, HELD_OUT = 0, 1  # seeds of clips
GOLDEN = 0.6180339887498949


def load_denoiser(work: Path, size: int) -> tuple[UNet2DConditionModel, CLIPTextModel]:
    """The averaged weights of the denoiser, frozen."""
    weights = torch.load(work / "denoiser.pt")["ema"]
    unet, text = build_unet(size), build_text_encoder()
    unet.load_state_dict(weights["unet"])
    text.load_state_dict(weights["text"])
    unet.set_attn_processor(PlainAttention())
    return unet.requires_grad_(False).eval(), text.requires_grad_(False).eval()


def noise_levels(step: int, count: int) -> torch.Tensor:
    """Timesteps that cover the whole range within a few steps, however few clips a step has."""
    numbers = torch.arange(step * count, (step + 1) * count, dtype=torch.float64)
    return (numbers * GOLDEN % 1 * 1000).long()


class Trainer:
    """The modules, their optimiser and the clips."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        folder = args.work / "motion"
        folder.mkdir(exist_ok=True)
        self.checkpoint, self.log = folder / "checkpoint.pt", folder / "motion.jsonl"
        self.clips = ClipCache(args.work, args.size).read(TRAINING, args.clips)
        self.tokenizer = CLIPTokenizer.from_pretrained(args.work / "tokenizer")
        unet, self.text = load_denoiser(args.work, args.size)
        # Frozen weights need no more digits than the products that they enter.
        self.unet = unet.bfloat16()
        torch.manual_seed(0)
        self.modules = MotionModules()
        self.modules.attach(self.unet, compiled=args.compile)
        self.modules.frames = FRAMES
        self.optimizer = torch.optim.AdamW(self.modules.parameters(), lr=args.lr,
                                           betas=(0.9, 0.99), weight_decay=0.01, fused=True)
        self.ema = Ema({"motion": self.modules}, args.ema)
        self.alpha = build_scheduler().alphas_cumprod
        snr = self.alpha / (1 - self.alpha)
        self.weight = (snr.clamp(max=SNR_LIMIT) + 1) * (1 - self.alpha)
        self.step = 0
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint)
            self.modules.load_state_dict(state["motion"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.ema.shadow, self.step = state["ema"], state["step"]

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
        ids = self.tokenizer(captions, padding="max_length", truncation=True, max_length=77,
                             return_tensors="pt").input_ids
        return torch.cat(latents).float(), self.text(ids).last_hidden_state

    def advance(self) -> float:
        """One step; returns the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.args.lr, 50, self.args.steps)
        latents, context = self.batch()
        generator = torch.Generator().manual_seed(self.step)
        noise = torch.randn(latents.shape, generator=generator)
        levels = noise_levels(self.step, len(context)).repeat_interleave(FRAMES)
        signal = self.alpha[levels].view(-1, 1, 1, 1)
        noisy = signal.sqrt() * latents + (1 - signal).sqrt() * noise
        target = signal.sqrt() * noise - (1 - signal).sqrt() * latents
        with torch.autocast("cpu", torch.bfloat16):
            predicted = self.unet(noisy.bfloat16(), levels,
                                  context.repeat_interleave(FRAMES, 0).bfloat16()).sample
        errors = (predicted.float() - target).square().flatten(1).mean(1)
        loss = (errors * self.weight[levels]).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.modules.parameters(), 1.0)
        self.optimizer.step()
        self.ema.update({"motion": self.modules}, self.step)
        self.step += 1
        return loss.item()

    def save(self) -> None:
        """Checkpoint and loss plot."""
        save_atomic({"motion": self.modules.state_dict(), "ema": self.ema.shadow,
                     "optimizer": self.optimizer.state_dict(), "step": self.step}, self.checkpoint)
        plot_log(self.log, self.checkpoint.with_name("loss.png"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--size", type=int, default=128, help="picture size in pixels")
    parser.add_argument("--clips", type=int, default=162)
    parser.add_argument("--batch", type=int, default=1, help="clips per step")
    parser.add_argument("--steps", type=int, default=800, help="length of the cosine schedule")
    parser.add_argument("--stop", type=int, default=None, help="stop earlier, at this step")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--ema", type=float, default=0.99)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="compile the modules (some minutes)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    trainer = Trainer(args)
    losses: list[float] = []
    clock = last_saved = time.time()
    stop = args.stop or args.steps
    while trainer.step < stop:
        losses.append(trainer.advance())
        if trainer.step % STEPS_PER_LOG == 0:
            append_log(trainer.log, step=trainer.step, loss=sum(losses) / len(losses),
                       seconds_per_step=(time.time() - clock) / len(losses))
            clock, losses = time.time(), []
        if time.time() - last_saved > SECONDS_PER_CHECKPOINT or trainer.step == stop:
            trainer.save()
            last_saved = time.time()


if __name__ == "__main__":
    main()
