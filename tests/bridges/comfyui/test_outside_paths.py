"""File names that lead out of the bridge's folders, in every field that takes one: nothing outside is read or written."""

from __future__ import annotations

import io
import json
import pathlib
import urllib.parse

import pytest
import requests
from bridges.comfyui.client import workflow
from PIL import Image

SECRET = b"a secret that no answer may hold"
NAMES = ["../secret.txt", "..\\secret.txt", "../../secret.txt", "../../../secret.txt", "a/../../secret.txt", "./../secret.txt",
         "....//secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "..", ".", "/", "//", "", " ", "a/", "../input/../../secret.txt",
         "secret.txt\0.png", "../../../../../../../../etc/passwd", "C:\\secret.txt", "~/secret.txt", "../secret.txt [input]",
         "../../secret.txt [output]", "secret.txt [temp]", "x" * 5000, "/".join(["x" * 200] * 30), "\n../secret.txt", "é/../../secret.txt",
         "input/../../../secret.txt"]


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def fortress(host, tmp_path_factory):
    """Bridges with secrets on every level above their folders; checks that these levels stay as they are."""
    from bridges.conftest import Bridges
    folder = tmp_path_factory.mktemp("fortress")
    started = Bridges(folder, host.address)
    root = folder / "data/comfyui"
    for level in (folder, folder / "data", root):
        (level / "secret.txt").write_bytes(SECRET)
    inside = [root / name for name in ("input", "output", "temp", "user")]

    def outside() -> dict[pathlib.Path, bytes]:
        return {path: path.read_bytes() for path in folder.rglob("*")
                if path.is_file() and path.name != "stderr.txt" and not any(path.is_relative_to(own) for own in inside)}

    before = outside()
    yield started
    assert outside() == before
    assert started.end() == 0


def check(answer: requests.Response) -> None:
    assert answer.status_code < 500, (answer.status_code, answer.text[:200])
    assert SECRET not in answer.content and b"root:" not in answer.content


def url(bridges, path: str, **query: str) -> str:
    return f"{bridges.comfyui}{path}" + ("?" + urllib.parse.urlencode(query) if query else "")


@pytest.mark.parametrize("name", NAMES)
def test_view(fortress, name):
    for kind in ("input", "output", "temp", name):
        check(requests.get(url(fortress, "/view", filename=name, type=kind), timeout=60))
        check(requests.get(url(fortress, "/view", filename="secret.txt", subfolder=name, type=kind), timeout=60))
        check(requests.get(url(fortress, "/view", filename=name, subfolder=name, type=kind, preview="webp"), timeout=60))


def form(**fields: bytes) -> tuple[bytes, dict]:
    body = b"".join(b"--B\r\nContent-Disposition: form-data; " + head + b"\r\n\r\n" + content + b"\r\n"
                    for head, content in fields["parts"]) + b"--B--\r\n"
    return body, {"Content-Type": "multipart/form-data; boundary=B"}


def upload(bridges, path: str, name: str, **fields: str) -> requests.Response:
    quoted = name.encode("utf-8", "surrogatepass").replace(b'"', b"%22")
    parts = [(b'name="image"; filename="' + quoted + b'"', png())]
    parts += [(b'name="' + field.encode() + b'"', value.encode()) for field, value in fields.items()]
    body, headers = form(parts=parts)
    return requests.post(bridges.comfyui + path, data=body, headers=headers, timeout=60)


@pytest.mark.parametrize("name", NAMES)
def test_uploads(fortress, name):
    for overwrite in ("true", "false"):
        check(upload(fortress, "/upload/image", name, overwrite=overwrite))
        check(upload(fortress, "/upload/image", "x.png", subfolder=name, overwrite=overwrite))
        check(upload(fortress, "/upload/image", "x.png", type=name, overwrite=overwrite))
    for where in ({"filename": name}, {"filename": "secret.txt", "subfolder": name}, {"filename": "x.png", "type": name}, name):
        check(upload(fortress, "/upload/mask", "mask.png", original_ref=json.dumps(where)))


@pytest.mark.parametrize("name", NAMES)
def test_userdata(fortress, name):
    quoted = urllib.parse.quote(name, safe="")
    for path in (quoted, f"workflows%2F{quoted}"):
        check(requests.get(url(fortress, f"/userdata/{path}"), timeout=60))
        check(requests.post(url(fortress, f"/userdata/{path}"), data=b"x", timeout=60))
        check(requests.post(url(fortress, f"/userdata/{path}/move/stolen.txt"), timeout=60))
        check(requests.post(url(fortress, f"/userdata/stolen.txt/move/{path}"), timeout=60))
        check(requests.delete(url(fortress, f"/userdata/{path}"), timeout=60))
    check(requests.get(url(fortress, "/userdata", dir=name, recurse="true", full_info="true"), timeout=60))


@pytest.mark.parametrize("path", ["/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt",
                                  "/extensions/..%2f..%2fsecret.txt", "/extensions/patchbay/..%2fsecret.txt", "/object_info/..%2f..",
                                  "/models/..%2f..%2fsecret.txt", "/settings/..%2fsecret.txt", "/history/..%2f"])
def test_other_routes(fortress, path):
    request = requests.Request("GET", fortress.comfyui).prepare()
    request.url = fortress.comfyui + path  # as it is: the library would tidy it up
    check(requests.Session().send(request, timeout=60))


@pytest.mark.parametrize("name", NAMES)
def test_nodes(fortress, name):
    """Names in graphs: refused, or the prompt fails, or the file lies inside."""
    graphs = [workflow(nodes={"9": {"class_type": "SaveImage", "inputs": {"filename_prefix": name, "images": ["8", 0]}}}),
              workflow(nodes={"9": {"class_type": "SaveLatent", "inputs": {"filename_prefix": name, "samples": ["3", 0]}}})]
    for loader, field in (("LoadImage", "image"), ("LoadImageMask", "image"), ("LoadLatent", "latent")):
        inputs = {field: name, **({"channel": "red"} if loader == "LoadImageMask" else {})}
        graphs.append({"1": {"class_type": loader, "inputs": inputs},
                       "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}}})
    for graph in graphs:
        answer = requests.post(f"{fortress.comfyui}/prompt", data=json.dumps({"prompt": graph}), timeout=60)
        check(answer)
    while requests.get(f"{fortress.comfyui}/prompt", timeout=60).json()["exec_info"]["queue_remaining"]:
        pass
    check(requests.get(f"{fortress.comfyui}/history", timeout=60))
