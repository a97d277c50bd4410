"""GGUF denoisers against the reference package `gguf`, run live on the same random files."""

from __future__ import annotations

import pathlib
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

import ldm_writer as ldm
from parity.models import gguf_writer
from parity.models.gguf_writer import TYPES

from test_checkpoint import probe, refusal, same

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def copy(model, tmp_path):
    def make(family: str = "sd1", name: str = "copy") -> pathlib.Path:
        return pathlib.Path(shutil.copytree(model(family), tmp_path / name))

    return make


def in_ldm_names(state: dict, family: str) -> dict:
    return ldm.unet_to_ldm(state, *{"sd1": (4, 2), "sdxl": (3, 2)}[family])


@pytest.mark.parametrize("kind", gguf_writer.SMALL + gguf_writer.LARGE, ids=lambda kind: kind.name)
def test_block_types(kind, copy, tmp_path):
    """Every number of every block, bit for bit."""
    folder = copy()
    path = folder / "unet.gguf"
    values, types = gguf_writer.write_tensors(path, load_file(folder / UNET), [kind], seed=kind.value)
    assert sum(used == kind for used in types.values()) > 10
    (folder / UNET).unlink()
    described, tensors = probe(path, tmp_path)
    same(tensors["unet"], values)
    description = described["description"]
    assert description["path"] == str(path) and description["other_parts"] == str(folder)
    unet = description["components"][0]
    assert kind.name in unet["bytes"] and sum(unet["bytes"].values()) < path.stat().st_size
    parameters = sum(value.numel() for value in values.values())
    assert unet["bytes_in_memory"] == {"bf16": 2 * parameters, "fp32": 4 * parameters}
    assert not description["warnings"]


@pytest.mark.parametrize("spelling", ["diffusers", "ldm", "prefixed"])
@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_names(family, spelling, copy, tmp_path):
    folder = copy(family)
    state = load_file(folder / UNET)
    written = state if spelling == "diffusers" else in_ldm_names(state, family)
    if spelling == "prefixed":
        written = ldm.prefixed("model.diffusion_model.", written) | {"first_stage_model.a": torch.zeros(3)}
    path = folder / "unet" / "other.gguf"
    values, _ = gguf_writer.write_tensors(path, written)
    described, tensors = probe(path, tmp_path)
    assert sorted(tensors["unet"]) == sorted(state)
    values.pop("first_stage_model.a", None)
    plain = {name.removeprefix("model.diffusion_model."): value for name, value in values.items()}
    same(tensors["unet"] if spelling == "diffusers" else in_ldm_names(tensors["unet"], family), plain)
    warnings = described["description"]["warnings"]
    assert [warning for warning in warnings if "1 tensors of other components" in warning] == (
        warnings if spelling == "prefixed" else [])


def test_the_model_beside_that_the_name_begins_with(copy, tmp_path):
    """The longest name counts, and it has to end where a word ends."""
    state = load_file(copy("sd1", "sd15") / UNET)
    for name in ("sd", "sd15-pruned"):
        shutil.copytree(tmp_path / "sd15", tmp_path / name)
    for file, owner in {"sd15-Q4_K.gguf": "sd15", "sd15.gguf": "sd15", "sd15-pruned.Q8_0.gguf": "sd15-pruned",
                        "sd15-prunedQ8.gguf": "sd15", "sd_Q8.gguf": "sd"}.items():
        gguf_writer.write_tensors(tmp_path / file, state)
        described, _ = probe(tmp_path / file, tmp_path)
        assert described["description"]["other_parts"] == str(tmp_path / owner)
    shutil.copy(tmp_path / "sd15.gguf", tmp_path / "sdxl.gguf")
    message = refusal(tmp_path / "sdxl.gguf", tmp_path)
    assert "U-Net alone" in message and "NAME-sdxl.gguf beside NAME.safetensors" in message


