"""The A1111 API below the client packages: fields, errors, credentials, formats, and requests that clients send."""

from __future__ import annotations

import base64
import io
import json
import threading
import time

import pytest
import requests
from bridges.conftest import ROOT
from bridges.webui.replayed import REPLAYED
from PIL import Image, PngImagePlugin
from safetensors.torch import load_file, save_file

SMALL = {"prompt": "an apple", "width": 64, "height": 64, "steps": 2, "seed": 1}


def post(bridges, path: str, body: object = None, **options) -> requests.Response:
    return requests.post(f"{bridges.webui}{path}", json={} if body is None else body, timeout=120, **options)


def draw(bridges, path: str = "/sdapi/v1/txt2img", **fields: object) -> dict:
    answer = post(bridges, path, {**SMALL, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def opened(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def base64_picture(colour: str = "red") -> str:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_answer_has_every_key(bridges):
    result = draw(bridges)
    assert set(result) == {"images", "parameters", "info"} and not result["images"][0].startswith("data:")
    info = json.loads(result["info"])
    assert {"prompt", "all_prompts", "negative_prompt", "all_negative_prompts", "seed", "all_seeds", "subseed",
            "all_subseeds", "subseed_strength", "width", "height", "sampler_name", "cfg_scale", "steps", "batch_size",
            "restore_faces", "face_restoration_model", "sd_model_name", "sd_model_hash", "sd_vae_name", "sd_vae_hash",
            "seed_resize_from_w", "seed_resize_from_h", "denoising_strength", "extra_generation_params",
            "index_of_first_image", "infotexts", "styles", "job_timestamp", "clip_skip",
            "is_using_inpainting_conditioning", "version"} <= set(info)
    assert draw(bridges, send_images=False)["images"] == []


def test_values_as_pydantic_takes_them(bridges):
    exact = draw(bridges)
    typed = draw(bridges, width="64", height=64.9, steps="2", seed="1", enable_hr="no", cfg_scale="7")
    assert typed["images"] == exact["images"]


def test_settings_without_a_value_stay(bridges):
    url = f"{bridges.webui}/sdapi/v1/options"
    before = requests.get(url, timeout=60).json()
    nothing = {"sd_model_checkpoint": None, "samples_format": None, "enable_pnginfo": None, "CLIP_stop_at_last_layers": None}
    assert post(bridges, "/sdapi/v1/options", nothing).status_code == 200
    assert requests.get(url, timeout=60).json() == before
    assert post(bridges, "/sdapi/v1/options", {"samples_format": {"a": 1}}).status_code == 422
    assert draw(bridges, override_settings=nothing)["images"] == draw(bridges)["images"]


def test_the_readmes_example(bridges):
    text = (ROOT / "bridges/webui/README.md").read_text()
    example = next(line for line in text.splitlines() if line.strip().startswith('{"alwayson_scripts"'))
    assert "Plugins: hidiffusion" in json.loads(draw(bridges, **json.loads(example))["info"])["infotexts"][0]


def test_unknown_fields_and_settings(bridges):
    before = requests.get(f"{bridges.webui}/sdapi/v1/options", timeout=60).json()
    result = draw(bridges, url="http://x", auth="", override_settings={
        "CLIP_stop_at_last_layers": 2.0, "sd_model_checkpoint": "no such model", "gone_setting": 1, "sd_vae": "Automatic"})
    info = json.loads(result["info"])
    assert info["clip_skip"] == 2 and any("gone_setting" in comment for comment in info["comments"])
    assert requests.get(f"{bridges.webui}/sdapi/v1/options", timeout=60).json() == before
    kept = draw(bridges, override_settings={"jpeg_quality": 33}, override_settings_restore_afterwards=False)
    assert kept["images"] and requests.get(f"{bridges.webui}/sdapi/v1/options", timeout=60).json()["jpeg_quality"] == 33
    assert post(bridges, "/sdapi/v1/options", before).json() is None


@pytest.mark.parametrize("name, sampler, scheduler, fell_back", [
    ("DPM++ 2M Karras", "DPM++ 2M", "Karras", False), ("euler A", "Euler a", "Automatic", False),
    ("No such sampler", "DPM++ 2M", "Automatic", True)])
def test_sampler_names(bridges, name, sampler, scheduler, fell_back):
    info = json.loads(draw(bridges, sampler_name=name)["info"])
    assert f"Sampler: {sampler}, Schedule type: {scheduler}," in info["infotexts"][0]
    assert ("Sampler fallback" in info["extra_generation_params"]) == fell_back


def test_every_sampler_and_scheduler_draws(bridges):
    samplers = requests.get(f"{bridges.webui}/sdapi/v1/samplers", timeout=60).json()
    schedulers = requests.get(f"{bridges.webui}/sdapi/v1/schedulers", timeout=60).json()
    for sampler in samplers:
        draw(bridges, sampler_name=sampler["name"], steps=4)
    for scheduler in schedulers:
        assert draw(bridges, sampler_name="Euler", scheduler=scheduler["name"], steps=4)["images"]


@pytest.mark.parametrize("seed", [2**32 + 5, 2**63 - 1])
def test_large_seeds(bridges, seed):
    info = json.loads(draw(bridges, seed=seed)["info"])
    assert info["seed"] == seed and f"Seed: {seed}," in info["infotexts"][0]


@pytest.mark.parametrize("fields, field", [
    ({"steps": "many"}, "steps"), ({"steps": 0}, "steps"), ({"width": "1.5"}, "width"), ({"width": "wide"}, "width"), ({"enable_hr": "perhaps"}, "enable_hr"), ({"prompt": []}, "prompt"),
    ({"batch_size": 100000}, "batch_size"), ({"styles": 3}, "styles"), ({"seed": 2**64}, "seed"),
    ({"alwayson_scripts": []}, "alwayson_scripts"), ({"denoising_strength": 2}, "denoising_strength")])
def test_wrong_fields(bridges, fields, field):
    answer = post(bridges, "/sdapi/v1/txt2img", {**SMALL, **fields})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", field]


def test_errors(bridges):
    answer = post(bridges, "/sdapi/v1/img2img", SMALL)
    assert answer.status_code == 404 and answer.json()["detail"] == "Init image not found"
    for body in ({"init_images": ["http://127.0.0.1/x.png"]}, {"init_images": ["@@@"]}, {"init_images": ["aGFsbG8="]}):
        assert post(bridges, "/sdapi/v1/img2img", {**SMALL, **body}).status_code == 422
    for fields in ({"alwayson_scripts": {"Nothing": {"args": []}}}, {"script_name": "X/Y/Z plot"},
                   {"alwayson_scripts": {"ControlNet": {"args": [{}]}}}):
        answer = post(bridges, "/sdapi/v1/txt2img", {**SMALL, **fields})
        assert answer.status_code == 422 and set(answer.json()) == {"error", "detail", "body", "errors"}
    draw(bridges, alwayson_scripts={"ControlNet": {"args": []}})
    answer = requests.post(f"{bridges.webui}/sdapi/v1/txt2img", data="{", timeout=60)
    assert answer.status_code == 422
    assert requests.get(f"{bridges.webui}/no/such", timeout=60).json() == {"detail": "Not Found"}
    assert requests.get(f"{bridges.webui}/sdapi/v1/txt2img", timeout=60).status_code == 405
    assert post(bridges, "/sdapi/v1/options", {"sd_model_checkpoint": "none"}).status_code == 500
    assert post(bridges, "/sdapi/v1/interrogate", {"image": "", "model": "clip"}).status_code == 501
    assert post(bridges, "/sdapi/v1/interrogate", {"image": "", "model": "x"}).status_code == 404


def test_model_by_title_without_hash(bridges):
    title = requests.get(f"{bridges.webui}/sdapi/v1/sd-models", timeout=60).json()[0]["title"]
    assert title.startswith("other.safetensors [")
    post(bridges, "/sdapi/v1/options", {"sd_model_checkpoint": "other.safetensors"})
    assert requests.get(f"{bridges.webui}/sdapi/v1/options", timeout=60).json()["sd_model_checkpoint"] == title
    post(bridges, "/sdapi/v1/options", {"sd_model_checkpoint": "sd1"})


@pytest.mark.parametrize("path, empty", [
    ("sd-vae", []), ("sd-modules", []), ("hypernetworks", []), ("face-restorers", []), ("realesrgan-models", []),
    ("prompt-styles", [])])
def test_empty_lists(bridges, path, empty):
    assert requests.get(f"{bridges.webui}/sdapi/v1/{path}", timeout=60).json() == empty


def test_null_answers(bridges):
    for path in ("skip", "refresh-checkpoints", "refresh-loras", "refresh-vae", "refresh-embeddings"):
        assert post(bridges, f"/sdapi/v1/{path}").json() is None
    assert requests.get(f"{bridges.webui}/internal/ping", timeout=60).json() == {}
    assert requests.get(f"{bridges.webui}/sdapi/v1/upscalers", timeout=60).json()[0]["name"] == "None"
    memory = requests.get(f"{bridges.webui}/sdapi/v1/memory", timeout=60).json()
    assert memory["ram"]["total"] > memory["ram"]["free"] > 0


@pytest.mark.parametrize("name, form", [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")])
def test_formats_carry_the_infotext(bridges, name, form):
    result = draw(bridges, prompt="caf\u00e9 \u732b", override_settings={"samples_format": name})
    picture = opened(result["images"][0])
    assert picture.format == form
    told = post(bridges, "/sdapi/v1/png-info", {"image": result["images"][0]}).json()
    assert told["info"] == json.loads(result["info"])["infotexts"][0] and told["info"].startswith("caf\u00e9 \u732b\n")
    assert told["parameters"]["Seed"] == "1"
    if name == "png":
        assert picture.info["parameters"] == told["info"]
    else:
        comment = picture.getexif().get_ifd(0x8769)[0x9286]
        assert comment[:8] == b"UNICODE\0" and comment[8:].decode("utf-16-be") == told["info"]


def test_infotext_of_the_command_line_draws_the_same_again(bridges, program, model):
    """What `patchbay generate` writes, read here: samplers by A1111's names, the first pass's size, the second pass."""
    result = program.run("generate", "an (apple:1.2)", "--negative", "blur", "--model", model("sd1"), "--compat", "a1111",
                         "--sampler", "dpmpp_2s_a", "--schedule", "exponential", "--eta", 0.5, "--steps", 3, "--seed", 5,
                         "--guidance", 4.5, "--size", "64x96", "--hires", "96x128", "--hires-steps", 4,
                         "--hires-strength", 0.6, "--precision", "fp32", "--threads", 1, "-o", program.folder / "x.png")
    assert result.returncode == 0, result.stderr
    picture = Image.open(program.folder / "x.png")
    again = post(bridges, "/sdapi/v1/txt2img", {"infotext": picture.info["parameters"]})
    assert again.status_code == 200, again.text
    assert opened(again.json()["images"][0]).tobytes() == picture.tobytes()


def test_png_info_of_foreign_files(bridges):
    file, texts = io.BytesIO(), PngImagePlugin.PngInfo()
    texts.add_text("parameters", "a\nSteps: 1, Sampler: Euler, CFG scale: 2", zip=True)
    texts.add_itxt("note", "\u732b")
    Image.new("RGB", (4, 4)).save(file, "PNG", pnginfo=texts)
    told = post(bridges, "/sdapi/v1/png-info",
                {"image": "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()}).json()
    assert told["items"] == {"note": "\u732b"} and told["parameters"]["CFG scale"] == "2"
    nothing = post(bridges, "/sdapi/v1/png-info", {"image": base64_picture()}).json()
    assert nothing == {"info": "", "items": {}, "parameters": {}}


def test_credentials(new_bridges):
    bridges = new_bridges("--api-auth", "ann:secret,bob:other")
    url = f"{bridges.webui}/sdapi/v1/samplers"
    refused = requests.get(url, timeout=60)
    assert refused.status_code == 401 and refused.headers["WWW-Authenticate"] == "Basic"
    assert requests.get(url, auth=("ann", "wrong"), timeout=60).status_code == 401
    assert requests.get(f"{bridges.webui}/sdapi/v1/progress", timeout=60).status_code == 401
    for name, password in (("ann", "secret"), ("bob", "other")):
        assert requests.get(url, auth=(name, password), timeout=60).status_code == 200


@pytest.mark.parametrize("value", ["", "Basic ", "Basic Og==", "Bearer x", "nonsense"])
def test_stray_credentials_are_ignored(bridges, value):
    answer = requests.get(f"{bridges.webui}/sdapi/v1/samplers", headers={"Authorization": value}, timeout=60)
    assert answer.status_code == 200


def test_cors(bridges, new_bridges):
    origin = {"Origin": "http://page.example"}
    assert post(bridges, "/sdapi/v1/interrupt", headers=origin).status_code == 403
    allowed = new_bridges("--cors-allow-origins", "http://page.example")
    assert post(allowed, "/sdapi/v1/interrupt", headers=origin).headers["Access-Control-Allow-Origin"] == origin["Origin"]
    assert requests.options(f"{allowed.webui}/sdapi/v1/txt2img", headers=origin, timeout=60).status_code == 200


def test_progress_of_each_task(bridges):
    def run(name: str) -> None:
        draw(bridges, steps=40, width=256, height=256, force_task_id=name)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("task(a)", "task(b)")]
    threads[0].start()
    time.sleep(0.3)
    threads[1].start()
    seen: dict[str, set[str]] = {"task(a)": set(), "task(b)": set()}
    previews = 0
    while any(thread.is_alive() for thread in threads):
        for name, states in seen.items():
            told = post(bridges, "/internal/progress", {"id_task": name, "id_live_preview": -1}).json()
            states.add(next((state for state in ("active", "queued", "completed") if told[state]), "unknown"))
            if told["live_preview"]:
                assert told["live_preview"].startswith("data:image/jpeg;base64,")
                previews += 1
        time.sleep(0.02)
    assert "active" in seen["task(a)"] and {"queued", "active"} <= seen["task(b)"] and previews > 2
    told = post(bridges, "/internal/progress", {"id_task": "task(b)"}).json()
    assert told["completed"] and not told["active"]


def test_lora_tags(host, bridges, new_bridges, model):
    weights = load_file(model("sd1") / "unet/diffusion_pytorch_model.safetensors")
    name = next(key for key in weights if key.endswith("attn1.to_q.weight"))
    rows, columns = weights[name].shape
    import torch
    torch.manual_seed(0)
    key = "lora_unet_" + name.removesuffix(".weight").replace(".", "_")
    save_file({f"{key}.lora_up.weight": torch.randn(rows, 2), f"{key}.lora_down.weight": torch.randn(2, columns),
               f"{key}.alpha": torch.tensor(2.0)}, host.folder / "loras/film.safetensors")
    bridges = new_bridges("--loras", host.folder / "loras")
    assert [lora["name"] for lora in requests.get(f"{bridges.webui}/sdapi/v1/loras", timeout=60).json()] == ["film"]
    plain, with_lora = draw(bridges), draw(bridges, prompt="an apple<lora:film:0.8>")
    assert plain["images"] != with_lora["images"]
    unknown = draw(bridges, prompt="an apple<lora:none:1>")
    assert opened(unknown["images"][0]).tobytes() == opened(plain["images"][0]).tobytes()
    assert json.loads(unknown["info"])["comments"] == ["Networks not found: none"]


def test_wildcards_and_styles(new_bridges, tmp_path):
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards/colour.txt").write_text("red\n")
    (tmp_path / "cards/fruit.txt").write_text("__colour__ apple\n")
    bridges = new_bridges("--wildcards", tmp_path / "cards")
    (bridges.folder / "data/styles.csv").write_text('name,prompt,negative_prompt\nFilm,"{prompt}, film, grain",blurry\n')
    drawn = json.loads(draw(bridges, prompt="a __fruit__", styles=["Film"])["info"])
    assert drawn["prompt"] == "a red apple, film, grain" and drawn["negative_prompt"] == "blurry"
    styles = requests.get(f"{bridges.webui}/sdapi/v1/prompt-styles", timeout=60).json()
    assert styles == [{"name": "Film", "prompt": "{prompt}, film, grain", "negative_prompt": "blurry"}]


@pytest.mark.parametrize("client", sorted(REPLAYED))
def test_requests_of_known_clients(bridges, client):
    """What these clients send, in their order; they need 200 and JSON."""
    for method, path, body in REPLAYED[client]:
        answer = requests.request(method, bridges.webui + path, json=body, timeout=120,
                                  headers={"Authorization": "Basic Og=="})
        assert answer.status_code == 200, (path, answer.text)
        if path.endswith("2img"):
            assert opened(answer.json()["images"][0]).size == (64, 64)
            json.loads(answer.json()["info"])
        else:
            answer.json()


def test_large_and_broken_requests(bridges):
    import socket
    with socket.create_connection((bridges.host, bridges.webui_port), timeout=30) as connection:
        connection.sendall(b"POST /sdapi/v1/txt2img HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n")
        assert b"413" in connection.recv(1000)
    with socket.create_connection((bridges.host, bridges.webui_port), timeout=30) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert b"400" in connection.recv(1000)
    assert requests.get(f"{bridges.webui}/internal/ping", timeout=60).status_code == 200
