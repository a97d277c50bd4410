"""What IP-Adapter does with pictures of any kind, beside other plugins, at no weight, and what it refuses."""

from __future__ import annotations

import itertools
import pathlib
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from ..pipeline import reference
from .ip_adapter import EMBEDDING, SMALL, differs, opened, spelling, theirs


@pytest.fixture
def draw(model, program):
    """draw(*arguments) is the latent of the small model of Stable Diffusion 1's structure."""
    return lambda *arguments: program.generate(model("sd1"), reference.PROMPT, *SMALL, *arguments)[0]


def test_a_white_mask_is_no_mask(draw, adapter, photos, tmp_path):
    Image.new("L", (9, 5), 255).save(tmp_path / "white.png")
    given = {"image": photos[0], "adapter": adapter("sd1")}
    assert not differs(draw(*spelling(**given, mask=tmp_path / "white.png")), draw(*spelling(**given)), 1e-4)


def test_weight_zero_is_no_plugin(draw, adapter, photos):
    """Bit by bit; the files are not even looked at."""
    plain = draw()
    given = {"image": photos[0], "adapter": adapter("sd1")}
    for settings in ({"weight": 0}, {"begin": 0.99}, {"weight": 0, "adapter": photos[1], "image_2": photos[1]},
                     {"block_weights": "/".join("0" * 16)}):
        assert torch.equal(plain, draw(*spelling(**given | settings))), settings


def test_an_encoder_beside_a_link_is_found(draw, adapter, photos, tmp_path):
    """As in Hugging Face's cache: the files lie elsewhere, under other names."""
    plain = adapter("sd1")
    blobs, shown = tmp_path / "blobs", tmp_path / "snapshots/1/models"
    blobs.mkdir()
    (shown / "image_encoder").mkdir(parents=True)
    for name, source in (("adapter.safetensors", plain),
                         *((f"image_encoder/{path.name}", path) for path in (plain.parent / "image_encoder").iterdir())):
        blob = blobs / name.replace("/", "").replace(".", "")
        blob.write_bytes(source.read_bytes())
        (shown / name).symlink_to(blob)
    ours = draw(*spelling(image=photos[0], adapter=shown / "adapter.safetensors"))
    assert torch.equal(ours, draw(*spelling(image=photos[0], adapter=plain)))


def test_begin_and_end(draw, adapter, photos):
    """Each choice of steps draws something else."""
    given = {"image": photos[0], "adapter": adapter("sd1")}
    drawn = [draw(*spelling(**given | share)) for share in ({}, {"end": 0.5}, {"begin": 0.5})] + [draw()]
    assert all(differs(a, b, 1e-3) for a, b in itertools.combinations(drawn, 2))


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
def test_any_picture_works(kind, model, adapter, draw, agree, tmp_path):
    path = write_picture(kind, tmp_path)
    ours = draw("--guidance", 1, *spelling(image=path, adapter=adapter("sd1")))
    agree(f"sd1 IP-Adapter, {kind} picture", ours,
          theirs(model("sd1"), adapter("sd1"), opened(path), 0.6, guidance=1.0))


def test_sixteen_bits_are_eight(draw, adapter, tmp_path):
    """Pillow cuts such values off, so diffusers cannot take them."""
    numbers = np.random.default_rng(9).integers(0, 256, (40, 50), dtype=np.uint8)
    Image.fromarray(numbers).save(tmp_path / "8.png")
    Image.fromarray(numbers.astype(np.uint16) * 257).save(tmp_path / "16.png")
    deep, plain = (draw(*spelling(image=tmp_path / name, adapter=adapter("sd1"))) for name in ("16.png", "8.png"))
    assert torch.equal(deep, plain)


def test_cmyk(draw, adapter, tmp_path):
    """Whose colours Pillow rounds a little otherwise."""
    numbers = np.random.default_rng(9).integers(0, 256, (5, 6, 4), dtype=np.uint8)
    Image.fromarray(numbers, "CMYK").resize((50, 40)).save(tmp_path / "ink.jpg", quality=100, subsampling=0)
    opened(tmp_path / "ink.jpg").save(tmp_path / "light.png")
    inks, light = (draw(*spelling(image=tmp_path / name, adapter=adapter("sd1"))) for name in ("ink.jpg", "light.png"))
    assert differs(inks, draw()) and not differs(inks, light, 1e-2)


@pytest.mark.parametrize("others", [
    ["hidiffusion:min_scale=0", "cfgpp:scale=0.6", "pag:scale=1", "quantizer"],
    ["multidiffusion", "cfg-rescale:factor=0.5"], ["deep-shrink:block=3,end=1"]])
def test_it_composes(others, model, adapter, program, photos, tmp_path):
    """In one chain with plugins that take part in guidance, in attention and in layers, on a model with a LoRA."""
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    save_file({f"{name}.lora_down.weight": torch.randn(4, 48), f"{name}.lora_up.weight": torch.randn(32, 4),
               f"{name}.alpha": torch.tensor(4.0)}, tmp_path / "lora.safetensors")
    arguments = ["--lora", tmp_path / "lora.safetensors", "--size", "128x96", "--steps", 3, "--seed", 7,
                 "--sampler", "euler", "--guidance", 5]
    for plugin in others:
        arguments += ["--plugin", plugin]
    before, _ = program.generate(model("sd1"), reference.PROMPT, *arguments)
    ours, report = program.generate(model("sd1"), reference.PROMPT, *arguments,
                                    *spelling(image=photos[0], adapter=adapter("sd1", "plus")))
    assert ours.isfinite().all() and differs(ours, before, 1e-3)
    assert all(f"{name.split(':')[0]} 1." in report["plugins"] for name in ("ip-adapter", *others))


def refused(program, model, words, **settings):
    result = program.run("generate", "an apple", "--model", model, *SMALL, "-o", program.folder / "out.png",
                         *spelling(**settings))
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
    check({**tensors, "ip_adapter.0.to_q_lora.down.weight": torch.zeros(2)}, ["FaceID"])
    other = dict(tensors)
    other["image_proj.proj.weight"] = torch.zeros(4 * 48, EMBEDDING + 1)
    path = tmp_path / "other.safetensors"
    save_file(other, path)
    refused(program, model("sd1"), ["encoder", str(EMBEDDING), str(EMBEDDING + 1)], image=photos[0], adapter=path,
            encoder=encoder)


def test_a_pickle_is_refused_by_name(model, program, photos, tmp_path):
    torch.save({"image_proj": {}, "ip_adapter": {}}, tmp_path / "new.bin")
    (tmp_path / "old.bin").write_bytes(pickle.dumps({"image_proj": {}}, protocol=2))
    for name in ("new.bin", "old.bin"):
        refused(program, model("sd1"), [name, "pickled", ".safetensors"], image=photos[0], adapter=tmp_path / name)
