"""Whole models in one GGUF file against the same model in a safetensors file."""

from __future__ import annotations

import re

import pytest
import torch
from safetensors.torch import save_file

import ldm_writer as ldm
from parity.models import gguf_writer

from test_checkpoint import parts, probe, refusal, same, single_file

KINDS = ["sd1", "inpainting", "sd2", "sdxl", "refiner", "playground"]
# What stable-diffusion.cpp makes of OpenCLIP's names when it converts them.
TOP = {"positional_embedding": "embeddings.position_embedding.weight",
       "token_embedding.weight": "embeddings.token_embedding.weight", "text_projection": "text_projection",
       "ln_final.weight": "final_layer_norm.weight", "ln_final.bias": "final_layer_norm.bias"}
LAYER = {"attn.out_proj": "self_attn.out_proj", "ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1",
         "mlp.c_proj": "mlp.fc2"}


def same_but_for_storage(ours: dict, theirs: dict) -> None:
    for report in (ours, theirs):
        report["description"].pop("path")
        for component in report["description"]["components"]:
            component.pop("bytes")
    assert ours == theirs


@pytest.mark.parametrize("kind", KINDS)
def test_every_type(kind, tmp_path):
    """Under the names of published files; joint projections and bare matrices are blocks too."""
    state = single_file(kind, parts(kind))
    values, types = gguf_writer.write_tensors(tmp_path / "model.gguf", state)
    assert set(types.values()) == {*gguf_writer.SMALL, *gguf_writer.LARGE, *gguf_writer.PLAIN}
    if kind == "sdxl":
        joint = "conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight"
        assert types[joint] in gguf_writer.SMALL + gguf_writer.LARGE
    save_file(values, tmp_path / "model.safetensors")
    theirs, their_tensors = probe(tmp_path / "model.safetensors", tmp_path)
    ours, tensors = probe(tmp_path / "model.gguf", tmp_path)
    assert sorted(tensors) == sorted(their_tensors) and len(tensors) >= 3
    for component, expected in their_tensors.items():
        same(tensors[component], expected)
    stored = sum(sum(part["bytes"].values()) for part in ours["description"]["components"])
    assert stored < (tmp_path / "model.gguf").stat().st_size
    same_but_for_storage(ours, theirs)


def converted(state: dict) -> dict:
    """As stable-diffusion.cpp names tensors: text encoders in transformers' way, their projections split; 1x1
    convolutions for linear layers."""
    out = {}
    for name, value in state.items():
        name = name.replace("conditioner.embedders.0.", "cond_stage_model.")
        name = name.replace("conditioner.embedders.1.", "cond_stage_model.1.")
        if re.search(r"position_ids$|logit_scale$|^betas|^alphas_|^model_ema", name):
            continue
        match = re.match(r"(cond_stage_model\.(?:1\.)?)model\.(.*)", name)
        if match is None:
            linear = value.dim() == 2 and re.search(r"^model\..*proj_(in|out)\.weight", name)
            out[name] = value[:, :, None, None].contiguous() if linear else value
            continue
        place, rest = match[1] + "transformer.text_model.", match[2]
        if rest in TOP:
            out[place + TOP[rest]] = value
            continue
        number, inner = re.match(r"transformer\.resblocks\.(\d+)\.(.*)", rest).groups()
        layer = f"{place}encoder.layers.{number}."
        if joint := re.match(r"attn\.in_proj_(.*)", inner):
            for part, values in zip("qkv", value.chunk(3)):
                out[f"{layer}self_attn.{part}_proj.{joint[1]}"] = values.contiguous()
        else:
            module, _, parameter = inner.rpartition(".")
            out[f"{layer}{LAYER[module]}.{parameter}"] = value
    return out


def published_widths(kind: str) -> dict:
    """Text encoders that stand where CLIP-L could are told by their widths."""
    models = parts(kind)
    if kind == "sd2":
        models["unet"] = ldm.unet(cross_attention_dim=1024, use_linear_projection=True, attention_head_dim=[1, 2])
        models["open_clip"] = ldm.open_clip(1024, 2)
    elif kind == "refiner":
        models["open_clip"] = ldm.open_clip(1280, 1)
    return models


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_stable_diffusion_cpp(kind, tmp_path):
    state = single_file(kind, published_widths(kind))
    save_file(state, tmp_path / "model.safetensors")
    theirs, their_tensors = probe(tmp_path / "model.safetensors", tmp_path)
    gguf_writer.write_tensors(tmp_path / "model.gguf", converted(state), [gguf_writer.TYPES.F32])
    ours, tensors = probe(tmp_path / "model.gguf", tmp_path)
    assert sorted(tensors) == sorted(their_tensors)
    for component, expected in their_tensors.items():
        same(tensors[component], expected)
    same_but_for_storage(ours, theirs)


def test_text_encoders_that_were_files_of_their_own(tmp_path):
    models = parts("sdxl")
    state = single_file("sdxl", models)
    gguf_writer.write_tensors(tmp_path / "whole.gguf", state, [gguf_writer.TYPES.F32])
    _, whole = probe(tmp_path / "whole.gguf", tmp_path)
    state = {name: value for name, value in state.items() if not name.startswith("conditioner.")}
    for part, module in (("clip_l", "clip"), ("clip_g", "open_clip")):
        state |= ldm.prefixed(f"text_encoders.{part}.transformer.", ldm.with_text_model(models[module].state_dict()))
    gguf_writer.write_tensors(tmp_path / "joined.gguf", state, [gguf_writer.TYPES.F32])
    _, joined = probe(tmp_path / "joined.gguf", tmp_path)
    for component, expected in whole.items():
        same(joined[component], expected)


def test_a_file_that_lacks_a_component_is_a_unet(tmp_path):
    state = single_file("sd1", parts("sd1"))
    for prefix in ("first_stage_model.", "cond_stage_model."):
        rest = {name: value for name, value in state.items() if not name.startswith(prefix)}
        gguf_writer.write_tensors(tmp_path / "model.gguf", rest)
        assert "U-Net alone" in refusal(tmp_path / "model.gguf", tmp_path)


def test_whole_numbers_are_counted(tmp_path):
    """Whoever loads the U-Net refuses them by name, as in safetensors files."""
    state = single_file("sd1", parts("sd1"))
    name = "model.diffusion_model.out.2.bias"
    gguf_writer.write_tensors(tmp_path / "model.gguf", state | {name: torch.ones(4, dtype=torch.int64)})
    described, _ = probe(tmp_path / "model.gguf", tmp_path)
    assert described["description"]["components"][0]["bytes"]["integers"] == 4 * 8
