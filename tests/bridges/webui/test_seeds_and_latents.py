"""What A1111 does to noise and latents before it draws: variation seeds, resized seeds, masked content, resized latents.

Each is done again here with torch, as modules/rng.py and modules/processing.py of A1111 do it, and drawn over gRPC.
"""

from __future__ import annotations

import base64
import io
import json

import numpy
import pytest
import requests
import torch
from PIL import Image
from safetensors.torch import load, save

PLAIN = {"prompt": "an apple", "width": 64, "height": 64, "steps": 3, "sampler_name": "Euler", "scheduler": "Automatic",
         "cfg_scale": 7}


def philox(seed: int, count: int) -> torch.Tensor:
    """torch.randn on an NVIDIA GPU: Philox4x32-10 on (0, 0, index, 0), cuRAND's Box-Muller transform."""
    mask, shift = numpy.uint64(0xFFFFFFFF), numpy.uint64(32)
    counter = [numpy.zeros(count, numpy.uint64), numpy.zeros(count, numpy.uint64),
               numpy.arange(count, dtype=numpy.uint64), numpy.zeros(count, numpy.uint64)]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        first, second = counter[0] * numpy.uint64(0xD2511F53), counter[2] * numpy.uint64(0xCD9E8D57)
        counter = [second >> shift ^ counter[1] ^ numpy.uint64(key[0]), second & mask,
                   first >> shift ^ counter[3] ^ numpy.uint64(key[1]), first & mask]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    radius, angle = ((word.astype(numpy.float64) + 0.5) / 2**32 for word in counter[:2])
    return torch.from_numpy(numpy.sqrt(-2 * numpy.log(radius)) * numpy.sin(2 * numpy.pi * angle)).float()


def noise(seed: int, height: int, width: int) -> torch.Tensor:
    return philox(seed, 4 * height * width).reshape(4, height, width)


