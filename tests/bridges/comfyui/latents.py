"""Latents as files, through LoadLatent and SaveLatent; and what ComfyUI's nodes do to them, in our own words."""

from __future__ import annotations

import io
import json

import requests
import torch
from PIL import Image
from safetensors.torch import load, save

SCALE = 0.18215  # of Stable Diffusion 1's latents


def upload(client, name: str, content: bytes) -> str:
    answer = requests.post(f"{client.url}/upload/image", files={"image": (name, content)}, data={"overwrite": "true"},
                           timeout=60)
    return answer.json()["name"]


def upload_latent(client, name: str, latent: torch.Tensor) -> str:
    """In the scale of autoencoders."""
    return upload(client, name, save({"latent_tensor": latent.contiguous(),
                                      "latent_format_version_0": torch.tensor([])}))


def upload_picture(client, name: str, pixels) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return upload(client, name, file.getvalue())


def saved(client, entry: dict, node: str) -> torch.Tensor:
    """What a SaveLatent node wrote, in the scale of autoencoders."""
    content = client.view(entry["outputs"][node]["latents"][0])
    tensors = load(content)
    assert tensors["latent_format_version_0"].shape == (0,)
    assert json.loads(json.loads(content[8:8 + int.from_bytes(content[:8], "little")])["__metadata__"]["prompt"])
    return tensors["latent_tensor"]


def load_node(name: str) -> dict:
    return {"class_type": "LoadLatent", "inputs": {"latent": name}}


def save_node(source: list) -> dict:
    return {"class_type": "SaveLatent", "inputs": {"samples": source, "filename_prefix": "latents/test"}}


def resized(latent: torch.Tensor, width: int, height: int, method: str, crop: str = "disabled") -> torch.Tensor:
    if crop == "center":
        old_width, old_height = latent.shape[-1], latent.shape[-2]
        ratio = (width / height) / (old_width / old_height)
        x = round((old_width - old_width * ratio) / 2) if ratio < 1 else 0
        y = round((old_height - old_height / ratio) / 2) if ratio > 1 else 0
        latent = latent[..., y:old_height - y, x:old_width - x]
    if method == "bislerp":
        return spherical(spherical(latent, width, -1), height, -2)
    return torch.nn.functional.interpolate(latent, (height, width), mode=method)


def spherical(latent: torch.Tensor, count: int, dim: int) -> torch.Tensor:
    """Along one side: directions along the great circle, lengths linearly, as bislerp is defined."""
    lines = latent.movedim(dim, -1)  # [B, C, other, this]
    places = (torch.arange(count, dtype=torch.float64) + 0.5) * lines.shape[-1] / count - 0.5
    places = places.clamp(0, lines.shape[-1] - 1)
    first = places.floor().long()
    second = (first + 1).clamp(max=lines.shape[-1] - 1)
    share = (places - first)[None, None]
    a, b = lines.double()[..., first], lines.double()[..., second]
    lengths = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    cosine = (a * b).sum(1, keepdim=True) / (lengths[0] * lengths[1])
    angle = cosine.clamp(-1, 1).acos()
    direction = ((1 - share) * angle).sin() / angle.sin() * a / lengths[0] \
        + (share * angle).sin() / angle.sin() * b / lengths[1]
    turned = direction * (lengths[0] * (1 - share) + lengths[1] * share)
    turned = torch.where(cosine > 1 - 1e-5, a, turned)
    turned = torch.where(cosine < 1e-5 - 1, a * (1 - share) + b * share, turned)
    return turned.float().movedim(-1, dim)
