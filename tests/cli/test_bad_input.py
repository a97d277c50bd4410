"""Requests that cannot work end with a message that names the cause, and leave nothing behind."""

from __future__ import annotations

import itertools
import json
import os
import time

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from .conftest import QUICK, rewrite_unet


def test_lora_of_another_family(model, refused, tmp_path):
    stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    save_file({f"{stem}.lora_down.weight": torch.zeros(4, 320), f"{stem}.lora_up.weight": torch.zeros(320, 4)},
              tmp_path / "large.safetensors")
    message = refused("--lora", tmp_path / "large.safetensors")
    assert "large.safetensors" in message and "[320, 320]" in message


@pytest.mark.parametrize("arguments, words", [
    (["--size", "65x64"], ["65x64", "multiples of 8"]),
    (["--size", "0x64"], ["0x64"]),
    (["--size", "-64x64"], ["-64x64"]),
    (["--size", "999999992x64"], ["999999992"]),
    (["--size", "big"], ["big", "width x height"]),
    (["--steps", 0], ["steps", "0"]),
    (["--steps", -3], ["steps", "-3"]),
    (["--steps", 1001], ["steps", "1001"]),
    (["--batch", 0], ["batch"]),
    (["--guidance", "nan"], ["guidance"]),
    (["--guidance", "1e9"], ["guidance"]),
    (["--guidance", "inf"], ["guidance"]),
    (["--eta", -1], ["eta"]),
    (["--eta", "nan"], ["eta"]),
    (["--strength", 7], ["strength", "7"]),  # also where no picture is given that would use it
    (["--sampler", "foo"], ['"foo" is unknown. Known are']),
    (["--sampler", "eular"], ["eular", "euler"]),
    (["--schedule", "karas"], ["karas", "karras"]),
    (["--lora", "missing.safetensors"], ["missing.safetensors"]),
    (["--embedding", "missing.safetensors"], ["missing.safetensors"]),
    (["--image", "missing.png"], ["missing.png"]),
    (["--hires", "100x100"], ["100x100"]),
    (["--clip-skip", 40], ["clip skip"]),
    (["--clip-skip", -1], ["clip skip"]),
    (["--lora", "missing.safetensors:nan"], ["weight", "nan"]),
    (["--lora", "missing.safetensors:1e30"], ["weight", "1e+30"]),
    (["--wildcards", "/nowhere"], ["wildcard folder /nowhere"]),
    (["--lora-folder", "/nowhere"], ["LoRA folder /nowhere"]),
    (["--size", "16384x16384", "--batch", 64], ["GiB", "smaller size", "smaller batch"]),
    (["--precision", "fp16", "--device", "cpu"], ["fp16"]),
])
def test_wrong_value(arguments, words, refused):
    message = refused(*arguments)
    for word in words:
        assert word in message


@pytest.mark.parametrize("arguments", [["--sampler", "foo"], ["--schedule", "foo"], ["--clip-skip", 40],
                                       ["--guidance", "1e9"], ["--hires", "64x64", "--hires-strength", "0.001"]])
def test_refused_before_weights_are_read(arguments, copy, refused):
    """The same message although the weights could not be read."""
    folder = copy()
    rewrite_unet(folder, lambda tensors: tensors.pop("conv_out.bias"))
    assert "conv_out.bias" in refused(model_path=folder)
    assert "conv_out.bias" not in refused(*arguments, model_path=folder)


def test_more_memory_than_allowed(refused):
    """15 GiB: five bytes for each of the three colours, under a limit of 12."""
    message = refused("--size", "16384x16384", "--batch", 4, under=["prlimit", f"--as={12 << 30}"])
    assert "15.0 GiB" in message and "12.0 GiB" in message


@pytest.mark.parametrize("option", ["--image", "--mask", "--lora", "--embedding", "--initial-latent",
                                    "--preview-decoder"])
