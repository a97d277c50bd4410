"""Masks on latents: hard and grey ones, of the picture's size and of others."""

from __future__ import annotations

import io

import numpy
import pytest
import torch
from bridges.comfyui.client import events, workflow
from bridges.comfyui.latents import SCALE, save_node, saved, upload_picture
from PIL import Image
from safetensors.torch import load, save


def start_picture(width: int = 64, height: int = 64) -> numpy.ndarray:
    return numpy.random.default_rng(3).integers(0, 255, (height, width, 3), dtype=numpy.uint8)


def mask_node(client, mask: numpy.ndarray) -> dict:
    return {"class_type": "LoadImageMask", "inputs": {"image": upload_picture(client, "mask.png", mask),
                                                      "channel": "red"}}


def masked_graph(client, mask: numpy.ndarray, **sampler: object) -> dict:
    return workflow(sampler={"steps": 3, "denoise": 0.7, "latent_image": ["12", 0], **sampler}, nodes={
        "10": {"class_type": "LoadImage", "inputs": {"image": upload_picture(client, "start.png", start_picture())}},
        "11": {"class_type": "VAEEncode", "inputs": {"pixels": ["10", 0], "vae": ["4", 2]}},
        "13": mask_node(client, mask),
        "12": {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["11", 0], "mask": ["13", 0]}},
        "20": save_node(["3", 0]), "21": save_node(["11", 0])})


@pytest.fixture
def drawn(host, api):
    """drawn(mask, **settings): the latent that the host gives over gRPC for a start and a mask."""

    def draw(start: torch.Tensor, mask: numpy.ndarray, **settings: object) -> torch.Tensor:
        file = io.BytesIO()
        Image.fromarray(mask).save(file, "PNG")
        made = host.finish(host.create(
            "an apple", negative_prompt="blurry", seed=5, guidance_scale=8, schedule="normal",
            compat=api.COMPAT_PROFILE_COMFYUI, keep_latent=True, mask_artifact_id=host.upload(file.getvalue()).id,
            start_latent_artifact_id=host.upload(save({"latent": start.contiguous()})).id, **settings).id)
        return load(host.download(made.latent_artifact_id))["latent"]

    return draw


def test_what_is_black_is_kept(client):
    mask = numpy.zeros((64, 64), numpy.uint8)
    mask[:, 32:] = 255
    entry, _ = client.run(masked_graph(client, mask))
    kept, start = saved(client, entry, "20"), saved(client, entry, "21")
    torch.testing.assert_close(kept[..., :4], start[..., :4], rtol=1e-4, atol=1e-4)
    assert (kept[..., 4:] - start[..., 4:]).abs().mean() > 0.1


def test_grey_masks(client, drawn):
    mask = numpy.random.default_rng(4).integers(0, 256, (64, 64), dtype=numpy.uint8)
    entry, _ = client.run(masked_graph(client, mask))
    theirs = drawn(saved(client, entry, "21") * SCALE, mask, steps=3, strength=0.7)
    torch.testing.assert_close(saved(client, entry, "20") * SCALE, theirs, rtol=1e-4, atol=1e-4)


def test_masks_of_another_size(client, drawn):
    """ComfyUI interpolates a mask to the latent at once, whatever its size."""
    mask = numpy.random.default_rng(5).integers(0, 256, (24, 40), dtype=numpy.uint8)
    small = torch.nn.functional.interpolate(torch.from_numpy(mask)[None, None] / 255, (8, 8), mode="bilinear")
    blocks = small[0, 0].mul(255).round().byte().repeat_interleave(8, 0).repeat_interleave(8, 1).numpy()
    entry, _ = client.run(masked_graph(client, mask))
    theirs = drawn(saved(client, entry, "21") * SCALE, blocks, steps=3, strength=0.7)
    torch.testing.assert_close(saved(client, entry, "20") * SCALE, theirs, rtol=1e-4, atol=1e-4)


def test_masks_with_parts_of_the_steps(client, drawn):
    mask = numpy.zeros((64, 64), numpy.uint8)
    mask[32:] = 200
    graph = masked_graph(client, mask)
    inputs = graph["3"]["inputs"]
    del inputs["denoise"], inputs["seed"]
    graph["3"] = {"class_type": "KSamplerAdvanced", "inputs": {
        **inputs, "noise_seed": 5, "steps": 4, "add_noise": "enable", "start_at_step": 1, "end_at_step": 10000,
        "return_with_leftover_noise": "disable"}}
    entry, _ = client.run(graph)
    theirs = drawn(saved(client, entry, "21") * SCALE, mask, steps=4, strength=1, range={"first": 1})
    torch.testing.assert_close(saved(client, entry, "20") * SCALE, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("grow", [0, 1, 6, 7])
def test_encoding_for_inpainting(client, grow):
    """The mask grows by a square that reaches half its side up and to the left; what it covers is grey."""
    mask = numpy.zeros((70, 67), numpy.uint8)
    mask[20:40, 16:50], mask[60:, 60:] = 255, 200
    graph = masked_graph(client, mask)
    graph["10"]["inputs"]["image"] = upload_picture(client, "large.png", start_picture(67, 70))
    graph["12"] = {"class_type": "VAEEncodeForInpaint", "inputs": {"pixels": ["10", 0], "vae": ["4", 2],
                                                                   "mask": ["13", 0], "grow_mask_by": grow}}
    entry, _ = client.run(graph)
    hard = torch.from_numpy(mask)[None, None].float().div(255).round()[:, :, 3:67, 1:65]
    grown = hard
    if grow:
        summed = torch.nn.functional.conv2d(hard, torch.ones(1, 1, grow, grow), padding=grow // 2)
        grown = summed.clamp(0, 1)[:, :, :64, :64]
    picture = torch.from_numpy(start_picture(67, 70))[3:67, 1:65].clone()
    picture[hard[0, 0] > 0] = 128
    by_hand = masked_graph(client, grown[0, 0].mul(255).byte().numpy())
    by_hand["10"]["inputs"]["image"] = upload_picture(client, "grey.png", picture.numpy())
    theirs, _ = client.run(by_hand)
    assert saved(client, entry, "20").equal(saved(client, theirs, "20"))


def test_different_masks_in_a_batch_are_refused(client):
    graph = masked_graph(client, numpy.zeros((64, 64), numpy.uint8))
    graph |= {"14": {"class_type": "MaskToImage", "inputs": {"mask": ["13", 0]}},
              "15": {"class_type": "ImageBatch", "inputs": {"image1": ["14", 0], "image2": ["10", 0]}},
              "16": {"class_type": "ImageToMask", "inputs": {"image": ["15", 0], "channel": "red"}},
              "17": {"class_type": "RepeatLatentBatch", "inputs": {"samples": ["11", 0], "amount": 2}}}
    graph["12"]["inputs"] = {"samples": ["17", 0], "mask": ["16", 0]}
    _, frames = client.run(graph)
    error = events(frames, "execution_error")[0]
    assert error["node_id"] == "3" and "different masks" in error["exception_message"]
