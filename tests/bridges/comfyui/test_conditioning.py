"""Conditionings, loaders and pictures: what is translated, and what is refused with its reason."""

from __future__ import annotations

import io

import numpy
import pytest
import torch
from bridges.comfyui.client import events, workflow
from bridges.comfyui.latents import upload_picture
from PIL import Image


def picture(client, entry: dict, node: str = "9") -> numpy.ndarray:
    file = client.view(entry["outputs"][node]["images"][0])
    return numpy.asarray(Image.open(io.BytesIO(file)).convert("RGB")).astype(int)


def failure(client, graph: dict) -> tuple[str, str]:
    """The node that fails, and why."""
    _, frames = client.run(graph)
    error = events(frames, "execution_error")[0]
    return error["node_id"], error["exception_message"]


@pytest.mark.parametrize("name, words", [
    ("ConditioningCombine", "write both texts into one prompt"), ("ConditioningSetArea", "regions"),
    ("ControlNetApplyAdvanced", "ControlNets"), ("UpscaleModelLoader", "upscaling models"),
    ("FlipSigmas", "schedules by name"), ("SamplerLMS", "KSamplerSelect"), ("DualCFGGuider", "CFGGuider"),
    ("InpaintModelConditioning", "VAEEncodeForInpaint"), ("ModelMergeSimple", "merges none")])
def test_classes_that_are_not_offered(client, name, words):
    answer = client.post(workflow(nodes={"20": {"class_type": name, "inputs": {}, "_meta": {"title": "T"}}}))
    error = answer.json()["error"]
    assert answer.status_code == 400 and error["type"] == "missing_node_type" and error["details"] == "Node ID '#20'"
    assert f"node {name} does not exist. This server" in error["message"] and words in error["message"]
    assert error["extra_info"] == {"node_id": "20", "class_type": name, "node_title": "T"}


def test_zeroed_conditioning(client):
    """It is refused where it would be looked at; without guidance it is not."""
    graph = workflow(nodes={"20": {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["7", 0]}}})
    graph["3"]["inputs"]["negative"] = ["20", 0]
    node, words = failure(client, graph)
    assert node == "3" and "negative conditioning" in words and "ConditioningZeroOut" in words
    graph["3"]["inputs"]["cfg"] = 1
    zeroed, _ = client.run(graph)
    plain, _ = client.run(workflow(sampler={"cfg": 1}))
    assert (picture(client, zeroed) == picture(client, plain)).all()


@pytest.mark.parametrize("name, inputs, other, words", [
    ("ConditioningAverage ", {"conditioning_to": ["6", 0], "conditioning_from": ["7", 0],
                              "conditioning_to_strength": 1.0}, {"conditioning_to_strength": 0.5}, "cannot average"),
    ("ConditioningSetTimestepRange", {"conditioning": ["6", 0], "start": 0.0, "end": 1.0}, {"end": 0.5},
     "KSamplerAdvanced"),
    ("CLIPTextEncodeSDXL", {"clip": ["4", 1], "width": 64, "height": 64, "crop_w": 0, "crop_h": 0, "target_width": 64,
                            "target_height": 64, "text_g": "an apple", "text_l": "an apple"},
     {"text_l": "a pear"}, "text_g and text_l differ")])
def test_what_changes_nothing_is_translated(client, name, inputs, other, words):
    plain, _ = client.run(workflow())
    graph = workflow(nodes={"20": {"class_type": name, "inputs": inputs}})
    graph["3"]["inputs"]["positive"] = ["20", 0]
    entry, _ = client.run(graph)
    assert (picture(client, entry) == picture(client, plain)).all()
    graph["20"]["inputs"] = inputs | other
    node, complaint = failure(client, graph)
    assert node == "20" and words in complaint


def test_other_sizes_than_the_drawn_one(client):
    graph = workflow(nodes={"20": {"class_type": "CLIPTextEncodeSDXL", "inputs": {
        "clip": ["4", 1], "width": 1024, "height": 1024, "crop_w": 0, "crop_h": 0, "target_width": 1024,
        "target_height": 1024, "text_g": "an apple", "text_l": "an apple"}}})
    graph["3"]["inputs"]["positive"] = ["20", 0]
    node, words = failure(client, graph)
    assert node == "3" and "64x64" in words


def test_parts_of_other_checkpoints(client):
    graph = workflow(nodes={"20": {"class_type": "CLIPLoader", "inputs": {"clip_name": "other.safetensors",
                                                                          "type": "stable_diffusion"}}})
    graph["6"]["inputs"]["clip"] = ["20", 0]
    node, words = failure(client, graph)
    assert node == "3" and 'CLIP of "other"' in words
    graph["20"]["inputs"]["clip_name"] = "sd1.safetensors"  # the default model, which node 4 names otherwise
    entry, _ = client.run(graph)
    assert entry["status"]["completed"]


def test_two_text_encoders_of_one_checkpoint(client):
    graph = workflow(nodes={"20": {"class_type": "DualCLIPLoader", "inputs": {
        "clip_name1": "sd1.safetensors", "clip_name2": "sd1.safetensors", "type": "sdxl"}}})
    for node in ("6", "7"):
        graph[node]["inputs"]["clip"] = ["20", 0]
    entry, _ = client.run(graph)
    plain, _ = client.run(workflow())
    assert (picture(client, entry) == picture(client, plain)).all()
    graph["20"]["inputs"]["clip_name2"] = "other.safetensors"
    assert failure(client, graph)[0] == "20"


