"""IP-Adapters beside diffusers' own load_ip_adapter(), for each layout of their files."""

from __future__ import annotations

import pathlib

import pytest
from diffusers.image_processor import IPAdapterMaskProcessor
from PIL import Image

from ..pipeline import reference
from .ip_adapter import KINDS, SMALL, differs, opened, spelling, theirs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_one_picture(family, kind, model, adapter, program, photos, agree):
    ours, report = program.generate(model(family), reference.PROMPT, *SMALL, "--guidance", 7.5,
                                    *spelling(image=photos[0], adapter=adapter(family, kind), weight=0.8))
    wanted = theirs(model(family), adapter(family, kind), opened(photos[0]), 0.8)
    agree(f"{family} IP-Adapter, {kind}", ours, wanted)
    assert differs(ours, program.generate(model(family), reference.PROMPT, *SMALL, "--guidance", 7.5)[0])
    assert report["plugins"].startswith("ip-adapter 1.0.0")


@pytest.mark.parametrize("family, kind", [("sd1", "plain"), ("sdxl", "plus")])
def test_without_guidance(family, kind, model, adapter, program, photos, agree):
    ours, _ = program.generate(model(family), reference.PROMPT, *SMALL, "--guidance", 1,
                               *spelling(image=photos[0], adapter=adapter(family, kind), weight=0.8))
    agree(f"{family} IP-Adapter, {kind}, no guidance", ours,
          theirs(model(family), adapter(family, kind), opened(photos[0]), 0.8, guidance=1.0))


@pytest.mark.parametrize("family, kind", [("sd1", "plain"), ("sdxl", "plus")])
def test_two_pictures(family, kind, model, adapter, program, photos, agree):
    ours, _ = program.generate(model(family), reference.PROMPT, *SMALL, "--guidance", 7.5,
                               *spelling(image=photos[0], image_2=photos[1], adapter=adapter(family, kind), weight=0.7))
    both = [opened(path) for path in photos]
    agree(f"{family} IP-Adapter, {kind}, two pictures", ours,
          theirs(model(family), adapter(family, kind), [both], 0.7))


def half(path: pathlib.Path, box: tuple[int, int, int, int], size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, box)
    mask.save(path)
    return mask


@pytest.mark.parametrize("family, kind", [("sd1", "plus"), ("sdxl", "plain")])
def test_masks(family, kind, model, adapter, program, photos, agree, tmp_path):
    """One mask of the canvas's size, one that has to be stretched, each for its picture."""
    masks = [half(tmp_path / "left.png", (0, 0, 40, 64), (64, 64)),
             half(tmp_path / "low.png", (0, 30, 90, 50), (90, 50))]
    ours, _ = program.generate(model(family), reference.PROMPT, *SMALL, "--guidance", 7.5, *spelling(
        image=photos[0], mask=tmp_path / "left.png", weight=0.9, image_2=photos[1], mask_2=tmp_path / "low.png",
        weight_2=0.4, adapter=adapter(family, kind)))
    prepared = IPAdapterMaskProcessor().preprocess(masks, height=64, width=64)
    prepared = prepared.reshape(1, 2, 64, 64)
    agree(f"{family} IP-Adapter, {kind}, two masks", ours,
          theirs(model(family), adapter(family, kind), [[opened(path) for path in photos]], [[0.9, 0.4]],
                 cross_attention_kwargs={"ip_adapter_masks": [prepared]}))


@pytest.mark.parametrize("family, layers, scale", [
    ("sdxl", "style", {"up": {"block_0": [0.0, 0.8, 0.0]}}), ("sdxl", "layout", {"down": {"block_2": [0.0, 0.8]}}),
    ("sdxl", "style+layout", {"down": {"block_2": [0.0, 0.8]}, "up": {"block_0": [0.0, 0.8, 0.0]}}),
    ("sd1", "style", {"up": {"block_1": 0.8}}), ("sd1", "layout", {"down": {"block_2": 0.8}, "mid": 0.8})])
def test_layers(family, layers, scale, model, adapter, program, photos, agree):
    ours, _ = program.generate(model(family), reference.PROMPT, *SMALL, "--guidance", 7.5, *spelling(
        image=photos[0], adapter=adapter(family), weight=0.8, layers=layers))
    agree(f"{family} IP-Adapter, {layers}", ours, theirs(model(family), adapter(family), opened(photos[0]), scale))


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_several_adapters(family, model, adapter, program, photos, agree):
    """One plugin for each: layers of their own, and one of them with two pictures."""
    kinds = [adapter(family, kind) for kind in ("plus", "plain", "full")]
    ours, report = program.generate(
        model(family), reference.PROMPT, *SMALL, "--guidance", 7.5,
        *spelling(image=photos[0], adapter=kinds[0], weight=0.7, layers="style"),
        *spelling(image=photos[1], image_2=photos[0], adapter=kinds[1], weight=0.4),
        *spelling(image=photos[1], adapter=kinds[2], weight=0.5))
    first, second = (opened(path) for path in photos)
    style = {"up": {"block_1": 0.7}} if family == "sd1" else {"up": {"block_0": [0.0, 0.7, 0.0]}}
    agree(f"{family}, three IP-Adapters", ours,
          theirs(model(family), kinds, [[first], [second, first], [second]], [style, 0.4, 0.5]))
    assert report["plugins"].count("ip-adapter 1.0.0") == 3


def test_several_adapters_with_masks(model, adapter, program, photos, agree, tmp_path):
    kinds = [adapter("sd1", "plus"), adapter("sd1", "plain")]
    names = ["left.png", "right.png"]
    masks = [half(tmp_path / name, (32 * side, 0, 32 + 32 * side, 64), (64, 64)) for side, name in enumerate(names)]
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL, "--guidance", 7.5, *(
        word for photo, path, name, weight in zip(photos, kinds, names, (0.9, 0.5), strict=True)
        for word in spelling(image=photo, adapter=path, mask=tmp_path / name, weight=weight)))
    prepared = IPAdapterMaskProcessor().preprocess(masks, height=64, width=64)
    agree("sd1, two IP-Adapters with masks", ours,
          theirs(model("sd1"), kinds, [[opened(path)] for path in photos], [[0.9], [0.5]],
                 cross_attention_kwargs={"ip_adapter_masks": [mask[None] for mask in prepared]}))


def test_beside_perturbed_attention(model, adapter, program, photos, agree):
    """The perturbed prediction sees the pictures too."""
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL, "--guidance", 7.5,
                               "--plugin", "pag:scale=3,layers=mid",
                               *spelling(image=photos[0], adapter=adapter("sd1"), weight=0.8))
    agree("sd1 IP-Adapter and PAG", ours,
          theirs(model("sd1"), adapter("sd1"), opened(photos[0]), 0.8, pag_layers=["mid"], pag_scale=3.0))


def test_block_weights(model, adapter, program, photos, agree):
    """16 transformers of Stable Diffusion 1, all but the middle one at rest."""
    weights = "/".join("1" if index == 6 else "0" for index in range(16))
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL, "--guidance", 7.5, *spelling(
        image=photos[0], adapter=adapter("sd1"), weight=0.8, block_weights=weights))
    agree("sd1 IP-Adapter, middle block", ours, theirs(model("sd1"), adapter("sd1"), opened(photos[0]), {"mid": 0.8}))
