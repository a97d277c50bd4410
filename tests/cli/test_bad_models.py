"""Models that cannot be drawn with end with a message that names the cause."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import pickle
import shutil
import struct
import subprocess

import pytest
import torch
from safetensors.torch import load_file, save_file

from .conftest import QUICK, UNET, rewrite_unet


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
