"""What cannot work ends with a message that names the cause, and leaves nothing behind."""

from __future__ import annotations

import itertools
import json
import pathlib
import pickle
import resource
import shutil
import signal
import struct
import subprocess
import time

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

UNET = "unet/diffusion_pytorch_model.safetensors"
QUICK = {"--steps": 1, "--size": "64x64", "--seed": 7, "--precision": "fp32", "--threads": 1}


@pytest.fixture
def copy(model, tmp_path):
    """copy() is the folder of a model that a test may damage."""

    def make(family: str = "sd1") -> pathlib.Path:
        return pathlib.Path(shutil.copytree(model(family), tmp_path / "model"))

    return make


@pytest.fixture
def refused(program, model, tmp_path):
    """refused(*arguments, model=folder): the message. The program fails and writes nothing."""
    output = tmp_path / "output"
    output.mkdir()

    def check(*arguments, model_path=None, **options) -> str:
        given = {"-o": output / "picture.png", **QUICK, **dict(zip(arguments[::2], arguments[1::2]))}
        result = program.run("generate", "an apple", "--model", model_path or model("sd1"),
                             *itertools.chain(*given.items()), **options)
        assert result.returncode > 0, f"ended with {result.returncode}: {result.stdout}{result.stderr}"
        lines = [line for line in result.stderr.replace("\r", "\n").splitlines() if "step" not in line]
        assert len(lines) <= 2 and "terminate called" not in result.stderr and "frame #" not in result.stderr
        assert not list(output.iterdir())
        return result.stderr

    return check


def rewrite_unet(folder: pathlib.Path, change) -> None:
    tensors = load_file(folder / UNET)
    change(tensors)
    save_file(tensors, folder / UNET)


@pytest.mark.parametrize("kept", [0, 5, 100, 0.5, -1])
def test_truncated_file(kept, copy, refused):
    folder = copy()
    data = (folder / UNET).read_bytes()
    (folder / UNET).write_bytes(data[:int(len(data) * kept) if isinstance(kept, float) else kept])
    assert UNET in refused(model_path=folder)


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 10**9, 2**40])
def test_header_length_outside_the_file(length, copy, refused):
    folder = copy()
    data = (folder / UNET).read_bytes()
    (folder / UNET).write_bytes(struct.pack("<Q", length) + data[8:])
    message = refused(model_path=folder)
    assert UNET in message and "header" in message


def test_large_file_pointer(copy, refused):
    folder = copy()
    (folder / UNET).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12ab\nsize 3438167534\n")
    message = refused(model_path=folder)
    assert "git" in message.lower() and "lfs" in message.lower()


@pytest.mark.parametrize("name", ["model.ckpt", "model.safetensors"])
@pytest.mark.parametrize("zipped", [True, False])
def test_pickle(name, zipped, refused, tmp_path):
    path = tmp_path / name
    if zipped:
        torch.save({"state_dict": {"x": torch.zeros(2)}}, path)
    else:
        path.write_bytes(pickle.dumps({"state_dict": {"x": [1.0]}}, protocol=2))
    message = refused(model_path=path)
    assert "pickle" in message and "convert" in message.lower() and "safetensors" in message


def test_no_model(refused, tmp_path):
    assert "nowhere" in refused(model_path=tmp_path / "nowhere")


def test_not_a_model(refused, tmp_path):
    save_file({"x": torch.zeros(2)}, tmp_path / "other.safetensors")
    assert "other.safetensors" in refused(model_path=tmp_path / "other.safetensors")


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
    (["--eta", -1], ["eta"]),
    (["--sampler", "eular"], ["eular", "euler"]),
    (["--schedule", "karas"], ["karas", "karras"]),
    (["--lora", "missing.safetensors"], ["missing.safetensors"]),
    (["--embedding", "missing.safetensors"], ["missing.safetensors"]),
    (["--image", "missing.png"], ["missing.png"]),
    (["--hires", "100x100"], ["100x100"]),
    (["--clip-skip", 40], ["clip skip"]),
    (["--precision", "fp16", "--device", "cpu"], ["fp16"]),
])
def test_wrong_value(arguments, words, refused):
    message = refused(*arguments)
    for word in words:
        assert word in message


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


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize("file, tensor", [(UNET, "mid_block.attentions.0.proj_in.bias"),
                                          ("text_encoder/model.safetensors", "layers.1.mlp.fc1.bias"),
                                          ("vae/diffusion_pytorch_model.safetensors", "decoder.conv_in.weight")])
