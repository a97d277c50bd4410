"""The comfyui and a1111 profiles against k-diffusion's samplers: levels, timesteps, updates, noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from . import reference
from .k_diffusion_reference import Denoiser, sampling
from .philox import philox

SEED = 7
SHAPE = (1, 4, 12, 16)
# With this many no level lies half-way between two timesteps, where rounding would decide.
STEPS = 5
SAMPLERS = {
    "dpm2": sampling.sample_dpm_2,
    "dpm2_a": sampling.sample_dpm_2_ancestral,
    "dpmpp_2m": sampling.sample_dpmpp_2m,
    "dpmpp_2m_sde": sampling.sample_dpmpp_2m_sde,
    "dpmpp_2s_a": sampling.sample_dpmpp_2s_ancestral,
    "dpmpp_3m_sde": sampling.sample_dpmpp_3m_sde,
    "dpmpp_sde": sampling.sample_dpmpp_sde,
    "euler": sampling.sample_euler,
    "euler_a": sampling.sample_euler_ancestral,
    "heun": sampling.sample_heun,
    "lms": sampling.sample_lms,
}
ANCESTRAL = ["dpm2_a", "dpmpp_2s_a", "euler_a"]
PATHS = ["dpmpp_2m_sde", "dpmpp_3m_sde", "dpmpp_sde"]
DETERMINISTIC = [name for name in SAMPLERS if name not in ANCESTRAL + PATHS]


def karras(denoiser: Denoiser, steps: int) -> torch.Tensor:
    return sampling.get_sigmas_karras(steps, denoiser.sigma_min.item(), denoiser.sigma_max.item())


def exponential(denoiser: Denoiser, steps: int) -> torch.Tensor:
    return sampling.get_sigmas_exponential(steps, denoiser.sigma_min.item(), denoiser.sigma_max.item())


def normal(denoiser: Denoiser, steps: int) -> torch.Tensor:
    return denoiser.get_sigmas(steps)


SCHEDULES = {"karras": karras, "exponential": exponential, "normal": normal}


def without_penultimate(schedule, denoiser: Denoiser, steps: int) -> torch.Tensor:
    sigmas = schedule(denoiser, steps + 1)
    return torch.cat([sigmas[:-2], sigmas[-1:]])


def noise_from(seed: int):
    generator = torch.Generator().manual_seed(seed)
    return lambda *_: torch.randn(SHAPE, generator=generator)


def run(sampler: str, denoiser: Denoiser, sigmas: torch.Tensor, x: torch.Tensor, step_noise=None) -> torch.Tensor:
    extra = {}
    if sampler in ANCESTRAL:
        extra["noise_sampler"] = step_noise
    if sampler in PATHS:
        extra["noise_sampler"] = sampling.BrownianTreeNoiseSampler(x, sigmas[sigmas > 0].min(), sigmas.max(), SEED)
    return SAMPLERS[sampler](denoiser, x, sigmas, disable=True, **extra)


def ours(program, folder, profile: str, sampler: str, *arguments):
    return program.generate(folder, reference.PROMPT, "--compat", profile, "--sampler", sampler, "--steps", STEPS,
                            "--size", "128x96", "--seed", SEED, *arguments)


@pytest.mark.parametrize("family", ["sd1", "sd2"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_comfyui(sampler, family, model, program, agree):
    denoiser = Denoiser(model(family), quantize=True)
    drops = sampler in ("dpm2", "dpm2_a")
    sigmas = without_penultimate(normal, denoiser, STEPS) if drops else normal(denoiser, STEPS)
    x = noise_from(SEED)() * (1 + sigmas[0] ** 2) ** 0.5
    latent, report = ours(program, model(family), "comfyui", sampler)
    assert report["schedule"] == "normal"
    theirs = run(sampler, denoiser, sigmas, x, noise_from(SEED + 1))
    agree(f"comfyui {family} {sampler}", latent, theirs, 1e-3 if sampler in PATHS else 1e-4)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_comfyui_schedules(schedule, model, program, agree):
    denoiser = Denoiser(model("sd1"), quantize=True)
    sigmas = SCHEDULES[schedule](denoiser, STEPS)
    latent, _ = ours(program, model("sd1"), "comfyui", "dpmpp_2m", "--schedule", schedule)
    agree(f"comfyui dpmpp_2m {schedule}", latent,
          run("dpmpp_2m", denoiser, sigmas, noise_from(SEED)() * (1 + sigmas[0] ** 2) ** 0.5))


# What A1111 calls "Automatic".
AUTOMATIC = {"dpm2": karras, "dpmpp_2m": karras}


@pytest.mark.parametrize("family", ["sd1", "sd2"])
@pytest.mark.parametrize("sampler", DETERMINISTIC)
def test_a1111(sampler, family, model, program, agree, tmp_path):
    """The first noise comes from a file, because nothing installable draws A1111's; test_a1111_noise has that."""
    denoiser = Denoiser(model(family), quantize=False)
    schedule = AUTOMATIC.get(sampler, normal)
    sigmas = without_penultimate(schedule, denoiser, STEPS) if sampler == "dpm2" else schedule(denoiser, STEPS)
    noise = noise_from(SEED)()
    save_file({"latent": noise}, tmp_path / "noise.safetensors")
    latent, _ = ours(program, model(family), "a1111", sampler, "--initial-latent", tmp_path / "noise.safetensors")
    agree(f"a1111 {family} {sampler}", latent, run(sampler, denoiser, sigmas, noise * sigmas[0]))


def test_a1111_noise(model, program, agree):
    """One Euler ancestral run from A1111's numbers: first noise, then one draw a step; a seed for each picture."""
    denoiser = Denoiser(model("sd1"), quantize=False)
    sigmas = normal(denoiser, STEPS)
    latent, _ = ours(program, model("sd1"), "a1111", "euler_a", "--batch", 2)
    count = int(np.prod(SHAPE))
    for picture in range(2):
        draws = iter(range(100))

        def draw(*_):
            numbers = philox(SEED + picture, next(draws), count)  # noqa: B023
            return torch.from_numpy(numbers).float().reshape(SHAPE)

        theirs = run("euler_a", denoiser, sigmas, draw() * sigmas[0], draw)
        agree(f"a1111 euler_a, picture {picture + 1}", latent[picture:picture + 1], theirs)


def test_profiles_differ(model, program):
    """What the comparisons rest on: the profiles give different pictures."""
    results = [ours(program, model("sd1"), profile, "euler")[0] for profile in ("diffusers", "comfyui", "a1111")]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert (results[first] - results[second]).abs().max() > 1e-3 * results[first].abs().max()
