"""An IP-Adapter and an image encoder with random weights for the validator's tiny model of Stable Diffusion 1's
structure (host/validator/tiny_model.cc), whose numbers these are."""

from __future__ import annotations

import pathlib

import torch
from safetensors.torch import save_file

TEXT_WIDTH = 48
# Of its cross-attentions, in the order of adapters' files: down, up, middle.
CHANNELS = [32] * 2 + [64] * 4 + [64] * 6 + [32] * 3 + [64]
# Of the image encoder.
WIDTH, PATCH, EMBEDDING = 64, 8, 24


def encoder(grid: int = 2, layers: int = 2) -> dict[str, torch.Tensor]:
    """For pictures of grid x grid patches."""
    prefix = "vision_model."
    shapes = {"embeddings.class_embedding": (WIDTH,), "embeddings.patch_embedding.weight": (WIDTH, 3, PATCH, PATCH),
              "embeddings.position_embedding.weight": (grid**2 + 1, WIDTH)}
    linears = {f"encoder.layers.{layer}.self_attn.{name}_proj": (WIDTH, WIDTH)
               for layer in range(layers) for name in ("q", "k", "v", "out")}
    linears |= {f"encoder.layers.{layer}.mlp.fc{index}": shape
                for layer in range(layers) for index, shape in ((1, (96, WIDTH)), (2, (WIDTH, 96)))}
    norms = ["pre_layrnorm", "post_layernorm",
             *(f"encoder.layers.{layer}.layer_norm{index}" for layer in range(layers) for index in (1, 2))]
    for name, shape in linears.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in norms:
        shapes |= {f"{name}.weight": (WIDTH,), f"{name}.bias": (WIDTH,)}
    return {"visual_projection.weight": 0.2 * torch.randn(EMBEDDING, WIDTH),
            **{prefix + name: 0.2 * torch.randn(shape) for name, shape in shapes.items()}}


def write_files(folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """The adapter's path and the encoder's."""
    torch.manual_seed(3)
    width = TEXT_WIDTH
    adapter = {"image_proj.proj.weight": torch.randn(4 * width, EMBEDDING), "image_proj.proj.bias": torch.randn(4 * width),
               "image_proj.norm.weight": torch.randn(width), "image_proj.norm.bias": torch.randn(width)}
    for place, count in enumerate(CHANNELS):
        for what in ("to_k_ip", "to_v_ip"):
            adapter[f"ip_adapter.{2 * place + 1}.{what}.weight"] = torch.randn(count, width) / width**0.5
    paths = folder / "adapter.safetensors", folder / "encoder.safetensors"
    save_file(adapter, paths[0])
    save_file(encoder(), paths[1])
    return paths
