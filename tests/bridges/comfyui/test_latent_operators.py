"""Nodes that compute with latents, against PyTorch and against what ComfyUI's nodes are documented to do."""

from __future__ import annotations

import pytest
import torch
from bridges.comfyui.client import events
from bridges.comfyui.latents import load_node, resized, save_node, saved, upload, upload_latent, upload_picture
from safetensors.torch import save


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def run(client):
    """run(class, inputs, latents by input): the node's output 0 as a tensor."""

    def made(name: str, inputs: dict, mask=None, **latents: torch.Tensor) -> torch.Tensor:
        graph = {}
        for number, (key, latent) in enumerate(latents.items()):
            graph[f"in{number}"] = load_node(upload_latent(client, f"{key}.latent", latent))
            inputs = {**inputs, key: [f"in{number}", 0]}
        if mask is not None:
            graph["mask"] = {"class_type": "LoadImageMask", "inputs": {
                "image": upload_picture(client, "mask.png", mask.numpy()), "channel": "red"}}
            inputs = {**inputs, "mask": ["mask", 0]}
        graph |= {"node": {"class_type": name, "inputs": inputs}, "save": save_node(["node", 0])}
        entry, frames = client.run(graph)
        assert entry["status"]["completed"], events(frames, "execution_error")
        return saved(client, entry, "save")

    return made


@pytest.mark.parametrize("method", ["nearest-exact", "bilinear", "area", "bicubic", "bislerp"])
@pytest.mark.parametrize("width, height, crop", [(160, 96, "disabled"), (64, 136, "center"), (200, 72, "center"),
                                                 (72, 104, "disabled")])
