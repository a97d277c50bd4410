"""What the nodes draw is what a direct gRPC call draws, bit for bit."""

from __future__ import annotations

import io
import json

import pytest
import torch
from bridges.comfyui_nodes.graphs import direct, node, pixels, text_to_image
from bridges.comfyui_nodes.runner import Refused
from PIL import Image


def png(pixels_of_picture: torch.Tensor) -> bytes:
    """A PNG file of [H, W, 3] or [H, W] bytes."""
    file = io.BytesIO()
    Image.fromarray(pixels_of_picture.numpy()).save(file, "PNG")
    return file.getvalue()


def random_bytes(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(3), dtype=torch.uint8)


def test_text_to_image(runner, host, api, comfy):
    results = runner.run(text_to_image(batch_size=2))
    images, parameters = results["2"]
    assert images[0].shape == (2, 64, 64, 3) and images[0].dtype == torch.float32
    wanted, texts = direct(host, api, batch=2)
    assert pixels(images[0]) == wanted and parameters == texts
    assert [value for value, _ in comfy.progress][-1] == 3 and {total for _, total in comfy.progress} == {3}
    kind, preview, size = comfy.previews[-1]
    assert kind == "JPEG" and preview.size[0] >= 8 and size > 0


@pytest.mark.parametrize(("conventions", "profile"), [("diffusers", 1), ("comfyui", 2), ("a1111", 3)])
def test_conventions(runner, host, api, conventions, profile):
    images = runner.run(text_to_image(conventions=conventions))["2"][0][0]
    assert pixels(images) == direct(host, api, compat=profile)[0]


def test_hires(runner, host, api):
    images = runner.run(text_to_image(hires=["3", 0], nodes={
        "3": node("PatchbayHires", width=128, height=96, strength=0.5, steps=2)}))["2"][0][0]
    assert images.shape == (1, 96, 128, 3)
    assert pixels(images) == direct(host, api, hires=api.HiresPass(
        size={"width": 128, "height": 96}, strength=0.5, steps=2))[0]


class Constant:
    """A node of somebody else's that gives out a tensor."""

    FUNCTION = "give"

    @classmethod
    def INPUT_TYPES(cls) -> dict:
        return {"required": {}}

    def give(self) -> tuple:
        return (self.value,)


def constant(kind: str, value: torch.Tensor) -> type:
    return type("Constant", (Constant,), {"RETURN_TYPES": (kind,), "value": value})


def image_to_image(**inputs: object) -> dict:
    graph = text_to_image()
    graph["2"]["class_type"] = "PatchbayImageToImage"
    for name in ("width", "height", "batch_size"):
        del graph["2"]["inputs"][name]
    graph["2"]["inputs"].update({"image": ["8", 0], "strength": 0.6, **inputs})
    graph["8"] = node("Start")
    graph["9"] = node("Mask")
    return graph


def test_image_to_image_draws_each_of_a_batch_with_its_own_seed(runner, host, api):
    start = random_bytes(2, 64, 72, 3)
    runner.classes.update(Start=constant("IMAGE", start / 255), Mask=constant("MASK", torch.zeros(1)))
    images = runner.run(image_to_image())["2"][0][0]
    wanted = [direct(host, api, image_artifact_id=host.upload(png(picture)).id, strength=0.6, seed=5 + number,
                     size={"width": 72, "height": 64})[0][0] for number, picture in enumerate(start)]
    assert pixels(images) == wanted and wanted[0] != wanted[1]


def test_start_pictures_are_cut_to_whole_latent_pixels(runner, host, api):
    start = random_bytes(1, 69, 74, 3)
    runner.classes.update(Start=constant("IMAGE", start / 255), Mask=constant("MASK", torch.zeros(1)))
    images = runner.run(image_to_image())["2"][0][0]
    assert images.shape == (1, 64, 72, 3)
    cut = png(start[0, 2:66, 1:73].contiguous())
    assert pixels(images) == direct(host, api, image_artifact_id=host.upload(cut).id, strength=0.6,
                                    size={"width": 72, "height": 64})[0]


def test_inpainting(runner, host, api):
    start, mask = random_bytes(1, 64, 64, 3), torch.zeros(64, 64, dtype=torch.uint8)
    mask[:, 32:] = 255
    wanted = direct(host, api, image_artifact_id=host.upload(png(start[0])).id, strength=0.6,
                    mask_artifact_id=host.upload(png(mask)).id)[0]
    for shape in ((64, 64), (1, 64, 64)):
        runner.classes.update(Start=constant("IMAGE", start / 255), Mask=constant("MASK", mask.reshape(shape) / 255.0))
        runner._kept.clear()
        assert pixels(runner.run(image_to_image(mask=["9", 0]))["2"][0][0]) == wanted


def test_saved_pictures_open_in_both_worlds(runner, host, api, comfy):
    graph = text_to_image(batch_size=2, nodes={"3": node(
        "PatchbaySaveImage", images=["2", 0], parameters=["2", 1], filename_prefix="sub/apple")})
    results = runner.run(graph, extra_pnginfo={"workflow": {"nodes": [1]}})
    saved = results["3", "ui"]["images"]
    wanted, texts = direct(host, api, batch=2)
    assert len(saved) == 2
    for entry, made, text in zip(saved, wanted, texts, strict=True):
        assert entry["type"] == "output" and entry["subfolder"] == "sub"
        picture = Image.open(comfy.folder / "output" / entry["subfolder"] / entry["filename"])
        assert picture.tobytes() == made
        assert picture.info["parameters"] == text and "Steps: 3" in text
        assert json.loads(picture.info["prompt"]) == graph
        assert json.loads(picture.info["workflow"]) == {"nodes": [1]}


def test_loras_and_models_are_refused_by_name(runner):
    with pytest.raises(Refused, match='has no model "nowhere"; it has other, sd1'):
        runner.run(text_to_image(model="nowhere"))
    assert runner.classes["PatchbayModel"].INPUT_TYPES()["required"]["model"][0][1:] == ["other", "sd1"]
    graph = text_to_image(nodes={"3": node("PatchbayLora", model=["1", 0], name="missing", unet_weight=1.0,
                                           text_weight=1.0)})
    graph["2"]["inputs"]["model"] = ["3", 0]
    with pytest.raises(Exception, match="missing") as caught:
        runner.run(graph)
    assert type(caught.value).__name__ == "HostError"
