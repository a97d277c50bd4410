"""What else a picture is told about its text, up to the final latent, against diffusers."""

from __future__ import annotations

import types

import diffusers
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from . import reference

SIZE = ["--size", "128x96", "--seed", 7]
EULER = ["--sampler", "euler", "--steps", 4, *SIZE]


def loaded(folder, kind=diffusers.DiffusionPipeline, **options):
    """A pipeline of its own, for tests that change it."""
    used = kind.from_pretrained(folder, **options)
    used.set_progress_bar_config(disable=True)
    return used


def draw(used, folder, sampler: str | None = "euler", **arguments) -> torch.Tensor:
    reference.set_scheduler(used, folder, sampler, {})
    return used(**{"prompt": reference.PROMPT, "num_inference_steps": 4, "guidance_scale": 7.5,
                   "generator": torch.Generator().manual_seed(7), **arguments}, output_type="latent").images


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
@pytest.mark.parametrize("skip", [1, 2])
def test_clip_skip(family, skip, model, program, agree):
    """diffusers skips layers for the prompt and not for the negative prompt."""
    used = loaded(model(family))
    if family != "sdxl":  # diffusers asks for a level of the text encoder that transformers 5 no longer has
        used.text_encoder.text_model = types.SimpleNamespace(final_layer_norm=used.text_encoder.final_layer_norm)
    plain, _ = program.generate(model(family), reference.PROMPT, *EULER, "--negative", "blurry")
    ours, _ = program.generate(model(family), reference.PROMPT, *EULER, "--negative", "blurry",
                               "--clip-skip", skip)
    assert (ours - plain).abs().max() > 1e-2 * plain.abs().max()
    theirs = draw(used, model(family), clip_skip=skip, negative_prompt="blurry", height=96, width=128)
    agree(f"{family} clip skip {skip}", ours, theirs)


@pytest.mark.parametrize("rows", [1, 3])
def test_textual_inversion(rows, model, program, agree, tmp_path):
    """A file as diffusers writes it: the token is its only tensor's name."""
    path = tmp_path / "learned_embeds.safetensors"
    save_file({"<thing>": torch.randn(rows, 48, generator=torch.Generator().manual_seed(3)) * 0.05}, path)
    used = loaded(model("sd1"))
    used.load_textual_inversion(path)
    prompt = "a red <thing> on a blue plate"
    ours, report = program.generate(model("sd1"), prompt, *EULER, "--embedding", path)
    assert not report["warnings"]
    without, _ = program.generate(model("sd1"), prompt, *EULER)
    assert (ours - without).abs().max() > 1e-2 * ours.abs().max()
    agree(f"sd1 textual inversion, {rows} rows", ours, draw(used, model("sd1"), prompt=prompt, height=96, width=128))


def test_textual_inversion_of_sdxl(model, program, agree, tmp_path):
    path = tmp_path / "thing.safetensors"
    generator = torch.Generator().manual_seed(3)
    tensors = {name: torch.randn(2, width, generator=generator) * 0.05
               for name, width in (("clip_l", 48), ("clip_g", 64))}
    save_file(tensors, path)
    used = loaded(model("sdxl"))
    used.load_textual_inversion(tensors["clip_l"], token="thing", text_encoder=used.text_encoder,
                                tokenizer=used.tokenizer)
    used.load_textual_inversion(tensors["clip_g"], token="thing", text_encoder=used.text_encoder_2,
                                tokenizer=used.tokenizer_2)
    prompt = "a red thing on a plate"
    ours, _ = program.generate(model("sdxl"), prompt, *EULER, "--embedding", path)
    agree("sdxl textual inversion", ours, draw(used, model("sdxl"), prompt=prompt, height=96, width=128))


@pytest.mark.parametrize("negative", [None, "blurry"])
def test_refiner(negative, model, program, agree, tmp_path):
    """The scores 6 and 2.5 of the prompt and its negative differ, and so do the rows."""
    picture = Image.effect_noise((128, 96), 40).convert("RGB")
    picture.save(tmp_path / "start.png")
    given = ["--negative", negative] if negative else []
    ours, _ = program.generate(model("sdxl-refiner"), reference.PROMPT, *EULER, "--image", tmp_path / "start.png",
                               "--strength", 0.5, *given)
    used = loaded(model("sdxl-refiner"), diffusers.StableDiffusionXLImg2ImgPipeline)
    agree(f"refiner, negative {negative}", ours,
          draw(used, model("sdxl-refiner"), image=picture, strength=0.5, negative_prompt=negative))


@pytest.mark.parametrize("guidance", [1.0, 8.5])
def test_guidance_embedding(guidance, model, program, agree):
    used = loaded(model("sd1-lcm"))
    ours, report = program.generate(model("sd1-lcm"), reference.PROMPT, "--steps", 4, *SIZE, "--guidance", guidance)
    assert report["sampler"] == "lcm"
    agree(f"LCM, guidance {guidance}", ours,
          draw(used, model("sd1-lcm"), None, guidance_scale=guidance, height=96, width=128))


def test_guidance_embedding_matters(model, program):
    first, second = (program.generate(model("sd1-lcm"), reference.PROMPT, "--steps", 4, *SIZE, "--guidance", scale)[0]
                     for scale in (1.0, 8.5))
    assert (first - second).abs().max() > 1e-2 * first.abs().max()


@pytest.mark.parametrize("family", ["sdxl", "sdxl-encodes-empty-prompt"])
@pytest.mark.parametrize("negative", [None, "blurry"])
def test_negative_prompt(family, negative, model, program, agree):
    """Zeros stand for an absent negative prompt, unless the folder says otherwise."""
    given = ["--negative", negative] if negative else []
    ours, _ = program.generate(model(family), reference.PROMPT, *EULER, *given)
    agree(f"{family}, negative {negative}", ours,
          draw(loaded(model(family)), model(family), negative_prompt=negative, height=96, width=128))
