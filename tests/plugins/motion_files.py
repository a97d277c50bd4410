"""A motion module with random weights for the validator's tiny model of Stable Diffusion 1's structure
(host/validator/tiny_model.cc)."""

from __future__ import annotations

import pathlib

import torch
from diffusers import MotionAdapter
from safetensors.torch import save_file


def write_module(folder: pathlib.Path) -> pathlib.Path:
    torch.manual_seed(3)
    adapter = MotionAdapter(block_out_channels=(32, 64, 64, 64), motion_layers_per_block=2, motion_num_attention_heads=8,
                            motion_max_seq_length=16)
    for name, weight in adapter.named_parameters():
        if name.endswith("proj_out.weight"):  # zeros, until it is trained
            torch.nn.init.normal_(weight, std=weight.shape[1]**-0.5)
    save_file({name: tensor.detach().contiguous() for name, tensor in adapter.state_dict().items()}, folder / "motion.safetensors")
    return folder / "motion.safetensors"
