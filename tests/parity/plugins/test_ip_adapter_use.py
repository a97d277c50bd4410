"""What IP-Adapter does with pictures of any kind, beside other plugins, at no weight, and what it refuses."""

from __future__ import annotations

import pathlib
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from ..pipeline import reference
from .ip_adapter import EMBEDDING, SMALL, differs, opened, spelling, theirs


def test_a_white_mask_is_no_mask(model, adapter, program, photos, tmp_path):
    Image.new("L", (9, 5), 255).save(tmp_path / "white.png")
    given = {"image": photos[0], "adapter": adapter("sd1")}
    free, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL, *spelling(**given))
    masked, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL, *spelling(**given, mask=tmp_path / "white.png"))
    assert not differs(masked, free, 1e-4)


def test_weight_zero_is_no_plugin(model, adapter, program, photos):
    """Bit by bit; the files are not even looked at."""
    plain, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL)
    given = {"image": photos[0], "adapter": adapter("sd1")}
    for settings in ({"weight": 0}, {"begin": 0.99}, {"weight": 0, "adapter": photos[1], "image_2": photos[1]},
                     {"block_weights": "/".join("0" * 16)}):
        same, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL, *spelling(**given | settings))
        assert torch.equal(plain, same), settings


def test_begin_and_end(model, adapter, program, photos):
    """With Euler's method the first of three steps decides what begin=0.3 leaves alone."""
    given = {"image": photos[0], "adapter": adapter("sd1")}
    whole, early, late = (program.generate(model("sd1"), reference.PROMPT, *SMALL, *spelling(**given | share))[0]
                          for share in ({}, {"end": 0.5}, {"begin": 0.5}))
    plain, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL)
    assert all(differs(a, b, 1e-3) for a, b in [(whole, early), (whole, late), (early, late), (early, plain), (late, plain)])


def test_a_batch_is_its_pictures(model, adapter, program, photos):
    arguments = ["--compat", "a1111", *SMALL, *spelling(image=photos[0], adapter=adapter("sd1"))]
    both, _ = program.generate(model("sd1"), reference.PROMPT, *arguments, "--batch", 2)
    alone, _ = program.generate(model("sd1"), reference.PROMPT, *arguments)
    assert (both[:1] - alone).abs().max() < 1e-4 * alone.abs().max()


def write_picture(kind: str, folder: pathlib.Path) -> pathlib.Path:
    numbers = np.random.default_rng(9).integers(0, 256, (40, 50, 4), dtype=np.uint8)
    rgba = Image.fromarray(numbers)
    path = folder / f"{kind}.png"
    if kind == "rotated":
        exif = Image.Exif()
        exif[0x0112] = 6
        rgba.convert("RGB").save(path, exif=exif)
    elif kind in ("1x1", "3000x200"):
        width, height = map(int, kind.split("x"))
        rgba.convert("RGB").resize((width, height), Image.Resampling.BICUBIC).save(path)
    else:
        {"rgba": rgba, "grey": rgba.convert("L"), "palette": rgba.convert("RGB").quantize(16)}[kind].save(path)
    return path


@pytest.mark.parametrize("kind", ["rgba", "grey", "palette", "rotated", "1x1", "3000x200"])
def test_any_picture_works(kind, model, adapter, program, agree, tmp_path):
    path = write_picture(kind, tmp_path)
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL, "--guidance", 1, *spelling(image=path, adapter=adapter("sd1")))
    agree(f"sd1 IP-Adapter, {kind} picture", ours,
          theirs(model("sd1"), adapter("sd1"), opened(path), 0.6, guidance=1.0))


@pytest.mark.parametrize("kind", ["16-bit", "cmyk"])
def test_pictures_that_pillow_reads_otherwise(kind, model, adapter, program, tmp_path):
    numbers = np.random.default_rng(9).integers(0, 256, (40, 50, 4), dtype=np.uint8)
    path = tmp_path / ("picture.jpg" if kind == "cmyk" else "picture.png")
    (Image.fromarray(numbers, "CMYK") if kind == "cmyk" else Image.fromarray(numbers[..., 0].astype(np.uint16) * 257)).save(path)
    plain, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL)
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL, *spelling(image=path, adapter=adapter("sd1")))
    assert ours.isfinite().all() and differs(ours, plain)


