"""IP-Adapter through both bridges: pictures, files and masks reach it, and nodes may follow each other."""

from __future__ import annotations

import io

import pytest
import requests
from bridges.comfyui.client import Client, events, workflow
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


@pytest.mark.parametrize("kind", ["IPAdapter", "IPAdapterAdvanced"])
def test_nodes_of_the_known_package(adapted, kind):
    """A workflow with these draws what the plugin's own node draws; what the plugin cannot follow is refused by name."""
    client = Client(adapted.comfyui_address)
    for name, content in (("photo.png", PHOTO), ("mask.png", MASK)):
        assert requests.post(f"{adapted.comfyui}/upload/image", files={"image": (name, content, "image/png")},
                             timeout=60).status_code == 200
    simple = kind == "IPAdapter"
    common = {"30": {"class_type": "IPAdapterModelLoader", "inputs": {"ipadapter_file": "adapter.safetensors"}},
              "31": {"class_type": "CLIPVisionLoader", "inputs": {"clip_name": "image_encoder.safetensors"}},
              "40": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}},
              "41": {"class_type": "LoadImageMask", "inputs": {"image": "mask.png", "channel": "red"}},
              "42": {"class_type": "ImageBatch", "inputs": {"image1": ["40", 0], "image2": ["43", 0]}},
              "43": {"class_type": "ImageInvert", "inputs": {"image": ["40", 0]}}}

    def drawn(node: dict) -> bytes:
        graph = workflow(sampler={"model": ["20", 0]}, nodes={**common, "20": node})
        entry, _ = client.run(graph)
        assert entry["status"]["status_str"] == "success", entry["status"]
        return Image.open(io.BytesIO(client.view(entry["outputs"]["9"]["images"][0]))).tobytes()

    def known(**settings: object) -> dict:
        given = {"model": ["4", 0], "ipadapter": ["30", 0], "image": ["40", 0], "weight": 0.8, "start_at": 0, "end_at": 1,
                 "weight_type": "standard" if simple else "linear"}
        if not simple:
            given |= {"combine_embeds": "concat", "embeds_scaling": "V only", "clip_vision": ["31", 0]}
        return {"class_type": kind, "inputs": {**given, **settings}}

    def own(**settings: object) -> dict:
        given = {"adapter": "adapter.safetensors", "weight": 0.8, "image": ["40", 0], **settings}
        return plugin_node(adapted, "ip-adapter", **given)

    style = "/".join("0" if 4 <= index <= 8 else "1" for index in range(16))
    pairs = [(known(), own()), (known(weight_type="style transfer"), own(block_weights=style)),
             (known(start_at=0.5), own(begin=0.5)), (known(weight=0), own(weight=0)), (known(attn_mask=["41", 0]), None)]
    if simple:
        pairs.append((known(weight_type="prompt is more important"), None))
    else:
        pairs += [(known(weight_type="composition"), own(block_weights="/".join(["0"] * 4 + ["0.25", "1"] + ["0"] * 10))),
                  (known(image=["42", 0]), None)]
        assert drawn(known(combine_embeds="norm average")) == drawn(known())
    pictures = []
    for one, other in pairs:
        pictures.append(drawn(one))
        assert other is None or pictures[-1] == drawn(other)
    assert len(set(pictures)) == len(pairs)

    def failure(**settings: object) -> str:
        _, frames = client.run(workflow(sampler={"model": ["20", 0]}, nodes={**common, "20": known(**settings)}))
        return events(frames, "execution_error")[0]["exception_message"]

    assert "attn_mask" in failure(image=["42", 0], attn_mask=["41", 0])
    if not simple:
        assert '"average"' in failure(image=["42", 0], combine_embeds="average")

    def refusal(**settings: object) -> str:
        graph = workflow(sampler={"model": ["20", 0]}, nodes={**common, "20": known(**settings)})
        return requests.post(f"{adapted.comfyui}/prompt", json={"prompt": graph}, timeout=60).text

    precise = refusal(weight_type="style transfer precise")
    assert "weight_type" in precise and "style transfer" in precise
    client.close()


def test_presets(adapted, tmp_path):
    """The unified loader takes the files by the names that the package asks for, for the model's family."""
    folder = tmp_path / "plugin-files"
    (folder / "adapter.safetensors").rename(folder / "ip-adapter-plus_sd15.safetensors")
    (folder / "image_encoder.safetensors").rename(folder / "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors")
    files = {"image": ("photo.png", PHOTO, "image/png")}
    assert requests.post(f"{adapted.comfyui}/upload/image", files=files, timeout=60).status_code == 200
    client = Client(adapted.comfyui_address)

    def run(loader: str, preset: str) -> tuple[dict, list]:
        nodes = {"30": {"class_type": loader, "inputs": {"model": ["4", 0], "preset": preset}},
                 "40": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}},
                 "20": {"class_type": "IPAdapter", "inputs": {
                     "model": ["30", 0], "ipadapter": ["30", 1], "image": ["40", 0], "weight": 0.8, "start_at": 0, "end_at": 1,
                     "weight_type": "standard"}}}
        return client.run(workflow(sampler={"model": ["20", 0]}, nodes=nodes))

    entry, _ = run("IPAdapterUnifiedLoader", "PLUS (high strength)")
    assert entry["status"]["status_str"] == "success", entry["status"]
    picture = Image.open(io.BytesIO(client.view(entry["outputs"]["9"]["images"][0])))
    named = plugin_node(adapted, "ip-adapter", adapter="ip-adapter-plus_sd15.safetensors", weight=0.8, image=["40", 0],
                        encoder="CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors")
    own, _ = client.run(workflow(sampler={"model": ["20", 0]}, nodes={
        "20": named, "40": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}}}))
    same = Image.open(io.BytesIO(client.view(own["outputs"]["9"]["images"][0])))
    plain, _ = client.run(workflow())
    without = Image.open(io.BytesIO(client.view(plain["outputs"]["9"]["images"][0])))
    assert picture.tobytes() == same.tobytes() != without.tobytes()
    _, frames = run("IPAdapterUnifiedLoaderCommunity", "Composition")
    assert "ip_plus_composition_sd15.safetensors" in events(frames, "execution_error")[0]["exception_message"]
    refused = workflow(sampler={"model": ["30", 0]}, nodes={
        "30": {"class_type": "IPAdapterUnifiedLoaderFaceID", "inputs": {"model": ["4", 0], "preset": "FACEID"}}})
    assert "faces" in requests.post(f"{adapted.comfyui}/prompt", json={"prompt": refused}, timeout=60).text
    client.close()
