"""A part of a schedule's steps (ComfyUI's KSamplerAdvanced), and starts from latents, against k-diffusion and diffusers."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from . import reference
from .k_diffusion_reference import Denoiser, sampling
from .test_ui_profiles import SAMPLERS, SEED, SHAPE, STEPS, noise_from, normal, ours, run


@pytest.fixture
def part(program, model, tmp_path):
    """part(sampler, start, *arguments): the latent of a part of the steps; `start` is a latent or None."""

    def draw(sampler, start, *arguments):
        if start is not None:
            save_file({"latent": start.contiguous()}, tmp_path / "start.safetensors")
            arguments += ("--start-latent", tmp_path / "start.safetensors")
        return ours(program, model("sd1"), "comfyui", sampler, "--strength", 1, *arguments)[0]

    return draw


def first_noise(sigmas):
    return noise_from(SEED)() * (1 + sigmas[0] ** 2) ** 0.5


@pytest.mark.parametrize("sampler", ["euler", "euler_a", "heun"])
def test_two_parts_are_the_whole(sampler, part):
    """Samplers without a history do not notice where the first job ends and the second begins."""
    whole = part(sampler, None)
    left = part(sampler, None, "--end-step", 3, "--keep-noise")
    if sampler == "euler_a":
        # The second part begins the steps' noise anew, as ComfyUI's does.
        assert not torch.equal(left, whole)
        return
    assert torch.equal(part(sampler, left, "--first-step", 3, "--no-added-noise"), whole)


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "heun", "lms"])
def test_each_part_against_k_diffusion(sampler, part, model, agree):
    denoiser = Denoiser(model("sd1"), quantize=True)
    sigmas = normal(denoiser, STEPS)
    noisy = run(sampler, denoiser, sigmas[:4], first_noise(sigmas))
    agree(f"{sampler}: steps 0 to 3, noise kept", part(sampler, None, "--end-step", 3, "--keep-noise"), noisy)
    agree(f"{sampler}: steps 3 to the end, no noise added",
          part(sampler, noisy, "--first-step", 3, "--no-added-noise"), run(sampler, denoiser, sigmas[3:], noisy))
    cut = sigmas[:4].clone()
    cut[-1] = 0
    clean = run(sampler, denoiser, cut, first_noise(sigmas))
    agree(f"{sampler}: steps 0 to 3, ended at 0", part(sampler, None, "--end-step", 3), clean)
    renoised = clean + noise_from(SEED)() * sigmas[2]
    agree(f"{sampler}: steps 2 to 4, noise added", part(sampler, clean, "--first-step", 2, "--end-step", 4, "--keep-noise"),
          run(sampler, denoiser, sigmas[2:5], renoised))


def test_an_end_behind_the_last_step_is_the_last_step(part):
    assert torch.equal(part("euler", None, "--end-step", 10000), part("euler", None))


def test_a_latent_of_one_picture_starts_a_batch(part):
    start = torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    assert part("euler", start, "--first-step", 3, "--batch", 2).shape == (2, *SHAPE[1:])
    both = part("euler", start.repeat(2, 1, 1, 1), "--first-step", 3, "--batch", 2)
    assert torch.equal(both, part("euler", start, "--first-step", 3, "--batch", 2))


def test_nothing_to_sample_encodes(program, model, agree, tmp_path):
    """Beyond the last step the start picture is encoded and nothing else happens."""
    picture = torch.rand(3, 96, 128, generator=torch.Generator().manual_seed(2)).mul(255).byte()
    Image.fromarray(picture.permute(1, 2, 0).numpy()).save(tmp_path / "start.png")
    output = tmp_path / "picture.png"
    latent, report = ours(program, model("sd1"), "comfyui", "euler", "--image", tmp_path / "start.png", "--first-step",
                          STEPS, "--latent-only")
    assert report["step_seconds"] == [] and report["files"] == [] and not output.exists()
    vae = reference.pipeline(model("sd1")).vae
    with torch.no_grad():
        theirs = vae.encode(picture[None].float() / 127.5 - 1).latent_dist.mean * vae.config.scaling_factor
    agree("encoding alone", latent, theirs)


def test_nothing_to_sample_decodes(part, program, model, tmp_path):
    drawn = part("euler", None)
    whole = Image.open(tmp_path / "picture.png").tobytes()
    (tmp_path / "picture.png").unlink()
    assert torch.equal(part("euler", drawn, "--first-step", STEPS), drawn)
    assert Image.open(tmp_path / "picture.png").tobytes() == whole


def test_start_latent_at_partial_strength(program, model, agree, tmp_path):
    """As ComfyUI's KSampler with denoise 0.5 on a latent: the last steps of a schedule twice as long."""
    denoiser = Denoiser(model("sd1"), quantize=True)
    sigmas = normal(denoiser, 2 * STEPS)[-(STEPS + 1):]
    start = torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    save_file({"latent": start}, tmp_path / "start.safetensors")
    latent, _ = ours(program, model("sd1"), "comfyui", "euler", "--start-latent", tmp_path / "start.safetensors",
                     "--strength", 0.5)
    agree("start latent, strength 0.5", latent,
          SAMPLERS["euler"](denoiser, start + noise_from(SEED)() * sigmas[0], sigmas, disable=True))


class Masked(torch.nn.Module):
    """What a mask does in ComfyUI: the known part is put into what the network sees, and into what it says."""

    def __init__(self, denoiser, start, mask):
        super().__init__()
        self.denoiser, self.start, self.mask, self.noise = denoiser, start, mask, noise_from(SEED)()

    def forward(self, x, sigma, **_):
        seen = x * self.mask + (self.start + self.noise * sigma[0]) * (1 - self.mask)
        return self.denoiser(seen, sigma) * self.mask + self.start * (1 - self.mask)


@pytest.mark.parametrize("sampler", ["euler", "euler_a", "dpmpp_2m"])
def test_soft_masks_against_k_diffusion(sampler, part, model, agree, tmp_path):
    denoiser = Denoiser(model("sd1"), quantize=True)
    sigmas = normal(denoiser, STEPS)
    start = torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    mask = torch.rand(1, 1, 96, 128, generator=torch.Generator().manual_seed(3)).mul(255).round()
    Image.fromarray(mask[0, 0].byte().numpy()).save(tmp_path / "mask.png")
    small = torch.nn.functional.interpolate(mask / 255, SHAPE[2:], mode="bilinear")
    noisy = start + noise_from(SEED)() * (1 + sigmas[0] ** 2) ** 0.5
    agree(f"soft mask, {sampler}", part(sampler, start, "--mask", tmp_path / "mask.png"),
          run(sampler, Masked(denoiser, start, small), sigmas, noisy, noise_from(SEED + 1)))


def test_a_mask_keeps_the_start_latent(part, tmp_path):
    """Outside of the mask the noise of the level that is left lies on the start."""
    start = torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    mask = Image.new("L", (128, 96))
    mask.paste(255, (64, 0, 128, 96))
    mask.save(tmp_path / "mask.png")
    masked = ("--mask", tmp_path / "mask.png")
    kept = part("euler", start, "--first-step", 3, *masked)[..., :8]
    assert torch.allclose(kept, start[..., :8], atol=1e-5)
    left = part("euler", start, "--first-step", 1, "--end-step", 3, "--keep-noise", *masked)[..., :8]
    noise = noise_from(SEED)()[..., :8]
    level = ((left - start[..., :8]) / noise).flatten()
    assert torch.allclose(level, level.mean(), rtol=1e-3) and level.mean() > 0.1
