"""IP-Adapters with random weights in each layout of their files, and diffusers' pictures with them."""

from __future__ import annotations

import pathlib

import torch
from diffusers import StableDiffusionPAGPipeline, UNet2DConditionModel
from PIL import Image, ImageOps
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from ..pipeline import reference

KINDS = ["plain", "plus", "full"]
SMALL = ["--size", "64x64", "--seed", 7, "--sampler", "euler", "--steps", 3]
EMBEDDING, STATES = 40, 64  # numbers of the tiny encoder's embeddings, and of each of its states


def make_encoder(folder: pathlib.Path) -> None:
    torch.manual_seed(5)
    encoder = CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=STATES, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, image_size=32,
        patch_size=8, projection_dim=EMBEDDING, hidden_act="gelu"))
    with torch.no_grad():
        for weight in encoder.parameters():
            if weight.ndim > 1:
                weight.normal_(std=2 / weight[0].numel() ** 0.5)
    encoder.save_pretrained(folder)


def random_tensors(**shapes) -> dict[str, torch.Tensor]:
    """Matrices that keep the size of what they map; norms near one."""
    return {name: torch.randn(shape) / shape[-1] ** 0.5 if len(shape) > 1 else 1 + 0.1 * torch.randn(shape)
            for name, shape in shapes.items()}


def image_projection(kind: str, width: int) -> dict[str, torch.Tensor]:
    inner = 64
    if kind == "plain":
        return random_tensors(**{"proj.weight": (4 * width, EMBEDDING), "proj.bias": (4 * width,),
                                 "norm.weight": (width,), "norm.bias": (width,)})
    if kind == "full":
        return random_tensors(**{"proj.0.weight": (STATES, STATES), "proj.0.bias": (STATES,),
                                 "proj.2.weight": (width, STATES), "proj.2.bias": (width,),
                                 "proj.3.weight": (width,), "proj.3.bias": (width,)})
    shapes = {"latents": (1, 16, inner), "proj_in.weight": (inner, STATES), "proj_in.bias": (inner,),
              "proj_out.weight": (width, inner), "proj_out.bias": (width,), "norm_out.weight": (width,),
              "norm_out.bias": (width,)}
    for block in range(4):  # as many as diffusers reads
        layer = f"layers.{block}"
        shapes |= {f"{layer}.0.norm1.weight": (inner,), f"{layer}.0.norm1.bias": (inner,),
                   f"{layer}.0.norm2.weight": (inner,), f"{layer}.0.norm2.bias": (inner,),
                   f"{layer}.0.to_q.weight": (2 * 64, inner), f"{layer}.0.to_kv.weight": (4 * 64, inner),
                   f"{layer}.0.to_out.weight": (inner, 2 * 64), f"{layer}.1.0.weight": (inner,),
                   f"{layer}.1.0.bias": (inner,), f"{layer}.1.1.weight": (4 * inner, inner),
                   f"{layer}.1.3.weight": (inner, 4 * inner)}
    return random_tensors(**shapes)


def make_adapter(model: pathlib.Path, path: pathlib.Path, kind: str) -> None:
    """An adapter for the model's cross-attentions, numbered as diffusers counts them."""
    unet = UNet2DConditionModel.from_pretrained(model, subfolder="unet")
    width = unet.config.cross_attention_dim
    torch.manual_seed(11)
    tensors = {f"image_proj.{name}": weight for name, weight in image_projection(kind, width).items()}
    for index, name in enumerate(name for name in unet.attn_processors if "attn2" in name):
        channels = unet.get_submodule(name.removesuffix(".processor")).to_k.out_features
        for what in ("to_k_ip", "to_v_ip"):
            tensors[f"ip_adapter.{2 * index + 1}.{what}.weight"] = torch.randn(channels, width) / width**0.5
    save_file(tensors, path)


def spelling(**settings) -> list[str]:
    return ["--plugin", "ip-adapter:" + ",".join(f"{name}={value}" for name, value in settings.items())]


def theirs(folder: pathlib.Path, adapters, images, scale, guidance=7.5, pag_layers=(), **arguments) -> torch.Tensor:
    """The same by diffusers. adapters: a path, or a list of some; images: for each a picture, or a list of some.
    pag_layers: where perturbed-attention guidance acts."""
    paths = adapters if isinstance(adapters, list) else [adapters]
    if pag_layers:
        pipeline = StableDiffusionPAGPipeline.from_pretrained(folder, pag_applied_layers=list(pag_layers))
    else:
        pipeline = type(reference.pipeline(folder)).from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.load_ip_adapter(paths[0].parent, subfolder=[""] * len(paths), weight_name=[path.name for path in paths],
                             image_encoder_folder="image_encoder")
    pipeline.set_ip_adapter_scale(scale)
    reference.set_scheduler(pipeline, folder, "euler", {})
    return pipeline(reference.PROMPT, height=64, width=64, num_inference_steps=3, guidance_scale=guidance,
                    ip_adapter_image=images, generator=torch.Generator().manual_seed(7), output_type="latent",
                    **arguments).images


def opened(path: pathlib.Path) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


def differs(a, b, share=1e-2):
    return (a - b).abs().max() > share * b.abs().max()
