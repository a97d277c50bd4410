"""The routes beside prompts: lists, files, the user's data, the page."""

from __future__ import annotations

import io
import json

import numpy
import pytest
import requests
from PIL import Image


def get(bridges, path: str, **options) -> requests.Response:
    return requests.get(bridges.comfyui + path, timeout=60, **options)


def test_object_info(bridges):
    info = get(bridges, "/object_info").json()
    assert info == get(bridges, "/api/object_info").json()
    sampler = info["KSampler"]
    assert list(sampler["input"]["required"]) == ["model", "seed", "steps", "cfg", "sampler_name", "scheduler",
                                                  "positive", "negative", "latent_image", "denoise"]
    assert sampler["input_order"]["required"] == list(sampler["input"]["required"])
    assert sampler["input"]["required"]["seed"][1]["max"] == 2**64 - 1
    assert sampler["output"] == ["LATENT"] and sampler["output_node"] is False
    assert "euler" in sampler["input"]["required"]["sampler_name"][0]
    checkpoints = info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0]
    assert checkpoints[0] == "sd1.safetensors" and "v1-5-pruned-emaonly-fp16.safetensors" in checkpoints
    # SillyTavern reads these lists without asking whether they are there.
    for node, name in (("VAELoader", "vae_name"), ("UNETLoader", "unet_name")):
        assert info[node]["input"]["required"][name][0]
    assert get(bridges, "/object_info/KSampler").json() == {"KSampler": sampler}
    assert get(bridges, "/object_info/Unknown").json() == {}
    assert len(info) >= 40


@pytest.mark.parametrize("path", [
    "/features", "/users", "/settings", "/i18n", "/extensions", "/embeddings", "/models", "/models/checkpoints",
    "/experiment/models", "/experiment/models/loras", "/system_stats", "/queue", "/history", "/prompt",
    "/workflow_templates", "/global_subgraphs", "/node_replacements", "/userdata?dir=workflows&recurse=true",
    "/internal/logs/raw"])
def test_json_routes_are_served_twice(bridges, path):
    for prefix in ("", "/api"):
        answer = get(bridges, prefix + path)
        assert answer.status_code == 200, answer.text
        answer.json()


def test_first_visit_shows_the_default_workflow(new_bridges):
    bridges = new_bridges()
    assert get(bridges, "/settings").json() == {"Comfy.TutorialCompleted": True}
    requests.post(bridges.comfyui + "/settings/Comfy.Some.Thing", data="5", timeout=60)
    requests.post(bridges.comfyui + "/api/settings", json={"Other": [1]}, timeout=60)
    assert get(bridges, "/api/settings").json() == {"Comfy.TutorialCompleted": True, "Comfy.Some.Thing": 5,
                                                    "Other": [1]}
    assert get(bridges, "/settings/Other").json() == [1]


def test_userdata(new_bridges):
    bridges = new_bridges()
    url = bridges.comfyui + "/api/userdata/workflows%2Fsub%2Fa.json"
    assert requests.post(url, data=b'{"a":1}', timeout=60).json() == "workflows/sub/a.json"
    assert requests.get(url, timeout=60).json() == {"a": 1}
    assert requests.post(url + "?overwrite=false", data=b"{}", timeout=60).status_code == 409
    listed = get(bridges, "/userdata", params={"dir": "workflows", "recurse": "true", "full_info": "true"}).json()
    assert [(item["path"], item["size"]) for item in listed] == [("sub/a.json", 7)] and listed[0]["modified"] > 1e12
    moved = requests.post(bridges.comfyui + "/userdata/workflows%2Fsub%2Fa.json/move/workflows%2Fb.json", timeout=60)
    assert moved.json() == "workflows/b.json"
    assert get(bridges, "/userdata?dir=workflows").json() == ["b.json"]
    assert requests.delete(bridges.comfyui + "/userdata/workflows%2Fb.json", timeout=60).status_code == 204
    assert get(bridges, "/userdata/workflows%2Fb.json").status_code == 404
    assert get(bridges, "/userdata?dir=none").status_code == 404
    assert get(bridges, "/userdata").status_code == 400


