"""A server whose folder has an IP-Adapter: what it draws, what it refuses, and that it goes on."""

from __future__ import annotations

import io
import time

import grpc
import psutil
import pytest
import torch
from PIL import Image
from plugins.ip_adapter_files import encoder, write_files
from safetensors.torch import load_file, save_file

from service.conftest import reason
from service.plugin_calls import draw, pixels


def png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


PHOTO = png(Image.linear_gradient("L").resize((24, 20)))
OTHER = png(Image.radial_gradient("L").resize((24, 20)))


@pytest.fixture
def folder(tmp_path):
    """The server's folder of plugins' files, with the encoder beside the adapter."""
    made = tmp_path / "plugin-files"
    made.mkdir()
    _, network = write_files(made)
    network.rename(made / "image_encoder.safetensors")
    return made


@pytest.fixture
def adapted(new_server, folder):
    return new_server().start("--plugin-files", folder)


def choice(server, image: bytes = PHOTO, adapter: str = "adapter.safetensors", **settings: object) -> dict:
    """A picture is given as its file's bytes, anything else as a text."""
    given = {"image": image, "adapter": adapter, **settings}
    return {"plugin_id": "ip-adapter", "settings": {
        field: {"artifact_id": server.upload(value).id} if isinstance(value, bytes) else {"typed_value": str(value)}
        for field, value in given.items() if value is not None}}


def test_a_request_may_have_several(adapted, api):
    def drawn(*plugins: dict) -> bytes:
        return pixels(adapted, draw(adapted, api, plugins=list(plugins)))

    plain = drawn()
    first, second = choice(adapted), choice(adapted, OTHER, weight=0.9)
    alone = [drawn(first), drawn(second)]
    both = drawn(first, second)
    assert len({plain, *alone, both}) == 4
    assert drawn(choice(adapted, weight=0)) == plain
    assert drawn(first, choice(adapted, OTHER, weight=0)) == alone[0]


def test_the_encoder_runs_for_new_pictures_only(adapted, api, folder):
    """Chains that differ in weights, masks or layers share what it made of a picture: an encoder that takes many times
    the rest's processor time tells."""
    torch.manual_seed(3)
    save_file(encoder(grid=64, layers=48), folder / "slow.safetensors")  # 4097 tokens of a picture

    def seconds(**settings: object) -> float:
        """The processor time of the server, which other processes do not lengthen."""
        given = choice(adapted, encoder="slow.safetensors", **settings)
        before = psutil.Process(adapted.process.pid).cpu_times()
        draw(adapted, api, plugins=[given])
        after = psutil.Process(adapted.process.pid).cpu_times()
        return after.user + after.system - before.user - before.system

    first = seconds()
    mask = png(Image.new("L", (8, 8), 255))
    again = max(seconds(), seconds(weight=0.9), seconds(layers="style"), seconds(mask=mask), seconds(end=0.9))
    other = seconds(image=OTHER)
    assert min(first, other) > 2 * again, (first, again, other)


def test_bad_settings_fail_and_the_server_goes_on(adapted, api, folder):
    plain = pixels(adapted, draw(adapted, api))
    tensors = load_file(folder / "adapter.safetensors")
    missing = "ip_adapter.9.to_v_ip.weight"
    save_file({name: tensor for name, tensor in tensors.items() if name != missing}, folder / "incomplete.safetensors")
    save_file({**tensors, "ip_adapter.0.to_q_lora.down.weight": torch.zeros(2)},
              folder / "faceid.safetensors")
    (folder / "adapter.bin").write_bytes(b"\x80\x02}q\x00.")
    for words, settings in [
            (["no picture"], {"image": None}),
            (["no adapter"], {"adapter": None}),
            (["mask", "empty"], {"mask": png(Image.new("L", (8, 8)))}),
            ([missing], {"adapter": "incomplete.safetensors"}),
            (["FaceID"], {"adapter": "faceid.safetensors"}),
            (["adapter.bin", "pickled", ".safetensors"], {"adapter": "adapter.bin"}),
            (["encoder", "class_embedding"], {"encoder": "adapter.safetensors"})]:
        failed = adapted.finish(adapted.create(plugins=[choice(adapted, **settings)]).id)
        assert failed.state == api.GENERATION_STATE_FAILED, words
        assert all(word in failed.error.message for word in ["ip-adapter", *words]), failed.error.message
        assert pixels(adapted, draw(adapted, api)) == plain
    with pytest.raises(grpc.RpcError) as error:
        adapted.create(plugins=[choice(adapted, adapter="none.safetensors")])
    assert reason(api, error.value)[1]["plugin"] == "ip-adapter" and "none.safetensors" in error.value.details()
    assert pixels(adapted, draw(adapted, api, plugins=[choice(adapted)])) != plain
