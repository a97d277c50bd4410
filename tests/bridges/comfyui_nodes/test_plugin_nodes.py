"""A node for each plugin, made from its schema while ComfyUI runs."""

from __future__ import annotations

import asyncio
import json
import sys
import types

import numpy as np
import pytest
import torch
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from bridges.comfyui_nodes.graphs import direct, free_address, node, pixels, text_to_image
from bridges.comfyui_nodes.runner import Refused, Runner
from clips import scene
from PIL import Image
from service.conftest import new_server  # noqa: F401
from service.plugin_calls import SWAP, activate, build_of, install


def schema(host, api, plugin: str):
    return host.plugins.GetPluginSchema(api.GetPluginSchemaRequest(plugin_id=plugin))


def test_inputs_are_the_schema(nodes, host, api):
    listed = {plugin.id for plugin in host.plugins.ListPlugins(api.ListPluginsRequest()).plugins}
    made = {name.removeprefix("PatchbayPlugin_") for name in nodes.NODE_CLASS_MAPPINGS if "Plugin_" in name}
    assert made == listed and "cfgpp" in made
    kinds = {api.PARAMETER_TYPE_BOOL: "BOOLEAN", api.PARAMETER_TYPE_INT: "INT", api.PARAMETER_TYPE_DOUBLE: "FLOAT",
             api.PARAMETER_TYPE_PICTURE: "IMAGE"}
    for plugin in listed:
        told = schema(host, api, plugin)
        node_class = nodes.NODE_CLASS_MAPPINGS[f"PatchbayPlugin_{plugin}"]
        assert nodes.NODE_DISPLAY_NAME_MAPPINGS[f"PatchbayPlugin_{plugin}"] == told.plugin.name
        inputs = node_class.INPUT_TYPES()["optional"]
        by_number = sorted(told.parameters, key=lambda parameter: parameter.number)
        assert list(inputs) == ["plugins", *(parameter.id for parameter in by_number)]
        for parameter in by_number:
            kind, options = inputs[parameter.id]
            assert options.get("tooltip", "") == parameter.help
            if parameter.type == api.PARAMETER_TYPE_CHOICE:
                assert kind == [choice.id for choice in parameter.choices] and options["default"] in kind
            else:
                assert kind == kinds.get(parameter.type, "STRING")
            if kind in ("INT", "FLOAT") and parameter.HasField("minimum"):
                assert options["min"] == parameter.minimum
            if kind in ("INT", "FLOAT") and parameter.HasField("maximum"):
                assert options["max"] == parameter.maximum


def test_chained_plugins_draw_as_the_direct_call_does(runner, host, api):
    graph = text_to_image(plugins=["4", 0], nodes={
        "3": node("PatchbayPlugin_cfgpp", scale=0.4),
        "4": node("PatchbayPlugin_pag", plugins=["3", 0], scale=2.0)})
    images, parameters = runner.run(graph)["2"]
    choices = [api.PluginChoice(plugin_id=plugin, settings={"scale": api.ParameterValue(double_value=value)})
               for plugin, value in (("cfgpp", 0.4), ("pag", 2.0))]
    wanted, texts = direct(host, api, plugins=choices)
    assert pixels(images[0]) == wanted != direct(host, api)[0]
    assert parameters == texts and schema(host, api, "cfgpp").plugin.build[:12] in texts[0]


def test_batches_of_pictures_are_clips(runner, host, api, client_package):
    """All pictures of an IMAGE are frames for the outpainter, and the first alone for plugins that take one."""
    frames = scene(3, 64, 64)
    runner.classes["Frames"] = type("Frames", (), {
        "INPUT_TYPES": classmethod(lambda cls: {"required": {}}), "RETURN_TYPES": ("IMAGE",), "FUNCTION": "give",
        "give": lambda self: (torch.from_numpy(frames.astype(np.float32) / 255),)})
    graph = text_to_image(width=80, height=64, batch_size=3, plugins=["3", 0], nodes={
        "3": node("PatchbayPlugin_outpainter", picture=["4", 0], left=16), "4": node("Frames")})
    images, _ = runner.run(graph)["2"]
    drawn = np.stack([np.frombuffer(picture, np.uint8).reshape(64, 80, 3) for picture in pixels(images[0])])
    assert np.array_equal(drawn[:, :, 16:], frames)
    file = client_package.clip_of([Image.fromarray(frame) for frame in frames])
    choice = api.PluginChoice(plugin_id="outpainter", settings={
        "picture": api.ParameterValue(artifact_id=host.upload(file).id), "left": api.ParameterValue(int_value=16)})
    assert pixels(images[0]) == direct(host, api, plugins=[choice], batch=3, size={"width": 80, "height": 64})[0]


def test_defaults_change_nothing(runner, host, api):
    """A node as the page makes it, with every default filled in, asks for what a bare plugin does."""
    inputs = {name: options["default"] for name, (_, options) in
              runner.classes["PatchbayPlugin_hidiffusion"].INPUT_TYPES()["optional"].items() if "default" in options}
    graph = text_to_image(plugins=["3", 0], nodes={"3": node("PatchbayPlugin_hidiffusion", **inputs)})
    assert inputs and pixels(runner.run(graph)["2"][0][0]) == direct(
        host, api, plugins=[api.PluginChoice(plugin_id="hidiffusion")])[0]