def picture(colour: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    Image.new("RGBA" if len(colour) == 4 else "RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()


def upload(bridges, name: str, content: bytes, path: str = "/upload/image", **data: str) -> requests.Response:
    return requests.post(bridges.comfyui + path, files={"image": (name, content)}, data=data, timeout=60)


def photo(kind: str) -> bytes:
    """Two halves, dark and light, as a camera or a program may have stored them; upright they are 8x16, the dark one above."""
    halves = numpy.zeros((16, 8), dtype=numpy.uint8)
    halves[:8], halves[8:] = 64, 192
    file, exif = io.BytesIO(), Image.Exif()
    if kind == "turned":
        exif[0x0112] = 6  # the camera's top is at the right
        Image.fromarray(numpy.rot90(halves)).save(file, "JPEG", quality=100, exif=exif)
    elif kind == "turned webp":
        exif[0x0112] = 3
        Image.fromarray(halves[::-1, ::-1]).convert("RGB").save(file, "WEBP", lossless=True, exif=exif)
    elif kind == "16 bits":
        Image.fromarray(halves.astype(numpy.uint16) * 257).save(file, "PNG")
    elif kind == "cmyk":
        Image.fromarray(halves).convert("RGB").convert("CMYK").save(file, "JPEG", quality=100)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["turned", "turned webp", "16 bits", "cmyk"])
def test_pictures_of_any_kind(bridges, kind):
    assert upload(bridges, "photo.bin", photo(kind), overwrite="true").status_code == 200
    where = {"filename": "photo.bin", "type": "input", "preview": "png"}
    seen = numpy.asarray(Image.open(io.BytesIO(get(bridges, "/view", params=where).content)).convert("L"), dtype=int)
    assert seen.shape == (16, 8)
    assert abs(seen[:7] - 64).max() <= 3 and abs(seen[9:] - 192).max() <= 3


@pytest.mark.parametrize(("kind", "word"), [("GIF", "a GIF picture"), ("BMP", "a BMP picture"), ("TIFF", "a TIFF picture"),
                                            ("WEBP", "an animation")])
def test_pictures_that_are_not_read(bridges, kind, word):
    file = io.BytesIO()
    more = {"save_all": True, "append_images": [Image.new("RGB", (8, 8), "blue")]} if kind in ("GIF", "WEBP") else {}
    Image.new("RGB", (8, 8), "red").save(file, kind, **more)
    upload(bridges, "other.bin", file.getvalue(), overwrite="true")
    answer = get(bridges, "/view", params={"filename": "other.bin", "type": "input", "preview": "png"})
    assert answer.status_code == 400 and word in answer.text and "/" not in answer.text


def test_uploads(bridges):
    red, blue = picture((255, 0, 0)), picture((0, 0, 255))
    assert upload(bridges, "one.png", red, subfolder="deep").json() == {"name": "one.png", "subfolder": "deep",
                                                                       "type": "input"}
    assert upload(bridges, "one.png", red, subfolder="deep").json()["name"] == "one.png"
    assert upload(bridges, "one.png", blue, subfolder="deep").json()["name"] == "one (1).png"
    where = {"filename": "one.png", "type": "input", "subfolder": "deep"}
    assert get(bridges, "/view", params=where).content == red
    assert upload(bridges, "one.png", blue, subfolder="deep", overwrite="true").json()["name"] == "one.png"
    assert get(bridges, "/view", params=where).content == blue
    small = get(bridges, "/view", params={**where, "preview": "webp;50"})
    assert small.headers["Content-Type"] == "image/webp" and Image.open(io.BytesIO(small.content)).size == (8, 8)
    assert Image.open(io.BytesIO(get(bridges, "/view", params={**where, "channel": "rgb"}).content)).mode == "RGB"


def test_upload_mask(bridges):
    upload(bridges, "base.png", picture((10, 20, 30)))
    answer = upload(bridges, "masked.png", picture((0, 0, 0, 0)), "/upload/mask",
                    original_ref=json.dumps({"filename": "base.png", "type": "input"}))
    assert answer.status_code == 200, answer.text
    merged = Image.open(io.BytesIO(get(bridges, "/view", params={"filename": "masked.png", "type": "input"}).content))
    assert merged.getpixel((3, 3)) == (10, 20, 30, 0)


@pytest.mark.parametrize("where", [
    {"filename": "../../user/default/comfy.settings.json"}, {"filename": "/etc/passwd"},
    {"filename": "passwd", "subfolder": "/etc"}, {"filename": "x", "subfolder": "../../.."},
    {"filename": "x", "type": "user"}, {"filename": "..", "type": "input"}, {"filename": "a\0b"}])
def test_view_leads_nowhere_else(bridges, where):
    assert get(bridges, "/view", params=where).status_code in (400, 403, 404)


def test_links_are_not_followed_out(bridges):
    (bridges.folder / "data/comfyui/input/link").symlink_to("/etc")
    for answer in (get(bridges, "/view", params={"filename": "link/passwd", "type": "input"}),
                   upload(bridges, "x.png", b"x", subfolder="link")):
        assert answer.status_code == 403
    (bridges.folder / "data/comfyui/input/link").unlink()


@pytest.mark.parametrize("name", ["../x.png", "a/../../x.png", "/x.png", ""])
def test_uploads_stay_inside(bridges, name):
    body = (b'--B\r\nContent-Disposition: form-data; name="image"; filename="' + name.encode() +
            b'"\r\n\r\nx\r\n--B--\r\n')
    answer = requests.post(bridges.comfyui + "/upload/image", data=body, timeout=60,
                           headers={"Content-Type": "multipart/form-data; boundary=B"})
    assert answer.status_code in (400, 403)


@pytest.mark.parametrize("name", ["..%2F..%2Fx", "%2Fetc%2Fpasswd", "a%2F..%2F..%2F..%2Fx"])
def test_userdata_stays_inside(bridges, name):
    assert get(bridges, f"/userdata/{name}").status_code == 403
    assert requests.post(f"{bridges.comfyui}/userdata/{name}", data=b"x", timeout=60).status_code == 403


def test_active_content_is_not_shown(bridges):
    upload(bridges, "page.html", b"<script>alert(1)</script>")
    answer = get(bridges, "/view", params={"filename": "page.html", "type": "input"})
    assert answer.headers["Content-Type"] == "application/octet-stream"


def test_foreign_pages(bridges, new_bridges):
    foreign = {"Origin": "http://other.example"}
    assert get(bridges, "/queue", headers=foreign).status_code == 403
    assert get(bridges, "/queue", headers={"Origin": bridges.comfyui}).status_code == 200
    open_bridges = new_bridges("--cors-allow-origins", "http://other.example")
    answer = get(open_bridges, "/queue", headers=foreign)
    assert answer.headers["Access-Control-Allow-Origin"] == "http://other.example"
    preflight = requests.options(open_bridges.comfyui + "/prompt", headers=foreign, timeout=60)
    assert preflight.status_code == 200 and "POST" in preflight.headers["Access-Control-Allow-Methods"]


def test_a_name_that_was_made_to_mean_this_machine(bridges):
    """DNS rebinding: the page's origin is the name that it calls."""
    def status(host: str) -> int:
        return requests.get(f"{bridges.comfyui}/queue", headers={"Host": host, "Origin": f"http://{host}"}, timeout=60).status_code
    assert status("evil.example:8188") == status("127.0.0.1.evil.example:8188") == 403
    assert status(bridges.comfyui_address) == status(f"localhost:{bridges.comfyui_address.split(':')[1]}") == 200
    for path in ("/sdapi/v1/options", "/"):
        assert requests.get(bridges.webui + path, headers={"Host": "evil.example"}, timeout=60).status_code == 403


@pytest.mark.parametrize("path", ["/patchbay/plugins/%ff/activate", "/patchbay/plugins/pag/activate?build=%c3", "/userdata/%e2%82",
                                  "/history/%ed%a0%80", "/view?filename=%ff.png"])
def test_addresses_that_are_no_text(bridges, path):
    request = requests.Request("POST", bridges.comfyui).prepare()
    for request.method in ("GET", "POST"):
        request.url = bridges.comfyui + path
        answer = requests.Session().send(request, timeout=60)
        assert answer.status_code == 400 and "UTF-8" in answer.json()["detail"]


def test_bearer(new_bridges, tmp_path):
    (tmp_path / "token").write_text("secret\n")
    bridges = new_bridges("--comfyui-token-file", tmp_path / "token")
    assert get(bridges, "/queue").status_code == 401
    assert get(bridges, "/queue", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert get(bridges, "/queue", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_page(new_bridges, tmp_path):
    (tmp_path / "page/assets").mkdir(parents=True)
    (tmp_path / "page/index.html").write_text("<html>page</html>")
    (tmp_path / "page/assets/a.js").write_text("1")
    (tmp_path / "secret").write_text("secret")
    bridges = new_bridges("--comfyui-frontend", tmp_path / "page")
    page = get(bridges, "/")
    assert page.text == "<html>page</html>" and page.headers["Cache-Control"] == "no-cache"
    assert get(bridges, "/assets/a.js").headers["Content-Type"].startswith("text/javascript")
    assert get(bridges, "/none.css").status_code == 404
    assert get(bridges, "/..%2Fsecret").status_code in (403, 404)
    assert get(bridges, "/extensions").json() == ["/extensions/patchbay/patchbay.js"]
    assert "registerExtension" in get(bridges, "/extensions/patchbay/patchbay.js").text