def test_a_folder_whose_unet_is_a_gguf_file_alone(copy, tmp_path):
    folder = copy()
    gguf_writer.write_tensors(folder / "unet/small.gguf", load_file(folder / UNET))
    (folder / UNET).unlink()
    message = refusal(folder, tmp_path)
    assert "name that file" in message and "small.gguf" in message
    described, _ = probe(folder / "unet/small.gguf", tmp_path)
    assert described["description"]["other_parts"] == str(folder)


def test_refusals(copy, model, tmp_path):
    sd1, sdxl = copy("sd1", "first"), copy("sdxl", "second")
    path = sdxl / "wrong.gguf"
    gguf_writer.write_tensors(path, load_file(sd1 / UNET))
    assert "with the other parts of" in refusal(path, tmp_path)
    gguf_writer.write_tensors(sd1 / "other.gguf", load_file(model("sd2") / UNET))
    assert "64 numbers wide, and the text encoders give 48" in refusal(sd1 / "other.gguf", tmp_path)
    state = load_file(sd1 / UNET)
    path = sd1 / "part.gguf"
    gguf_writer.write_tensors(path, state | {"conv_out.weight": torch.zeros(3, *state["conv_out.weight"].shape[1:])})
    assert "it gives 3 channels, and the autoencoder takes 4" in refusal(path, tmp_path)
    gguf_writer.write_tensors(path, {"double_blocks.0.img_attn.proj.weight": torch.ones(64, 64)})
    assert "another network" in refusal(path, tmp_path)
    gguf_writer.write_tensors(path, {"blk.0.attn_q.weight": torch.ones(64, 64)})
    assert "does not know" in refusal(path, tmp_path)
    shutil.copy(path, tmp_path / "named.safetensors")
    assert "ends in .gguf" in refusal(tmp_path / "named.safetensors", tmp_path)
    shutil.copy(sd1 / UNET, path)
    assert "not a GGUF file" in refusal(path, tmp_path)


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_pictures(family, copy, program):
    """The same bits as from a safetensors file with the numbers that the reference makes of the blocks."""
    folder = copy(family)
    values, types = gguf_writer.write_tensors(folder / "small.gguf", load_file(folder / UNET))
    assert set(types.values()) >= {TYPES.Q8_0, TYPES.Q4_0, TYPES.Q4_K, TYPES.Q5_K, TYPES.Q6_K}
    original, _ = program.generate(folder, "an apple", "--steps", 2, "--size", "64x64", "--seed", 7)
    ours, _ = program.generate(folder / "small.gguf", "an apple", "--steps", 2, "--size", "64x64", "--seed", 7)
    save_file(values, folder / UNET)
    theirs, _ = program.generate(folder, "an apple", "--steps", 2, "--size", "64x64", "--seed", 7)
    assert torch.equal(ours, theirs) and not torch.equal(ours, original)


@pytest.mark.parametrize("changes", [["--plugin", "quantizer"], ["--lora", "LORA", "--lora-application", "merged"],
                                     ["--lora", "LORA", "--lora-application", "run-time"]],
                         ids=["quantizer", "merged", "run-time"])
def test_what_changes_weights(changes, copy, program, tmp_path):
    """Plugins that read weights, and LoRAs, see the numbers that the blocks stand for."""
    folder = copy()
    values, _ = gguf_writer.write_tensors(folder / "small.gguf", load_file(folder / UNET))
    save_file(values, folder / UNET)
    name = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_v"
    torch.manual_seed(5)
    save_file({f"{name}.lora_down.weight": torch.randn(4, 64), f"{name}.lora_up.weight": torch.randn(64, 4)},
              tmp_path / "lora.safetensors")
    arguments = ["an apple", "--steps", 2, "--size", "64x64", "--seed", 7]
    changes = [tmp_path / "lora.safetensors" if change == "LORA" else change for change in changes]
    plain, _ = program.generate(folder, *arguments)
    ours, _ = program.generate(folder / "small.gguf", *arguments, *changes)
    theirs, _ = program.generate(folder, *arguments, *changes)
    assert torch.equal(ours, theirs) and not torch.equal(ours, plain)
