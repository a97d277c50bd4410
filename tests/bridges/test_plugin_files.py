"""Plugins' settings that take files and pictures, through both bridges."""

from __future__ import annotations

import base64
import io

import pytest
import requests
from bridges.comfyui.client import Client, workflow
from bridges.conftest import Bridges
from bridges.test_plugins import SMALL, draw
from PIL import Image
from service.conftest import new_server  # noqa: F401
from service.plugin_calls import BUILT, install

TITLE = "Files"


@pytest.fixture
def filed(new_server, api, tmp_path):  # noqa: F811
    """Bridges of a server with test-files and a folder of plugins' files."""
    folder = tmp_path / "plugin-files"
    folder.mkdir()
    (folder / "three.txt").write_text("3")
    server = new_server().start("--plugin-files", folder)
    install(server, api, BUILT / "service_plugins/test-files")
    bridges = Bridges(tmp_path / "bridges", server.address)
    yield bridges
    assert bridges.end() == 0


def png(*pixels: int, mode: str = "L", size: tuple[int, int] = (8, 8)) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size, pixels[0] if len(pixels) == 1 else pixels).save(stream, "PNG")
    return stream.getvalue()


def text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def scripted(bridges: Bridges, **settings: object) -> tuple[bytes, str]:
    """Pixels, and what the infotext says."""
    pixels, info = draw(bridges, alwayson_scripts={TITLE: {"args": [True, settings]}})
    return pixels, info["infotexts"][0]


def test_scripts_take_pictures_as_controlnet_does(filed):
    plain, _ = scripted(filed)
    white, said = scripted(filed, picture=text(png(255)))
    assert white != plain and "(picture=" in said and text(png(255))[:40] not in said
    assert scripted(filed, picture="data:image/png;base64," + text(png(255)))[0] == white
    assert scripted(filed, picture={"image": text(png(255))})[0] == white
    assert scripted(filed, picture={"image": text(png(255)), "mask": None})[0] == white
    assert draw(filed, alwayson_scripts={TITLE: {"args": [True, None, "", text(png(255)), None]}})[0] == white
    # The mask is the opacity; one that nobody has painted is none.
    assert scripted(filed, picture={"image": text(png(255)), "mask": text(png(0))})[0] == white
    grey = scripted(filed, picture={"image": text(png(255)), "mask": text(png(51, size=(4, 4)))})[0]
    assert grey != white
    assert scripted(filed, picture=text(png(255, 255, 255, 51, mode="RGBA")))[0] == grey
    for nothing in ("", None, {"image": None}):
        assert scripted(filed, picture=nothing)[0] == plain
    for wrong in ("not base64!", text(b"GIF89a"), 3, ["x"], {"image": 3}, {"image": text(png(0)), "mask": "?"},
                  "http://127.0.0.1/p.png"):
        answer = requests.post(f"{filed.webui}/sdapi/v1/txt2img", timeout=60, json={
            **SMALL, "alwayson_scripts": {TITLE: {"args": [True, {"picture": wrong}]}}})
        assert answer.status_code == 422 and answer.json()["detail"], (wrong, answer.text)


def test_scripts_name_files_of_the_folder(filed):
    plain, _ = scripted(filed)
    three, said = scripted(filed, number="three.txt")
    assert three != plain and "(number=three.txt)" in said
    assert scripted(filed, number="")[0] == plain
    answer = requests.post(f"{filed.webui}/sdapi/v1/txt2img", timeout=60, json={
        **SMALL, "alwayson_scripts": {TITLE: {"args": [True, {"number": "four.txt"}]}}})
    assert answer.status_code == 422 and "four.txt" in answer.text


def test_nodes_take_images_and_names(filed):
    client = Client(filed.comfyui_address)
    node = requests.get(f"{filed.comfyui}/object_info/Patchbay_test-files", timeout=60).json()["Patchbay_test-files"]
    inputs = node["input"]["optional"]
    assert (inputs["number"][0], inputs["picture"][0], inputs["mask"][0]) == ("STRING", "IMAGE", "IMAGE")
    files = {"image": ("white.png", png(255), "image/png")}
    assert requests.post(f"{filed.comfyui}/upload/image", files=files, timeout=60).status_code == 200
    image = {"class_type": "LoadImage", "inputs": {"image": "white.png"}}

    def drawn(**settings: object) -> tuple[bytes, str]:
        graph = workflow(sampler={"model": ["20", 0]}, nodes={"21": image, "20": {
            "class_type": "Patchbay_test-files", "inputs": {"model": ["4", 0], **settings}}})
        entry, _ = client.run(graph)
        picture = Image.open(io.BytesIO(client.view(entry["outputs"]["9"]["images"][0])))
        return picture.tobytes(), picture.info["parameters"]

    plain, _ = drawn(number="")
    three, said = drawn(number="three.txt")
    assert three != plain and "(number=three.txt)" in said
    white, said = drawn(number="", picture=["21", 0])
    assert white not in (plain, three) and "(picture=" in said
    client.close()
