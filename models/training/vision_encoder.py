"""Teach the adapter's vision encoder to see: ``python -m models.training.vision_encoder --work DIR``.

Before it meets the denoiser, whose steps are slow, the encoder learns from drawings alone that its
embedding must say which drawing it sees, in which colours, and what lies where: a linear layer of
the embedding tells drawings apart, another one paints the picture at 8 x 8. Resumes from
``adapter/encoder.pt``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from models.data.captions import COLOUR_NAMES
from models.data.compose import Sprites
from models.data.pairs import (CHANNEL_ORDERS, VISION_SIZE, Recoloured, draw_pair, held_out_sprites,
                               training_sprites)
from models.training.adapter_networks import EMBEDDING, build_vision_encoder, normalised
from models.training.common import append_log, learning_rate, save_atomic

PAINTED = 8  # positions a side of the small picture
SECONDS_PER_CHECKPOINT = 120


class Heads(nn.Module):
    """What is asked of an embedding: the drawing, the order of its colours, the small picture."""

    def __init__(self, drawings: int) -> None:
        super().__init__()
        self.drawing = nn.Linear(EMBEDDING, drawings)
        self.channels = nn.Linear(EMBEDDING, len(CHANNEL_ORDERS))
        self.paint = nn.Linear(EMBEDDING, 3 * PAINTED ** 2)


def draw_batch(sprites: Sprites, choices: np.ndarray, seed: tuple[int, ...],
               count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """References on white, or a third of them on another background, as uint8; the places of their
    drawings in ``choices``; their orders of channels."""
    rng = np.random.default_rng(seed)
    drawn = Recoloured(sprites)
    rows = rng.choice(len(choices), count)
    pairs = [draw_pair(sprites, int(choices[row]), rng, own_colours=0.5) for row in rows]
    white = COLOUR_NAMES.index("white")
    pictures = torch.stack([
        drawn.draw(pair, pair.reference(None if rng.random() < 0.3 else (0, (white, white))),
                   VISION_SIZE) for pair in pairs])
    return (((pictures + 1) * 127.5).round().to(torch.uint8), torch.from_numpy(rows),
            torch.tensor([pair.channels for pair in pairs]))


def painting(pictures: torch.Tensor) -> torch.Tensor:
    """The small pictures, flat, in [-1, 1]."""
    return F.interpolate(pictures.float() / 127.5 - 1, size=(PAINTED, PAINTED),
                         mode="area").flatten(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    folder = args.work / "adapter"
    folder.mkdir(exist_ok=True)
    checkpoint, log = folder / "encoder.pt", folder / "encoder.jsonl"
    sprites = Sprites(args.work, 64)
    choices, unseen = training_sprites(sprites), held_out_sprites(sprites)
    torch.manual_seed(0)
    encoder, heads = build_vision_encoder(), Heads(len(choices))
    parameters = [*encoder.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=args.lr, betas=(0.9, 0.99), weight_decay=0.01)
    step = 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        encoder.load_state_dict(state["encoder"])
        heads.load_state_dict(state["heads"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    clock = time.time()
    while step < args.steps:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args.lr, 50, args.steps)
        pictures, rows, channels = draw_batch(sprites, choices, (13, step), args.batch)
        with torch.autocast("cpu", torch.bfloat16):
            embedding = encoder(normalised(pictures)).image_embeds
        embedding = embedding.float()
        paint = F.mse_loss(heads.paint(embedding), painting(pictures))
        name = F.cross_entropy(heads.drawing(embedding), rows)
        order = F.cross_entropy(heads.channels(embedding), channels)
        optimizer.zero_grad(set_to_none=True)
        (4 * paint + 0.5 * name + 0.25 * order).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        if step % 25 == 0:
            append_log(log, step=step, paint=paint.item(), name=name.item(), order=order.item())
        if time.time() - clock > SECONDS_PER_CHECKPOINT or step == args.steps:
            save_atomic({"encoder": encoder.state_dict(), "heads": heads.state_dict(),
                         "optimizer": optimizer.state_dict(), "step": step}, checkpoint)
            clock = time.time()
    with torch.no_grad():
        pictures, _, _ = draw_batch(sprites, unseen, (14,), 160)
        guess = heads.paint(encoder(normalised(pictures)).image_embeds)
        wanted = painting(pictures)
        print(f"unseen drawings: error {F.mse_loss(guess, wanted):.4f}, "
              f"of their mean {F.mse_loss(wanted.mean(0).expand_as(wanted), wanted):.4f}")


if __name__ == "__main__":
    main()
