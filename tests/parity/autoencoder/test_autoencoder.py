"""Encoding and decoding against diffusers' AutoencoderKL and AutoencoderTiny with the same random weights, live.

Random weights must be tame, or rounding grows until no two implementations agree: diffusers' own initialisation
is, and normalisations are given weights and biases near one and zero, since their defaults would hide a mistake.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from safetensors.torch import load_file, save_file

from ..models.families import make_vae

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROBE = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release") / "bin" / "patchbay_autoencoder_probe"

# name -> AutoencoderKL's configuration. Widths are small, structures are the published ones.
STRUCTURES = {
    "sd1": {"layers_per_block": 2},
    "sdxl": {"layers_per_block": 2, "block_out_channels": (32, 64, 96, 96), "scaling_factor": 0.13025,
             "force_upcast": True},
    # The attention of the real models is 512 wide.
    "wide middle": {"block_out_channels": (32, 32, 64, 512), "norm_num_groups": 32},
    "16 channels, no quantisation": {"latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False,
                                     "scaling_factor": 1.5305, "shift_factor": 0.0609},
    "no attention": {"mid_block_add_attention": False},
    "mean and deviation": {"scaling_factor": 0.5, "latents_mean": [-1.6574, 1.886, -1.383, 2.5155],
                           "latents_std": [8.4927, 5.9022, 6.5498, 5.2299]},
}


def make(structure: str, seed: int = 0) -> AutoencoderKL:
    torch.manual_seed(seed)
    vae = make_vae(**STRUCTURES[structure]).eval()
    for module in vae.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.weight.data += 0.2 * torch.randn_like(module.weight)
            module.bias.data += 0.2 * torch.randn_like(module.bias)
    return vae


def probe(folder: pathlib.Path, *arguments, **tensors) -> dict:
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / "in.safetensors")
    command = [PROBE, *arguments[:2 if arguments[0] == "--tiny" else 1], folder / "in.safetensors",
               folder / "out.safetensors", *arguments[2 if arguments[0] == "--tiny" else 1:]]
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return load_file(folder / "out.safetensors")


def scaled(vae: AutoencoderKL, z: torch.Tensor) -> torch.Tensor:
    """The denoiser's latents, as diffusers' pipelines compute them."""
    config = vae.config
    if config.latents_mean is not None:
        mean, std = (torch.tensor(numbers).view(1, -1, 1, 1) for numbers in (config.latents_mean, config.latents_std))
        return (z - mean) * config.scaling_factor / std
    return (z - (config.shift_factor or 0)) * config.scaling_factor


def draw(vae: AutoencoderKL, batch: int, height: int, width: int) -> tuple[torch.Tensor, ...]:
    """pictures, noise and unscaled latents, from a height and width in latent units"""
    torch.manual_seed(1)
    scale, channels = 2 ** (len(vae.config.block_out_channels) - 1), vae.config.latent_channels
    return (torch.rand(batch, 3, height * scale, width * scale) * 2 - 1, torch.randn(batch, channels, height, width),
            torch.randn(batch, channels, height, width))


@torch.no_grad()
def compare(name: str, vae: AutoencoderKL, folder: pathlib.Path, out: pathlib.Path, agree, size: tuple) -> None:
    pictures, noise, z = draw(vae, *size)
    ours = probe(out, folder, pictures=pictures, noise=noise, latents=scaled(vae, z))
    posterior = vae.encode(pictures).latent_dist
    label = f"{name} {'x'.join(map(str, size))}"
    agree(f"{label}: mean", ours["mean"], scaled(vae, posterior.mean))
    agree(f"{label}: sample", ours["sample"], scaled(vae, posterior.mean + posterior.std * noise))
    agree(f"{label}: decoded", ours["decoded"], vae.decode(z).sample)
    # The tolerance is far below what noise and neighbours in the batch do.
    assert (ours["sample"] - ours["mean"]).abs().max() > 1e-2 * ours["mean"].abs().max()
    if size[0] > 1:
        assert (ours["decoded"][0] - ours["decoded"][1]).abs().max() > 1e-2 * ours["decoded"].abs().max()


@pytest.mark.parametrize("size", [(1, 8, 8), (1, 5, 9), (3, 6, 4)], ids=str)
@pytest.mark.parametrize("structure", ["sd1", "sdxl"])
def test_sizes_and_batches(structure, size, tmp_path, agree):
    vae = make(structure)
    vae.save_pretrained(tmp_path / "vae")
    compare(structure, vae, tmp_path / "vae", tmp_path, agree, size)


@pytest.mark.parametrize("structure", list(STRUCTURES)[2:])
def test_structures(structure, tmp_path, agree):
    vae = make(structure)
    vae.save_pretrained(tmp_path / "vae")
    compare(structure, vae, tmp_path / "vae", tmp_path, agree, (2, 4, 6))


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_the_pipelines_own(family, model, tmp_path, agree):
    folder = model(family) / "vae"
    compare(f"pipeline of {family}", AutoencoderKL.from_pretrained(folder), folder, tmp_path, agree, (1, 6, 8))


@torch.no_grad()
def test_what_is_compared_matters(tmp_path, agree):
    """Attention, quantisation and each normalisation move the result by far more than the tolerance."""
    vae = make("sd1")
    _, _, z = draw(vae, 1, 6, 6)
    reference = vae.decode(z).sample
    for change in ("decoder.mid_block.attentions.0.to_out.0.weight", "post_quant_conv.weight",
                   "decoder.conv_norm_out.weight", "decoder.up_blocks.3.resnets.1.norm2.bias"):
        changed = make("sd1")
        changed.get_parameter(change).data.mul_(0)
        assert (changed.decode(z).sample - reference).abs().max() > 3e-3 * reference.abs().max(), change


@torch.no_grad()
def test_tiles_are_no_worse_than_those_of_diffusers(tmp_path):
    vae = make("sd1")
    vae.save_pretrained(tmp_path / "vae")
    torch.manual_seed(2)
    pictures, latents = torch.rand(1, 3, 320, 408) * 2 - 1, torch.randn(1, 4, 40, 51)
    whole = {"decoded": vae.decode(latents).sample, "mean": vae.encode(pictures).latent_dist.mean}
    vae.enable_tiling()
    vae.tile_latent_min_size, vae.tile_sample_min_size = 24, 24 * 8
    theirs = {"decoded": vae.decode(latents).sample, "mean": vae.encode(pictures).latent_dist.mean}
    scale = vae.config.scaling_factor
    ours = probe(tmp_path, tmp_path / "vae", 24, 6, pictures=pictures, latents=latents * scale)
    ours["mean"] = ours["mean"] / scale
    for name, value in whole.items():
        error = (ours[name] - value).square().mean().sqrt()
        assert 1e-4 * value.std() < error, f"{name}: not in tiles"
        assert error < 1.05 * (theirs[name] - value).square().mean().sqrt(), name


@torch.no_grad()
def test_fitted_preview(tmp_path, agree):
    """The same least squares here: six by six patches of plain colour, drawn with seed 1, through the decoder."""
    vae = make("sd1")
    vae.save_pretrained(tmp_path / "vae")
    patches = torch.randn(1, 4, 6, 6, generator=torch.Generator().manual_seed(1))
    latents = patches.repeat_interleave(4, 2).repeat_interleave(4, 3)
    picture = vae.decode(latents / vae.config.scaling_factor).sample
    colours = torch.nn.functional.avg_pool2d(picture, 8)[0].flatten(1).T
    rows = torch.cat([latents[0].flatten(1).T, torch.ones(24 * 24, 1)], dim=1)
    factors = np.linalg.lstsq(rows.double().numpy(), colours.double().numpy())[0]
    torch.manual_seed(5)
    given = torch.randn(2, 4, 7, 5)
    expected = torch.einsum("bchw,co->bohw", given.double(), torch.tensor(factors[:4]))
    expected = (expected + torch.tensor(factors[4]).view(1, 3, 1, 1)).clamp(-1, 1).float()
    agree("fitted preview", probe(tmp_path, tmp_path / "vae", latents=given)["preview"], expected)


def make_tiny(**overrides) -> AutoencoderTiny:
    """With convolutions that keep the size of what passes through them; the default ones damp it to nothing."""
    torch.manual_seed(3)
    vae = AutoencoderTiny(**{"encoder_block_out_channels": (16,) * 4, "decoder_block_out_channels": (16,) * 4,
                             **overrides}).eval()
    for module in vae.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.weight.data *= 1.8
    return vae


def original_names(vae: AutoencoderTiny, half: str) -> dict:
    """As in taesd_decoder.safetensors: the decoder's sequence begins with a clamp, which diffusers keeps outside."""
    state = {}
    for name, value in getattr(vae, half).layers.state_dict().items():
        index, rest = name.split(".", 1)
        state[f"{int(index) + (half == 'decoder')}.{rest}"] = value
    return state