def test_pipe_as_input(option, refused, tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")
    message = refused(option, tmp_path / "pipe.safetensors", timeout=20)
    assert "pipe.safetensors" in message and "is a pipe" in message


def test_whole_numbers_in_a_lora(refused, tmp_path):
    stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    save_file({f"{stem}.lora_down.weight": torch.zeros(4, 32, dtype=torch.int16),
               f"{stem}.lora_up.weight": torch.zeros(32, 4)}, tmp_path / "whole.safetensors")
    message = refused("--lora", tmp_path / "whole.safetensors")
    assert "lora_down" in message and "I16" in message


def test_wrong_strength(refused, tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "start.png")
    for strength in (-0.5, 0, 1.5, "nan"):
        assert "strength" in refused("--image", tmp_path / "start.png", "--strength", strength)


def test_mask_without_picture(refused, tmp_path):
    Image.new("L", (64, 64)).save(tmp_path / "mask.png")
    message = refused("--mask", tmp_path / "mask.png")
    assert "mask" in message and "--image" in message


def test_damaged_picture(refused, tmp_path):
    path = tmp_path / "start.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    assert "start.png" in refused("--image", path)


@pytest.mark.parametrize("tensors", [{"latent": torch.full((1, 4, 8, 8), float("nan"))},
                                     {"latent": torch.zeros(1, 4, 9, 8)}, {"latent": torch.zeros(4)},
                                     {"noise": torch.zeros(1, 4, 8, 8)},
                                     {"latent": torch.zeros(1, 4, 8, 8, dtype=torch.float16)}])
def test_unfit_initial_latent(tensors, refused, tmp_path):
    save_file(tensors, tmp_path / "noise.safetensors")
    assert "initial" in refused("--initial-latent", tmp_path / "noise.safetensors")


@pytest.mark.parametrize("tensors", [{"latent": torch.full((1, 4, 8, 8), float("nan"))},
                                     {"latent": torch.zeros(1, 3, 8, 8)}, {"latent": torch.zeros(2, 4, 8, 8)},
                                     {"latent": torch.zeros(1, 4, 8, 9)}, {"latent": torch.zeros(1, 4, 0, 8)}])
def test_unfit_start_latent(tensors, refused, tmp_path):
    save_file(tensors, tmp_path / "start.safetensors")
    assert "start latent" in refused("--start-latent", tmp_path / "start.safetensors")


def test_start_latent_beside_a_picture(refused, tmp_path):
    save_file({"latent": torch.zeros(1, 4, 8, 8)}, tmp_path / "start.safetensors")
    Image.new("RGB", (64, 64)).save(tmp_path / "start.png")
    assert "leave one of them out" in refused("--start-latent", tmp_path / "start.safetensors", "--image",
                                              tmp_path / "start.png")


def test_unfit_step_range(refused, tmp_path):
    assert "--compat comfyui" in refused("--first-step", 1)
    assert "first step" in refused("--first-step", -1, "--compat", "comfyui")
    assert "end before" in refused("--first-step", 3, "--compat", "comfyui", "--end-step", 2)
    assert "hires" in refused("--first-step", 1, "--compat", "comfyui", "--hires", "128x128")
    assert "one of them" in refused("--latent-only", "--json")


@pytest.mark.parametrize("arguments", [[], ["generate"], ["nonsense"], ["generate", "x", "--nonsense"],
                                       ["generate", "x", "--steps", "many"], ["generate", "x", "--precision", "fp7"],
                                       ["generate", "x", "--seed", "1", "--seed", "2"]])
def test_wrong_usage(arguments, program):
    result = program.run(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("patchbay: ") and "At Most" not in result.stderr


def test_version(program):
    result = program.run("--version")
    assert result.returncode == 0 and result.stdout.startswith("patchbay ")


@pytest.mark.parametrize("profile", ["diffusers", "comfyui", "a1111"])
def test_very_long_prompt(profile, program, model, tmp_path):
    started = time.monotonic()
    result = program.run("generate", "apple " * 10_000, "--model", model("sd1"), "--compat", profile, "--json",
                         "-o", tmp_path / "picture.png", *itertools.chain(*QUICK.items()))
    assert result.returncode == 0, result.stderr
    assert time.monotonic() - started < 60
    warnings = json.loads(result.stdout)["warnings"]
    assert any("cut" in warning for warning in warnings) == (profile == "diffusers")
    assert all(len(warning) < 500 for warning in warnings)
