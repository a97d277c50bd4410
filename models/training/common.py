"""What the training scripts share: averaged weights, schedules, logs, atomic checkpoints."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import torch
from PIL import Image, ImageDraw


class Ema:
    """Exponential moving average of weights, with a warm-up so that early steps do not linger."""

    def __init__(self, modules: dict[str, torch.nn.Module], decay: float) -> None:
        self.decay = decay
        self.shadow = {name: {key: value.detach().clone()
                              for key, value in module.state_dict().items()}
                       for name, module in modules.items()}

    @torch.no_grad()
    def update(self, modules: dict[str, torch.nn.Module], step: int) -> None:
        """Move the average towards the current weights."""
        rate = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, module in modules.items():
            shadow = self.shadow[name]
            keys = [key for key, value in module.state_dict().items() if value.is_floating_point()]
            current = module.state_dict()
            torch._foreach_lerp_([shadow[key] for key in keys], [current[key] for key in keys],
                                 rate)


def learning_rate(step: int, peak: float, warmup: int, total: int, first: int = 0,
                  floor: float = 0.02) -> float:
    """Linear warm-up, then cosine decay to ``floor`` of the peak at the step ``total``. Both begin
    at the step ``first``, at which the optimiser had no moments yet."""
    done = step - first
    if done < warmup:
        return peak * (done + 1) / warmup
    progress = min(1.0, (done - warmup) / max(1, total - first - warmup))
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * progress)))


def save_atomic(state: dict, path: Path) -> None:
    """Write a checkpoint so that an interrupted write never destroys the previous one."""
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def append_log(path: Path, **values: float) -> None:
    """One JSON object per line: easy to read, easy to plot, survives a crash."""
    with path.open("a") as file:
        file.write(json.dumps(values) + "\n")


def plot_log(log: Path, image: Path, key: str = "loss") -> None:
    """Draw a logged value over the steps, on a logarithmic axis, without a plotting library."""
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    points = [(row["step"], math.log(row[key])) for row in rows if row.get(key, 0) > 0]
    if len(points) < 2:
        return
    width, height, margin = 800, 400, 40
    xs, ys = zip(*points)
    low, high = min(ys), max(ys) + 1e-6

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x = margin + (point[0] - xs[0]) / max(1, xs[-1] - xs[0]) * (width - 2 * margin)
        return x, height - margin - (point[1] - low) / (high - low) * (height - 2 * margin)

    canvas = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(canvas)
    pen.line([place(point) for point in points], fill="black", width=1)
    pen.text((5, margin), f"{math.exp(high):.4f}", fill="black")
    pen.text((5, height - margin), f"{math.exp(low):.4f}", fill="black")
    pen.text((width // 2, height - 20), f"step {xs[0]} to {xs[-1]}: {key}", fill="black")
    canvas.save(image)


def save_sheet(pictures: torch.Tensor, path: Path, columns: int) -> None:
    """Save a batch in [-1, 1] as one tiled picture."""
    pixels = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    count, _, height, width = pixels.shape
    sheet = Image.new("RGB", (columns * width, -(-count // columns) * height))
    for i, picture in enumerate(pixels):
        tile = Image.fromarray(picture.permute(1, 2, 0).numpy())
        sheet.paste(tile, (i % columns * width, i // columns * height))
    sheet.save(path)