@torch.no_grad()
@pytest.mark.parametrize("naming", ["folder", "file", "original"])
@pytest.mark.parametrize("channels", [4, 16])
def test_tiny(naming, channels, tmp_path, agree):
    vae = make_tiny(latent_channels=channels)
    vae.save_pretrained(tmp_path / "taesd")
    paths = {"encoder": tmp_path / "taesd", "decoder": tmp_path / "taesd"}
    if naming == "file":
        paths = {half: tmp_path / "taesd/diffusion_pytorch_model.safetensors" for half in paths}
    if naming == "original":
        for half in paths:
            paths[half] = tmp_path / f"taesd_{half}.safetensors"
            save_file(original_names(vae, half), paths[half])
    torch.manual_seed(4)
    pictures, latents = torch.rand(2, 3, 40, 56) * 2 - 1, torch.randn(2, channels, 5, 9) * 2
    decoded = probe(tmp_path, "--tiny", paths["decoder"], latents=latents)["decoded"]
    encoded = probe(tmp_path, "--tiny", paths["encoder"], pictures=pictures)["encoded"]
    for name, ours, theirs in (("decoded", decoded, vae.decode(latents).sample),
                               ("encoded", encoded, vae.encode(pictures).latents)):
        assert theirs.std(dim=(0, 2, 3)).min() > 0.05 * theirs.abs().max(), "what is given shows in the result"
        agree(f"tiny, {naming}, {channels} channels: {name}", ours, theirs)


def test_tiny_configuration_is_the_published_one():
    """No factor or shift lies between the denoiser's latents and the tiny autoencoder's."""
    config = json.loads(make_tiny().to_json_string())
    assert config["scaling_factor"] == 1 and config["shift_factor"] == 0