def test_upscaling(run, method, width, height, crop):
    latent = random(2, 4, 9, 13)
    ours = run("LatentUpscale", {"upscale_method": method, "width": width, "height": height, "crop": crop},
               samples=latent)
    torch.testing.assert_close(ours, resized(latent, width // 8, height // 8, method, crop), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("method", ["bilinear", "bislerp"])
@pytest.mark.parametrize("by", [0.75, 1.5, 2.0])
def test_upscaling_by(run, method, by):
    latent = random(1, 4, 8, 11, seed=1)
    ours = run("LatentUpscaleBy", {"upscale_method": method, "scale_by": by}, samples=latent)
    torch.testing.assert_close(ours, resized(latent, round(11 * by), round(8 * by), method), rtol=1e-5, atol=1e-5)


def test_a_side_that_follows(run):
    latent = random(1, 4, 8, 16)
    sizes = {"upscale_method": "bilinear", "crop": "disabled"}
    assert run("LatentUpscale", {**sizes, "width": 0, "height": 96}, samples=latent).shape == (1, 4, 12, 24)
    assert run("LatentUpscale", {**sizes, "width": 0, "height": 0}, samples=latent).equal(latent)


@pytest.mark.parametrize("name, inputs, theirs", [
    ("LatentFlip", {"flip_method": "x-axis: vertically"}, lambda x: x.flip(2)),
    ("LatentFlip", {"flip_method": "y-axis: horizontally"}, lambda x: x.flip(3)),
    ("LatentRotate", {"rotation": "none"}, lambda x: x),
    ("LatentRotate", {"rotation": "90 degrees"}, lambda x: x.rot90(1, (3, 2))),
    ("LatentRotate", {"rotation": "180 degrees"}, lambda x: x.rot90(2, (3, 2))),
    ("LatentRotate", {"rotation": "270 degrees"}, lambda x: x.rot90(3, (3, 2))),
    ("LatentCrop", {"width": 64, "height": 72, "x": 16, "y": 8}, lambda x: x[:, :, 1:10, 2:10]),
    ("LatentCrop", {"width": 512, "height": 512, "x": 512, "y": 0}, lambda x: x[:, :, :, 4:]),
    ("LatentCut", {"dim": "x", "index": 3, "amount": 4}, lambda x: x[..., 3:7]),
    ("LatentCut", {"dim": "y", "index": -3, "amount": 9}, lambda x: x[..., -3:, :]),
    ("LatentMultiply", {"multiplier": -0.5}, lambda x: x * -0.5),
    ("LatentFromBatch", {"batch_index": 1, "length": 1}, lambda x: x[1:]),
    ("LatentFromBatch", {"batch_index": 9, "length": 9}, lambda x: x[1:]),
    ("RepeatLatentBatch", {"amount": 3}, lambda x: x.repeat(3, 1, 1, 1)),
])
def test_of_one_latent(run, name, inputs, theirs):
    latent = random(2, 4, 10, 12)
    assert run(name, inputs, samples=latent).equal(theirs(latent))


def mixed(a: torch.Tensor, b: torch.Tensor, ratio: float) -> torch.Tensor:
    lengths = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    direction = a / lengths[0] * ratio + b / lengths[1] * (1 - ratio)
    return direction / direction.norm(dim=1, keepdim=True) * (lengths[0] * ratio + lengths[1] * (1 - ratio))


@pytest.mark.parametrize("name, inputs, theirs", [
    ("LatentAdd", {}, lambda a, b: a + resized(b, 12, 10, "bilinear", "center")),
    ("LatentSubtract", {}, lambda a, b: a - resized(b, 12, 10, "bilinear", "center")),
    ("LatentInterpolate", {"ratio": 0.3}, lambda a, b: mixed(a, resized(b, 12, 10, "bilinear", "center"), 0.3)),
    ("LatentBlend", {"blend_factor": 0.3},
     lambda a, b: a * 0.3 + resized(b, 12, 10, "bicubic", "center") * 0.7),
    ("LatentBatch", {}, lambda a, b: torch.cat([a, resized(b, 12, 10, "bilinear", "center")])),
])
@pytest.mark.parametrize("size", [(10, 12), (8, 9)])
def test_of_two_latents(run, name, inputs, theirs, size):
    a, b = random(2, 4, 10, 12), random(1, 4, *size, seed=1)
    torch.testing.assert_close(run(name, inputs, samples1=a, samples2=b), theirs(a, b), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dim, order", [("x", 1), ("-x", -1), ("y", 1), ("-y", -1)])
def test_concatenation(run, dim, order):
    a, b = random(1, 4, 8, 8), random(1, 4, 8, 8, seed=1)
    theirs = torch.cat((a, b)[::order], -1 if dim.endswith("x") else -2)
    assert run("LatentConcat", {"dim": dim}, samples1=a, samples2=b).equal(theirs)


@pytest.mark.parametrize("x, y, feather", [(0, 0, 0), (16, 24, 0), (64, 48, 0), (16, 24, 24), (0, 0, 16), (48, 40, 32)])
def test_composition(run, x, y, feather):
    bottom, top = random(1, 4, 10, 12), random(1, 4, 6, 7, seed=1)
    part = top[:, :, :10 - y // 8, :12 - x // 8]
    height, width = part.shape[2:]
    # One ramp for each side of the part that lies inside of the other latent.
    mask = torch.ones(1, 1, height, width)
    ramp = [min((step + 1) * 8 / feather, 1) if feather else 1 for step in range(16)]
    rows, columns = torch.tensor(ramp[:height])[:, None], torch.tensor(ramp[:width])
    mask = mask * (rows if y else 1) * (columns if x else 1)
    mask = mask * (rows.flip(0) if y // 8 + height < 10 else 1) * (columns.flip(0) if x // 8 + width < 12 else 1)
    theirs = bottom.clone()
    place = theirs[:, :, y // 8:y // 8 + height, x // 8:x // 8 + width]
    place.copy_(part * mask + place * (1 - mask))
    ours = run("LatentComposite", {"x": x, "y": y, "feather": feather}, samples_to=bottom, samples_from=top)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("resize", [False, True])
def test_composition_by_a_mask(run, resize):
    bottom, top = random(2, 4, 10, 12), random(1, 4, 6, 7, seed=1)
    grey = torch.randint(0, 256, (33, 21), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)
    size = (10, 12) if resize else (6, 7)
    source = torch.nn.functional.interpolate(top, size, mode="bilinear")
    mask = torch.nn.functional.interpolate(grey[None, None] / 255, size, mode="bilinear")
    height, width = min(size[0], 8), min(size[1], 11)
    theirs = bottom.clone()
    place = theirs[:, :, 2:2 + height, 1:1 + width]
    weight = mask[:, :, :height, :width]
    place.copy_(source[:, :, :height, :width] * weight + place * (1 - weight))
    ours = run("LatentCompositeMasked", {"x": 8, "y": 16, "resize_source": resize}, mask=grey, destination=bottom,
               source=top)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_files_without_a_mark_are_scaled_back(client):
    latent = random(1, 4, 8, 8)
    name = upload(client, "old.latent", save({"latent_tensor": latent.half()}))
    entry, _ = client.run({"1": load_node(name), "2": save_node(["1", 0])})
    torch.testing.assert_close(saved(client, entry, "2"), latent.half().float() * (1 / 0.18215), rtol=1e-6, atol=0)


@pytest.mark.parametrize("name, inputs, words", [
    ("LatentCut", {"dim": "t", "index": 0, "amount": 1}, "still pictures"),
    ("LatentUpscaleBy", {"upscale_method": "area", "scale_by": 0.01}, "larger size"),
])
def test_refusals(client, name, inputs, words):
    graph = {"1": load_node(upload_latent(client, "a.latent", random(1, 4, 8, 8))),
             "2": {"class_type": name, "inputs": {**inputs, "samples": ["1", 0]}}, "3": save_node(["2", 0])}
    _, frames = client.run(graph)
    error = events(frames, "execution_error")[0]
    assert error["node_id"] == "2" and words in error["exception_message"]


def test_damaged_and_missing_files(client):
    graph = {"1": load_node(upload(client, "damaged.latent", b"nothing")), "2": save_node(["1", 0])}
    _, frames = client.run(graph)
    assert "no file of latents" in events(frames, "execution_error")[0]["exception_message"]
    graph["1"] = load_node("none.latent")
    error = client.post(graph).json()["node_errors"]["1"]["errors"][0]
    assert error["type"] == "custom_validation_failed" and "Invalid latent file" in error["details"]


