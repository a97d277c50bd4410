"""Plugins together, and with everything else that a request may ask for."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from ..pipeline import reference

ALL = {"hidiffusion": "hidiffusion:min_scale=0", "deep-shrink": "deep-shrink:block=3,end=1", "cfgpp": "cfgpp:scale=0.6",
       "cfg-rescale": "cfg-rescale:factor=0.5", "pag": "pag:scale=2"}
SIZE = ["--size", "128x96", "--steps", 4, "--guidance", 5]
SAMPLERS = ["ddim", "ddpm", "euler", "euler_a", "heun", "lms", "dpm2", "dpm2_a", "dpmpp_2m", "dpmpp_2s_a", "dpmpp_sde",
            "dpmpp_2m_sde", "dpmpp_3m_sde", "unipc", "unipc_bh2", "plms", "lcm"]


def plugins(*ids):
    return [word for plugin in ids for word in ("--plugin", ALL[plugin])]


def close(a, b, tolerance=1e-4):
    return (a - b).abs().max() < tolerance * b.abs().max()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler(sampler, model, program):
    arguments = [*SIZE, "--seed", 7, "--sampler", sampler]
    plain, before = program.generate(model("sd1"), reference.PROMPT, *arguments)
    ours, report = program.generate(model("sd1"), reference.PROMPT, *arguments,
                                    *plugins("hidiffusion", "cfgpp", "cfg-rescale", "pag"))
    assert ours.isfinite().all() and not close(ours, plain, 1e-2)
    assert len(report["step_seconds"]) == len(before["step_seconds"])


@pytest.mark.parametrize("plugin", ALL)
def test_a_batch_is_its_pictures(plugin, model, program):
    """Each picture is what it would be alone: nothing leaks from one to the other, and its noise is its own."""
    arguments = ["--compat", "a1111", *SIZE, "--sampler", "euler", *plugins(plugin)]
    if plugin == "hidiffusion":
        arguments[-1] += ",shifts=1/2/3"
    batch, _ = program.generate(model("sd1"), reference.PROMPT, *arguments, "--seed", 7, "--batch", 2)
    for index in range(2):
        alone, _ = program.generate(model("sd1"), reference.PROMPT, *arguments, "--seed", 7 + index)
        assert close(batch[index:index + 1], alone)


@pytest.mark.parametrize("plugin", ALL)
def test_pictures_to_start_from(plugin, model, program, tmp_path):
    Image.effect_mandelbrot((128, 96), (-2, -1.5, 1, 1.5), 100).convert("RGB").save(tmp_path / "start.png")
    Image.linear_gradient("L").resize((128, 96)).point(lambda value: 255 * (value > 127)).save(tmp_path / "mask.png")
    arguments = [*SIZE, "--seed", 7, "--sampler", "dpmpp_2m", "--image", tmp_path / "start.png"]
    for more in ([], ["--mask", tmp_path / "mask.png"]):
        plain, _ = program.generate(model("sd1"), reference.PROMPT, *arguments, *more)
        ours, _ = program.generate(model("sd1"), reference.PROMPT, *arguments, *more, *plugins(plugin))
        assert ours.isfinite().all() and not close(ours, plain)


def test_the_second_pass_is_left_alone_unless_asked_for(model, program):
    arguments = ["--size", "64x64", "--hires", "160x128", "--steps", 4, "--seed", 7, "--sampler", "euler"]
    gated = "hidiffusion:min_scale=1.1"  # the first pass is smaller than the model's own 128 pixels, the second larger
    plain, _ = program.generate(model("sd1"), reference.PROMPT, *arguments)
    first, _ = program.generate(model("sd1"), reference.PROMPT, *arguments, "--plugin", gated)
    both, _ = program.generate(model("sd1"), reference.PROMPT, *arguments, "--plugin", gated + ",passes=all")
    assert torch.equal(plain, first)
    assert not close(both, plain)


def test_order_is_declared_not_given(model, program):
    arguments = [*SIZE, "--seed", 7, "--sampler", "euler"]
    one, report = program.generate(model("sd1"), reference.PROMPT, *arguments, *plugins("cfg-rescale", "pag", "cfgpp"))
    other, _ = program.generate(model("sd1"), reference.PROMPT, *arguments, *plugins("cfgpp", "cfg-rescale", "pag"))
    assert torch.equal(one, other)
    names = [part.split()[0] for part in report["plugins"].split("; ")]
    assert names == ["cfgpp", "pag", "cfg-rescale"]
    given, report = program.generate(model("sd1"), reference.PROMPT, *arguments,
                                     *plugins("cfg-rescale", "pag", "cfgpp"), "--plugins-in-this-order")
    assert not torch.equal(one, given)
    assert report["plugins"].startswith("cfg-rescale")


def test_guidance_of_perturbed_attention_adds_up(model, program):
    """With PAG's share as strong and CFG off, D_c + s (D_c - D_p): twice s moves twice as far in one step."""
    arguments = ["--size", "128x96", "--steps", 1, "--guidance", 1, "--seed", 7, "--sampler", "euler"]
    latents = [program.generate(model("sd1"), reference.PROMPT, *arguments, "--plugin", f"pag:scale={scale}")[0]
               for scale in (0, 1, 2)]
    assert close(latents[2] - latents[0], 2 * (latents[1] - latents[0]))


@pytest.mark.parametrize("ids, words", [
    (["hidiffusion", "deep-shrink"], ["hidiffusion", "deep-shrink"]),
    (["pag", "pag"], ["pag", "twice"])])
def test_what_cannot_act_together(ids, words, model, program, tmp_path):
    result = program.run("generate", "an apple", "--model", model("sd1"), "-o", tmp_path / "picture.png", *plugins(*ids))
    assert result.returncode == 1
    assert all(word in result.stderr for word in words), result.stderr
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("plugin, words", [
    ("hidifusion", ["hidifusion", "hidiffusion"]), ("pag:scala=3", ["scala", "scale"]), ("pag:scale=much", ["scale", "much"]),
    ("pag:scale=1e9", ["scale", "100"]), ("pag:scale", ["scale"]), ("hidiffusion:aggressive=perhaps", ["aggressive", "auto"]),
    ("hidiffusion:shifts=1/2/x", ["shifts", "x"]), ("hidiffusion:shifts=7", ["shifts", "7"]),
    ("pag:layers=nowhere", ["layers", "nowhere"]), ("pag:layers=(", ["layers", "("]),
    ("pag:layers=((.*)*)*!", ["layers", "no self-attention"]), ("pag:layers=" + 32000 * "(" + 32000 * ")", ["layers", "too long"]),
    ("pag:scale=1,scale=2", ["scale"])])
def test_wrong_settings(plugin, words, model, program, tmp_path):
    result = program.run("generate", "an apple", "--model", model("sd1"), "-o", tmp_path / "picture.png", "--plugin", plugin)
    assert result.returncode in (1, 2)
    assert all(word in result.stderr for word in words), result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob("*.png"))


def test_the_picture_says_what_made_it(model, program, tmp_path):
    program.generate(model("sd1"), reference.PROMPT, *SIZE, "--seed", 7, *plugins("pag"))
    assert "pag 1.0.0" in Image.open(tmp_path / "picture.png").text["parameters"]
