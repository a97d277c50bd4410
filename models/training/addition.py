"""Training of a network that is added to the finished denoiser, which stays as it is."""

from __future__ import annotations

import argparse
import time
from abc import ABC, abstractmethod
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from models.training.common import Ema, append_log, learning_rate, plot_log, save_atomic
from models.training.diffusion import Diffusion
from models.training.networks import PlainAttention, build_text_encoder, build_unet

SECONDS_PER_CHECKPOINT = 240
STEPS_PER_LOG = 20
WARM_UP = 50  # steps


def load_denoiser(work: Path, size: int) -> tuple[UNet2DConditionModel, CLIPTextModel]:
    """The averaged weights of the denoiser, frozen."""
    weights = torch.load(work / "denoiser.pt")["ema"]
    unet, text = build_unet(size), build_text_encoder()
    unet.load_state_dict(weights["unet"])
    text.load_state_dict(weights["text"])
    unet.set_attn_processor(PlainAttention())
    return unet.requires_grad_(False).eval(), text.requires_grad_(False).eval()


def parse_arguments(description: str, **defaults: float) -> argparse.Namespace:
    """The arguments that every addition has; ``defaults`` gives their values, and further numbers
    of this addition."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--size", type=int, default=128, help="picture size in pixels")
    parser.add_argument("--stop", type=int, default=None, help="stop earlier, at this step")
    parser.add_argument("--ema", type=float, default=0.99)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true",
                        help="compile what is trained, where it can be (some minutes)")
    about = {"steps": "length of the cosine schedule", "batch": "of a step"}
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=type(value), default=value, help=about.get(name))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    return args


class Addition(ABC):
    """The network, its optimiser and the frozen denoiser. Resumes from ``NAME/checkpoint.pt``; every
    random choice depends on the step number alone."""

    def __init__(self, args: argparse.Namespace, name: str) -> None:
        """A subclass then builds its network and calls ``begin``."""
        self.args, self.name, self.step = args, name, 0
        self.folder = args.work / name
        self.folder.mkdir(exist_ok=True)
        self.checkpoint, self.log = self.folder / "checkpoint.pt", self.folder / f"{name}.jsonl"
        self.tokenizer = CLIPTokenizer.from_pretrained(args.work / "tokenizer")
        unet, self.text = load_denoiser(args.work, args.size)
        # Frozen weights need no more digits than the products that they enter.
        self.unet = unet.bfloat16()
        self.diffusion = Diffusion()
        torch.manual_seed(0)

    def begin(self, network: nn.Module, groups: list[dict]) -> None:
        """``groups``: parameters, the ``share`` of the learning rate that they get, weight decay."""
        self.network = network
        self.optimizer = torch.optim.AdamW(groups, lr=self.args.lr, betas=(0.9, 0.99), fused=True)
        self.ema = Ema({self.name: network}, self.args.ema)
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint)
            network.load_state_dict(state[self.name])
            self.optimizer.load_state_dict(state["optimizer"])
            self.ema.shadow, self.step = state["ema"], state["step"]
        for current, wanted in zip(self.optimizer.param_groups, groups):
            current["share"] = wanted["share"]

    @torch.no_grad()
    def contexts(self, captions: list[str]) -> torch.Tensor:
        """Text states [B, 77, WIDTH]."""
        ids = self.tokenizer(captions, padding="max_length", truncation=True, max_length=77,
                             return_tensors="pt").input_ids
        return self.text(ids).last_hidden_state.bfloat16()

    @abstractmethod
    def loss(self) -> torch.Tensor:
        """The loss of this step's batch."""

    def advance(self) -> float:
        """One step; returns the loss."""
        rate = learning_rate(self.step, self.args.lr, WARM_UP, self.args.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["share"] * rate
        loss = self.loss()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.ema.update({self.name: self.network}, self.step)
        self.step += 1
        return loss.item()

    def save(self) -> None:
        """Checkpoint and loss plot."""
        save_atomic({self.name: self.network.state_dict(), "ema": self.ema.shadow,
                     "optimizer": self.optimizer.state_dict(), "step": self.step}, self.checkpoint)
        plot_log(self.log, self.folder / "loss.png")

    def train(self) -> None:
        """Until the step that the arguments name."""
        losses: list[float] = []
        clock = last_saved = time.time()
        stop = self.args.stop or self.args.steps
        while self.step < stop:
            losses.append(self.advance())
            if self.step % STEPS_PER_LOG == 0:
                append_log(self.log, step=self.step, loss=sum(losses) / len(losses),
                           seconds_per_step=(time.time() - clock) / len(losses))
                clock, losses = time.time(), []
            if time.time() - last_saved > SECONDS_PER_CHECKPOINT or self.step == stop:
                self.save()
                last_saved = time.time()
