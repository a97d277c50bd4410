"""Deep Shrink against its definition, written over the parts of diffusers' own network."""

from __future__ import annotations

import dataclasses

import diffusers
import pytest
import torch
from torch.nn import functional

from ..pipeline import reference

SIZE = ["--size", "128x96", "--seed", 7, "--sampler", "euler", "--steps", 8]


@dataclasses.dataclass
class Shrinking:
    """What is made smaller: the encoder's stage, and where in it; `active` says at which timesteps."""

    block: int
    place: str  # "after skip", "before skip", "before block"
    active: callable
    share: float = 0.5
    upscale: str = "bicubic"


def resize(x, height, width, mode="bicubic"):
    return functional.interpolate(x, (height, width), mode=mode, align_corners=False if mode == "bicubic" else None)


def shrink(x, share):
    return resize(x, max(1, round(x.shape[2] * share)), max(1, round(x.shape[3] * share)))


def encoder_stages(unet, embedding, text):
    """The encoder as a list of functions, in the order of latent diffusion's input blocks."""
    stages = [unet.conv_in]
    for block in unet.down_blocks:
        for index, resnet in enumerate(block.resnets):
            attention = block.attentions[index] if hasattr(block, "attentions") else None
            stages.append(lambda x, resnet=resnet, attention=attention: (
                attention(resnet(x, embedding), encoder_hidden_states=text, return_dict=False)[0] if attention
                else resnet(x, embedding)))
        stages += list(block.downsamplers or [])
    return stages


def decode(unet, x, skips, embedding, text, upscale):
    for block in unet.up_blocks:
        for index, resnet in enumerate(block.resnets):
            skip = skips.pop()
            if x.shape[2:] != skip.shape[2:]:
                x = resize(x, *skip.shape[2:], mode=upscale)
            x = resnet(torch.cat([x, skip], dim=1), embedding)
            if hasattr(block, "attentions"):
                x = block.attentions[index](x, encoder_hidden_states=text, return_dict=False)[0]
        for upsampler in block.upsamplers or []:
            x = upsampler(x, output_size=skips[-1].shape[2:])
    return x


def network(unet, shrinking):
    """unet.forward with `shrinking`, for networks without extra conditioning."""

    def forward(sample, timestep, encoder_hidden_states, **_):
        on = shrinking.active(float(timestep))
        embedding = unet.time_embedding(unet.time_proj(timestep.expand(sample.shape[0])).to(sample.dtype))
        x = sample
        skips = []
        for index, stage in enumerate(encoder_stages(unet, embedding, encoder_hidden_states)):
            here = on and index == shrinking.block
            if here and shrinking.place == "before block":
                x = shrink(x, shrinking.share)
            x = stage(x)
            if here and shrinking.place == "before skip":
                x = shrink(x, shrinking.share)
            skips.append(x)
            if here and shrinking.place == "after skip":
                x = shrink(x, shrinking.share)
        x = unet.mid_block(x, embedding, encoder_hidden_states=encoder_hidden_states)
        x = decode(unet, x, skips, embedding, encoder_hidden_states, shrinking.upscale)
        return (unet.conv_out(unet.conv_act(unet.conv_norm_out(x))),)

    return forward


def latents(folder, shrinking, monkeypatch):
    pipeline = reference.pipeline(folder, diffusers.DiffusionPipeline)
    monkeypatch.setattr(pipeline.unet, "forward", network(pipeline.unet, shrinking))
    return reference.latents(folder, "euler", num_inference_steps=8)


# ComfyUI's node counts in shares of the noise schedule, Kohya's script in timesteps that fall.
CASES = [("block=3,factor=2,end=0.35", Shrinking(3, "after skip", lambda t: 1 - t / 999 <= 0.35)),
         ("block=3,end=0.35,after_skip=false", Shrinking(3, "before skip", lambda t: 1 - t / 999 <= 0.35)),
         ("block=4,factor=1.5,start=0.2,end=0.8,upscale=nearest-exact",
          Shrinking(4, "after skip", lambda t: 0.2 <= 1 - t / 999 <= 0.8, share=1 / 1.5, upscale="nearest-exact")),
         ("before_block=true,block=4,unit=timestep,start=1000,end=400",
          Shrinking(4, "before block", lambda t: t > 400)),
         ("block=5,unit=steps,end=1", Shrinking(5, "after skip", lambda t: True))]


@pytest.mark.parametrize("settings, shrinking", CASES, ids=[settings for settings, _ in CASES])
def test_definition(settings, shrinking, model, program, agree, monkeypatch):
    folder = model("sd1")
    ours, _ = program.generate(folder, reference.PROMPT, *SIZE, "--plugin", f"deep-shrink:{settings}")
    plain, _ = program.generate(folder, reference.PROMPT, *SIZE)
    assert (ours - plain).abs().max() > 1e-2 * plain.abs().max()
    agree(f"sd1 Deep Shrink {settings[:36]}", ours, latents(folder, shrinking, monkeypatch))


@pytest.mark.parametrize(("settings", "words"), [
    ("block=20", ["block", "20"]), ("end=400", ["end", "400", "unit=timestep"]),
    ("unit=steps,second_end=2", ["second_end", "unit=timestep"])])
def test_refused(settings, words, model, program, tmp_path):
    result = program.run("generate", "an apple", "--model", model("sd1"), "--plugin", f"deep-shrink:{settings}", "-o",
                         tmp_path / "picture.png")
    assert result.returncode == 1
    assert all(word in result.stderr for word in words), result.stderr
