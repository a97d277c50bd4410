"""What values options take, and what is said about the others."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_THREADS = 4 * len(os.sched_getaffinity(0))


def ended(program, *arguments) -> subprocess.CompletedProcess:
    """Wrong usage shows at once, long before a server would run or a picture be drawn."""
    return program.run(*arguments, timeout=20)


# Just above the limit only: a program without it would start as many.
@pytest.mark.parametrize("threads", ["0", "-1", "-99999999999", "", "many", "1.5", str(MOST_THREADS + 1)])
@pytest.mark.parametrize("command", [["generate", "x"], ["serve"]])
def test_threads_that_are_refused(command, threads, program, tmp_path):
    data = ["--data", tmp_path] if command == ["serve"] else ["-o", tmp_path / "x.png"]
    result = ended(program, *command, *data, "--threads", threads)
    assert result.returncode == 2 and "--threads" in result.stderr
    assert f"1 to {MOST_THREADS}" in result.stderr
    assert not list(tmp_path.iterdir())


def test_most_threads(program, model, tmp_path):
    result = program.run("generate", "x", "--model", model("sd1"), "--threads", MOST_THREADS, "--steps", 1,
                         "--size", "64x64", "-o", tmp_path / "x.png")
    assert result.returncode == 0, result.stderr


QUICK = ["--steps", 1, "--size", "64x64", "--precision", "fp32", "--threads", 1, "--sampler", "ddim"]


def drawn(program, model, *arguments) -> dict:
    """The report of a quick picture."""
    options = dict(zip(QUICK[::2], QUICK[1::2])) | dict(zip(arguments[::2], arguments[1::2]))
    result = program.run("generate", "an apple", "--model", model("sd1"), "--json", "-o", program.folder / "x.png",
                         *(part for option in options.items() for part in option))
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("seed", [0, 2**31, 2**63, 2**64 - 1])
def test_seeds(seed, program, model):
    assert drawn(program, model, "--seed", seed)["seed"] == seed


def test_large_seeds_draw_pictures_of_their_own(program, model):
    """PyTorch's generator looks at a seed's lower 32 bits, which differ here."""
    pictures = set()
    for seed in (2**63, 2**63 + 1, 2**64 - 2):
        drawn(program, model, "--seed", seed)
        pictures.add(Image.open(program.folder / "x.png").tobytes())
    assert len(pictures) == 3


@pytest.mark.parametrize("seed", ["-1", "-99999999999999999999"])
def test_negative_seeds_are_random(seed, program, model):
    assert drawn(program, model, "--seed", seed)["seed"] != drawn(program, model, "--seed", seed)["seed"]


@pytest.mark.parametrize("seed", ["", "18446744073709551616", "1e3", "0x10", "7.0", "x", "-", "--", "+7", " 7"])
def test_seeds_that_are_refused(seed, program):
    result = ended(program, "generate", "x", "-o", program.folder / "x.png", "--seed", seed)
    assert result.returncode == 2 and "--seed" in result.stderr
    assert not list(program.folder.iterdir())


@pytest.mark.parametrize("batch", ["-1", "0", "65", "1e11", "100000000000"])
def test_batches_that_are_refused(batch, program):
    result = ended(program, "generate", "x", "-o", program.folder / "x.png", "--batch", batch)
    assert result.returncode == 2 and "--batch" in result.stderr


def test_size_with_a_capital_letter(program, model):
    assert drawn(program, model, "--size", "128X96")["size"] == [128, 96]


@pytest.mark.parametrize("option", ["--image", "--model", "--mask", "--lora", "--lora-folder", "--embedding", "--wildcards",
                                    "--initial-latent", "--start-latent", "--save-latent", "--preview", "-o", "--size",
                                    "--hires", "--sampler", "--schedule", "--plugin", "--tokenizer",
                                    "--preview-decoder"])
def test_empty_values_are_refused(option, program):
    result = ended(program, "generate", "x", "-o", program.folder / "x.png", option, "") if option != "-o" else ended(
        program, "generate", "x", "-o", "")
    assert result.returncode == 2 and option.lstrip("-") in result.stderr
    assert not list(program.folder.iterdir())


@pytest.mark.parametrize("option", ["--data", "--models", "--loras", "--plugins", "--tls-cert", "--admin-token-file"])
def test_empty_values_are_refused_by_the_server(option, program):
    assert ended(program, "serve", option, "").returncode == 2


def test_empty_negative_prompt(program, model):
    assert drawn(program, model, "--negative", "")["warnings"] == []


@pytest.mark.parametrize(("arguments", "words"), [
    (["--sampler", "euler", "--eta", 0.5], "eta"), (["--strength", 0.5], "strength"),
    (["--guidance", 1, "--negative", "blur"], "negative"), (["--hires-strength", 0.5], "--hires-strength"),
    (["--hires-steps", 3], "--hires-steps")])
def test_what_means_nothing_is_said(arguments, words, program, model):
    warnings = drawn(program, model, *arguments)["warnings"]
    assert len(warnings) == 1 and words in warnings[0] and "means nothing" in warnings[0]


@pytest.mark.parametrize("size", [(1, 1), (20000, 2)])
def test_pictures_too_small_to_start_from(size, program, model):
    Image.new("RGB", size).save(program.folder / "start.png")
    result = program.run("generate", "x", "--model", model("sd1"), "--image", program.folder / "start.png", "--steps", 2,
                         "-o", program.folder / "x.png")
    assert result.returncode == 1 and f"{size[0]}x{size[1]}" in result.stderr and "8" in result.stderr


def test_damaged_lora_is_named(program, model):
    path = program.folder / "broken.safetensors"
    stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    width = model_width(model("sd1"))
    save_file({f"{stem}.lora_up.weight": torch.full((width, 4), float("nan")),
               f"{stem}.lora_down.weight": torch.ones(4, width)}, path)
    result = program.run("generate", "x", "--model", model("sd1"), "--lora", path, "-o", program.folder / "x.png", *QUICK)
    assert result.returncode == 1 and "broken.safetensors" in result.stderr and stem in result.stderr


def model_width(folder) -> int:
    weights = load_file(folder / "unet/diffusion_pytorch_model.safetensors")
    return weights["down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"].shape[0]


def test_plugins_of_ones_own(program, model, tmp_path):
    folder = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release") / "tests/service_plugins/1"
    arguments = ["generate", "x", "--model", model("sd1"), *QUICK, "-o", tmp_path / "x.png", "--json"]
    result = program.run(*arguments, "--plugins", folder, "--plugin", "test-swap", "--plugin", "pag")
    assert result.returncode == 0, result.stderr
    assert "test-swap" in json.loads(result.stdout)["plugins"]
    result = program.run(*arguments, "--plugin", "test-swap")
    assert result.returncode == 1 and "test-swap" in result.stderr
    result = program.run("--host", "127.0.0.1:1", *arguments, "--plugins", folder, "--plugin", "test-swap")
    assert result.returncode == 1 and "--plugins is for the server to decide" in result.stderr
