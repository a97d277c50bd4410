"""Whole pictures, up to the final latent, against diffusers' pipelines on the same files."""

from __future__ import annotations

import diffusers
import pytest
import torch

PROMPT = "a red apple on a blue plate"
SCHEDULERS = {
    "ddim": diffusers.DDIMScheduler,
    "dpmpp_2m": diffusers.DPMSolverMultistepScheduler,
    "euler": diffusers.EulerDiscreteScheduler,
    "euler_a": diffusers.EulerAncestralDiscreteScheduler,
}
SCHEDULES = {
    "leading": {"timestep_spacing": "leading"},
    "linspace": {"timestep_spacing": "linspace"},
    "trailing": {"timestep_spacing": "trailing"},
    "karras": {"use_karras_sigmas": True},
    "exponential": {"use_exponential_sigmas": True},
}


def reference(folder, sampler: str, schedule: dict, **arguments) -> torch.Tensor:
    pipeline = diffusers.DiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    scheduler = SCHEDULERS[sampler]
    options = {**schedule, **({"clip_sample": False} if sampler == "ddim" else {})}
    pipeline.scheduler = scheduler.from_config(pipeline.scheduler.config, **options)
    arguments = {"prompt": PROMPT, "num_inference_steps": 5, "guidance_scale": 7.5, "height": 96, "width": 128,
                 "generator": torch.Generator().manual_seed(7), **arguments}
    return pipeline(**arguments, output_type="latent").images


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
@pytest.mark.parametrize("sampler", SCHEDULERS)
def test_samplers(family, sampler, model, program, agree):
    ours, report = program.generate(model(family), PROMPT, "--sampler", sampler, "--steps", 5, "--size", "128x96",
                                    "--seed", 7)
    assert len(report["step_seconds"]) == 5
    agree(f"{family} {sampler}", ours, reference(model(family), sampler, {}))


@pytest.mark.parametrize("sampler", ["dpmpp_2m", "euler"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules(sampler, schedule, model, program, agree):
    ours, _ = program.generate(model("sd1"), PROMPT, "--sampler", sampler, "--schedule", schedule, "--steps", 5,
                               "--size", "128x96", "--seed", 7)
    agree(f"sd1 {sampler} {schedule}", ours, reference(model("sd1"), sampler, SCHEDULES[schedule]))


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_batch_and_negative_prompt(family, model, program, agree):
    ours, _ = program.generate(model(family), PROMPT, "--negative", "blurry", "--batch", 2, "--steps", 3, "--size",
                               "64x64", "--seed", 7, "--sampler", "euler")
    theirs = reference(model(family), "euler", {}, negative_prompt="blurry", num_images_per_prompt=2, height=64,
                       width=64, num_inference_steps=3)
    agree(f"{family} batch of two, negative prompt", ours, theirs)


def test_without_guidance(model, program, agree):
    ours, _ = program.generate(model("sd1"), PROMPT, "--guidance", 1, "--steps", 3, "--size", "64x64", "--seed", 7,
                               "--sampler", "euler")
    theirs = reference(model("sd1"), "euler", {}, guidance_scale=1.0, height=64, width=64, num_inference_steps=3)
    agree("sd1 without guidance", ours, theirs)


def test_odd_latent_sizes(model, program, agree):
    ours, _ = program.generate(model("sd1"), PROMPT, "--steps", 2, "--size", "104x72", "--seed", 7, "--sampler", "euler")
    theirs = reference(model("sd1"), "euler", {}, height=72, width=104, num_inference_steps=2)
    agree("sd1 latent 13x9", ours, theirs)


def test_long_prompt_is_cut_with_a_warning(model, program, agree):
    prompt = " ".join(["apple"] * 120)
    ours, report = program.generate(model("sd1"), prompt, "--steps", 2, "--size", "64x64", "--seed", 7, "--sampler", "euler")
    assert report["warnings"]
    theirs = reference(model("sd1"), "euler", {}, prompt=prompt, height=64, width=64, num_inference_steps=2)
    agree("sd1 prompt of 120 words", ours, theirs)


@pytest.mark.parametrize("change", [["--seed", "8"], ["--guidance", "3"], ["--negative", "plate"]])
def test_sensitivity(change, model, program):
    """What the comparisons rest on: leaving something out moves the picture by far more than the tolerance."""
    base = ["--steps", "2", "--size", "64x64", "--sampler", "euler"]
    first, _ = program.generate(model("sd1"), PROMPT, *base, "--seed", "7")
    second, _ = program.generate(model("sd1"), PROMPT, *base, *(["--seed", "7"] if "--seed" not in change else []), *change)
    assert (first - second).abs().max() > 100 * 1e-4 * first.abs().max()