def test_it_composes(model, adapter, program, photos, tmp_path):
    """In one chain with plugins that take part in guidance, in attention and in layers, on a model with a LoRA."""
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    save_file({f"{name}.lora_down.weight": torch.randn(4, 48), f"{name}.lora_up.weight": torch.randn(32, 4),
               f"{name}.alpha": torch.tensor(4.0)}, tmp_path / "lora.safetensors")
    arguments = ["--lora", tmp_path / "lora.safetensors", "--size", "128x96", "--steps", 3, "--seed", 7, "--sampler", "euler", "--guidance", 5, "--plugin",
                 "hidiffusion:min_scale=0", "--plugin", "cfgpp:scale=0.6", "--plugin", "pag:scale=1", "--plugin", "quantizer"]
    before, _ = program.generate(model("sd1"), reference.PROMPT, *arguments)
    ours, report = program.generate(model("sd1"), reference.PROMPT, *arguments,
                                    *spelling(image=photos[0], adapter=adapter("sd1", "plus")))
    assert ours.isfinite().all() and differs(ours, before, 1e-3)
    assert all(name in report["plugins"] for name in ("ip-adapter", "hidiffusion", "cfgpp", "pag", "quantizer"))


def refused(program, model, words, **settings):
    result = program.run("generate", "an apple", "--model", model, *SMALL, "-o", program.folder / "out.png", *spelling(**settings))
    assert result.returncode in (1, 2)
    assert all(word in result.stderr for word in words), result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (program.folder / "out.png").exists()


def test_bad_settings(model, adapter, program, photos, tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    good = {"image": photos[0], "adapter": adapter("sd1")}
    folder = model("sd1")
    refused(program, folder, ["no picture", "image="], adapter=adapter("sd1"))
    refused(program, folder, ["no adapter", "adapter="], image=photos[0])
    refused(program, folder, ["mask", "empty"], **good, mask=tmp_path / "black.png")
    refused(program, folder, ["mask_2", "image_2"], **good, mask_2=photos[1])
    refused(program, folder, ["begin", "end"], **good, begin=0.5, end=0.5)
    refused(program, folder, ["block_weights", "3", "16"], **good, block_weights="1/1/1")
    refused(program, folder, ["weight", "2"], **good, weight=2.5)
    refused(program, folder, ["encoder", "class_embedding"], **good, encoder=adapter("sd1"))
    lonely = tmp_path / "lonely.safetensors"
    lonely.write_bytes(adapter("sd1").read_bytes())
    refused(program, folder, ["image encoder", "encoder="], image=photos[0], adapter=lonely)


def test_bad_adapters(model, adapter, program, photos, tmp_path):
    tensors = load_file(adapter("sd1"))
    encoder = adapter("sd1").parent / "image_encoder/model.safetensors"

    def check(changed, words, folder=model("sd1")):
        path = tmp_path / "bad.safetensors"
        save_file(changed, path)
        refused(program, folder, ["adapter", "bad.safetensors", *words], image=photos[0], adapter=path, encoder=encoder)

    missing = "ip_adapter.17.to_v_ip.weight"
    check({name: weight for name, weight in tensors.items() if name != missing}, [missing])
    swapped = dict(tensors)
    swapped["ip_adapter.1.to_k_ip.weight"] = tensors["ip_adapter.9.to_k_ip.weight"].clone()
    check(swapped, ["ip_adapter.1.to_k_ip.weight", "64x48", "32x48"])
    check(tensors, ["48", "112"], model("sdxl"))
    check({"weight": torch.zeros(2)}, ["no IP-Adapter"])
    other = dict(tensors)
    other["image_proj.proj.weight"] = torch.zeros(4 * 48, EMBEDDING + 1)
    path = tmp_path / "other.safetensors"
    save_file(other, path)
    refused(program, model("sd1"), ["encoder", str(EMBEDDING), str(EMBEDDING + 1)], image=photos[0], adapter=path, encoder=encoder)


def test_a_pickle_is_refused_by_name(model, program, photos, tmp_path):
    torch.save({"image_proj": {}, "ip_adapter": {}}, tmp_path / "new.bin")
    (tmp_path / "old.bin").write_bytes(pickle.dumps({"image_proj": {}}, protocol=2))
    for name in ("new.bin", "old.bin"):
        refused(program, model("sd1"), [name, "pickled", ".safetensors"], image=photos[0], adapter=tmp_path / name)
