"""Plugins through both bridges: scripts and nodes made from their schemas, and what a swap does."""

from __future__ import annotations

import base64
import concurrent.futures
import io
import json
import time

import pytest
import requests
from bridges.comfyui.client import Client, events, workflow
from bridges.conftest import Bridges
from PIL import Image
from service.conftest import new_server  # noqa: F401
from service.plugin_calls import SWAP, activate, build_of, install

SMALL = {"prompt": "an apple", "width": 64, "height": 64, "steps": 2, "seed": 1, "sampler_name": "Euler"}


def schemas(host, api) -> dict[str, object]:
    ids = {plugin.id for plugin in host.plugins.ListPlugins(api.ListPluginsRequest()).plugins}
    return {name: host.plugins.GetPluginSchema(api.GetPluginSchemaRequest(plugin_id=name)) for name in sorted(ids)}


def draw(bridges, **fields: object) -> tuple[bytes, dict]:
    answer = requests.post(f"{bridges.webui}/sdapi/v1/txt2img", json={**SMALL, **fields}, timeout=120)
    assert answer.status_code == 200, answer.text
    picture = Image.open(io.BytesIO(base64.b64decode(answer.json()["images"][0])))
    return picture.tobytes(), json.loads(answer.json()["info"])


def test_script_info_is_the_schema(bridges, host, api):
    scripts = requests.get(f"{bridges.webui}/sdapi/v1/scripts", timeout=60).json()
    told = requests.get(f"{bridges.webui}/sdapi/v1/script-info", timeout=60).json()
    known = schemas(host, api)
    assert "cfgpp" in known and len(scripts["txt2img"]) == len(known)
    assert scripts["img2img"] == [*scripts["txt2img"], "outpainting mk2", "poor man's outpainting"]
    assert [entry["name"] for entry in told] == scripts["txt2img"] * 2
    for entry, schema in zip(told, list(known.values()) * 2, strict=True):
        assert entry["name"] == schema.plugin.name.lower() and entry["is_alwayson"]
        parameters = sorted(schema.parameters, key=lambda parameter: parameter.number)
        assert len(entry["args"]) == len(parameters) + 2
        for argument, parameter in zip(entry["args"][2:], parameters, strict=True):
            assert argument["label"] == (parameter.label or parameter.id)
            assert argument["minimum"] == (parameter.minimum if parameter.HasField("minimum") else None)
            assert argument["maximum"] == (parameter.maximum if parameter.HasField("maximum") else None)
            assert argument["choices"] == ([choice.id for choice in parameter.choices] or None)


def test_numbers_of_nodes_have_steps(bridges):
    """The page cannot draw a number whose step is 0."""
    nodes = requests.get(f"{bridges.comfyui}/object_info", timeout=60).json()
    steps = {(name, field): options["step"] for name, node in nodes.items() if name.startswith("Patchbay_")
             for group in node["input"].values() for field, (kind, options) in group.items() if kind in ("INT", "FLOAT")}
    assert ("Patchbay_hidiffusion", "t1") in steps
    assert [place for place, step in steps.items() if not step > 0] == []


def test_always_on_scripts(bridges, host, api):
    schema = schemas(host, api)["cfgpp"]
    title = schema.plugin.name
    numbers = [parameter.id for parameter in sorted(schema.parameters, key=lambda parameter: parameter.number)]
    plain, info = draw(bridges)
    assert "Plugins" not in info["infotexts"][0]
    off, _ = draw(bridges, alwayson_scripts={title: {"args": [False, {"scale": 0.3}]}})
    assert off == plain
    named, info = draw(bridges, alwayson_scripts={title.upper(): {"args": [True, {"scale": 0.3}]}})
    assert named != plain and "Plugins: " in info["infotexts"][0]
    assert schema.plugin.build[:12] in info["infotexts"][0] and "Plugins" in info["extra_generation_params"]
    places = [True, {}] + [0.3 if name == "scale" else None for name in numbers] + ["surplus"]
    assert draw(bridges, alwayson_scripts={title: {"args": places}})[0] == named
    assert draw(bridges, alwayson_scripts={"cfgpp": {"args": {"scale": 0.3}}})[0] == named
    for arguments in ([True, {"no_such": 1}], [True, {"scale": "much"}], [True, {"scale": 1e9}]):
        answer = requests.post(f"{bridges.webui}/sdapi/v1/txt2img", timeout=60, json={
            **SMALL, "alwayson_scripts": {title: {"args": arguments}}})
        assert answer.status_code == 422 and answer.json()["detail"], answer.text


def test_nodes_are_the_schema(bridges, host, api):
    info = requests.get(f"{bridges.comfyui}/object_info", timeout=60).json()
    for name, schema in schemas(host, api).items():
        node = info[f"Patchbay_{name}"]
        assert node["display_name"] == schema.plugin.name and node["output"] == ["MODEL"]
        inputs = {**node["input"]["required"], **node["input"].get("optional", {})}
        assert set(inputs) == {"model", *(parameter.id for parameter in schema.parameters)}
        for parameter in schema.parameters:
            kind, options = inputs[parameter.id]
            if parameter.type == api.PARAMETER_TYPE_CHOICE:
                assert kind == [choice.id for choice in parameter.choices]
            if parameter.HasField("minimum") and kind in ("INT", "FLOAT"):
                assert options["min"] == parameter.minimum
            assert options.get("tooltip", "") == parameter.help
    samplers = info["KSampler"]["input"]["required"]["sampler_name"][0]
    assert {"euler_cfg_pp", "euler_ancestral_cfg_pp", "dpmpp_2m_cfg_pp", "dpmpp_2s_ancestral_cfg_pp"} <= set(samplers)


