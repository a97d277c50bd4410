"""Models that ComfyUI's nodes treat differently: inpainting models, and SDXL with its sizes and its scale of latents."""

from __future__ import annotations

import io

import numpy
import pytest
import torch
from bridges.comfyui.client import Client, events, workflow
from bridges.comfyui.latents import SCALE, load_node, save_node, saved, upload_latent, upload_picture
from bridges.conftest import BUILD, Bridges
from PIL import Image
from safetensors.torch import save
from service.conftest import Server

SDXL_SCALE = 0.13025


@pytest.fixture(scope="module")
def families_host(model, tmp_path_factory, api):
    folder = tmp_path_factory.mktemp("families")
    (folder / "models").mkdir()
    for name in ("sd1", "sd1-inpainting", "sdxl"):
        (folder / "models" / name).symlink_to(model(name))
    server = Server(BUILD / "bin/patchbay", folder, folder / "models", api)
    server.start("--model", "sd1")
    yield server
    assert server.end() == 0


@pytest.fixture(scope="module")
def client(families_host, tmp_path_factory):
    bridges = Bridges(tmp_path_factory.mktemp("bridges"), families_host.address)
    made = Client(bridges.comfyui_address)
    yield made
    made.close()
    assert bridges.end() == 0


@pytest.fixture
def drawn(families_host, api):
    def draw(**settings: object):
        wanted = {"negative_prompt": "blurry", "seed": 5, "guidance_scale": 8, "schedule": "normal",
                  "compat": api.COMPAT_PROFILE_COMFYUI, **settings}
        done = families_host.finish(families_host.create("an apple", **wanted).id)
        assert done.state == api.GENERATION_STATE_SUCCEEDED, done.error
        return numpy.asarray(Image.open(io.BytesIO(families_host.download(done.pictures[0].artifact_id))))

    return draw


def graph_of(model: str, **changes: object) -> dict:
    graph = workflow(**changes)
    graph["4"]["inputs"]["ckpt_name"] = f"{model}.safetensors"
    return graph


def picture(client, entry: dict) -> numpy.ndarray:
    return numpy.asarray(Image.open(io.BytesIO(client.view(entry["outputs"]["9"]["images"][0]))).convert("RGB"))


def test_an_inpainting_model_is_shown_the_picture(client, families_host, drawn):
    start = numpy.random.default_rng(3).integers(0, 255, (64, 64, 3), dtype=numpy.uint8)
    mask = numpy.zeros((64, 64), numpy.uint8)
    mask[:, 32:] = 255
    graph = graph_of("sd1-inpainting", sampler={"latent_image": ["12", 0], "denoise": 0.7}, nodes={
        "10": {"class_type": "LoadImage", "inputs": {"image": upload_picture(client, "start.png", start)}},
        "11": {"class_type": "VAEEncode", "inputs": {"pixels": ["10", 0], "vae": ["4", 2]}},
        "13": {"class_type": "LoadImageMask", "inputs": {"image": upload_picture(client, "mask.png", mask),
                                                         "channel": "red"}},
        "12": {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["11", 0], "mask": ["13", 0]}}})
    files = []
    for pixels in (start, mask):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        files.append(families_host.upload(file.getvalue()).id)
    entry, _ = client.run(graph)
    assert (picture(client, entry) == drawn(model="sd1-inpainting", strength=0.7, image_artifact_id=files[0],
                                            mask_artifact_id=files[1])).all()
    # From a latent nothing can be shown.
    graph["11"] = load_node(upload_latent(client, "a.latent", torch.zeros(1, 4, 8, 8)))
    _, frames = client.run(graph)
    assert "start from a picture" in events(frames, "execution_error")[0]["exception_message"]


def test_sdxl_is_told_the_drawn_size(client, drawn):
    told = {"class_type": "CLIPTextEncodeSDXL", "inputs": {
        "clip": ["4", 1], "width": 64, "height": 64, "crop_w": 0, "crop_h": 0, "target_width": 64, "target_height": 64,
        "text_g": "an apple", "text_l": "an apple"}}
    entry, _ = client.run(graph_of("sdxl", nodes={"6": told}))
    assert (picture(client, entry) == drawn(model="sdxl")).all()
    told["inputs"]["crop_w"] = 8
    _, frames = client.run(graph_of("sdxl", nodes={"6": told}))
    assert "other sizes" in events(frames, "execution_error")[0]["exception_message"]


def test_latents_change_their_scale_between_families(client, families_host, drawn):
    """What SD 1 drew, in the scale of its denoiser, is decoded by SDXL's autoencoder in the scale of SDXL's."""
    graph = graph_of("sd1", nodes={
        "20": {"class_type": "VAELoader", "inputs": {"vae_name": "sdxl.safetensors"}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["20", 0]}},
        "21": save_node(["3", 0])})
    entry, _ = client.run(graph)
    raw = saved(client, entry, "21")
    start = families_host.upload(save({"latent": (raw * SDXL_SCALE).contiguous()})).id
    theirs = drawn(model="sdxl", steps=1, range={"first": 1}, start_latent_artifact_id=start)
    assert abs(picture(client, entry).astype(int) - theirs).max() <= 1


@pytest.mark.parametrize("family, scale", [("sd1", SCALE), ("sdxl", SDXL_SCALE)])
def test_files_have_the_autoencoders_scale(client, families_host, drawn, family, scale):
    raw = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    graph = graph_of(family, sampler={"denoise": 0.5, "latent_image": ["20", 0]}, nodes={
        "20": load_node(upload_latent(client, "raw.latent", raw))})
    entry, _ = client.run(graph)
    start = families_host.upload(save({"latent": (raw * scale).contiguous()})).id
    theirs = drawn(model=family, strength=0.5, start_latent_artifact_id=start)
    assert abs(picture(client, entry).astype(int) - theirs).max() <= 1
