"""IP-Adapters with random weights beside diffusers' own load_ip_adapter(), for each layout of their files."""

from __future__ import annotations

import pathlib
import pickle

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.image_processor import IPAdapterMaskProcessor
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from ..pipeline import reference

SMALL = ["--size", "64x64", "--seed", 7, "--sampler", "euler", "--steps", 3]
EMBEDDING, STATES = 40, 64  # numbers of the tiny encoder's embeddings, and of each of its states
TOKENS = {"plain": 4, "plus": 16, "full": 17}


def make_encoder(folder: pathlib.Path) -> None:
    torch.manual_seed(5)
    encoder = CLIPVisionModelWithProjection(CLIPVisionConfig(
        hidden_size=STATES, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, image_size=32, patch_size=8,
        projection_dim=EMBEDDING, hidden_act="gelu"))
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


@pytest.fixture(scope="session")
def adapter(model, tmp_path_factory):
    """adapter("sd1", "plain") is the path of a file with an image encoder beside it."""
    folder = tmp_path_factory.mktemp("adapters")
    make_encoder(folder / "image_encoder")

    def get(family: str, kind: str = "plain") -> pathlib.Path:
        path = folder / f"{family}-{kind}.safetensors"
        if not path.exists():
            make_adapter(model(family), path, kind)
        return path

    return get


@pytest.fixture
def photos(tmp_path):
    """Two pictures of different proportions."""
    paths = []
    for index, size in enumerate([(50, 40), (33, 64)]):
        numbers = np.random.default_rng(index).integers(0, 256, (6, 5, 3), dtype=np.uint8)
        paths.append(tmp_path / f"photo{index}.png")
        Image.fromarray(numbers).resize(size, Image.Resampling.BICUBIC).save(paths[-1])
    return paths


def spelling(**settings) -> list[str]:
    return ["--plugin", "ip-adapter:" + ",".join(f"{name}={value}" for name, value in settings.items())]


def theirs(folder: pathlib.Path, adapter: pathlib.Path, images, scale, guidance=7.5, **arguments) -> torch.Tensor:
    """The same by diffusers; images: a picture, or a list of some for one adapter."""
    pipeline = type(reference.pipeline(folder)).from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.load_ip_adapter(adapter.parent, subfolder="", weight_name=adapter.name,
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


@pytest.mark.parametrize("kind", TOKENS)
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
    masks = [half(tmp_path / "left.png", (0, 0, 40, 64), (64, 64)), half(tmp_path / "low.png", (0, 30, 90, 50), (90, 50))]
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


def test_block_weights(model, adapter, program, photos, agree):
    """16 transformers of Stable Diffusion 1, all but the middle one at rest."""
    weights = "/".join("1" if index == 6 else "0" for index in range(16))
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL, "--guidance", 7.5, *spelling(
        image=photos[0], adapter=adapter("sd1"), weight=0.8, block_weights=weights))
    agree("sd1 IP-Adapter, middle block", ours, theirs(model("sd1"), adapter("sd1"), opened(photos[0]), {"mid": 0.8}))


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
