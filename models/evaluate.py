"""Measure the shipped model: ``python -m models.evaluate --work DIR``.

Reports, on prompts of the documented form, the share of pictures recognised as the prompted thing
(among 50 candidates), as the prompted style (among all styles) and with the prompted background
colour (the nearest of the named colours to the border's median), and the autoencoder's PSNR on
drawings it was not trained on. The judge is the classifier of ``models.classifier``; its own
accuracy on unseen compositions is reported next to its verdicts and bounds what they can say.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline

from models.classifier import SIZE, Classifier, labels, shrink, single_scenes, train
from models.data.captions import COLOUR_NAMES, Parts, full_caption
from models.data.compose import PALETTE, Sprites, compose
from models.training.autoencoder import held_out_batch, psnr
from models.training.common import save_sheet

CANDIDATES = 50


def draw_prompts(sprites: Sprites, count: int) -> tuple[list[Parts], np.ndarray]:
    """Prompts over 50 fixed candidates; only styles in which the thing exists are asked for."""
    rng = np.random.default_rng(8)
    core = np.unique(sprites.concept[sprites.core])
    candidates = np.sort(rng.choice(core, CANDIDATES, replace=False))
    prompts = []
    for i in range(count):
        concept = candidates[i % CANDIDATES]
        style = int(rng.choice(sprites.style[sprites.concept == concept]))
        colours = rng.choice(len(COLOUR_NAMES), 2, replace=False)
        prompts.append(Parts((sprites.concepts[concept].name,), style, 0,
                             (int(colours[0]), int(colours[1]))))
    return prompts, candidates


def border_colours(pictures: torch.Tensor) -> torch.Tensor:
    """Index of the named colour nearest to the median of each picture's outer border."""
    width = max(1, pictures.shape[-1] // 16)
    inside = torch.zeros(pictures.shape[-2:], dtype=torch.bool)
    inside[width:-width, width:-width] = True
    border = ((pictures + 1) / 2)[:, :, ~inside].median(-1).values
    return torch.cdist(border, PALETTE).argmin(1)


@torch.no_grad()
def judge_accuracy(model: Classifier, sprites: Sprites, candidates: torch.Tensor) -> dict:
    """The judge on compositions with a seed of their own, restricted to the same candidates."""
    scenes = [scene for scene in single_scenes(sprites, np.random.default_rng(9), 1500)
              if int(sprites.concept[scene.sprites[0][0]]) in candidates.tolist()]
    thing, style = model(compose(sprites, scenes, SIZE))
    true_thing, true_style = labels(sprites, scenes)
    return {"compositions": len(scenes),
            "thing": share(candidates[thing[:, candidates].argmax(1)] == true_thing),
            "style": share(style.argmax(1) == true_style)}


def share(hits: torch.Tensor) -> float:
    """A share as a rounded number."""
    return round(hits.float().mean().item(), 4)


@torch.no_grad()
def draw(folder: Path, prompts: list[str], steps: int, guidance: float) -> torch.Tensor:
    """Draw the prompts with diffusers in fp32, picture i from seed i."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    pictures = []
    for i in range(0, len(prompts), 20):
        generators = [torch.Generator().manual_seed(j) for j in range(i, min(i + 20, len(prompts)))]
        drawn = pipeline(prompts[i:i + 20], num_inference_steps=steps, guidance_scale=guidance,
                         generator=generators, output_type="np").images
        pictures.append(torch.from_numpy(drawn).permute(0, 3, 1, 2) * 2 - 1)
        print(f"{i + len(generators)} of {len(prompts)} pictures", flush=True)
    return torch.cat(pictures)


@torch.no_grad()
def autoencoder_psnr(folder: Path, sprites: Sprites) -> float:
    """Mean PSNR of encode and decode on whole pictures of held-out drawings."""
    vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32)
    pictures = held_out_batch(sprites)
    decoded = torch.cat([vae.decode(vae.encode(part).latent_dist.mode()).sample
                         for part in pictures.split(8)])
    return round(psnr(pictures, decoded), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--model", type=Path, default=Path("models/default"))
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    sprites = Sprites(args.work, 128)
    judge = train(sprites, args.work / "classifier.pt")
    prompts, chosen = draw_prompts(sprites, args.prompts)
    candidates = torch.from_numpy(chosen)
    pictures = draw(args.model, [full_caption(parts) for parts in prompts], args.steps,
                    args.guidance)
    save_sheet(pictures, args.work / "evaluation.png", 20)
    with torch.no_grad():
        thing, style = judge(shrink(pictures))
    names = [concept.name for concept in sprites.concepts]
    wanted = torch.tensor([names.index(parts.things[0]) for parts in prompts])
    found = candidates[thing[:, candidates].argmax(1)]
    report = {
        "prompts": len(prompts), "steps": args.steps, "guidance": args.guidance,
        "thing_recognised": share(found == wanted),
        "style_recognised": share(style.argmax(1) == torch.tensor([p.style for p in prompts])),
        "background_right": share(
            border_colours(pictures) == torch.tensor([p.colours[0] for p in prompts])),
        "autoencoder_psnr_db": autoencoder_psnr(args.model, sprites),
        "judge_on_renderings": judge_accuracy(judge, sprites, candidates),
    }
    text = json.dumps(report, indent=2)
    (args.work / "evaluation.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
