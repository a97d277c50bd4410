"""Which models a server has, and which of them it keeps in memory."""

from __future__ import annotations

import shutil

import grpc
import pytest

from service.conftest import reason


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
