"""Measure what plugins do to the shipped model's pictures: ``python -m models.evaluate_plugins --work DIR PLUGIN ...``.

Draws the prompts of ``models.evaluate`` with the program, in full precision without plugins and once with each PLUGIN
("quantizer:scheme=w4a8", several joined by " + "), with the same seeds. Reports the peak signal-to-noise ratio between
the two and the shares of pictures that the judge of ``models.evaluate`` recognises.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from models.classifier import Classifier, shrink, train
from models.data.captions import Parts, full_caption
from models.data.compose import Sprites
from models.evaluate import border_colours, draw_prompts, share


def draw(arguments: argparse.Namespace, prompts: list[str], plugins: list[str]) -> torch.Tensor:
    """Pictures [N, 3, H, W] in -1..1, picture i from seed i."""
    pictures = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "picture.png"
        for seed, prompt in enumerate(prompts):
            command = [arguments.program, "generate", prompt, "--model", arguments.model, "--seed", seed, "--steps",
                       arguments.steps, "--guidance", arguments.guidance, "--precision", "fp32", "-o", file]
            for plugin in plugins:
                command += ["--plugin", plugin]
            subprocess.run([str(word) for word in command], check=True, capture_output=True)
            pictures.append(torch.from_numpy(np.asarray(Image.open(file).convert("RGB"), dtype=np.float32)))
    return torch.stack(pictures).permute(0, 3, 1, 2) / 127.5 - 1


@torch.no_grad()
def recognised(judge: Classifier, sprites: Sprites, candidates: torch.Tensor, prompts: list[Parts],
               pictures: torch.Tensor) -> dict[str, float]:
    """Shares of the pictures with the prompted thing, style and background."""
    thing, style = judge(shrink(pictures))
    names = [concept.name for concept in sprites.concepts]
    wanted = torch.tensor([names.index(parts.things[0]) for parts in prompts])
    return {"thing": share(candidates[thing[:, candidates].argmax(1)] == wanted),
            "style": share(style.argmax(1) == torch.tensor([parts.style for parts in prompts])),
            "background": share(border_colours(pictures) == torch.tensor([parts.colours[0] for parts in prompts]))}


def signal_to_noise(exact: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    """The peak signal-to-noise ratio of each picture in dB."""
    squares = ((exact - pictures) / 2).square().mean((1, 2, 3)).clamp(min=1e-10)
    return -10 * squares.log10()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plugins", nargs="+", metavar="PLUGIN")
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--program", type=Path, default=Path("build/release/bin/patchbay"))
    parser.add_argument("--model", type=Path, default=Path("models/default"))
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=4.0)
    arguments = parser.parse_args()
    sprites = Sprites(arguments.work, 128)
    judge = train(sprites, arguments.work / "classifier.pt")
    prompts, chosen = draw_prompts(sprites, arguments.prompts)
    candidates = torch.from_numpy(chosen)
    texts = [full_caption(parts) for parts in prompts]
    exact = draw(arguments, texts, [])
    report = {"prompts": len(prompts), "steps": arguments.steps, "guidance": arguments.guidance,
              "without": recognised(judge, sprites, candidates, prompts, exact)}
    for plugin in arguments.plugins:
        pictures = draw(arguments, texts, plugin.split(" + "))
        ratios = signal_to_noise(exact, pictures)
        mean_square = (10 ** (-ratios / 10)).mean()
        report[plugin] = {**recognised(judge, sprites, candidates, prompts, pictures),
                          "psnr_db": {"lowest": round(ratios.min().item(), 1), "median": round(ratios.median().item(), 1),
                                      "of_mean_error": round((-10 * mean_square.log10()).item(), 1)}}
        print(plugin, json.dumps(report[plugin]), flush=True)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
