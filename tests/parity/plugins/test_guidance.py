"""Guidance plugins against diffusers' own implementations, and CFG++ against its update rule."""

from __future__ import annotations

import diffusers
import pytest
import torch
from PIL import Image

from ..pipeline import reference

SMALL = ["--size", "64x64", "--seed", 7, "--sampler", "euler", "--steps", 4]
SMALL_THEIRS = {"height": 64, "width": 64, "num_inference_steps": 4}


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_cfg_rescale(family, model, program, agree):
    ours, report = program.generate(model(family), reference.PROMPT, *SMALL, "--plugin", "cfg-rescale:factor=0.7")
    theirs = reference.latents(model(family), "euler", guidance_rescale=0.7, **SMALL_THEIRS)
    agree(f"{family} CFG rescale", ours, theirs)
    without = reference.latents(model(family), "euler", **SMALL_THEIRS)
    assert (theirs - without).abs().max() > 1e-2 * without.abs().max()
    assert report["plugins"].startswith("cfg-rescale 1.0.0")


def pag_latents(kind, folder, layers, **arguments):
    pipeline = kind.from_pretrained(folder, pag_applied_layers=layers)
    pipeline.set_progress_bar_config(disable=True)
    reference.set_scheduler(pipeline, folder, "euler", {})
    return pipeline(reference.PROMPT, generator=torch.Generator().manual_seed(7), guidance_scale=7.5,
                    output_type="latent", **SMALL_THEIRS, **arguments).images


@pytest.mark.parametrize("layers", ["mid", "down_blocks.2/up_blocks.1.attentions.0"])
def test_perturbed_attention(layers, model, program, agree):
    folder = model("sd1")
    ours, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", f"pag:scale=3,layers={layers}")
    theirs = pag_latents(diffusers.StableDiffusionPAGPipeline, folder, layers.split("/"), pag_scale=3.0)
    agree(f"sd1 PAG {layers}", ours, theirs)


def test_perturbed_attention_adaptive_sdxl(model, program, agree):
    folder = model("sdxl")
    ours, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", "pag:scale=2,adaptive=0.004")
    theirs = pag_latents(diffusers.StableDiffusionXLPAGPipeline, folder, ["mid"], pag_scale=2.0,
                         pag_adaptive_scale=0.004)
    agree("sdxl PAG, adaptive", ours, theirs)


def embeddings(pipeline):
    positive, negative = pipeline.encode_prompt(reference.PROMPT, "cpu", 1, True)
    return torch.cat([negative, positive])


class PlainDenoiser:
    """diffusers' network as D_c and D_u over noise levels (arXiv:2206.00364), for loops written from the papers."""

    def __init__(self, folder, sampler):
        self.pipeline = reference.pipeline(folder)
        reference.set_scheduler(self.pipeline, folder, sampler, {})
        self.scheduler = self.pipeline.scheduler
        self.text = embeddings(self.pipeline)

    @torch.no_grad()
    def __call__(self, x, sigma, timestep):
        scaled = x / (sigma**2 + 1) ** 0.5
        noise = self.pipeline.unet(torch.cat([scaled] * 2), timestep, self.text).sample
        unconditional, conditional = (x - sigma * part for part in noise.chunk(2))
        return conditional, unconditional


def ddim_cfgpp(folder, scale, steps):
    """Algorithm 2 of arXiv:2406.08070: the guided clean latent, noised again with the unconditional noise."""
    denoiser = PlainDenoiser(folder, "ddim")
    scheduler = denoiser.scheduler
    scheduler.set_timesteps(steps)
    alphas = scheduler.alphas_cumprod
    z = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(7))
    for timestep in scheduler.timesteps:
        previous = timestep - 1000 // steps
        alpha = alphas[timestep]
        alpha_previous = alphas[previous] if previous >= 0 else scheduler.final_alpha_cumprod
        sigma = ((1 - alpha) / alpha) ** 0.5
        conditional, unconditional = denoiser(z / alpha**0.5, sigma, timestep)
        clean = unconditional + scale * (conditional - unconditional)
        noise = (z / alpha**0.5 - unconditional) / sigma
        z = alpha_previous**0.5 * clean + (1 - alpha_previous) ** 0.5 * noise
    return z


