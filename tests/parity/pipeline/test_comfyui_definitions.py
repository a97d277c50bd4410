"""ComfyUI's own schedules and samplers, which no package has: their definitions written out over k-diffusion's denoiser."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch

from .k_diffusion_reference import Denoiser, sampling
from .test_ui_profiles import SEED, STEPS, noise_from, normal, ours


def table(denoiser) -> np.ndarray:
    """The levels of the trained timesteps, rising."""
    return denoiser.sigmas.double().numpy()


def between(denoiser, timesteps) -> np.ndarray:
    """Levels between two trained ones lie on a line of logarithms."""
    return np.exp(np.interp(timesteps, np.arange(len(table(denoiser))), np.log(table(denoiser))))


def sgm_uniform(denoiser, steps):
    return between(denoiser, np.linspace(len(table(denoiser)) - 1, 0, steps + 1)[:-1])


def simple(denoiser, steps):
    sigmas = table(denoiser)
    return [sigmas[len(sigmas) - 1 - int(step * len(sigmas) / steps)] for step in range(steps)]


def ddim_uniform(denoiser, steps):
    sigmas = table(denoiser)
    return sigmas[1::max(len(sigmas) // steps, 1)][::-1]


def beta(denoiser, steps):
    """arXiv:2407.12173: quantiles of the Beta(0.6, 0.6) distribution."""
    sigmas = table(denoiser)
    shares = 1 - np.arange(steps) / steps
    return sigmas[np.rint(scipy.stats.beta.ppf(shares, 0.6, 0.6) * (len(sigmas) - 1)).astype(int)]


def linear_quadratic(denoiser, steps):
    """Noise removed: half of the steps on a line up to 0.025, then a parabola to 1 that continues line and slope."""
    linear, most = steps // 2, 0.025
    slope = most / linear
    rest = steps - linear
    curve = (1 - most - slope * rest) / rest**2
    removed = [slope * step if step < linear else most + slope * (step - linear) + curve * (step - linear)**2
               for step in range(steps)]
    return (1 - np.array(removed)) * table(denoiser)[-1]


def kl_optimal(denoiser, steps):
    """arXiv:2404.14507, equation 46 with the trained levels as ends."""
    low, high = np.arctan(table(denoiser)[[0, -1]])
    share = np.arange(steps) / (steps - 1)
    return np.tan(share * low + (1 - share) * high)


@pytest.mark.parametrize("schedule", [sgm_uniform, simple, ddim_uniform, beta, linear_quadratic, kl_optimal])
def test_schedules(schedule, model, program, agree):
    denoiser = Denoiser(model("sd1"), quantize=True)
    sigmas = torch.tensor(np.append(schedule(denoiser, STEPS), 0.0), dtype=torch.float32)
    most = denoiser.sigmas[-1]
    scale = (1 + sigmas[0]**2)**0.5 if sigmas[0] >= most * (1 - 1e-5) else sigmas[0]
    latent, report = ours(program, model("sd1"), "comfyui", "euler", "--schedule", schedule.__name__)
    assert report["schedule"] == schedule.__name__
    agree(f"comfyui euler {schedule.__name__}", latent,
          sampling.sample_euler(denoiser, noise_from(SEED)() * scale, sigmas, disable=True))


def lcm(denoiser, x, sigmas, noise):
    for level, following in zip(sigmas[:-1], sigmas[1:]):
        x = denoiser(x, level[None])
        if following > 0:
            x = x + following * noise()
    return x


def ddpm(denoiser, x, sigmas, noise):
    """arXiv:2006.11239, equations 6 and 7, for the latent of unit variance x / sqrt(1 + sigma^2)."""
    for level, following in zip(sigmas[:-1].double(), sigmas[1:].double()):
        clean = denoiser(x, level[None].float())
        kept, kept_next = 1 / (1 + level**2), 1 / (1 + following**2)
        ratio = kept / kept_next
        latent = x / (1 + level**2)**0.5
        mean = (kept_next**0.5 * (1 - ratio) * clean + ratio**0.5 * (1 - kept_next) * latent) / (1 - kept)
        if following > 0:
            mean = mean + ((1 - ratio) * (1 - kept_next) / (1 - kept))**0.5 * noise()
        x = (mean * (1 + following**2)**0.5).float()
    return x


@pytest.mark.parametrize("sampler", [lcm, ddpm])
def test_samplers(sampler, model, program, agree):
    denoiser = Denoiser(model("sd1"), quantize=True)
    sigmas = normal(denoiser, STEPS)
    x = noise_from(SEED)() * math.sqrt(1 + sigmas[0].item()**2)
    latent, _ = ours(program, model("sd1"), "comfyui", sampler.__name__)
    agree(f"comfyui {sampler.__name__}", latent, sampler(denoiser, x, sigmas, noise_from(SEED + 1)))


def test_ddim_is_euler(model, program, agree):
    """In ComfyUI "ddim" is another name of its Euler sampler."""
    arguments = (program, model("sd1"), "comfyui")
    agree("comfyui ddim and euler", ours(*arguments, "ddim")[0], ours(*arguments, "euler")[0])
