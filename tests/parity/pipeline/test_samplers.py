"""Every sampler, spacing and table against diffusers' scheduler classes, up to the final latent."""

from __future__ import annotations

import pytest
import torch

from . import reference

# What diffusers computes with random numbers between the levels of a Brownian path in fp32.
TOLERANCES = {"dpmpp_sde": 1e-3}
# Second-order classes that derive timesteps from levels; the rest take no tables.
WITH_TABLES = ["dpm2", "dpm2_a", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_sde", "euler", "heun", "lms", "unipc"]
SIZE = ["--size", "128x96", "--seed", 7]


def compare(agree, program, folder, name, sampler, arguments, options, **reference_arguments) -> None:
    ours, report = program.generate(folder, reference.PROMPT, "--sampler", sampler, *SIZE, *arguments)
    assert report["sampler"] == sampler
    theirs = reference.latents(folder, sampler, options, **reference_arguments)
    agree(f"{name} {sampler} {' '.join(map(str, arguments))}", ours, theirs, TOLERANCES.get(sampler, 1e-4))


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
@pytest.mark.parametrize("sampler", reference.SCHEDULERS)
def test_each_sampler(family, sampler, model, program, agree):
    compare(agree, program, model(family), family, sampler, ["--steps", 6], {}, num_inference_steps=6)


# LCMScheduler has its own spacing.
@pytest.mark.parametrize("sampler", [sampler for sampler in reference.SCHEDULERS if sampler != "lcm"])
@pytest.mark.parametrize("spacing", reference.SPACINGS)
def test_spacings(sampler, spacing, model, program, agree):
    compare(agree, program, model("sd1"), "sd1", sampler, ["--steps", 5, "--schedule", spacing],
            reference.SPACINGS[spacing])


@pytest.mark.parametrize("sampler", WITH_TABLES)
@pytest.mark.parametrize("table", reference.TABLES)
def test_tables(sampler, table, model, program, agree):
    compare(agree, program, model("sd1"), "sd1", sampler, ["--steps", 5, "--schedule", table],
            reference.TABLES[table])


@pytest.mark.parametrize("sampler", ["ddim", "euler_a", "dpmpp_2m"])
def test_one_step(sampler, model, program, agree):
    compare(agree, program, model("sd1"), "sd1", sampler, ["--steps", 1], {}, num_inference_steps=1)


def test_many_steps(model, program, agree):
    """Beyond 15 steps diffusers' multi-step solvers change their last steps' order."""
    for sampler in ("dpmpp_2m", "unipc", "lms", "plms"):
        compare(agree, program, model("sd1"), "sd1", sampler, ["--steps", 17], {}, num_inference_steps=17)


def test_eta(model, program, agree):
    compare(agree, program, model("sd1"), "sd1", "ddim", ["--steps", 5, "--eta", 0.7], {}, eta=0.7)


def test_own_samplers(model, program, agree):
    """Without --sampler the model's own scheduler file decides."""
    for family, sampler in (("sd1", "plms"), ("sd2", "ddim"), ("sdxl", "euler")):
        ours, report = program.generate(model(family), reference.PROMPT, "--steps", 5, *SIZE)
        assert report["sampler"] == sampler
        agree(f"{family} own sampler", ours, reference.latents(model(family), None))


@pytest.mark.parametrize("sampler", ["ddim", "euler", "dpmpp_2m"])
def test_zero_terminal_snr(sampler, model, program, agree):
    folder = model("sd2-zero-snr")
    compare(agree, program, folder, "zero SNR", sampler, ["--steps", 5], {})


def test_other_betas(model, program, agree):
    """Kolors' noise schedule: more timesteps, higher betas."""
    folder = model("sd1-kolors-schedule")
    for sampler in ("euler", "ddim", "dpmpp_2m"):
        compare(agree, program, folder, "1100 timesteps", sampler, ["--steps", 5], {})


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m"])
def test_edm(sampler, model, program, agree):
    """Playground v2.5's preconditioning."""
    import diffusers

    folder = model("sdxl-edm")
    ours, _ = program.generate(folder, reference.PROMPT, "--sampler", sampler, "--steps", 6, *SIZE)
    used = reference.pipeline(folder)
    kind = {"euler": diffusers.EDMEulerScheduler, "dpmpp_2m": diffusers.EDMDPMSolverMultistepScheduler}[sampler]
    used.scheduler = kind.from_config(kind.load_config(folder, subfolder="scheduler"))
    theirs = used(prompt=reference.PROMPT, num_inference_steps=6, guidance_scale=7.5, height=96, width=128,
                  generator=torch.Generator().manual_seed(7), output_type="latent").images
    agree(f"EDM {sampler}", ours, theirs)


def test_samplers_differ(model, program):
    """What the comparisons rest on: another sampler gives another picture."""
    seen = []
    for sampler in ("euler", "heun", "dpm2", "dpmpp_2m", "lms", "unipc", "plms", "ddim"):
        latent, _ = program.generate(model("sd1"), reference.PROMPT, "--sampler", sampler, "--steps", 4, *SIZE)
        for other in seen:
            assert (latent - other).abs().max() > 1e-3 * other.abs().max()
        seen.append(latent)