@pytest.mark.parametrize("form", ["shift", "reweight"])
def test_cfgpp_ddim(form, model, program, agree):
    folder = model("sd1")
    ours, _ = program.generate(folder, reference.PROMPT, "--size", "64x64", "--seed", 7, "--sampler", "ddim",
                               "--schedule", "leading", "--steps", 5, "--plugin", f"cfgpp:scale=0.6,form={form}")
    agree(f"sd1 CFG++ DDIM, {form}", ours, ddim_cfgpp(folder, 0.6, 5))


def levels_of(denoiser, steps):
    denoiser.scheduler.set_timesteps(steps)
    return [float(sigma) for sigma in denoiser.scheduler.sigmas], denoiser.scheduler.timesteps


def start(levels):
    scheduler_start = (levels[0] ** 2 + 1) ** 0.5
    return torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(7)) * scheduler_start


def dpmpp_2m_cfgpp(folder, scale, steps, guided_history):
    """The authors' DPM++ 2M CFG++: the last clean latent's correction sees the unconditional prediction, or, in the
    code for SD 1.5, the guided one."""
    denoiser = PlainDenoiser(folder, "dpmpp_2m")
    levels, timesteps = levels_of(denoiser, steps)
    x = start(levels)
    before = None
    for index, timestep in enumerate(timesteps):
        sigma, sigma_next = levels[index], levels[index + 1]
        conditional, unconditional = denoiser(x, sigma, timestep)
        guided = unconditional + scale * (conditional - unconditional)
        if before is None or sigma_next == 0:
            x = guided + sigma_next / sigma * (x - unconditional)
        else:
            h = torch.log(torch.tensor(sigma / sigma_next, dtype=torch.float64)).item()
            r = torch.log(torch.tensor(levels[index - 1] / sigma, dtype=torch.float64)).item() / h
            decay = sigma_next / sigma
            history = (guided if guided_history else unconditional) - before
            x = guided - decay * unconditional + (1 - decay) * history / (2 * r) + decay * x
        before = unconditional
    return x


@pytest.mark.parametrize("form", ["shift", "shift-sd15"])
def test_cfgpp_dpmpp_2m(form, model, program, agree):
    folder = model("sd1")
    ours, _ = program.generate(folder, reference.PROMPT, "--size", "64x64", "--seed", 7, "--sampler", "dpmpp_2m",
                               "--steps", 5, "--plugin", f"cfgpp:scale=0.6,form={form}")
    theirs = dpmpp_2m_cfgpp(folder, 0.6, 5, guided_history=form == "shift-sd15")
    agree(f"sd1 CFG++ DPM++ 2M, {form}", ours, theirs)


def test_cfgpp_counts_as_the_uis_count(model, program):
    folder = model("sd1")
    lambdas = [["--plugin", "cfgpp:scale=0.6"], ["--guidance", 0.6, "--plugin", "cfgpp:source=comfyui"],
               ["--guidance", 7.5, "--plugin", "cfgpp:source=a1111"]]
    pictures = [program.generate(folder, reference.PROMPT, *SMALL, *arguments)[0] for arguments in lambdas]
    for other in pictures[1:]:
        assert (pictures[0] - other).abs().max() < 1e-5 * pictures[0].abs().max()


def test_scale_zero_changes_nothing(model, program):
    folder = model("sd1")
    plain, _ = program.generate(folder, reference.PROMPT, *SMALL)
    for plugin in ["pag:scale=0", "cfg-rescale:factor=0"]:
        same, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", plugin)
        assert torch.equal(plain, same), plugin


def test_cfgpp_leaves_the_known_part_alone(model, program, tmp_path):
    """Where the mask is black, the latent is the picture's, to the bit, with the plugin and without."""
    Image.effect_mandelbrot((64, 64), (-2, -1.5, 1, 1.5), 100).convert("RGB").save(tmp_path / "start.png")
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (32, 0, 64, 64))
    mask.save(tmp_path / "mask.png")
    arguments = [*SMALL, "--image", tmp_path / "start.png", "--mask", tmp_path / "mask.png", "--strength", 1]
    plain, _ = program.generate(model("sd1"), reference.PROMPT, *arguments)
    moved, _ = program.generate(model("sd1"), reference.PROMPT, *arguments, "--plugin", "cfgpp:scale=0.6")
    assert torch.equal(plain[..., :4], moved[..., :4])
    assert not torch.equal(plain[..., 4:], moved[..., 4:])