def slerp(amount: float, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    cosine = (low / low.norm(dim=1, keepdim=True) * (high / high.norm(dim=1, keepdim=True))).sum(1)
    if cosine.mean() > 0.9995:
        return low * amount + high * (1 - amount)
    angle = torch.acos(cosine)
    return (torch.sin((1 - amount) * angle) / torch.sin(angle)).unsqueeze(1) * low + \
        (torch.sin(amount * angle) / torch.sin(angle)).unsqueeze(1) * high


def opened(content: bytes) -> numpy.ndarray:
    return numpy.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def png(pixels: numpy.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def draw(bridges, path: str = "txt2img", **fields: object) -> tuple[list[numpy.ndarray], dict]:
    answer = requests.post(f"{bridges.webui}/sdapi/v1/{path}", json={**PLAIN, **fields}, timeout=120)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [opened(base64.b64decode(image)) for image in body["images"]], json.loads(body["info"])


def one(bridges, path: str = "txt2img", **fields: object) -> numpy.ndarray:
    return draw(bridges, path, **fields)[0][0]


@pytest.fixture
def directly(host, api):
    """directly(first noise, **settings): what the host draws over gRPC."""

    def drawn(first: torch.Tensor | None, **settings: object) -> numpy.ndarray:
        if first is not None:
            settings["initial_latent_artifact_id"] = host.upload(save({"latent": first[None].contiguous()})).id
        done = host.finish(host.create("an apple", steps=3, guidance_scale=7, compat=api.COMPAT_PROFILE_A1111,
                                       **settings).id)
        assert done.state == api.GENERATION_STATE_SUCCEEDED, done.error
        return opened(host.download(done.pictures[0].artifact_id))

    return drawn


def agree(ours: numpy.ndarray, theirs: numpy.ndarray) -> None:
    """The same picture, but for the last bits of the noise."""
    assert ours.shape == theirs.shape and numpy.abs(ours - theirs).max() <= 1


def differ(one_picture: numpy.ndarray, other: numpy.ndarray) -> None:
    assert numpy.abs(one_picture - other).mean() > 0.2


def test_variations(bridges, directly):
    plain = one(bridges, seed=1)
    assert (plain == one(bridges, seed=1, subseed=5)).all()
    varied = one(bridges, seed=1, subseed=5, subseed_strength=0.4)
    differ(varied, plain)
    agree(varied, directly(slerp(0.4, noise(1, 8, 8), noise(5, 8, 8)), seed=1))
    agree(one(bridges, seed=1, subseed=5, subseed_strength=1), one(bridges, seed=5))


def test_variations_keep_the_noise_of_later_steps(bridges):
    """Ancestral samplers draw on from the seed's generator, whatever is mixed into its first numbers."""
    agree(one(bridges, seed=1, subseed=5, subseed_strength=1e-9, sampler_name="Euler a"),
          one(bridges, seed=1, sampler_name="Euler a"))


def test_variations_of_a_batch_have_one_seed(bridges):
    pictures, info = draw(bridges, seed=1, subseed=5, subseed_strength=0.3, batch_size=2, n_iter=2)
    assert info["all_seeds"] == [1] * 4 and info["all_subseeds"] == [5, 6, 7, 8]
    assert info["seed"] == 1 and info["subseed"] == 5
    for i, picture in enumerate(pictures):
        agree(picture, one(bridges, seed=1, subseed=5 + i, subseed_strength=0.3))


@pytest.mark.parametrize("width, height", [(96, 64), (64, 40), (104, 104)])
def test_resized_seeds(bridges, directly, width, height):
    """Noise of the other size stands in the middle, or its middle here (// is Python's own)."""
    theirs, own = noise(2, height // 8, width // 8), noise(2, 8, 8)
    x, y = (8 - width // 8) // 2, (8 - height // 8) // 2
    w = width // 8 + (2 * x if x < 0 else 0)
    h = height // 8 + (2 * y if y < 0 else 0)
    own[:, max(y, 0):max(y, 0) + h, max(x, 0):max(x, 0) + w] = \
        theirs[:, max(-y, 0):max(-y, 0) + h, max(-x, 0):max(-x, 0) + w]
    resized, info = draw(bridges, seed=2, seed_resize_from_w=width, seed_resize_from_h=height)
    agree(resized[0], directly(own, seed=2))
    assert f"Seed resize from: {width}x{height}" in info["infotexts"][0]
    assert (info["seed_resize_from_w"], info["seed_resize_from_h"]) == (width, height)


def test_infotext_draws_the_same_again(bridges):
    (picture,), info = draw(bridges, seed=1, subseed=5, subseed_strength=0.25, seed_resize_from_w=96,
                            seed_resize_from_h=64)
    text = info["infotexts"][0]
    assert "Variation seed: 5, Variation seed strength: 0.25, Seed resize from: 96x64, " in text
    answer = requests.post(f"{bridges.webui}/sdapi/v1/txt2img", json={"infotext": text}, timeout=120).json()
    assert (opened(base64.b64decode(answer["images"][0])) == picture).all()
    (_,), plain = draw(bridges, seed=1, subseed=5)
    assert "Variation" not in plain["infotexts"][0] and "Seed resize" not in plain["infotexts"][0]


@pytest.mark.parametrize("fields", [{"subseed_strength": 1e6}, {"subseed": "x"}, {"seed_resize_from_w": 10**9},
                                    {"seed_resize_from_h": "1.5"}])
def test_wrong_fields(bridges, fields):
    answer = requests.post(f"{bridges.webui}/sdapi/v1/txt2img", json={**PLAIN, **fields}, timeout=60)
    assert answer.status_code == 422 and answer.json()["detail"][0]["loc"] == ["body", *fields]


START = numpy.random.default_rng(3).integers(0, 255, (64, 64, 3), dtype=numpy.uint8)


def text_of(pixels: numpy.ndarray) -> str:
    return base64.b64encode(png(pixels)).decode()


@pytest.fixture
def encoded(host, api):
    """encoded(pixels): the picture's latent."""

    def latent(pixels: numpy.ndarray) -> torch.Tensor:
        done = host.finish(host.create(
            "", steps=1, range={"first": 1}, strength=1, compat=api.COMPAT_PROFILE_COMFYUI, keep_latent=True,
            image_artifact_id=host.upload(png(pixels)).id, without_pictures=True,
            size={"width": pixels.shape[1], "height": pixels.shape[0]}).id)
        return load(host.download(done.latent_artifact_id))["latent"]

    return latent


@pytest.mark.parametrize("fill, name", [(2, "latent noise"), (3, "latent nothing")])
def test_masked_content(bridges, host, api, encoded, fill, name):
    """The picture is filled in as with 0, and then its latent with noise of the seed, or with zeros. One colour's
    surroundings are that colour, so that it is known what the picture is filled with."""
    colour = numpy.full((64, 64, 3), (200, 60, 30), numpy.uint8)
    mask = numpy.zeros((64, 64), numpy.uint8)
    mask[:, 32:] = 255
    fields = {"init_images": [text_of(colour)], "mask": text_of(mask), "mask_blur": 0,
              "inpaint_full_res": False, "denoising_strength": 0.5, "seed": 4, "steps": 6}
    (picture,), info = draw(bridges, "img2img", **fields, inpainting_fill=fill)
    assert info["extra_generation_params"]["Masked content"] == name
    assert (picture[:, :32] == colour[:, :32]).all()
    latent = encoded(colour)
    kept = torch.zeros(1, 1, 8, 8)
    kept[..., :4] = 1
    under = noise(4, 8, 8)[None] if fill == 2 else torch.zeros(1, 4, 8, 8)
    start = latent * kept + under * (1 - kept)
    done = host.finish(host.create(
        "an apple", steps=6, guidance_scale=7, seed=4, strength=0.5, compat=api.COMPAT_PROFILE_A1111,
        start_latent_artifact_id=host.upload(save({"latent": start.contiguous()})).id,
        mask_artifact_id=host.upload(png(mask)).id).id)
    theirs = opened(host.download(done.pictures[0].artifact_id))
    agree(picture[:, 32:], theirs[:, 32:])
    differ(picture[:, 48:], one(bridges, "img2img", **fields, inpainting_fill=1)[:, 48:])
    differ(picture[:, 48:], one(bridges, "img2img", **fields, inpainting_fill=5 - fill)[:, 48:])


def test_latents_are_resized(bridges, host, api, encoded):
    """resize_mode 3: the picture is encoded as it is, and its latent stretched."""
    small = START[:32, :48]
    ours = one(bridges, "img2img", init_images=[text_of(small)], resize_mode=3, denoising_strength=0.5, seed=4, steps=6)
    start = torch.nn.functional.interpolate(encoded(small), (8, 8), mode="bilinear")
    done = host.finish(host.create(
        "an apple", steps=6, guidance_scale=7, seed=4, strength=0.5, compat=api.COMPAT_PROFILE_A1111,
        start_latent_artifact_id=host.upload(save({"latent": start.contiguous()})).id).id)
    agree(ours, opened(host.download(done.pictures[0].artifact_id)))
    differ(ours, one(bridges, "img2img", init_images=[text_of(small)], resize_mode=0, denoising_strength=0.5, seed=4,
                     steps=6))
