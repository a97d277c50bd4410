"""Models that are shown the mask: A1111 puts the rest of the picture back after each step with these too."""

from __future__ import annotations

import io

import numpy
import pytest
import torch
from bridges.conftest import BUILD
from PIL import Image
from safetensors.torch import load
from service.conftest import Server


@pytest.fixture(scope="module")
def inpainting_host(model, tmp_path_factory, api):
    folder = tmp_path_factory.mktemp("inpainting")
    (folder / "models").mkdir()
    (folder / "models/sd1-inpainting").symlink_to(model("sd1-inpainting"))
    server = Server(BUILD / "bin/patchbay", folder, folder / "models", api)
    server.start("--model", "sd1-inpainting")
    yield server
    assert server.end() == 0


def png(pixels: numpy.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_what_is_kept_is_put_back(inpainting_host, api):
    host = inpainting_host
    start = host.upload(png(numpy.random.default_rng(3).integers(0, 255, (64, 64, 3), dtype=numpy.uint8))).id
    mask = numpy.zeros((64, 64), numpy.uint8)
    mask[:, 32:] = 255

    def latent(**settings: object) -> torch.Tensor:
        done = host.finish(host.create("an apple", keep_latent=True, image_artifact_id=start, **settings).id)
        assert done.state == api.GENERATION_STATE_SUCCEEDED, done.error
        return load(host.download(done.latent_artifact_id))["latent"]

    encoded = latent(compat=api.COMPAT_PROFILE_COMFYUI, steps=1, range={"first": 1}, strength=1)
    drawn = {profile: latent(compat=profile, steps=4, strength=0.75, guidance_scale=7,
                             mask_artifact_id=host.upload(png(mask)).id)
             for profile in (api.COMPAT_PROFILE_A1111, api.COMPAT_PROFILE_DIFFUSERS)}
    ours = drawn[api.COMPAT_PROFILE_A1111]
    torch.testing.assert_close(ours[..., :4], encoded[..., :4], rtol=1e-3, atol=1e-3)
    assert (ours[..., 4:] - encoded[..., 4:]).abs().mean() > 0.1
    # diffusers leaves it to the network, which these weights do not teach.
    assert (drawn[api.COMPAT_PROFILE_DIFFUSERS][..., :4] - encoded[..., :4]).abs().mean() > 0.05