def plugin_node(bridges, name: str, **settings: object) -> dict:
    info = requests.get(f"{bridges.comfyui}/object_info/Patchbay_{name}", timeout=60).json()[f"Patchbay_{name}"]
    inputs = {}
    for field, (kind, options) in info["input"]["optional"].items():
        if kind != "IMAGE":
            inputs[field] = options.get("default", kind[0] if isinstance(kind, list) else "")
    return {"class_type": f"Patchbay_{name}", "inputs": {"model": ["4", 0], **inputs, **settings}}


def test_plugin_node_and_cfg_pp_samplers(bridges):
    client = Client(bridges.comfyui_address)
    cfg_pp, _ = client.run(workflow(sampler={"sampler_name": "euler_cfg_pp", "cfg": 0.6, "seed": 3}))
    graph = workflow(sampler={"model": ["20", 0], "cfg": 0.6, "seed": 3},
                     nodes={"20": plugin_node(bridges, "cfgpp", source="comfyui")})
    node, _ = client.run(graph)
    plain, _ = client.run(workflow(sampler={"cfg": 0.6, "seed": 3}))
    files = [Image.open(io.BytesIO(client.view(entry["outputs"]["9"]["images"][0]))) for entry in (cfg_pp, node, plain)]
    client.close()
    assert files[0].tobytes() == files[1].tobytes() != files[2].tobytes()
    assert "Plugins: " in files[0].info["parameters"] and "Plugins: " not in files[2].info["parameters"]


@pytest.fixture
def swapped(new_server, tmp_path):  # noqa: F811
    server = new_server().start()
    bridges = Bridges(tmp_path / "bridges", server.address)
    yield server, bridges
    assert bridges.end() == 0


def test_swap_is_seen(swapped, api):
    """A plugin that is installed appears; a swap makes its node and what follows run again, and nothing else."""
    server, bridges = swapped
    client = Client(bridges.comfyui_address)
    info = requests.get(f"{bridges.comfyui}/object_info", timeout=60).json()
    assert "Patchbay_test-swap" not in info
    time.sleep(3)  # the bridge has seen the plugins once
    install(server, api, SWAP[1])
    while "patchbay_plugins" not in (frame := client.socket.recv()):
        assert frame
    graph = workflow(sampler={"model": ["20", 0]}, nodes={"20": plugin_node(bridges, "test-swap")})
    first, _ = client.run(graph)
    install(server, api, SWAP[2])
    activate(server, api, "test-swap", build_of(SWAP[2]))
    second, frames = client.run(graph)
    assert sorted(events(frames, "execution_cached")[0]["nodes"]) == ["4", "5", "6", "7"]
    pictures = [client.view(entry["outputs"]["9"]["images"][0]) for entry in (first, second)]
    assert Image.open(io.BytesIO(pictures[0])).tobytes() != Image.open(io.BytesIO(pictures[1])).tobytes()
    assert build_of(SWAP[2])[:12] in Image.open(io.BytesIO(pictures[1])).info["parameters"]
    builds = requests.get(f"{bridges.comfyui}/patchbay/plugins", timeout=60).json()
    states = {build["build"]: build["state"] for build in builds if build["id"] == "test-swap"}
    assert states[build_of(SWAP[2])] == "PLUGIN_STATE_ACTIVE"
    url = f"{bridges.comfyui}/api/patchbay/plugins/test-swap"
    assert requests.post(f"{url}/activate?build={build_of(SWAP[1])}", timeout=60).status_code == 200
    third, frames = client.run(graph)
    assert "20" not in events(frames, "execution_cached")[0]["nodes"]
    assert requests.post(f"{url}/roll-back", timeout=60).status_code == 200
    assert requests.post(f"{url}/retire", timeout=60).status_code == 200
    assert requests.post(f"{url}/explode", timeout=60).status_code == 404
    scripts = requests.get(f"{bridges.webui}/sdapi/v1/scripts", timeout=60).json()
    assert len(scripts["txt2img"]) > 1
    client.close()


def acting(bridges) -> list[str]:
    builds = requests.get(f"{bridges.comfyui}/patchbay/plugins", timeout=60).json()
    return [build["id"] for build in sorted(builds, key=lambda build: build["place"]) if build["place"] > 0]


def test_the_panel_moves_plugins_forward(swapped, api):
    """Whoever clicks at the same moment: no click is lost, and inactive plugins keep their places."""
    server, bridges = swapped
    for plugin in ("hidiffusion", "cfgpp", "cfg-rescale", "pag"):
        activate(server, api, plugin)
    server.plugins.OrderPlugins(api.OrderPluginsRequest(plugin_ids=["pag", "hidiffusion", "cfgpp", "cfg-rescale"]))
    server.plugins.RetirePlugin(api.RetirePluginRequest(plugin_id="pag"))

    def move(plugin: str) -> int:
        return requests.post(f"{bridges.comfyui}/patchbay/plugins/{plugin}/move-forward", timeout=60).status_code

    assert move("cfgpp") == 200 and acting(bridges) == ["cfgpp", "hidiffusion", "cfg-rescale"]
    assert (move("cfgpp"), move("pag"), move("nobody")) == (400, 400, 404)
    activate(server, api, "pag")
    expected = ["pag", "cfgpp", "hidiffusion", "cfg-rescale"]
    assert acting(bridges) == expected
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for _ in range(10):
            expected = [expected[i] for i in (1, 0, 3, 2)]
            assert list(pool.map(move, (expected[0], expected[2]))) == [200, 200]
            assert acting(bridges) == expected
