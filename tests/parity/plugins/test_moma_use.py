"""What MoMA does with pictures of any kind, beside other plugins, at no strength, and what it refuses."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file

from ..pipeline import reference
from . import ip_adapter
from .animatediff import make_module
from .ip_adapter import differs
from .lora import write_lora
from .moma import SMALL, spelling
from .test_ip_adapter_use import write_picture

ROOT = pathlib.Path(__file__).resolve().parents[3]
WITHOUT_SAMPLER = [*SMALL[:4], *SMALL[6:]]


@pytest.fixture
def draw(model, program):
    """draw(*arguments) is the latent of the small model of Stable Diffusion 1's structure, and the report."""
    return lambda *arguments: program.generate(model("sd1"), reference.PROMPT, *SMALL, *arguments)


def test_strength_zero_is_no_plugin(draw, moma_adapter, moma_subject, moma_tokens):
    """Bit by bit, and without any warning; without tokens the files are not even looked at."""
    _, _, given = moma_subject
    _, path = moma_tokens("embedding")
    plain, _ = draw()
    for settings in ({"strength": 0}, {"strength": 0, "adapter": given["image"]},
                     {"strength": 0, "adapter": moma_adapter(encoder=True)},
                     {"strength": 0, "ip_scale": 0, "tokens": path}):
        ours, report = draw(*spelling(**given, **{"adapter": moma_adapter(), **settings}))
        assert torch.equal(plain, ours), settings
        assert not report["warnings"], report["warnings"]


def test_strengths_draw_apart(draw, moma_adapter, moma_subject):
    """Neither a picture nor layers whose factor is 0 are the same as what they are compared with."""
    _, _, given = moma_subject
    plain, _ = draw()
    drawn = {strength: draw(*spelling(**given, adapter=moma_adapter(), strength=strength))[0] for strength in (0.4, 1, 2)}
    far = [(latent - plain).abs().mean() for latent in drawn.values()]
    assert 0 < far[0] < far[1] < far[2]
    at_rest, _ = draw(*spelling(**given, adapter=moma_adapter(), layers="/".join("0" * 16)))
    assert not differs(at_rest, plain, 1e-4)
    middle, _ = draw(*spelling(**given, adapter=moma_adapter(), layers="/".join("1" if i == 6 else "0" for i in range(16))))
    assert differs(middle, plain, 1e-4) and differs(middle, drawn[1], 1e-3)


def test_a_batch_is_its_pictures(model, program, moma_adapter, moma_subject, moma_tokens):
    _, _, given = moma_subject
    arguments = ["--compat", "a1111", *SMALL[:2], *SMALL[4:],
                 *spelling(**given, adapter=moma_adapter(), tokens=moma_tokens("embedding")[1])]
    both, _ = program.generate(model("sd1"), reference.PROMPT, *arguments, "--seed", 7, "--batch", 2)
    for index in range(2):
        alone, _ = program.generate(model("sd1"), reference.PROMPT, *arguments, "--seed", 7 + index)
        assert (both[index:index + 1] - alone).abs().max() < 1e-4 * alone.abs().max()


def test_prompts_of_other_syntax(model, program, moma_adapter, moma_subject):
    """Editing, several operands, more than one chunk of words: the subject is found in all of them."""
    _, _, given = moma_subject
    for prompt in ("[a green:a red apple:0.5] on a plate", "a red apple AND a red apple on a plate :0.5",
                   "(a red apple:1.3) on a plate" + ", a plate" * 60):
        ours, report = program.generate(model("sd1"), prompt, "--compat", "a1111", *WITHOUT_SAMPLER, "--sampler",
                                        "dpmpp_2s_a" if "AND" in prompt else "euler", *spelling(**given, adapter=moma_adapter()))
        assert ours.isfinite().all()
        found = not any("does not have the subject" in warning for warning in report["warnings"])
        assert found == ("[" not in prompt), report["warnings"]


def test_what_is_no_longer_asked_for_is_nowhere(model, program, moma_adapter, moma_subject):
    """At a threshold of 1 the subject is nowhere, and nothing is acted on; once the prompt has lost it, everything is."""
    _, _, given = moma_subject

    def drawn(prompt: str, *arguments):
        return program.generate(model("sd1"), prompt, "--compat", "a1111", *SMALL[:-1], 8, *arguments)[0]

    nowhere = spelling(**given, adapter=moma_adapter(), mask_threshold=1)
    kept, edited = "a red apple on a plate", "[a red apple:a pear:0.25] on a plate"
    assert not differs(drawn(kept, *nowhere), drawn(kept), 1e-5)
    assert differs(drawn(edited, *nowhere), drawn(edited), 1e-4)


