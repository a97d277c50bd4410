"""What cannot work ends with a message that names the cause, and leaves nothing behind."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import pickle
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
        assert result.returncode in (1, 2), f"ended with {result.returncode}: {result.stdout}{result.stderr}"
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


@pytest.mark.parametrize("file", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json", UNET])
def test_pipe_in_a_model(file, copy, refused):
    folder = copy()
    (folder / file).unlink()
    os.mkfifo(folder / file)
    message = refused(model_path=folder, timeout=20)
    assert file in message and "is a pipe" in message


@pytest.mark.parametrize("entry, value", [
    ("trained_betas", [0.5, 0.5]), ("timestep_spacing", "lagging"), ("prediction_type", 3),
    ("prediction_type", "velocity"), ("steps_offset", 10**9), ("steps_offset", -1), ("beta_schedule", "cosine"),
    ("num_train_timesteps", "many"), ("thresholding", True)])
def test_scheduler_entry(entry, value, copy, refused):
    folder = copy()
    file = folder / "scheduler/scheduler_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), entry: value}))
    message = refused(model_path=folder)
    assert str(folder) in message and "scheduler/scheduler_config.json" in message and entry in message
    assert "json.exception" not in message


@pytest.mark.parametrize("component, entry, value", [
    ("unet", "norm_num_groups", 7), ("vae", "norm_num_groups", 7), ("unet", "sample_size", 2**40),
    ("unet", "class_embed_type", "timestep")])
def test_configuration_entry(component, entry, value, copy, refused):
    folder = copy()
    file = folder / component / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), entry: value}))
    message = refused("--size", "64x64", model_path=folder)
    assert str(folder) in message and entry in message


@pytest.mark.parametrize("kind", [torch.int16, torch.int64])
def test_whole_numbers_as_weights(kind, copy, refused):
    folder = copy()
    rewrite_unet(folder, lambda tensors: tensors.update({"conv_out.bias": torch.zeros(4, dtype=kind)}))
    message = refused(model_path=folder)
    assert "conv_out.bias" in message and "whole numbers" in message


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


def test_no_output_folder(refused, tmp_path):
    assert "nowhere" in refused("-o", tmp_path / "nowhere/picture.png")
    assert ".png" in refused("-o", tmp_path / "picture.gif")
    assert "nowhere" in refused("--save-latent", tmp_path / "nowhere/latent.safetensors")


def draw(program, model, *arguments, **options) -> subprocess.CompletedProcess:
    return program.run("generate", "an apple", "--model", model("sd1"), *itertools.chain(*QUICK.items()), *arguments,
                       **options)


def test_output_that_cannot_be_written(refused, tmp_path):
    (tmp_path / "folder.png").mkdir()
    assert "folder.png" in refused("-o", tmp_path / "folder.png")
    assert "takes no new file" in refused("-o", "/sys/picture.png")
    assert "too long" in refused("-o", tmp_path / ("x" * 252 + ".png"))
    os.mkfifo(tmp_path / "pipe.png")
    assert "nobody reads" in refused("-o", tmp_path / "pipe.png", timeout=60)


def test_output_through_a_link(program, model, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link.png").symlink_to("elsewhere/picture.png")
    assert draw(program, model, "-o", tmp_path / "link.png").returncode == 0
    assert (tmp_path / "link.png").is_symlink()
    assert Image.open(tmp_path / "elsewhere/picture.png").size == (64, 64)


def test_longest_name(program, model, tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    result = draw(program, model, "-o", path)
    assert result.returncode == 0, result.stderr
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("arguments", [["model", "inspect", "MODEL"], ["--help"], ["--version"], ["generate", "--help"]])
def test_full_standard_output(arguments, program, model):
    arguments = [str(model("sd1")) if argument == "MODEL" else argument for argument in arguments]
    with open("/dev/full", "w") as full:
        result = subprocess.run([program.path, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    assert "standard output" in result.stderr


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


def test_model_cut_short_while_it_is_read(program, model, copy, tmp_path):
    folder = copy()
    output = tmp_path / "output"
    output.mkdir()
    original = (folder / UNET).read_bytes()
    for _ in range(20):
        (folder / UNET).write_bytes(original)
        process = subprocess.Popen([program.path, "generate", "an apple", "--model", folder, "-o",
                                    output / "picture.png", *map(str, itertools.chain(*QUICK.items()))],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        maps = pathlib.Path(f"/proc/{process.pid}/maps")
        while process.poll() is None and UNET not in maps.read_text():
            pass
        os.truncate(folder / UNET, 0)
        message = process.communicate()[1]
        if process.returncode != 0 and "become shorter" in message:
            break
    assert process.returncode == 1, message
    assert len(message.splitlines()) == 1 and "get the file again" in message
    assert not list(output.iterdir())


@pytest.mark.parametrize("ignored", [False, True])
def test_full_disk(ignored, refused):
    """A process may be forbidden to write more than a few bytes to any file."""
    limited = ["prlimit", "--fsize=100"]
    message = refused(under=["env", "--ignore-signal=XFSZ", *limited] if ignored else limited)
    assert "cannot write" in message and "picture.png" in message


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


def test_second_interrupt_ends_at_once(program, model, tmp_path):
    process = subprocess.Popen([program.path, "generate", "an apple", "--model", model("sd1"), "--steps", "1000",
                                "--sampler", "ddim", "--size", "512x512", "--threads", "1", "-o",
                                tmp_path / "picture.png"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(4)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert process.wait(timeout=8) == 130
    assert time.monotonic() - started < 2
    assert not (tmp_path / "picture.png").exists()
