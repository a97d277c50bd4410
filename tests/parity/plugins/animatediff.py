"""Motion modules with random weights in both layouts of their files, and diffusers' clips with them."""

from __future__ import annotations

import pathlib

import torch
from diffusers import AnimateDiffPipeline, MotionAdapter
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D, UNetMotionModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from ..pipeline import reference

HEADS, GROUPS, LONGEST = 4, 8, 16
SIZE = ["--size", "64x48", "--seed", 7, "--sampler", "euler", "--steps", 3]


def make_module(model: pathlib.Path, folder: pathlib.Path, middle: bool = True) -> pathlib.Path:
    """As diffusers saves it."""
    unet = reference.pipeline(model).unet
    torch.manual_seed(13)
    adapter = MotionAdapter(block_out_channels=unet.config.block_out_channels,
                            motion_layers_per_block=unet.config.layers_per_block, motion_num_attention_heads=HEADS,
                            motion_norm_num_groups=GROUPS, motion_max_seq_length=LONGEST, use_motion_mid_block=middle)
    with torch.no_grad():
        for name, weight in adapter.named_parameters():
            if weight.ndim > 1:
                weight.normal_(std=weight.shape[1]**-0.5)
            elif "norm" in name and name.endswith("weight"):
                weight.normal_(mean=1, std=0.1)
            else:
                weight.normal_(std=0.1)
    adapter.save_pretrained(folder)
    return folder / "diffusion_pytorch_model.safetensors"


def in_animatediff_names(theirs: pathlib.Path, path: pathlib.Path, **metadata: str) -> pathlib.Path:
    """The same module as AnimateDiff's files have it."""
    tensors = {}
    for name, tensor in load_file(theirs).items():
        block, _, inner = name.partition(".motion_modules.")
        number, _, inner = inner.partition(".")
        base = f"{block}.motion_modules.{number}.temporal_transformer."
        if inner.endswith("pos_embed.pe"):
            layer = inner.removesuffix("pos_embed.pe")
            for attention in (0, 1):
                tensors[f"{base}{layer}attention_blocks.{attention}.pos_encoder.pe"] = tensor.clone()
            continue
        for a, b in (("attn1", "attention_blocks.0"), ("attn2", "attention_blocks.1"), ("norm1", "norms.0"),
                     ("norm2", "norms.1"), ("norm3", "ff_norm")):
            inner = inner.replace(a, b)
        tensors[base + inner] = tensor
    facts = {"num_attention_heads": str(HEADS), "norm_num_groups": str(GROUPS), **metadata}
    save_file(tensors, path, metadata=facts)
    return path


def spelling(**settings) -> list[str]:
    return ["--plugin", "animatediff:" + ",".join(f"{name}={value}" for name, value in settings.items())]


class OverFrames(nn.Module):
    """A group norm over frames that stand in the batch."""

    def __init__(self, norm: nn.GroupNorm, unet: UNetMotionModel):
        super().__init__()
        self.norm = norm
        self.frames = lambda: unet.frames

    def forward(self, x):
        frames = self.frames()
        clip = x.reshape(-1, frames, *x.shape[1:]).transpose(1, 2)
        return self.norm(clip).transpose(1, 2).reshape(x.shape)


class OverEachFrame(nn.Module):
    """A group norm over each frame of [B, C, F, h, w], as in AnimateDiff's own code."""

    def __init__(self, norm: nn.GroupNorm):
        super().__init__()
        self.norm = norm

    def forward(self, x):
        return torch.stack([self.norm(frame) for frame in x.unbind(2)], 2)


class WithLora(nn.Module):
    """A linear layer of [B * h * w, F, C] or of such tokens with a low-rank change."""

    def __init__(self, layer: nn.Linear, down, up, multiplier: float, decay=None):
        super().__init__()
        self.layer, self.down, self.up, self.multiplier, self.decay = layer, down, up, multiplier, decay

    def forward(self, x):
        change = self.multiplier * (x @ self.down.T @ self.up.T)
        if self.decay is not None:
            # Several sizes of maps pass: the decay is asked for by the number of positions.
            change = change * self.decay(x.shape[0]).view(-1, 1, 1)
        return self.layer(x) + change


def windowed(unet: UNetMotionModel, starts: list[int], window: int, weights: torch.Tensor):
    """Replaces the network by the weighted mean of what it says of windows."""
    whole = unet.forward

    def forward(sample, t, encoder_hidden_states, **arguments):
        frames = sample.shape[2]
        text = encoder_hidden_states.reshape(sample.shape[0], frames, *encoder_hidden_states.shape[1:])
        total, count = torch.zeros_like(sample), torch.zeros(frames)
        for start in starts:
            part = slice(start, start + window)
            said = whole(sample[:, :, part], t, encoder_hidden_states=text[:, part].flatten(0, 1), **arguments).sample
            total[:, :, part] += said * weights.view(1, 1, -1, 1, 1)
            count[part] += weights
        return type(whole(sample[:, :, :window], t, encoder_hidden_states=text[:, :window].flatten(0, 1)))(
            sample=total / count.view(1, 1, -1, 1, 1))

    unet.forward = forward


def pipeline(model: pathlib.Path, module: pathlib.Path, *, each_frame=False, over_frames=False,
             scale=1.0) -> AnimateDiffPipeline:
    """diffusers' pipeline of its own; module: the file that it has saved."""
    base = type(reference.pipeline(model)).from_pretrained(model)
    made = AnimateDiffPipeline(vae=base.vae, text_encoder=base.text_encoder, tokenizer=base.tokenizer, unet=base.unet,
                               motion_adapter=MotionAdapter.from_pretrained(module.parent), scheduler=base.scheduler)
    made.set_progress_bar_config(disable=True)
    reference.set_scheduler(made, model, "euler", {})
    unet = made.unet
    unet.frames = 1
    unet.register_forward_pre_hook(lambda _, inputs: setattr(unet, "frames", inputs[0].shape[2]))
    for layer in list(unet.modules()):
        if isinstance(layer, AnimateDiffTransformer3D):
            if each_frame:
                layer.norm = OverEachFrame(layer.norm)
            layer.proj_out.weight.data *= scale
            layer.proj_out.bias.data *= scale
        elif over_frames and type(layer).__name__ == "ResnetBlock2D":
            layer.norm1, layer.norm2 = OverFrames(layer.norm1, unet), OverFrames(layer.norm2, unet)
    if over_frames:
        unet.conv_norm_out = OverFrames(unet.conv_norm_out, unet)
    return made


def clip(made: AnimateDiffPipeline, frames: int, guidance=7.5) -> torch.Tensor:
    """[F, C, h, w]: what --seed 7 --size 64x48 draws."""
    noise = torch.randn(frames, 4, 6, 8, generator=torch.Generator().manual_seed(7))
    latents = made(reference.PROMPT, height=48, width=64, num_frames=frames, num_inference_steps=3,
                   guidance_scale=guidance, latents=noise.transpose(0, 1)[None], output_type="latent").frames
    return latents[0].transpose(0, 1)


def metadata_of(path: pathlib.Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return file.metadata() or {}