def test_a_white_background(draw, moma_adapter, moma_subject, moma_tokens, tmp_path):
    """As if what is around the subject had been white on the picture."""
    picture, mask, given = moma_subject
    tokens = moma_tokens("embedding")[1]
    whitened = Image.new("RGB", picture.size, "white")
    whitened.paste(picture, mask=mask)
    whitened.save(tmp_path / "whitened.png")
    ours, as_it_is, before = (draw(*spelling(**given | changes, adapter=moma_adapter(), tokens=tokens))[0] for changes in (
        {"ref_background": "white"}, {}, {"image": tmp_path / "whitened.png"}))
    assert differs(ours, as_it_is, 1e-3)
    assert not differs(ours, before, 1e-4)


def test_beside_animatediff_the_clip_fits_into_a_window(model, program, moma_adapter, moma_subject, tmp_path):
    _, _, given = moma_subject
    module = make_module(model("sd1"), tmp_path)

    def drawn(frames: int, *arguments):
        return program.run("generate", reference.PROMPT, "--model", model("sd1"), *SMALL, "--batch", frames, "--precision",
                           "fp32", "--threads", 1, "--save-latent", tmp_path / "latent.safetensors", "--latent-only",
                           "--plugin", f"animatediff:module={module},window=4", *arguments)

    moma_too = spelling(**given, adapter=moma_adapter())
    for arguments in ((), moma_too):
        assert drawn(4, *arguments).returncode == 0
    refused = drawn(6, *moma_too)
    assert refused.returncode == 1
    assert "all 6 pictures" in refused.stderr and "draws 4 of them at a time" in refused.stderr, refused.stderr


def test_warnings(draw, program, model, moma_adapter, moma_subject, moma_tokens, tmp_path):
    _, _, given = moma_subject
    tensor, _ = moma_tokens("embedding")
    save_file({"moma_embedding": tensor}, tmp_path / "told.safetensors", {"subject": "red apple", "prompt": "a pear"})

    def warnings(**settings):
        return " ".join(draw(*spelling(**{"adapter": moma_adapter(), "image": given["image"], **settings}))[1]["warnings"])

    assert "there is no mask" in warnings() and "no subject was named" in warnings()
    assert "does not have the subject, \"pear\"" in warnings(subject="pear")
    told = warnings(tokens=tmp_path / "told.safetensors")
    assert "another prompt, \"a pear\"" in told and "no subject" not in told and "identity branch" not in told
    assert warnings(**given, tokens=moma_tokens("embedding")[1]) == ""


@pytest.mark.parametrize("kind", ["rgba", "grey", "palette", "rotated", "1x1", "3000x200"])
def test_any_picture_works(kind, draw, moma_adapter, tmp_path):
    path = write_picture(kind, tmp_path)
    ours, report = draw(*spelling(image=path, adapter=moma_adapter(encoder=True), subject="red apple"))
    assert ours.isfinite().all() and differs(ours, draw()[0], 1e-3)
    assert any("there is no mask" in warning for warning in report["warnings"]) == (kind != "rgba")


def test_a_subject_that_stands_out_needs_no_mask(draw, program, moma_adapter, tmp_path):
    """Drawn as with the mask that the action finds, whose middle is the disc's."""
    picture = Image.new("RGB", (64, 48), "white")
    ImageDraw.Draw(picture).ellipse((20, 10, 44, 34), fill=(180, 40, 30))
    picture.save(tmp_path / "disc.png")
    Image.new("RGB", (64, 48), "white").save(tmp_path / "nothing.png")

    def action(image):
        return program.run("plugin", "action", "moma", "mask", "--image", image, "-o", tmp_path / "found")

    assert action(tmp_path / "disc.png").returncode == 0
    found = np.asarray(Image.open(tmp_path / "found" / "mask.png"))
    disc = np.asarray(picture)[:, :, 1] < 150
    assert found.shape == (48, 64) and set(np.unique(found)) == {0, 255}
    assert (disc & (found > 0)).sum() > 0.9 * (disc | (found > 0)).sum()
    settings = {"image": tmp_path / "disc.png", "adapter": moma_adapter(encoder=True), "subject": "red apple"}
    ours, report = draw(*spelling(**settings))
    assert any("stands out" in warning for warning in report["warnings"])
    given, report = draw(*spelling(**settings, mask=tmp_path / "found" / "mask.png"))
    assert torch.equal(ours, given) and report["warnings"] == []
    refused = action(tmp_path / "nothing.png")
    assert refused.returncode == 1 and "nothing stands out" in refused.stderr
    _, report = draw(*spelling(**{**settings, "image": tmp_path / "nothing.png"}))
    assert any("nothing stands out" in warning for warning in report["warnings"])


def test_sixteen_bits_and_inks(draw, moma_adapter, moma_subject, tmp_path):
    numbers = np.random.default_rng(9).integers(0, 256, (40, 50), dtype=np.uint8)
    Image.fromarray(numbers).save(tmp_path / "8.png")
    Image.fromarray(numbers.astype(np.uint16) * 257).save(tmp_path / "16.png")
    Image.merge("CMYK", [Image.fromarray(numbers)] * 4).save(tmp_path / "ink.jpg", quality=95)
    deep, plain, inks = (draw(*spelling(image=tmp_path / name, adapter=moma_adapter(), subject="red apple"))[0]
                         for name in ("16.png", "8.png", "ink.jpg"))
    assert torch.equal(deep, plain) and differs(inks, plain, 1e-3)


