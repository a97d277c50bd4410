"""Which models a server has, and which of them it keeps in memory."""

from __future__ import annotations

import json
import shutil

import grpc
import pytest
from parity.models import gguf_writer
from safetensors.torch import load_file, save_file
from service.conftest import reason

UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def two_models(new_server, model):
    """A server with the models "sd1" and "more/sd1", half a dozen things that are none, and room for one."""
    server = new_server()
    shutil.copytree(model("sd1"), server.models / "more/sd1")
    (server.models / "broken.safetensors").write_bytes(b"x" * 100)
    (server.models / "notes.txt").write_text("no model")
    (server.models / ".hidden").mkdir()
    (server.models / "empty").mkdir()
    return server.start("--model", "sd1", "--model-gib", 1e-6)


def listed(server, api) -> dict[str, tuple[bool, bool]]:
    models = server.models_stub.ListModels(api.ListModelsRequest()).models
    return {model.name: (model.loaded, model.is_default) for model in models}


def test_list_and_memory(two_models, api):
    server = two_models
    assert listed(server, api) == {"broken": (False, False), "more/sd1": (False, False), "sd1": (False, True)}
    server.finish(server.create().id)
    assert listed(server, api)["sd1"] == (True, True)
    assert server.finish(server.create(model="more/sd1").id).state == api.GENERATION_STATE_SUCCEEDED
    assert listed(server, api) == {"broken": (False, False), "more/sd1": (True, False), "sd1": (False, True)}
    loaded = server.models_stub.LoadModel(api.LoadModelRequest(name="sd1")).model
    assert loaded.loaded and loaded.size_bytes > 0
    server.models_stub.UnloadModel(api.UnloadModelRequest(name="sd1"))
    server.models_stub.UnloadModel(api.UnloadModelRequest(name="sd1"))
    assert not any(loaded for loaded, _ in listed(server, api).values())


def test_unload_in_the_middle_of_a_generation(two_models, api):
    server = two_models
    running = server.create(steps=200)
    server.wait_until_running(running.id)
    server.models_stub.UnloadModel(api.UnloadModelRequest(name="sd1"))
    assert server.finish(running.id).state == api.GENERATION_STATE_SUCCEEDED


def test_several_stay_when_there_is_room(new_server, model, api):
    server = new_server()
    shutil.copytree(model("sd1"), server.models / "more/sd1")
    server.start("--model", "sd1")
    for name in ("sd1", "more/sd1"):
        server.models_stub.LoadModel(api.LoadModelRequest(name=name))
    assert all(loaded for loaded, _ in listed(server, api).values())


def test_damaged_and_missing_models(two_models, api):
    server = two_models
    for call, request in [(server.models_stub.InspectModel, api.InspectModelRequest(name="broken")),
                          (server.models_stub.LoadModel, api.LoadModelRequest(name="broken"))]:
        with pytest.raises(grpc.RpcError) as error:
            call(request)
        assert reason(api, error.value)[0] == "MODEL_UNUSABLE" and "broken.safetensors" in error.value.details()
    with pytest.raises(grpc.RpcError) as error:
        server.create(model="broken")
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    with pytest.raises(grpc.RpcError) as error:
        server.create(model="more/sd")
    assert "did you mean more/sd1?" in error.value.details()
    shutil.rmtree(server.models / "more")
    with pytest.raises(grpc.RpcError) as error:
        server.create(model="more/sd1")
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


def test_a_model_must_be_named_when_none_is_the_default(new_server, model, api):
    server = new_server()
    shutil.copytree(model("sd1"), server.models / "other")
    server.start()
    with pytest.raises(grpc.RpcError) as error:
        server.create()
    assert error.value.code() == grpc.StatusCode.NOT_FOUND and "sd1" in error.value.details()
    assert server.finish(server.create(model="other").id).state == api.GENERATION_STATE_SUCCEEDED


def test_gguf_files_are_models_of_their_own(new_server, model, api):
    """Inside a model's folder and beside it; the picture is that of the numbers which the blocks stand for."""
    server = new_server()
    folder = server.models / "sd1"
    folder.unlink()
    shutil.copytree(model("sd1"), folder)
    values, _ = gguf_writer.write_tensors(folder / "unet/in.gguf", load_file(folder / UNET))
    shutil.copy(folder / "unet/in.gguf", server.models / "sd1-beside.gguf")
    (server.models / "alone.gguf").write_bytes((folder / "unet/in.gguf").read_bytes()[:1000])
    numbers = shutil.copytree(folder, server.models / "numbers")
    (numbers / "unet/in.gguf").unlink()
    save_file(values, numbers / UNET)
    server.start("--model", "sd1")
    assert set(listed(server, api)) == {"sd1", "sd1/unet/in.gguf", "sd1-beside.gguf", "alone.gguf", "numbers"}
    pictures = set()
    for name in ("sd1/unet/in.gguf", "sd1-beside.gguf", "numbers"):
        drawn = server.finish(server.create(model=name, keep_latent=True).id)
        assert drawn.state == api.GENERATION_STATE_SUCCEEDED
        pictures.add(drawn.latent_artifact_id)
    assert len(pictures) == 1
    assert listed(server, api)["sd1-beside.gguf"] == (True, False)
    answer = server.models_stub.InspectModel(api.InspectModelRequest(name="sd1-beside.gguf"))
    assert json.loads(answer.description_json)["other_parts"] == str(folder) and "in memory" in answer.description
    with pytest.raises(grpc.RpcError) as error:
        server.models_stub.LoadModel(api.LoadModelRequest(name="alone.gguf"))
    assert reason(api, error.value)[0] == "MODEL_UNUSABLE" and "truncated" in error.value.details()
