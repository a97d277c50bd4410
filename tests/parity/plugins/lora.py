"""A LoRA with random weights for the small model of Stable Diffusion 1's structure."""

from __future__ import annotations

import pathlib

import torch
from safetensors.torch import save_file


def write_lora(path: pathlib.Path) -> pathlib.Path:
    """On the keys of the first self-attention, which is 32 wide."""
    torch.manual_seed(29)
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_k"
    save_file({f"{name}.lora_down.weight": torch.randn(4, 32), f"{name}.lora_up.weight": torch.randn(32, 4),
               f"{name}.alpha": torch.tensor(4.0)}, path)
    return path
