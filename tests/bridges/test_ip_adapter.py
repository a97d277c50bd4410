"""IP-Adapter through both bridges: pictures, files and masks reach it, and nodes may follow each other."""

from __future__ import annotations

import io

import pytest
import requests
from bridges.comfyui.client import Client, workflow
from bridges.conftest import Bridges
from bridges.test_plugin_files import text
from bridges.test_plugins import draw, plugin_node
from PIL import Image
from plugins.ip_adapter_files import write_files
from service.conftest import new_server  # noqa: F401


def png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.resize((24, 20)).save(stream, "PNG")
    return stream.getvalue()


PHOTO, OTHER = png(Image.linear_gradient("L")), png(Image.radial_gradient("L"))
MASK = png(Image.linear_gradient("L").point(lambda value: 255 * (value > 127)))


@pytest.fixture
def adapted(new_server, tmp_path):  # noqa: F811
    """Bridges of a server whose folder has an adapter and its encoder."""
    folder = tmp_path / "plugin-files"
    folder.mkdir()
    _, network = write_files(folder)
    network.rename(folder / "image_encoder.safetensors")
    bridges = Bridges(tmp_path / "bridges", new_server().start("--plugin-files", folder).address)
    yield bridges
    assert bridges.end() == 0


def test_script(adapted):
    def drawn(**settings: object) -> bytes:
        given = {"adapter": "adapter.safetensors", "image": text(PHOTO), **settings}
        pixels, info = draw(adapted, alwayson_scripts={"IP-Adapter": {"args": [True, given]}})
        assert "ip-adapter 1.0.0" in info["infotexts"][0]
        return pixels

    plain, _ = draw(adapted)
    one = drawn()
    assert len({plain, one, drawn(weight=1), drawn(image=text(OTHER)), drawn(image_2=text(OTHER)),
                drawn(mask=text(MASK)), drawn(layers="style")}) == 7
    assert drawn(weight=0) == plain and drawn() == one


def test_nodes(adapted):
    client = Client(adapted.comfyui_address)
    images = {}
    for number, (name, content) in enumerate([("photo.png", PHOTO), ("other.png", OTHER), ("mask.png", MASK)], 40):
        files = {"image": (name, content, "image/png")}
        assert requests.post(f"{adapted.comfyui}/upload/image", files=files, timeout=60).status_code == 200
        images[str(number)] = {"class_type": "LoadImage", "inputs": {"image": name}}

    def drawn(*nodes: dict) -> tuple[bytes, str]:
        """Along a line of nodes."""
        line = {str(20 + place): plugin_node(adapted, "ip-adapter", adapter="adapter.safetensors", **settings,
                                             **({"model": [str(19 + place), 0]} if place else {}))
                for place, settings in enumerate(nodes)}
        graph = workflow(sampler={"model": [str(19 + len(nodes)), 0]} if nodes else {}, nodes={**images, **line})
        entry, _ = client.run(graph)
        picture = Image.open(io.BytesIO(client.view(entry["outputs"]["9"]["images"][0])))
        return picture.tobytes(), picture.info["parameters"]

    first, second = {"image": ["40", 0], "mask": ["42", 0]}, {"image": ["41", 0], "weight": 1.0}
    both, said = drawn(first, second)
    assert said.count("ip-adapter 1.0.0") == 2
    assert len({both, *(drawn(*nodes)[0] for nodes in ([], [first], [second], [{"image": ["40", 0]}]))}) == 5
    client.close()
