"""Whole pictures, up to the final latent, against diffusers' pipelines on the same files."""

from __future__ import annotations

import pytest

from . import reference

SMALL = ["--size", "64x64", "--seed", 7, "--sampler", "euler"]


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_batch_and_negative_prompt(family, model, program, agree):
    ours, _ = program.generate(model(family), reference.PROMPT, "--negative", "blurry", "--batch", 2, "--steps", 3,
                               *SMALL)
    theirs = reference.latents(model(family), "euler", negative_prompt="blurry", num_images_per_prompt=2, height=64,
                               width=64, num_inference_steps=3)
    agree(f"{family} batch of two, negative prompt", ours, theirs)


def test_without_guidance(model, program, agree):
    ours, _ = program.generate(model("sd1"), reference.PROMPT, "--guidance", 1, "--steps", 3, *SMALL)
    theirs = reference.latents(model("sd1"), "euler", guidance_scale=1.0, height=64, width=64, num_inference_steps=3)
    agree("sd1 without guidance", ours, theirs)


def test_odd_latent_sizes(model, program, agree):
    ours, _ = program.generate(model("sd1"), reference.PROMPT, "--steps", 2, "--size", "104x72", "--seed", 7,
                               "--sampler", "euler")
    theirs = reference.latents(model("sd1"), "euler", height=72, width=104, num_inference_steps=2)
    agree("sd1 latent 13x9", ours, theirs)


def test_long_prompt_is_cut_with_a_warning(model, program, agree):
    prompt = " ".join(["apple"] * 120)
    ours, report = program.generate(model("sd1"), prompt, "--steps", 2, *SMALL)
    assert report["warnings"]
    theirs = reference.latents(model("sd1"), "euler", prompt=prompt, height=64, width=64, num_inference_steps=2)
    agree("sd1 prompt of 120 words", ours, theirs)


@pytest.mark.parametrize("change", [["--seed", 8], ["--guidance", 3], ["--negative", "plate"]])
def test_sensitivity(change, model, program):
    """What the comparisons rest on: leaving something out moves the picture by far more than the tolerance."""
    base = ["--steps", 2, "--size", "64x64", "--sampler", "euler"]
    seed = [] if "--seed" in change else ["--seed", 7]
    first, _ = program.generate(model("sd1"), reference.PROMPT, *base, "--seed", 7)
    second, _ = program.generate(model("sd1"), reference.PROMPT, *base, *seed, *change)
    assert (first - second).abs().max() > 100 * 1e-4 * first.abs().max()
