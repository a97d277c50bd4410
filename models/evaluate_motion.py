"""Measure the motion modules: ``python -m models.evaluate_motion --work DIR``.

Reports the error on held-out clips at five noise levels with and without the modules; and, of
sampled clips, how much neighbouring frames differ and how often the judge of ``models.evaluate``
recognises the prompted thing, with and without, from the same noise. Writes a contact sheet.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTokenizer

from models.classifier import shrink, train
from models.data.captions import Parts, full_caption
from models.data.motion import FRAMES
from models.evaluate import draw_prompts, share
from models.training.addition import load_denoiser
from models.training.clips import ClipCache, Clips
from models.training.common import save_sheet
from models.training.motion import HELD_OUT
from models.training.motion_networks import MotionModules
from models.training.networks import build_scheduler

LEVELS = (100, 300, 500, 700, 900)


class Studio:
    """The denoiser with its motion modules, and what is needed to draw clips."""

    def __init__(self, work: Path, module: Path, size: int) -> None:
        self.size = size
        unet, text = load_denoiser(work, size)
        self.unet: UNet2DConditionModel = unet.bfloat16()
        self.text: CLIPTextModel = text
        self.tokenizer = CLIPTokenizer.from_pretrained(work / "tokenizer")
        self.vae = AutoencoderKL.from_pretrained(work / "vae")
        self.modules = MotionModules()
        self.modules.load_state_dict({k: v.float() for k, v in load_file(module).items()})
        self.modules.attach(self.unet)

    def contexts(self, captions: list[str]) -> torch.Tensor:
        """Text states, one per caption."""
        ids = self.tokenizer(captions, padding="max_length", truncation=True, max_length=77,
                             return_tensors="pt").input_ids
        return self.text(ids).last_hidden_state

    def predict(self, latents: torch.Tensor, level: int, context: torch.Tensor,
                moving: bool) -> torch.Tensor:
        """The network's output; ``context`` has a row per clip."""
        self.modules.frames = FRAMES if moving else 0
        with torch.autocast("cpu", torch.bfloat16):
            return self.unet(latents.bfloat16(), level,
                             context.repeat_interleave(FRAMES, 0).bfloat16()).sample.float()

    def draw(self, prompt: str, seed: int, moving: bool, steps: int,
             guidance: float) -> torch.Tensor:
        """A clip [FRAMES, 3, size, size] in [-1, 1], by DDIM."""
        scheduler = build_scheduler()
        scheduler.set_timesteps(steps)
        latents = torch.randn(FRAMES, 4, self.size // 8, self.size // 8,
                              generator=torch.Generator().manual_seed(seed))
        context = self.contexts([prompt, ""])
        for level in scheduler.timesteps:
            both = self.predict(latents.repeat(2, 1, 1, 1), int(level), context, moving)
            wanted, empty = both.chunk(2)
            latents = scheduler.step(empty + guidance * (wanted - empty), level,
                                     latents).prev_sample
        return self.vae.decode(latents / self.vae.config.scaling_factor).sample


def held_out_errors(studio: Studio, clips: Clips) -> dict[str, dict[str, float]]:
    """Mean squared errors of the velocity by noise level."""
    alphas = build_scheduler().alphas_cumprod
    report = {}
    for level in LEVELS:
        sums = {"without": 0.0, "with": 0.0}
        for number, parts in enumerate(clips.parts):
            clean = clips.latents[number].float()
            noise = torch.randn(clean.shape,
                                generator=torch.Generator().manual_seed(1000 * level + number))
            signal = alphas[level]
            noisy = signal.sqrt() * clean + (1 - signal).sqrt() * noise
            target = signal.sqrt() * noise - (1 - signal).sqrt() * clean
            context = studio.contexts([full_caption(parts)])
            for name, moving in (("without", False), ("with", True)):
                error = (studio.predict(noisy, level, context, moving) - target).square().mean()
                sums[name] += error.item()
        report[str(level)] = {name: round(s / len(clips.parts), 4) for name, s in sums.items()}
        print(level, report[str(level)], flush=True)
    return report


def frame_difference(clips: torch.Tensor) -> float:
    """Mean absolute difference of neighbouring frames, of 255; clips [N, FRAMES, 3, H, W]."""
    return round((clips[:, 1:] - clips[:, :-1]).abs().mean().item() * 127.5, 2)


def sampled_clips(studio: Studio, judge: torch.nn.Module, names: list[str],
                  candidates: torch.Tensor, prompts: list[Parts],
                  args: argparse.Namespace) -> dict:
    """The figures of sampled clips; writes the sheet of the first ones."""
    report, drawn = {}, {}
    wanted = torch.tensor([names.index(parts.things[0]) for parts in prompts])
    for name, moving in (("without", False), ("with", True)):
        clips = []
        for seed, parts in enumerate(prompts):
            clips.append(studio.draw(full_caption(parts), seed, moving, args.steps, args.guidance))
            print(f"clip {seed + 1} of {len(prompts)} {name}", flush=True)
        drawn[name] = torch.stack(clips).clamp(-1, 1)
        thing, _ = judge(shrink(drawn[name].flatten(0, 1)))
        found = candidates[thing[:, candidates].argmax(1)].view(len(prompts), FRAMES)
        report[name] = {"frame_difference_of_255": frame_difference(drawn[name]),
                        "thing_recognised": share(found == wanted[:, None])}
    small = torch.cat([shrink(drawn[name][i, ::2]) for i in range(args.shown)
                       for name in ("without", "with")])
    save_sheet(small, args.sheet, FRAMES // 2)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--module", type=Path,
                        default=Path("models/default-motion/motion_module.safetensors"))
    parser.add_argument("--sheet", type=Path, default=Path("models/motion_sheet.png"))
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--clips", type=int, default=16, help="held-out clips")
    parser.add_argument("--prompts", type=int, default=8, help="sampled clips")
    parser.add_argument("--shown", type=int, default=4, help="of them on the sheet")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cache = ClipCache(args.work, args.size)
    clips = cache.read(HELD_OUT, args.clips)
    studio = Studio(args.work, args.module, args.size)
    judge = train(cache.sprites, args.work / "classifier.pt")
    prompts, chosen = draw_prompts(cache.sprites, args.prompts)
    names = [concept.name for concept in cache.sprites.concepts]
    with torch.no_grad():
        decoded = torch.stack([studio.vae.decode(
            clip.float() / studio.vae.config.scaling_factor).sample for clip in clips.latents[:4]])
        report = {"held_out_clips": len(clips.parts),
                  "velocity_error": held_out_errors(studio, clips),
                  "frame_difference_of_held_out_clips": frame_difference(decoded.clamp(-1, 1)),
                  "sampled_clips": sampled_clips(studio, judge, names, torch.from_numpy(chosen),
                                                 prompts, args)}
    text = json.dumps(report, indent=2)
    (args.work / "motion" / "evaluation.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
