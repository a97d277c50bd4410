"""Weights that a plugin does without leave the memory while it is used, and come back."""

from __future__ import annotations

import os
import shutil
import statistics

import pytest
import torch
from safetensors.torch import save_file

from service.conftest import error_info
from service.plugin_calls import BUILT, draw, install, picture, pixels
from service.wide_model import make_wide_model

RELEASE = BUILT / "service_plugins/test-release"


def release(**settings: object) -> list[dict]:
    values = {field: {"bool_value": value} if isinstance(value, bool) else {"string_value": str(value)}
              for field, value in settings.items()}
    return [{"plugin_id": "test-release", "settings": values}]


@pytest.fixture
def own_model(new_server, model, api):
    """A server with a copy of the model, and the file of its U-Net."""
    server = new_server()
    folder = server.models / "sd1"
    folder.unlink()
    shutil.copytree(model("sd1"), folder)
    server.start()
    install(server, api, RELEASE)
    return server, next((folder / "unet").glob("*.safetensors"))


def test_memory_falls_and_comes_back(new_server, api, tmp_path):
    server = new_server()
    make_wide_model(server.models / "wide")
    server.start("--model", "wide")
    install(server, api, RELEASE)
    report = tmp_path / "report"
    plain = picture(draw(server, api))
    zeros = pixels(server, draw(server, api, plugins=release(releases=False)))
    assert pixels(server, draw(server, api, plugins=release(report=report))) == zeros
    announced, stored = (int(number) for number in report.read_text().split())
    assert announced == stored > 150 << 20
    # Another chain of the plugin is attached while the weights are away.
    again = tmp_path / "again"
    draw(server, api, plugins=release(report=again))
    assert again.read_text() == report.read_text()
    # The allocator keeps the freed results of a job for the next one, and they spread over the gaps that the weights
    # left, the more the busier the machine: an eighth of the gaps has been seen. How exactly the weights themselves go
    # and come is seen in host/validator/releasable_weights_test.cc.
    fallen, back = [], []
    for _ in range(5):
        draw(server, api, plugins=release(releases=False))
        whole = server.resident_bytes()
        draw(server, api, plugins=release())
        fallen.append(whole - server.resident_bytes())
        assert picture(draw(server, api)) == plain
        back.append(server.resident_bytes() - whole)
    assert 0.75 * announced < statistics.median(fallen) < 1.25 * announced, (fallen, announced)
    assert abs(statistics.median(back)) < 0.25 * announced, (back, announced)
    print(f"{announced} bytes announced, {statistics.median(fallen)} fallen, {statistics.median(back)} more afterwards")


def test_loras_are_merged_again(new_server, api, tmp_path):
    module = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"
    generator = torch.Generator().manual_seed(3)
    save_file({f"{module}.lora_down.weight": torch.randn(4, 64, generator=generator),
               f"{module}.lora_up.weight": torch.randn(64, 4, generator=generator),
               f"{module}.alpha": torch.tensor(4.0)}, tmp_path / "strong.safetensors")
    server = new_server().start("--lora-application", "merged")
    install(server, api, RELEASE)

    def made(*arguments: object) -> bytes:
        file = tmp_path / "made.png"
        done = server.run("generate", "an apple", "--steps", 2, "--seed", 7, "--size", "64x64", "-o", file, *arguments)
        assert done.returncode == 0, done.stderr
        return file.read_bytes()

    with_lora = ["--lora", f"{tmp_path}/strong.safetensors:1.5"]
    plain, changed = made(), made(*with_lora)
    assert plain != changed
    made(*with_lora, "--plugin", "test-release")
    assert made(*with_lora) == changed
    made("--plugin", "test-release")
    assert made() == plain


def test_a_file_that_was_changed_is_not_trusted(own_model, api):
    server, file = own_model
    plain = picture(draw(server, api))
    os.utime(file)
    refused = server.finish(server.create(plugins=release()).id)
    assert refused.state == api.GENERATION_STATE_FAILED
    assert error_info(api, refused.error)[0] == "PLUGIN_REFUSED"
    assert "has been changed since it was opened" in refused.error.message
    assert picture(draw(server, api)) == plain  # it is all in memory
    server.models_stub.UnloadModel(api.UnloadModelRequest(name="sd1"))
    draw(server, api, plugins=release())
    file.write_bytes(file.read_bytes()[:-4] + b"\0\0\0\1")
    failed = server.finish(server.create().id)
    assert failed.state == api.GENERATION_STATE_FAILED
    assert "cannot be read from it again; unload the model" in failed.error.message
    draw(server, api, plugins=release())  # does not need them
    server.models_stub.UnloadModel(api.UnloadModelRequest(name="sd1"))
    draw(server, api)


def test_a_file_that_was_replaced_is_still_there(own_model, api, tmp_path):
    server, file = own_model
    plain = picture(draw(server, api))
    draw(server, api, plugins=release())
    shutil.copy(file, tmp_path / "copy")
    (tmp_path / "copy").replace(file)
    assert picture(draw(server, api)) == plain


def test_what_was_released_must_be_replaced(own_model, api):
    server, _ = own_model
    draw(server, api, plugins=release(is_lazy=True, releases=False))
    failed = server.finish(server.create(plugins=release(is_lazy=True)).id)
    assert failed.state == api.GENERATION_STATE_FAILED and "was released by the plugin" in failed.error.message
    draw(server, api)
