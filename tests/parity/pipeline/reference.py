"""diffusers' pipelines, run as a reference on the same files and the same seed."""

from __future__ import annotations

import functools
import pathlib

import diffusers
import torch

PROMPT = "a red apple on a blue plate"

# What stands behind each of our sampler names, and what its class needs to be that sampler.
SCHEDULERS = {
    "ddim": (diffusers.DDIMScheduler, {"clip_sample": False}),
    "ddpm": (diffusers.DDPMScheduler, {"clip_sample": False}),
    "dpm2": (diffusers.KDPM2DiscreteScheduler, {}),
    "dpm2_a": (diffusers.KDPM2AncestralDiscreteScheduler, {}),
    "dpmpp_2m": (diffusers.DPMSolverMultistepScheduler, {}),
    "dpmpp_2m_sde": (diffusers.DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    "dpmpp_sde": (diffusers.DPMSolverSDEScheduler, {"noise_sampler_seed": 7}),
    "euler": (diffusers.EulerDiscreteScheduler, {}),
    "euler_a": (diffusers.EulerAncestralDiscreteScheduler, {}),
    "heun": (diffusers.HeunDiscreteScheduler, {}),
    "lcm": (diffusers.LCMScheduler, {}),
    "lms": (diffusers.LMSDiscreteScheduler, {}),
    "plms": (diffusers.PNDMScheduler, {"skip_prk_steps": True}),
    "unipc": (diffusers.UniPCMultistepScheduler, {}),
    "unipc_bh2": (diffusers.UniPCMultistepScheduler, {"solver_type": "bh2"}),
}
SPACINGS = {name: {"timestep_spacing": name} for name in ("leading", "linspace", "trailing")}
TABLES = {name: {f"use_{name}_sigmas": True} for name in ("karras", "exponential", "beta")}


@functools.cache
def read(folder: pathlib.Path, kind: type) -> diffusers.DiffusionPipeline:
    loaded = kind.from_pretrained(folder)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def pipeline(folder: pathlib.Path, kind: type = diffusers.DiffusionPipeline) -> diffusers.DiffusionPipeline:
    """Read once, and with the model's own scheduler, whichever an earlier test has put in its place."""
    used = read(folder, kind)
    set_scheduler(used, folder, None, {})
    return used


def set_scheduler(used: diffusers.DiffusionPipeline, folder: pathlib.Path, sampler: str | None, options: dict) -> None:
    """Swaps the scheduler in, always from the configuration in the folder; None: the model's own."""
    config = diffusers.DDIMScheduler.load_config(folder, subfolder="scheduler")
    own = (getattr(diffusers, config["_class_name"]), {})
    kind, needs = SCHEDULERS[sampler] if sampler else own
    used.scheduler = kind.from_config(config, **needs, **options)


def latents(folder: pathlib.Path, sampler: str | None, options: dict | None = None, *,
            kind: type = diffusers.DiffusionPipeline, **arguments) -> torch.Tensor:
    """The final latents of a run; by default five steps, guidance 7.5, 128 x 96 pixels, seed 7."""
    used = pipeline(folder, kind)
    set_scheduler(used, folder, sampler, options or {})
    defaults = {"prompt": PROMPT, "num_inference_steps": 5, "guidance_scale": 7.5,
                "generator": torch.Generator().manual_seed(7)}
    if kind is diffusers.DiffusionPipeline:
        defaults |= {"height": 96, "width": 128}
    return used(**{**defaults, **arguments}, output_type="latent").images