def test_last_layers(client, host, api):
    """Both texts must be read up to the same layer; it is what the host counts from the end."""
    graph = workflow(nodes={"20": {"class_type": "CLIPSetLastLayer", "inputs": {"clip": ["4", 1],
                                                                                "stop_at_clip_layer": -2}}})
    graph["6"]["inputs"]["clip"] = ["20", 0]
    node, words = failure(client, graph)
    assert node == "3" and "different LoRAs or last layers" in words
    graph["7"]["inputs"]["clip"] = ["20", 0]
    entry, _ = client.run(graph)
    drawn = host.finish(host.create("an apple", negative_prompt="blurry", seed=5, guidance_scale=8, schedule="normal",
                                    compat=api.COMPAT_PROFILE_COMFYUI, clip_skip=2).id)
    file = io.BytesIO(host.download(drawn.pictures[0].artifact_id))
    assert (picture(client, entry) == numpy.asarray(Image.open(file).convert("RGB"))).all()
    plain, _ = client.run(workflow())
    assert (picture(client, entry) != picture(client, plain)).any()


@pytest.mark.parametrize("nodes, node, words", [
    ({"33": {"class_type": "KarrasScheduler", "inputs": {"steps": 2, "sigma_max": 10.0, "sigma_min": 0.0291675,
                                                         "rho": 7.0}}}, "33", "sigma_max"),
    ({"32": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "dpm_2"}}}, "3", "last level but one")])
def test_sigmas_that_cannot_be_told(client, nodes, node, words):
    graph = workflow(nodes={
        "30": {"class_type": "RandomNoise", "inputs": {"noise_seed": 5}},
        "31": {"class_type": "BasicGuider", "inputs": {"model": ["4", 0], "conditioning": ["6", 0]}},
        "32": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
        "33": {"class_type": "BasicScheduler", "inputs": {"model": ["4", 0], "scheduler": "normal", "steps": 2,
                                                          "denoise": 1}},
        "3": {"class_type": "SamplerCustomAdvanced", "inputs": {
            "noise": ["30", 0], "guider": ["31", 0], "sampler": ["32", 0], "sigmas": ["33", 0],
            "latent_image": ["5", 0]}}} | nodes)
    assert (failure(client, graph)[0], words in failure(client, graph)[1]) == (node, True)


def pictures(*sizes: tuple[int, int]) -> list[numpy.ndarray]:
    random = numpy.random.default_rng(7)
    return [random.integers(0, 256, (height, width, 3), dtype=numpy.uint8) for width, height in sizes]


def planes(pixels: numpy.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255


def levels(planes: torch.Tensor) -> numpy.ndarray:
    return planes.clamp(0, 1).mul(255).round()[0].permute(1, 2, 0).int().numpy()


@pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"])
@pytest.mark.parametrize("width, height, crop", [(40, 50, "disabled"), (70, 20, "center")])
def test_scaled_pictures(client, method, width, height, crop):
    (start,) = pictures((33, 45))
    graph = {"1": {"class_type": "LoadImage", "inputs": {"image": upload_picture(client, "a.png", start)}},
             "2": {"class_type": "ImageScale", "inputs": {"image": ["1", 0], "upscale_method": method, "width": width,
                                                          "height": height, "crop": crop}},
             "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "s", "images": ["2", 0]}}}
    if crop == "center":
        margin = round((45 - 33 * 20 / 70) / 2)
        start = start[margin:45 - margin]
    if method == "lanczos":
        theirs = numpy.asarray(Image.fromarray(start).resize((width, height), Image.Resampling.LANCZOS)).astype(int)
    else:
        theirs = levels(torch.nn.functional.interpolate(planes(start), (height, width), mode=method))
    assert abs(picture(client, client.run(graph)[0]) - theirs).max() <= 1


@pytest.mark.parametrize("mode, theirs", [
    ("normal", lambda a, b: b), ("multiply", lambda a, b: a * b), ("screen", lambda a, b: a + b - a * b),
    ("difference", lambda a, b: a - b),
    ("overlay", lambda a, b: torch.where(a <= 0.5, 2 * a * b, 2 * a + 2 * b - 2 * a * b - 1)),
    ("soft_light", lambda a, b: torch.where(
        b <= 0.5, a - (1 - 2 * b) * a * (1 - a),
        a + (2 * b - 1) * (torch.where(a <= 0.25, ((16 * a - 12) * a + 4) * a, a.sqrt()) - a)))])
def test_blended_pictures(client, mode, theirs):
    bottom, top = pictures((24, 16), (24, 16))
    graph = {"1": {"class_type": "LoadImage", "inputs": {"image": upload_picture(client, "a.png", bottom)}},
             "2": {"class_type": "LoadImage", "inputs": {"image": upload_picture(client, "b.png", top)}},
             "3": {"class_type": "ImageBlend", "inputs": {"image1": ["1", 0], "image2": ["2", 0], "blend_factor": 0.7,
                                                          "blend_mode": mode}},
             "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "b", "images": ["3", 0]}}}
    a, b = planes(bottom), planes(top)
    wanted = levels(a * 0.3 + theirs(a, b) * 0.7)
    assert abs(picture(client, client.run(graph)[0]) - wanted).max() <= 1
