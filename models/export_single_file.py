"""Convert a diffusers folder to one file in the original (LDM) layout.

``python -m models.export_single_file models/default OUT.safetensors``

The layout does not say how many attention heads there are nor what the U-Net predicts; so the
folder's configurations are kept in the file's metadata, where Patchbay finds them. Other readers
assume Stable Diffusion 1.5's eight heads, which a model of another width does not have.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

LEVELS = 4
RESNETS = 2  # per down block of the U-Net

RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1",
          "norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
UNET_TOP = {"conv_in": "input_blocks.0.0", "time_embedding.linear_1": "time_embed.0",
            "time_embedding.linear_2": "time_embed.2", "conv_norm_out": "out.0",
            "conv_out": "out.2"}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v",
                 "to_out.0": "proj_out"}


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a component, from one file or several shards."""
    tensors: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        tensors.update(load_file(path))
    return tensors


def resnet_name(name: str) -> str:
    """A residual block's inner name in the LDM U-Net."""
    part, _, kind = name.rpartition(".")
    return f"{RESNET[part]}.{kind}"


def unet_name(name: str) -> str:
    """LDM's name of a U-Net tensor: blocks are counted through instead of nested by level."""
    part, _, kind = name.rpartition(".")
    if part in UNET_TOP:
        return f"{UNET_TOP[part]}.{kind}"
    if match := re.match(r"mid_block\.(resnets|attentions)\.(\d)\.(.*)", name):
        group, index, rest = match.groups()
        if group == "attentions":
            return f"middle_block.1.{rest}"
        return f"middle_block.{2 * int(index)}.{resnet_name(rest)}"
    match = re.match(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", name)
    if not match:
        raise ValueError(f"unexpected U-Net tensor {name}")
    side, level, group, index, rest = match.groups()
    block, slot = int(level), int(index)
    if side == "down":
        number = 1 + block * (RESNETS + 1) + slot
        if group == "downsamplers":
            return f"input_blocks.{number + RESNETS}.0.{rest.replace('conv', 'op')}"
        prefix = f"input_blocks.{number}"
    else:
        number = block * (RESNETS + 1) + slot
        if group == "upsamplers":  # behind the attention, where the level has one
            return f"output_blocks.{number + RESNETS}.{1 if block == 0 else 2}.{rest}"
        prefix = f"output_blocks.{number}"
    return f"{prefix}.0.{resnet_name(rest)}" if group == "resnets" else f"{prefix}.1.{rest}"


def vae_name(name: str) -> str:
    """LDM's name of an autoencoder tensor; its decoder counts levels from the output."""
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    if match := re.match(r"(\w+)\.mid_block\.(resnets|attentions)\.(\d)\.(.*)\.(\w+)", name):
        side, group, index, part, kind = match.groups()
        if group == "resnets":
            return f"{side}.mid.block_{int(index) + 1}.{part}.{kind}"
        return f"{side}.mid.attn_1.{VAE_ATTENTION[part]}.{kind}"
    if match := re.match(r"(\w+)\.(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", name):
        side, way, level, group, index, rest = match.groups()
        number = int(level) if way == "down" else LEVELS - 1 - int(level)
        if group == "resnets":
            return f"{side}.{way}.{number}.block.{index}.{rest}"
        return f"{side}.{way}.{number}.{way}sample.{rest}"
    return name


def convert(folder: Path, out: Path) -> None:
    """Write the single file."""
    text = json.loads((folder / "text_encoder/config.json").read_text())
    if (folder / "text_encoder_2").exists() or text["hidden_act"] != "quick_gelu":
        raise SystemExit(f"{folder} is not of Stable Diffusion 1's structure; only that is converted here")
    tensors: dict[str, torch.Tensor] = {}
    for name, value in read_weights(folder / "unet").items():
        tensors["model.diffusion_model." + unet_name(name)] = value
    for name, value in read_weights(folder / "vae").items():
        if ".attentions." in name and "group_norm" not in name and value.dim() == 2:
            value = value[:, :, None, None]  # LDM's attention uses 1 x 1 convolutions
        tensors["first_stage_model." + vae_name(name)] = value.contiguous()
    for name, value in read_weights(folder / "text_encoder").items():
        tensors["cond_stage_model.transformer." + name] = value
    metadata = {"format": "pt"}
    for part in ("unet/config", "vae/config", "text_encoder/config", "scheduler/scheduler_config"):
        metadata[part] = json.dumps(json.loads((folder / f"{part}.json").read_text()))
    save_file(tensors, out, metadata=metadata)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    convert(args.folder, args.out)


if __name__ == "__main__":
    main()
