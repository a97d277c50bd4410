"""HiDiffusion against the authors' own package, run on diffusers with the same files."""

from __future__ import annotations

import sys

import diffusers
import pytest
import torch

from ..pipeline import reference

# The package looks for a module under the name that it had in older versions of diffusers.
from diffusers.models.controlnets import multicontrolnet

sys.modules.setdefault("diffusers.pipelines.controlnet.multicontrolnet", multicontrolnet)
import hidiffusion  # noqa: E402
import hidiffusion.hidiffusion as official_module  # noqa: E402

# How many attentions of the two kinds of network are windowed.
WINDOWED = {"sd1": 5, "sdxl": 10, "sdxl-turbo": 10}
# The package tells networks apart by their repository's name.
NAMES = {"sd1": "runwayml/stable-diffusion-v1-5", "sdxl": "stabilityai/stable-diffusion-xl-base-1.0",
         "sdxl-turbo": "stabilityai/sdxl-turbo"}
STEPS = 10


def windows(seed, steps, sites):
    """The shifts that the package draws from the global generator, one for each site and step."""
    torch.manual_seed(seed)
    draws = [torch.rand(1).item() for _ in range(steps * sites)]
    return "/".join(str(sum(draw > limit for limit in (0.25, 0.5, 0.75))) for draw in draws)


def official(folder, name, size, raunet, window_attention):
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    reference.set_scheduler(pipeline, folder, "euler", {})
    pipeline.register_to_config(_name_or_path=NAMES[name])
    hidiffusion.apply_hidiffusion(pipeline, apply_raunet=raunet, apply_window_attn=window_attention)
    width, height = size
    torch.manual_seed(5)
    return pipeline(reference.PROMPT, width=width, height=height, num_inference_steps=STEPS, guidance_scale=7.5,
                    generator=torch.Generator().manual_seed(7), output_type="latent").images


CASES = [("sd1", (256, 192), True, False), ("sd1", (256, 192), False, True), ("sd1", (256, 192), True, True),
         ("sd1", (264, 200), True, True), ("sd1", (328, 136), True, True), ("sdxl", (256, 192), True, False),
         ("sdxl", (256, 256), True, True), ("sdxl", (200, 328), True, True), ("sdxl-turbo", (256, 192), True, True)]


def draw(program, folder, size, shifts, **settings):
    given = {"min_scale": 0, "shifts": shifts, **settings}
    text = ",".join(f"{name}={str(value).lower()}" for name, value in given.items())
    return program.generate(folder, reference.PROMPT, "--size", f"{size[0]}x{size[1]}", "--seed", 7, "--sampler",
                            "euler", "--steps", STEPS, "--plugin", f"hidiffusion:{text}")[0]


@pytest.mark.parametrize("family, size, raunet, window_attention", CASES)
def test_official_package(family, size, raunet, window_attention, model, program, agree):
    ours = draw(program, model(family), size, windows(5, STEPS, WINDOWED[family]), raunet=raunet,
                window_attention=window_attention)
    theirs = official(model(family), family, size, raunet, window_attention)
    parts = " + ".join(part for part, on in (("RAU-Net", raunet), ("windows", window_attention)) if on)
    agree(f"{family} {size[0]}x{size[1]} HiDiffusion {parts}", ours, theirs)


@pytest.mark.parametrize("family, profile", [("sd1", "sd15_1024"), ("sdxl", "sdxl_2048")])
def test_both_edits_at_once(family, profile, model, program, agree, monkeypatch):
    """What very large pictures get, here with their thresholds at a size that is quick."""
    monkeypatch.setitem(official_module.switching_threshold_ratio_dict, profile, {"T1_ratio": 0.7, "T2_ratio": 0.3})
    monkeypatch.setattr(official_module, "is_aggressive_raunet", False)
    ours = draw(program, model(family), (264, 200), 0, window_attention=False, aggressive="off", t1=0.7, t2=0.3)
    agree(f"{family} 264x200 HiDiffusion both edits", ours, official(model(family), family, (264, 200), True, False))


def test_small_pictures_are_left_alone(model, program):
    folder = model("sd1")
    arguments = ["--size", "128x128", "--seed", 7, "--sampler", "euler", "--steps", 2]
    plain, _ = program.generate(folder, reference.PROMPT, *arguments)
    gated, _ = program.generate(folder, reference.PROMPT, *arguments, "--plugin", "hidiffusion")
    assert torch.equal(plain, gated)


def test_windows_come_from_the_seed(model, program):
    folder = model("sd1")

    def draw(seed):
        return program.generate(folder, reference.PROMPT, "--size", "256x192", "--seed", seed, "--sampler", "euler",
                                "--steps", 3, "--plugin", "hidiffusion:raunet=false,min_scale=0")[0]

    assert torch.equal(draw(7), draw(7))
