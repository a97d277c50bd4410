"""A MoMA adapter with random weights for the validator's tiny model of Stable Diffusion 1's structure
(host/validator/tiny_model.cc), whose numbers are those of ip_adapter_files."""

from __future__ import annotations

import json
import pathlib

import torch
from safetensors.torch import save_file

from .ip_adapter_files import CHANNELS, EMBEDDING, TEXT_WIDTH, encoder


def adapter_tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    width = TEXT_WIDTH
    tensors = {"moma.image_proj.proj.weight": torch.randn(4 * width, EMBEDDING),
               "moma.image_proj.proj.bias": torch.randn(4 * width),
               "moma.image_proj.norm.weight": torch.randn(width), "moma.image_proj.norm.bias": torch.randn(width)}
    for place, count in enumerate(CHANNELS):
        for name in ("to_k_ip", "to_v_ip"):
            tensors[f"moma.attn.{2 * place}.{name}.weight"] = torch.randn(count, count) / count**0.5
            tensors[f"moma.attn.{2 * place + 1}.{name}.weight"] = torch.randn(count, width) / width**0.5
        tensors[f"moma.attn.{2 * place}.scale"] = torch.rand(1)
    return tensors


def write_adapter(folder: pathlib.Path, with_encoder: bool = True) -> pathlib.Path:
    tensors, metadata = adapter_tensors(), {}
    if with_encoder:
        tensors |= {f"moma.image_encoder.{name}": tensor for name, tensor in encoder().items()}
        metadata = {"moma.image_encoder.config": json.dumps({"num_attention_heads": 4, "hidden_act": "gelu"})}
    save_file(tensors, folder / "moma.safetensors", metadata)
    return folder / "moma.safetensors"