def test_bad_settings_are_refused(runner):
    with pytest.raises(Refused, match="out of range scale"):
        runner.run(text_to_image(plugins=["3", 0], nodes={"3": node("PatchbayPlugin_cfgpp", scale=1e9)}))


@pytest.fixture
def comfy_server(comfy, monkeypatch):
    """ComfyUI's server as far as extensions touch it: an application, its sockets, the lists of nodes."""
    listed = types.ModuleType("nodes")
    listed.NODE_CLASS_MAPPINGS, listed.NODE_DISPLAY_NAME_MAPPINGS = {}, {}
    server = types.SimpleNamespace(app=web.Application(), sockets={"page": object()}, sent=[])
    server.send_sync = lambda event, data: server.sent.append((event, data))

    async def object_info(request: web.Request) -> web.Response:
        return web.json_response({name: node_class.INPUT_TYPES() for name, node_class in
                                  listed.NODE_CLASS_MAPPINGS.items()})

    server.app.router.add_get("/api/object_info", object_info)
    module = types.ModuleType("server")
    module.PromptServer = types.SimpleNamespace(instance=server)
    monkeypatch.setitem(sys.modules, "server", module)
    monkeypatch.setitem(sys.modules, "nodes", listed)
    server.listed = listed
    return server


def test_nodes_follow_the_host_while_comfyui_runs(comfy_server, new_nodes, new_server, api, caplog):  # noqa: F811
    """Absent at start, started, a plugin installed, swapped: no restart in between."""
    address = free_address()
    nodes = new_nodes(address)
    assert f"No Patchbay host answers at {address}" in caplog.text
    assert not any("Plugin_" in name for name in nodes.NODE_CLASS_MAPPINGS)
    listed = comfy_server.listed
    listed.NODE_CLASS_MAPPINGS.update(nodes.NODE_CLASS_MAPPINGS)  # as ComfyUI does after importing
    with pytest.raises(Refused, match="No Patchbay host answers"):
        Runner(listed.NODE_CLASS_MAPPINGS).run(text_to_image())
    server = new_server()

    async def steps() -> None:
        async with TestClient(TestServer(comfy_server.app)) as client:
            async def info() -> dict:
                await asyncio.sleep(2.1)  # what was asked a moment ago is not asked again
                return await (await client.get("/api/object_info")).json()

            assert "PatchbayPlugin_cfgpp" not in await info()
            await asyncio.to_thread(server.start, "--grpc", address)
            found = await info()
            assert "PatchbayPlugin_cfgpp" in found and "PatchbayPlugin_test-swap" not in found
            comfy_server.sent.clear()
            await asyncio.to_thread(install, server, api, SWAP[1])
            assert "PatchbayPlugin_test-swap" in await info()
            await asyncio.to_thread(install, server, api, SWAP[2])
            await asyncio.to_thread(activate, server, api, "test-swap", build_of(SWAP[2]))
            for _ in range(80):
                if comfy_server.sent:
                    break
                await asyncio.sleep(0.1)
            assert comfy_server.sent[0][0] == "patchbay_plugins"
            # While the host is away the nodes stay; once it is back without a plugin, that one's node goes.
            await asyncio.to_thread(server.end)
            assert "PatchbayPlugin_test-swap" in await info()
            await asyncio.to_thread(new_server().start, "--grpc", address)
            assert "PatchbayPlugin_test-swap" not in (found := await info()) and "PatchbayPlugin_cfgpp" in found

    asyncio.run(steps())
    assert listed.NODE_CLASS_MAPPINGS["PatchbayPlugin_cfgpp"].RELATIVE_PYTHON_MODULE


def test_the_pages_setting_names_the_host(new_nodes, new_server, comfy):  # noqa: F811
    server = new_server().start()
    nodes = new_nodes("")
    (comfy.folder / "user/default").mkdir(parents=True)
    settings = comfy.folder / "user/default/comfy.settings.json"
    connection = sys.modules[nodes.__name__ + ".connection"]
    assert connection.configured_address() == "127.0.0.1:50051"
    settings.write_text("{")
    assert connection.configured_address() == "127.0.0.1:50051"
    settings.write_text(json.dumps({"patchbay.host": f" {server.address} "}))
    assert pixels(Runner(nodes.NODE_CLASS_MAPPINGS).run(text_to_image())["2"][0][0])


def test_a_swap_runs_what_depends_on_it_again_and_nothing_else(new_nodes, new_server, api):  # noqa: F811
    server = new_server().start()
    install(server, api, SWAP[1])
    nodes = new_nodes(server.address)
    runner = Runner(nodes.NODE_CLASS_MAPPINGS)
    graph = text_to_image(plugins=["3", 0], nodes={"3": node("PatchbayPlugin_test-swap")})
    plain = text_to_image()
    first = pixels(runner.run(graph)["2"][0][0])
    runner.run(graph)
    assert runner.executed == []
    install(server, api, SWAP[2])
    activate(server, api, "test-swap", build_of(SWAP[2]))
    model = sys.modules[nodes.__name__ + ".connection"].connection()
    model.catalogue.refresh(now=True)
    second = runner.run(graph)
    assert set(runner.executed) == {"1", "2", "3"} and pixels(second["2"][0][0]) != first
    assert build_of(SWAP[2])[:12] in second["2"][1][0]
    # An active plugin acts in graphs without its node as well.
    assert pixels(runner.run(plain)["2"][0][0]) == direct(server, api)[0]
