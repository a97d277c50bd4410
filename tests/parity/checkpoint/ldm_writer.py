"""Small random models, written in latent diffusion's single-file layout by rules of this file's own.

The rules walk the modules as latent diffusion builds them (a running block number), so they share nothing
with the arithmetic on block numbers of the program under test.
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1",
          "norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}


def unet(seed: int = 0, **options) -> UNet2DConditionModel:
    torch.manual_seed(seed)
    return UNet2DConditionModel(**{
        "sample_size": 8, "layers_per_block": 1, "block_out_channels": (64, 128), "norm_num_groups": 16,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "cross_attention_dim": 64, "attention_head_dim": 8, **options})


def vae(seed: int = 1, **options) -> AutoencoderKL:
    torch.manual_seed(seed)
    return AutoencoderKL(**{
        "down_block_types": ("DownEncoderBlock2D",) * 3, "up_block_types": ("UpDecoderBlock2D",) * 3,
        "block_out_channels": (32, 32, 64), "layers_per_block": 1, "latent_channels": 4, **options})


def text_config(width: int, layers: int, activation: str) -> CLIPTextConfig:
    return CLIPTextConfig(vocab_size=120, hidden_size=width, intermediate_size=2 * width,
                          num_hidden_layers=layers, num_attention_heads=width // 64,
                          max_position_embeddings=77, hidden_act=activation, projection_dim=width,
                          bos_token_id=118, eos_token_id=119, pad_token_id=119)


def clip(width: int = 64, layers: int = 2, seed: int = 2) -> CLIPTextModel:
    torch.manual_seed(seed)
    return CLIPTextModel(text_config(width, layers, "quick_gelu"))


def open_clip(width: int = 128, layers: int = 3, seed: int = 3) -> CLIPTextModelWithProjection:
    torch.manual_seed(seed)
    return CLIPTextModelWithProjection(text_config(width, layers, "gelu"))


def _move(source: dict, target: dict, old: str, new: str, inner: dict[str, str] | None = None) -> None:
    """Moves old.* to new.*; `inner` renames the module below."""
    for name in [name for name in source if name.startswith(old + ".")]:
        rest = name[len(old) + 1:]
        for ours, theirs in (inner or {}).items():
            if rest.startswith(ours + "."):
                rest = theirs + rest[len(ours):]
                break
        target[f"{new}.{rest}"] = source.pop(name)


def unet_to_ldm(state: dict, levels: int, layers: int) -> dict:
    state, out = dict(state), {}
    _move(state, out, "conv_in", "input_blocks.0.0")
    _move(state, out, "time_embedding.linear_1", "time_embed.0")
    _move(state, out, "time_embedding.linear_2", "time_embed.2")
    _move(state, out, "add_embedding.linear_1", "label_emb.0.0")
    _move(state, out, "add_embedding.linear_2", "label_emb.0.2")
    _move(state, out, "conv_norm_out", "out.0")
    _move(state, out, "conv_out", "out.2")
    number = 0
    for level in range(levels):
        for layer in range(layers):
            number += 1
            _move(state, out, f"down_blocks.{level}.resnets.{layer}", f"input_blocks.{number}.0", RESNET)
            _move(state, out, f"down_blocks.{level}.attentions.{layer}", f"input_blocks.{number}.1")
        if level < levels - 1:
            number += 1
            _move(state, out, f"down_blocks.{level}.downsamplers.0.conv", f"input_blocks.{number}.0.op")
    _move(state, out, "mid_block.resnets.0", "middle_block.0", RESNET)
    _move(state, out, "mid_block.attentions.0", "middle_block.1")
    _move(state, out, "mid_block.resnets.1", "middle_block.2", RESNET)
    number = -1
    for level in range(levels):
        attention = False
        for layer in range(layers + 1):
            number += 1
            before = len(out)
            _move(state, out, f"up_blocks.{level}.resnets.{layer}", f"output_blocks.{number}.0", RESNET)
            between = len(out)
            assert between > before
            _move(state, out, f"up_blocks.{level}.attentions.{layer}", f"output_blocks.{number}.1")
            attention = len(out) > between
        _move(state, out, f"up_blocks.{level}.upsamplers.0.conv",
              f"output_blocks.{number}.{2 if attention else 1}.conv")
    assert not state, sorted(state)
    return out


def vae_to_ldm(state: dict, levels: int) -> dict:
    state, out = dict(state), {}
    resnet = {"conv_shortcut": "nin_shortcut"}
    attention = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
    for half in ("encoder", "decoder"):
        _move(state, out, f"{half}.conv_in", f"{half}.conv_in")
        _move(state, out, f"{half}.conv_out", f"{half}.conv_out")
        _move(state, out, f"{half}.conv_norm_out", f"{half}.norm_out")
        for i in range(2):
            _move(state, out, f"{half}.mid_block.resnets.{i}", f"{half}.mid.block_{i + 1}", resnet)
        _move(state, out, f"{half}.mid_block.attentions.0", f"{half}.mid.attn_1", attention)
        for name in list(out):
            if ".attn_1." in name and name.endswith("weight") and out[name].dim() == 2:
                out[name] = out[name][:, :, None, None].clone()
    for level in range(levels):
        for layer in range(8):
            _move(state, out, f"encoder.down_blocks.{level}.resnets.{layer}",
                  f"encoder.down.{level}.block.{layer}", resnet)
            _move(state, out, f"decoder.up_blocks.{level}.resnets.{layer}",
                  f"decoder.up.{levels - 1 - level}.block.{layer}", resnet)
        _move(state, out, f"encoder.down_blocks.{level}.downsamplers.0.conv",
              f"encoder.down.{level}.downsample.conv")
        _move(state, out, f"decoder.up_blocks.{level}.upsamplers.0.conv",
              f"decoder.up.{levels - 1 - level}.upsample.conv")
    out.update(state)  # quant_conv and post_quant_conv keep their names
    return out


def with_text_model(state: dict) -> dict:
    """transformers 5 writes CLIPTextModel without the level that all published files have."""
    return {name if name.startswith(("text_model.", "text_projection")) else f"text_model.{name}": value
            for name, value in state.items()}


def open_clip_from(state: dict, layers: int) -> dict:
    state, out = dict(with_text_model(state)), {}
    out["positional_embedding"] = state.pop("text_model.embeddings.position_embedding.weight")
    out["token_embedding.weight"] = state.pop("text_model.embeddings.token_embedding.weight")
    _move(state, out, "text_model.final_layer_norm", "ln_final")
    out["text_projection"] = state.pop("text_projection.weight").T.contiguous()
    for layer in range(layers):
        ours, theirs = f"text_model.encoder.layers.{layer}", f"transformer.resblocks.{layer}"
        for kind in ("weight", "bias"):
            out[f"{theirs}.attn.in_proj_{kind}"] = torch.cat(
                [state.pop(f"{ours}.self_attn.{part}_proj.{kind}") for part in "qkv"])
        _move(state, out, f"{ours}.self_attn.out_proj", f"{theirs}.attn.out_proj")
        _move(state, out, f"{ours}.layer_norm1", f"{theirs}.ln_1")
        _move(state, out, f"{ours}.layer_norm2", f"{theirs}.ln_2")
        _move(state, out, f"{ours}.mlp.fc1", f"{theirs}.mlp.c_fc")
        _move(state, out, f"{ours}.mlp.fc2", f"{theirs}.mlp.c_proj")
    assert not [name for name in state if not name.endswith("position_ids")], sorted(state)
    out["logit_scale"] = torch.tensor(4.6)
    return out


def prefixed(prefix: str, state: dict) -> dict:
    return {prefix + name: value.clone().contiguous() for name, value in state.items()}