def test_weights_that_are_not_finite(value, file, tensor, copy, refused):
    folder = copy()
    tensors = load_file(folder / file)
    name = next(name for name in tensors if name.endswith(tensor))
    tensors[name].flatten()[-1] = float(value)
    save_file(tensors, folder / file)
    message = refused(model_path=folder)
    assert tensor in message and "not finite" in message


def test_missing_tensor(copy, refused):
    folder = copy()
    rewrite_unet(folder, lambda tensors: tensors.pop("conv_out.bias"))
    message = refused(model_path=folder)
    assert "missing" in message and "conv_out.bias" in message


def test_extra_tensor(copy, refused):
    folder = copy()
    rewrite_unet(folder, lambda tensors: tensors.update(surprise=torch.zeros(3)))
    assert "surprise" in refused(model_path=folder)


def test_wrong_shape(copy, refused):
    folder = copy()
    rewrite_unet(folder, lambda tensors: tensors.update({"conv_out.bias": torch.zeros(5)}))
    message = refused(model_path=folder)
    assert "conv_out.bias" in message and "[5]" in message and "[4]" in message


@pytest.mark.parametrize("file", ["unet/config.json", "model_index.json", "scheduler/scheduler_config.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", '{"block_out_channels": "many", "_class_name": 3}'])
def test_damaged_configuration(file, content, copy, refused):
    folder = copy()
    (folder / file).write_text(content)
    if file.startswith("scheduler") and content.startswith('{"'):
        return  # nothing there concerns a scheduler
    assert file.split("/")[-1] in refused(model_path=folder)


def test_missing_tokenizer(copy, refused):
    folder = copy()
    shutil.rmtree(folder / "tokenizer")
    assert "tokenizer" in refused(model_path=folder)


@pytest.mark.parametrize("tensors", [{"latent": torch.zeros(1, 4, 9, 8)}, {"latent": torch.zeros(4)},
                                     {"noise": torch.zeros(1, 4, 8, 8)},
                                     {"latent": torch.zeros(1, 4, 8, 8, dtype=torch.float16)}])
def test_unfit_initial_latent(tensors, refused, tmp_path):
    save_file(tensors, tmp_path / "noise.safetensors")
    assert "initial" in refused("--initial-latent", tmp_path / "noise.safetensors")


def test_no_output_folder(refused, tmp_path):
    assert "nowhere" in refused("-o", tmp_path / "nowhere/picture.png")
    assert ".png" in refused("-o", tmp_path / "picture.gif")
    assert "nowhere" in refused("--save-latent", tmp_path / "nowhere/latent.safetensors")


def test_full_disk(refused):
    """A process may be forbidden to write more than a few bytes to any file."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    message = refused(preexec_fn=limit)
    assert "cannot write" in message and "picture.png" in message


@pytest.mark.parametrize("profile", ["diffusers", "comfyui", "a1111"])
def test_very_long_prompt(profile, program, model, tmp_path):
    started = time.monotonic()
    result = program.run("generate", "apple " * 10_000, "--model", model("sd1"), "--compat", profile, "--json",
                         "-o", tmp_path / "picture.png", *itertools.chain(*QUICK.items()))
    assert result.returncode == 0, result.stderr
    assert time.monotonic() - started < 60
    assert any("cut" in warning for warning in json.loads(result.stdout)["warnings"]) == (profile == "diffusers")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt(number, program, model, tmp_path):
    output = tmp_path / "output"
    output.mkdir()
    process = subprocess.Popen([program.path, "generate", "an apple", "--model", model("sd1"), "--steps", "1000",
                                "--sampler", "ddim", "--size", "256x256", "--threads", "1", "-o",
                                output / "picture.png"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(4)
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(timeout=8) == 130
    assert "cancelled" in process.stderr.read()
    assert not list(output.iterdir())
