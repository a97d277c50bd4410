"""Train U-Net and text encoder together: ``python -m models.training.denoiser --work DIR``.

Resumes from ``denoiser.pt``. Every random choice depends on the step number, so a resumed run
continues exactly as an uninterrupted one would.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed
import torch.multiprocessing
from diffusers import AutoencoderKL
from transformers import CLIPTokenizer

from models.data.captions import draw_caption
from models.data.sources import load_concepts
from models.training.common import (Ema, append_log, learning_rate, plot_log, save_atomic,
                                    save_sheet)
from models.training.diffusion import Diffusion
from models.training.latents import SHARD, LatentCache, Shard
from models.training.networks import PlainAttention, build_text_encoder, build_unet
from models.training.sampling import SHEET_PROMPTS, draw

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


def average_gradients(parameters: list[torch.nn.Parameter]) -> None:
    """Average the gradients of all workers, in one message."""
    flat = torch.cat([p.grad.flatten() for p in parameters])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    for p, part in zip(parameters, flat.split([p.numel() for p in parameters])):
        p.grad.copy_(part.view_as(p))


class Trainer:
    """One worker: networks, optimiser and data; worker 0 also writes files."""

    def __init__(self, args: argparse.Namespace, rank: int) -> None:
        self.args, self.rank = args, rank
        self.step = self.first = 0  # `first`: where the optimiser began
        self.checkpoint, self.log = args.work / "denoiser.pt", args.work / "denoiser.jsonl"
        torch.manual_seed(0)
        self.tokenizer = CLIPTokenizer.from_pretrained(args.work / "tokenizer")
        self.batches = Batches(LatentCache(args.work, args.size), args.shards, args.batch,
                               self.tokenizer)
        self.unet, self.text = build_unet(args.size), build_text_encoder()
        self.unet.set_attn_processor(PlainAttention())
        # The same networks, whose steps are a seventh faster once they are compiled (some minutes).
        self.run_unet, self.run_text = (torch.compile(module) if args.compile else module
                                        for module in (self.unet, self.text))
        self.modules = {"unet": self.unet, "text": self.text}
        self.parameters = [p for module in self.modules.values() for p in module.parameters()]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=args.lr, betas=(0.9, 0.99),
                                           weight_decay=0.01, fused=True)
        self.ema = Ema(self.modules, args.ema)
        self.diffusion = Diffusion()
        if self.checkpoint.exists():
            self.resume()

    def resume(self) -> None:
        """Continue from the checkpoint."""
        state = torch.load(self.checkpoint)
        for name, module in self.modules.items():
            module.load_state_dict(state[name])
        if "optimizer" in state:  # absent after models.training.restore
            self.optimizer.load_state_dict(state["optimizer"])
        self.ema.shadow, self.step, self.first = state["ema"], state["step"], state["first"]

    def advance(self) -> float:
        """One step; returns this worker's loss. All randomness depends on the step alone."""
        workers = self.args.workers
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.args.lr, 200, self.args.steps,
                                        self.first)
        latents, ids = self.batches.at(self.step)
        generator = torch.Generator().manual_seed(self.step)
        noise = torch.randn(latents.shape, generator=generator)
        levels = noise_levels(len(latents), generator)
        latents, ids, noise, levels = (x[self.rank::workers]
                                       for x in (latents, ids, noise, levels))
        noisy, velocity = self.diffusion.noisy(latents, noise, levels)
        with torch.autocast("cpu", torch.bfloat16):
            context = self.run_text(ids).last_hidden_state
            predicted = self.run_unet(noisy, levels, context).sample
        loss = self.diffusion.loss(predicted, velocity, levels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if workers > 1:
            average_gradients(self.parameters)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        if self.rank == 0:  # the only worker that saves
            self.ema.update(self.modules, self.step)
        self.step += 1
        return loss.item()

    def publish(self, vae: AutoencoderKL) -> None:
        """Checkpoint, loss plot and sample sheet."""
        save_atomic({"unet": self.unet.state_dict(), "text": self.text.state_dict(),
                     "ema": self.ema.shadow, "optimizer": self.optimizer.state_dict(),
                     "step": self.step, "first": self.first}, self.checkpoint)
        plot_log(self.log, self.args.work / "denoiser-loss.png")
        threads = torch.get_num_threads()
        torch.set_num_threads(threads * self.args.workers)  # the other workers wait
        pictures = draw(self.unet, self.text, vae, self.tokenizer, self.ema.shadow,
                        SHEET_PROMPTS, self.args.size)
        torch.set_num_threads(threads)
        save_sheet(pictures, self.args.work / f"sheet-{self.step:06d}.png", 6)


def work(rank: int, args: argparse.Namespace) -> None:
    """The training loop of one worker."""
    torch.set_num_threads(args.threads)
    if args.workers > 1:
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{args.rendezvous}", rank=rank, world_size=args.workers)
    trainer = Trainer(args, rank)
    vae = AutoencoderKL.from_pretrained(args.work / "vae")
    losses: list[float] = []
    clock = last_sheet = time.time()
    stop = args.stop or args.steps
    while trainer.step < stop:
        losses.append(trainer.advance())
        if rank != 0:
            continue
        if trainer.step % STEPS_PER_LOG == 0:
            append_log(trainer.log, step=trainer.step, samples=trainer.step * args.batch,
                       loss=sum(losses) / len(losses),
                       per_second=len(losses) * args.batch / (time.time() - clock))
            clock, losses = time.time(), []
        if time.time() - last_sheet > SECONDS_PER_SHEET or trainer.step == stop:
            trainer.publish(vae)
            clock = last_sheet = time.time()
            losses = []


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
    parser.add_argument("--workers", type=int, default=2,
                        help="processes that share every batch; they meet once per step, which "
                             "suffers less from a busy machine than threads that meet per layer")
    parser.add_argument("--threads", type=int, default=1, help="per worker")
    parser.add_argument("--compile", action="store_true", help="train with torch.compile")
    args = parser.parse_args()
    # Shards are made before the workers start, so that no two write the same file.
    cache = LatentCache(args.work, args.size)
    for number in range(args.shards):
        cache.shard(number)
    if args.workers == 1:
        work(0, args)
        return
    with tempfile.TemporaryDirectory() as folder:
        args.rendezvous = Path(folder) / "rendezvous"
        torch.multiprocessing.spawn(work, (args,), nprocs=args.workers)


if __name__ == "__main__":
    main()