@pytest.mark.parametrize("others", [["cfgpp:scale=0.6", "pag:scale=1", "quantizer:scheme=w4a8"],
                                    ["deep-shrink:block=3,end=1", "cfg-rescale:factor=0.5"]])
def test_it_composes(others, model, program, adapter, photos, moma_adapter, moma_subject, moma_tokens, tmp_path):
    """In one chain with plugins that take part in guidance, in attention and in layers, and IP-Adapter, on a model with a
    LoRA: whichever is left out, the picture is another one."""
    parts = {plugin.partition(":")[0]: ["--plugin", plugin] for plugin in others}
    parts["ip-adapter"] = ip_adapter.spelling(image=photos[0], adapter=adapter("sd1"))
    parts["moma"] = spelling(**moma_subject[2], adapter=moma_adapter(), tokens=moma_tokens("embedding")[1])
    parts["LoRA"] = ["--lora", write_lora(tmp_path / "lora.safetensors")]

    def drawn(missing: str = ""):
        words = [word for part, spelled in parts.items() if part != missing for word in spelled]
        return program.generate(model("sd1"), reference.PROMPT, *SMALL[:2], "--steps", 3, "--sampler", "euler",
                                "--guidance", 5, "--seed", 7, *words)

    whole, report = drawn()
    assert whole.isfinite().all()
    assert {part.split()[0] for part in report["plugins"].split("; ")} == parts.keys() - {"LoRA"}
    for missing in parts:
        assert differs(drawn(missing)[0], whole, 1e-3), missing


@pytest.mark.parametrize("sampler", ["heun", "dpm2_a", "lcm", "unipc", "dpmpp_3m_sde"])
def test_samplers(sampler, model, program, moma_adapter, moma_subject):
    arguments = [*WITHOUT_SAMPLER, "--sampler", sampler]
    plain, _ = program.generate(model("sd1"), reference.PROMPT, *arguments)
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *arguments,
                               *spelling(**moma_subject[2], adapter=moma_adapter()))
    assert ours.isfinite().all() and differs(ours, plain, 1e-3)


def test_the_model_that_comes_with_the_program(program, moma_subject, tmp_path):
    """Whose widths are its own; two passes, each with a reference of its own."""
    from .moma import make_adapter

    make_adapter(ROOT / "models/default", tmp_path / "adapter.safetensors", encoder=True)
    arguments = ["--steps", 3, "--seed", 7, "--size", "128x128", "--hires", "160x128"]
    plain, _ = program.generate(ROOT / "models/default", reference.PROMPT, *arguments)
    ours, report = program.generate(ROOT / "models/default", reference.PROMPT, *arguments,
                                    *spelling(**moma_subject[2], adapter=tmp_path / "adapter.safetensors"))
    assert ours.isfinite().all() and differs(ours, plain, 1e-3) and not report["warnings"]


def refused(program, model, words, *arguments, **settings):
    result = program.run("generate", "an apple", "--model", model, *SMALL, "-o", program.folder / "out.png",
                         *arguments, *spelling(**settings))
    assert result.returncode in (1, 2)
    assert all(word in result.stderr for word in words), result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (program.folder / "out.png").exists()


def test_refusals(model, program, adapter, moma_adapter, moma_subject, moma_tokens, tmp_path):
    folder = model("sd1")
    good = {**moma_subject[2], "adapter": moma_adapter()}
    for plugin in ("hidiffusion", "multidiffusion"):
        refused(program, folder, ["moma", plugin], "--plugin", plugin, **good)
    refused(program, folder, ["ip-adapter"], **good | {"adapter": adapter("sd1")})
    refused(program, model("sdxl"), ["48", "112"], **good)
    refused(program, model("sd1-inpainting"), ["inpainting"], **good)
    refused(program, folder, ["strength", "2"], **good, strength=2.5)
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    refused(program, folder, ["mask", "empty"], **good | {"mask": tmp_path / "black.png"})
    tensors = load_file(moma_adapter())
    del tensors["moma.image_proj.norm.bias"]
    save_file(tensors, tmp_path / "bad.safetensors")
    refused(program, folder, ["moma.image_proj.norm.bias"], **good | {"adapter": tmp_path / "bad.safetensors"})
    tensors = load_file(moma_adapter(encoder=True))
    tensors["moma.image_encoder.visual_projection.weight"] = torch.zeros(7, 64)
    save_file(tensors, tmp_path / "bad.safetensors")
    refused(program, folder, ["moma.image_encoder", "7"], **good | {"adapter": tmp_path / "bad.safetensors"})
