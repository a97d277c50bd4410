"""The judge of the evaluation: a small classifier of thing and style, trained on renderings.

It sees compositions of the art sets, spoiled by augmentation (blur, noise, shifts, erased patches)
so that it judges shapes rather than exact pixels, and it is checked on compositions it has not
seen. It never sees a picture drawn by the model.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from models.data.compose import Scene, Sprites, compose, draw_scene
from models.data.sources import STYLES

SIZE = 64


class Classifier(nn.Module):
    """Five convolutions, then one head for the thing and one for the style."""

    def __init__(self, things: int) -> None:
        super().__init__()
        widths = (3, 32, 64, 128, 192, 256)
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(zip(widths, widths[1:])):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
            if i < 4:
                layers.append(nn.MaxPool2d(2))
        self.body = nn.Sequential(*layers)
        self.dropout = nn.Dropout(0.3)
        self.thing = nn.Linear(widths[-1] * 16, things)
        self.style = nn.Linear(widths[-1] * 16, len(STYLES))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.dropout(self.body(pictures).flatten(1))
        return self.thing(features), self.style(features)


def shrink(pictures: torch.Tensor) -> torch.Tensor:
    """To the classifier's input size."""
    return F.interpolate(pictures, size=(SIZE, SIZE), mode="area")


def single_scenes(sprites: Sprites, rng: np.random.Generator, count: int) -> list[Scene]:
    """Scenes with one subject."""
    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = draw_scene(sprites, sprites.core, rng)
        if len(scene.sprites) == 1:
            scenes.append(scene)
    return scenes


def augment(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Spoil a batch: brightness, blur, noise and an erased patch, each with its own strength."""
    count = len(pictures)

    def strength(low: float, high: float) -> torch.Tensor:
        return torch.from_numpy(rng.uniform(low, high, (count, 1, 1, 1))).float()

    blurred = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    mix = strength(0, 1)
    pictures = pictures * (1 - mix) + blurred * mix
    pictures = pictures * strength(0.85, 1.15) + strength(-0.1, 0.1)
    noise = torch.from_numpy(rng.standard_normal(pictures.shape, dtype=np.float32))
    pictures = pictures + noise * strength(0, 0.12)
    for picture in pictures:
        if rng.random() < 0.5:
            x, y = rng.integers(0, SIZE - 16, 2)
            picture[:, y:y + 16, x:x + 16] = float(rng.uniform(-1, 1))
    return pictures.clamp(-1, 1)


def labels(sprites: Sprites, scenes: list[Scene]) -> tuple[torch.Tensor, torch.Tensor]:
    """Thing and style of every scene."""
    first = [scene.sprites[0][0] for scene in scenes]
    return torch.from_numpy(sprites.concept[first]), torch.from_numpy(sprites.style[first])


def windows(rng: np.random.Generator, count: int) -> np.ndarray:
    """Crops that shift and scale the picture a little."""
    width = rng.uniform(0.85, 1.15, (count, 1))
    return np.concatenate([(1 - width) / 2 + rng.uniform(-0.06, 0.06, (count, 2)), width], 1)


def train(sprites: Sprites, path: Path, steps: int = 1500, batch: int = 48) -> Classifier:
    """Train the judge, or read it if it has been trained before."""
    model = Classifier(len(sprites.concepts))
    if path.exists():
        model.load_state_dict(torch.load(path))
        return model.eval()
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps)
    for step in range(steps):
        rng = np.random.default_rng((7, step))
        scenes = single_scenes(sprites, rng, batch)
        pictures = augment(compose(sprites, scenes, SIZE, windows(rng, batch)), rng)
        thing, style = model(pictures)
        true_thing, true_style = labels(sprites, scenes)
        loss = F.cross_entropy(thing, true_thing) + F.cross_entropy(style, true_style)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"classifier: step {step + 1}, loss {loss.item():.3f}", flush=True)
    torch.save(model.state_dict(), path)
    return model.eval()
