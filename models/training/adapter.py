"""Train the subject adapter for the finished denoiser: ``python -m models.training.adapter --work DIR``.

Both branches at once: of every four pictures, one is learned from the tokens alone, so that the
same weights serve as an IP-Adapter. The denoiser stays as it is. Begins with the encoder of
``models.training.vision_encoder``; resumes from ``adapter/checkpoint.pt``; every random choice
depends on the step number.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers import CLIPTokenizer

from models.data.compose import Sprites
from models.data.pairs import SUBJECT, draw_subject_caption, training_sprites
from models.training.adapter_networks import SELF_UNTIL, Adapter
from models.training.common import Ema, append_log, learning_rate, plot_log, save_atomic
from models.training.denoiser import SNR_LIMIT, noise_levels
from models.training.motion import load_denoiser
from models.training.networks import build_scheduler
from models.training.pair_latents import PairCache

SECONDS_PER_CHECKPOINT = 240
STEPS_PER_LOG = 20
OWN_COLOURS = 0.6  # share of the pairs whose drawing keeps its colours
WITHOUT_REFERENCE = 0.25  # shares of the pictures
WITHOUT_PROMPT = 0.1
EVERYWHERE = 0.5  # the branches act on the whole picture, as in a run's first steps


class Trainer:
    """The adapter, its optimiser and the pairs."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        folder = args.work / "adapter"
        self.checkpoint, self.log = folder / "checkpoint.pt", folder / "adapter.jsonl"
        self.sprites = Sprites(args.work, 128)
        self.pairs = PairCache(args.work, self.sprites, args.size).read(
            training_sprites(self.sprites), 0, args.pairs, OWN_COLOURS)
        self.tokenizer = CLIPTokenizer.from_pretrained(args.work / "tokenizer")
        unet, self.text = load_denoiser(args.work, args.size)
        self.unet = unet.bfloat16()
        torch.manual_seed(0)
        self.adapter = Adapter(self.unet)
        self.adapter.encoder.load_state_dict(torch.load(folder / "encoder.pt")["encoder"])
        self.noun = self.contexts([SUBJECT])
        self.optimizer = torch.optim.AdamW(self._groups(), betas=(0.9, 0.99), fused=True)
        self.ema = Ema({"adapter": self.adapter}, args.ema)
        self.alpha = build_scheduler().alphas_cumprod
        snr = self.alpha / (1 - self.alpha)
        self.weight = (snr.clamp(max=SNR_LIMIT) + 1) * (1 - self.alpha)
        self.step = 0
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint)
            self.adapter.load_state_dict(state["adapter"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.ema.shadow, self.step = state["ema"], state["step"]

    def _groups(self) -> list[dict]:
        named = list(self.adapter.named_parameters())
        encoder = [p for name, p in named if name.startswith("encoder.")]
        scales = [p for name, p in named if name.endswith(".scale")]
        others = [p for name, p in named
                  if not name.startswith("encoder.") and not name.endswith(".scale")]
        return [{"params": others, "share": 1.0, "weight_decay": 0.01},
                {"params": encoder, "share": 0.3, "weight_decay": 0.01},
                {"params": scales, "share": 5.0, "weight_decay": 0.0}]

    @torch.no_grad()
    def contexts(self, captions: list[str]) -> torch.Tensor:
        """Text states [B, 77, WIDTH]."""
        ids = self.tokenizer(captions, padding="max_length", truncation=True, max_length=77,
                             return_tensors="pt").input_ids
        return self.text(ids).last_hidden_state.bfloat16()

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

    def advance(self) -> float:
        """One step; returns the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["share"] * learning_rate(self.step, self.args.lr, 50,
                                                         self.args.steps)
        rows, rng = self.rows(), np.random.default_rng((17, self.step))
        generator = torch.Generator().manual_seed(self.step)
        levels = noise_levels(len(rows), generator)
        clean, reference = (x[rows].float() for x in (self.pairs.target, self.pairs.reference))
        noise, speck = (torch.randn(clean.shape, generator=generator) for _ in range(2))
        captions = self.prepare(rows, rng, levels)
        context = self.contexts(captions)
        first = self.alpha[0]
        with torch.autocast("cpu", torch.bfloat16):
            self.adapter.look_at(self.unet, (first.sqrt() * reference
                                             + (1 - first).sqrt() * speck).bfloat16(),
                                 self.noun.expand(len(rows), -1, -1))
            self.adapter.run.active = True
            signal = self.alpha[levels].view(-1, 1, 1, 1)
            noisy = signal.sqrt() * clean + (1 - signal).sqrt() * noise
            predicted = self.unet(noisy.bfloat16(), levels, context).sample.float()
        target = signal.sqrt() * noise - (1 - signal).sqrt() * clean
        errors = (predicted - target).square().flatten(1).mean(1)
        loss = (errors * self.weight[levels]).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.adapter.parameters(), 1.0)
        self.optimizer.step()
        self.ema.update({"adapter": self.adapter}, self.step)
        self.step += 1
        return loss.item()

    def save(self) -> None:
        """Checkpoint and loss plot."""
        save_atomic({"adapter": self.adapter.state_dict(), "ema": self.ema.shadow,
                     "optimizer": self.optimizer.state_dict(), "step": self.step}, self.checkpoint)
        plot_log(self.log, self.checkpoint.with_name("loss.png"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--size", type=int, default=128, help="picture size in pixels")
    parser.add_argument("--pairs", type=int, default=1244)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=1000, help="length of the cosine schedule")
    parser.add_argument("--stop", type=int, default=None, help="stop earlier, at this step")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--ema", type=float, default=0.99)
    parser.add_argument("--threads", type=int, default=2)
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
