"""Prompts over HTTP and WebSocket, as ComfyUI's API examples and its page send them."""

from __future__ import annotations

import io
import json
import re
import struct
import time
import uuid

import numpy
import pytest
import requests
from bridges.comfyui.client import Client, events, types, workflow
from PIL import Image


def pixels(file: bytes) -> numpy.ndarray:
    return numpy.asarray(Image.open(io.BytesIO(file)).convert("RGB")).astype(int)


def test_default_workflow(client):
    requests.post(f"{client.url}/free", json={"free_memory": True}, timeout=60)
    entry, frames = client.run(workflow(sampler={"steps": 3}), extra_data={
        "extra_pnginfo": {"workflow": {"id": "w", "nodes": []}}})
    assert entry["status"]["status_str"] == "success" and entry["status"]["completed"] is True
    picture = entry["outputs"]["9"]["images"][0]
    assert picture["type"] == "output" and picture["filename"].startswith("ComfyUI_0")
    file = Image.open(io.BytesIO(client.view(picture)))
    assert file.size == (64, 64)
    assert json.loads(file.info["prompt"])["6"]["inputs"]["text"] == "an apple"
    assert json.loads(file.info["workflow"]) == {"id": "w", "nodes": []}
    assert file.info["parameters"].startswith("an apple\nNegative prompt: blurry\nSteps: 3")
    # "patchbay_plugins" tells every page of a change in the plugins, here one by a test before this one.
    order = [name for name in types(frames) if name not in ("progress_state", "progress", "status", "patchbay_plugins")]
    assert order == ["execution_start", "execution_cached"] + ["executing"] * 7 + ["executed", "execution_success",
                                                                                  "executing"]
    assert [data["value"] for data in events(frames, "progress")] == [1, 2, 3]
    assert events(frames, "execution_cached")[0]["nodes"] == []
    # The history has the prompt, and the queue is told to be empty, before the last frame.
    assert events(frames[-2:], "status")[0]["status"]["exec_info"]["queue_remaining"] == 0


def test_same_as_direct_call(client, host, api):
    """The same settings over gRPC give the same pixels."""
    entry, _ = client.run(workflow(sampler={"seed": 18446744073709551615}))
    assert entry["prompt"][2]["3"]["inputs"]["seed"] == 18446744073709551615
    drawn = host.finish(host.create("an apple", negative_prompt="blurry", seed=18446744073709551615, steps=2,
                                    guidance_scale=8, sampler="euler", schedule="normal",
                                    compat=api.COMPAT_PROFILE_COMFYUI).id)
    direct = host.download(drawn.pictures[0].artifact_id)
    assert (pixels(client.view(entry["outputs"]["9"]["images"][0])) == pixels(direct)).all()


def test_caching(client):
    first, _ = client.run(workflow(text="a fish", sampler={"seed": 77}))
    again, frames = client.run(workflow(text="a fish", sampler={"seed": 77}))
    assert sorted(events(frames, "execution_cached")[0]["nodes"]) == list("3456789")
    assert len(events(frames, "executed")) == 1 and events(frames, "executing") == [
        {"node": None, "prompt_id": again["prompt"][1]}]
    assert again["outputs"] == first["outputs"]
    changed, frames = client.run(workflow(text="a fish", sampler={"seed": 78}))
    assert sorted(events(frames, "execution_cached")[0]["nodes"]) == list("4567")
    assert changed["outputs"] != first["outputs"]
    requests.post(f"{client.url}/free", json={"free_memory": True}, timeout=60)
    _, frames = client.run(workflow(text="a fish", sampler={"seed": 78}))
    assert events(frames, "execution_cached")[0]["nodes"] == []


def test_preview_frames(bridges):
    graph = workflow(sampler={"steps": 20, "seed": int(time.time())}, latent={"width": 256, "height": 256})
    legacy = Client(bridges.comfyui_address)
    _, frames = legacy.run(graph)
    legacy.close()
    binary = [frame for frame in frames if isinstance(frame, bytes)]
    assert binary and struct.unpack(">II", binary[0][:8]) == (1, 1)
    assert Image.open(io.BytesIO(binary[0][8:])).format == "JPEG"
    modern = Client(bridges.comfyui_address, {"supports_preview_metadata": True})
    graph["3"]["inputs"]["seed"] += 1
    entry, frames = modern.run(graph)
    modern.close()
    assert events(frames, "feature_flags")[0]["supports_preview_metadata"] is True
    frame = next(frame for frame in frames if isinstance(frame, bytes))
    event, length = struct.unpack(">II", frame[:8])
    data = json.loads(frame[8:8 + length])
    assert event == 4 and data["node_id"] == "3" and data["prompt_id"] == entry["prompt"][1]
    assert Image.open(io.BytesIO(frame[8 + length:])).format == "JPEG"


def test_late_and_malformed_feature_flags(bridges):
    client = Client(bridges.comfyui_address)
    for text in ("{", "[]", '{"type": 3}', '{"type": "feature_flags", "data": {"supports_preview_metadata": true}}'):
        client.socket.send(text)
    _, frames = client.run(workflow(sampler={"seed": 991}))
    assert "feature_flags" not in types(frames)
    client.close()


def test_pictures_over_the_socket(client):
    graph = workflow(latent={"batch_size": 2}, sampler={"seed": 31})
    graph["9"] = {"class_type": "SaveImageWebsocket", "inputs": {"images": ["8", 0]}}
    _, frames = client.run(graph)
    pngs = [frame for frame in frames if isinstance(frame, bytes) and frame[4:8] == b"\0\0\0\2"]
    assert [Image.open(io.BytesIO(frame[8:])).size for frame in pngs] == [(64, 64)] * 2


@pytest.mark.parametrize(("prefix", "subfolder", "pattern"), [
    ("%width%x%height%", "", r"96x64_\d{5}_\.png"),
    ("%year%-%month%-%day%/%hour%.%minute%.%second%", r"20\d\d-[01]\d-[0-3]\d", r"[0-2]\d\.[0-5]\d\.[0-6]\d_\d{5}_\.png"),
    ("made\\on windows", "made", r"on windows_\d{5}_\.png"),
    ("100 %wide%", "", r"100 %wide%_\d{5}_\.png")])
def test_names_of_saved_pictures(client, prefix, subfolder, pattern):
    graph = workflow(latent={"width": 96}, sampler={"seed": 32},
                     nodes={"9": {"class_type": "SaveImage", "inputs": {"filename_prefix": prefix, "images": ["8", 0]}}})
    entry, _ = client.run(graph)
    saved = entry["outputs"]["9"]["images"][0]
    assert re.fullmatch(subfolder, saved["subfolder"]) and re.fullmatch(pattern, saved["filename"])
    assert Image.open(io.BytesIO(client.view(saved))).size == (96, 64)


def test_control_characters_in_names(client):
    graph = workflow(sampler={"seed": 33}, nodes={
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "two\nlines", "images": ["8", 0]}}})
    entry, frames = client.run(graph)
    assert entry["status"]["status_str"] == "error"
    assert "not allowed" in events(frames, "execution_error")[0]["exception_message"]


def test_frames_start_with_type(client):
    client.post(workflow(sampler={"seed": 5}))
    for _ in range(3):
        frame = client.socket.recv()
        assert isinstance(frame, bytes) or frame.startswith('{"type":')
    # Read on to the end, so that the next test finds the queue empty.
    while json.loads(frame if isinstance(frame, str) else "{}").get("data", {}).get("node", 0) is not None:
        frame = client.socket.recv()


def test_own_id_and_no_client(bridges):
    mine = str(uuid.uuid4())
    answer = requests.post(f"{bridges.comfyui}/prompt", json={"prompt": workflow(), "prompt_id": mine}, timeout=60)
    assert answer.json()["prompt_id"] == mine and answer.json()["node_errors"] == {}
    for _ in range(600):
        entry = requests.get(f"{bridges.comfyui}/history/{mine}", timeout=60).json()
        if entry:
            break
        time.sleep(0.1)
    assert entry[mine]["status"]["completed"]
    assert requests.post(f"{bridges.comfyui}/prompt", json={"prompt": workflow(), "prompt_id": "../x"},
                         timeout=60).json()["error"]["type"] == "invalid_prompt_id"


def test_interrupt_and_queue(client):
    long = workflow(sampler={"steps": 400, "seed": 1}, latent={"width": 256, "height": 256})
    running = client.post(long).json()["prompt_id"]
    waiting = [client.post(workflow(sampler={"seed": number})).json() for number in (2, 3)]
    front = client.post(workflow(sampler={"seed": 4}), front=True).json()
    assert front["number"] < 0 < waiting[0]["number"]
    queue = requests.get(f"{client.url}/queue", timeout=60).json()
    assert [item[1] for item in queue["queue_running"]] == [running]
    assert [item[1] for item in queue["queue_pending"]] == [front["prompt_id"], *(item["prompt_id"] for item in waiting)]
    jobs = requests.get(f"{client.url}/api/jobs", params={"status": "in_progress,pending"}, timeout=60).json()
    assert jobs["pagination"] == {"offset": 0, "limit": 4, "total": 4, "has_more": False}
    requests.post(f"{client.url}/queue", json={"delete": [waiting[0]["prompt_id"]]}, timeout=60)
    assert requests.post(f"{client.url}/api/jobs/{waiting[1]['prompt_id']}/cancel", timeout=60).json() == {
        "cancelled": True}
    requests.post(f"{client.url}/interrupt", json={"prompt_id": "another"}, timeout=60)
    time.sleep(0.3)
    assert requests.get(f"{client.url}/queue", timeout=60).json()["queue_running"][0][1] == running
    requests.post(f"{client.url}/interrupt", timeout=60)
    frames = client.wait(running)
    interrupted = events(frames, "execution_interrupted")[0]
    assert interrupted["node_id"] == "3" and interrupted["prompt_id"] == running
    entry = requests.get(f"{client.url}/history/{running}", timeout=60).json()[running]
    assert entry["status"]["status_str"] == "error" and entry["status"]["messages"][-1][0] == "execution_interrupted"
    client.wait(front["prompt_id"])
    jobs = requests.get(f"{client.url}/api/jobs", params={"status": "cancelled"}, timeout=60).json()["jobs"]
    assert jobs[0]["id"] == running
    assert requests.get(f"{client.url}/prompt", timeout=60).json() == {"exec_info": {"queue_remaining": 0}}


def test_reconnecting_client_is_told_what_runs(bridges):
    client = Client(bridges.comfyui_address)
    prompt = client.post(workflow(sampler={"steps": 200, "seed": 8}, latent={"width": 256, "height": 256})).json()
    while "executing" not in client.socket.recv() or client.socket.recv() is None:
        pass
    time.sleep(0.5)
    import websocket
    client.socket = websocket.create_connection(f"ws://{bridges.comfyui_address}/ws?clientId={client.id}", timeout=60)
    assert json.loads(client.socket.recv())["data"]["sid"] == client.id
    assert json.loads(client.socket.recv()) == {"type": "executing", "data": {"node": "3"}}
    requests.post(f"{client.url}/interrupt", timeout=60)
    client.wait(prompt["prompt_id"])
    client.close()


def test_failing_node_is_told(client):
    graph = workflow(nodes={"20": {"class_type": "LatentCrop", "inputs": {
        "samples": ["5", 0], "width": 64, "height": 64, "x": 0, "y": 0}}}, latent={"width": 32})
    graph["8"]["inputs"]["samples"] = ["20", 0]
    entry, frames = client.run(graph)
    error = events(frames, "execution_error")[0]
    assert error["node_id"] == "20" and "at least 64x64" in error["exception_message"]
    assert entry["status"]["status_str"] == "error"


def test_img2img_and_inpainting(client):
    random = numpy.random.default_rng(3)
    start = random.integers(0, 255, (64, 64, 4), dtype=numpy.uint8)
    start[:, :, 3] = 255
    start[32:, 32:, 3] = 0  # transparent: to be painted
    file = io.BytesIO()
    Image.fromarray(start).save(file, "PNG")
    stored = requests.post(f"{client.url}/upload/image", files={"image": ("own.png", file.getvalue())},
                           timeout=60).json()
    assert stored == {"name": "own.png", "subfolder": "", "type": "input"}
    graph = workflow(nodes={
        "10": {"class_type": "LoadImage", "inputs": {"image": "own.png"}},
        "11": {"class_type": "VAEEncode", "inputs": {"pixels": ["10", 0], "vae": ["4", 2]}},
        "12": {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["11", 0], "mask": ["10", 1]}},
        "13": {"class_type": "ImageCompositeMasked", "inputs": {
            "destination": ["10", 0], "source": ["8", 0], "x": 0, "y": 0, "resize_source": False, "mask": ["10", 1]}}})
    graph["3"]["inputs"].update(latent_image=["12", 0], denoise=0.8)
    graph["9"]["inputs"]["images"] = ["13", 0]
    entry, _ = client.run(graph)
    result = pixels(client.view(entry["outputs"]["9"]["images"][0]))
    difference = abs(result - start[:, :, :3].astype(int))
    assert difference[:32].max() == 0 and difference[32:, 32:].mean() > 5
    # A file that changes under its name is loaded anew.
    start[0, 0, :3] = 255 - start[0, 0, :3]
    file = io.BytesIO()
    Image.fromarray(start).save(file, "PNG")
    requests.post(f"{client.url}/upload/image", files={"image": ("own.png", file.getvalue())},
                  data={"overwrite": "true"}, timeout=60)
    _, frames = client.run(graph)
    assert "10" not in events(frames, "execution_cached")[0]["nodes"]


def test_primitives_upscaling_and_padding(client):
    graph = workflow(nodes={
        "20": {"class_type": "PrimitiveInt", "inputs": {"value": 48}},
        "21": {"class_type": "ImageScaleBy", "inputs": {
            "image": ["8", 0], "upscale_method": "lanczos", "scale_by": 1.5}},
        "22": {"class_type": "ImagePadForOutpaint", "inputs": {
            "image": ["21", 0], "left": 8, "top": 0, "right": 0, "bottom": 16, "feathering": 4}},
        "23": {"class_type": "GetImageSize", "inputs": {"image": ["22", 0]}},
        "24": {"class_type": "PreviewAny", "inputs": {"source": ["23", 1]}}})
    graph["5"]["inputs"]["width"] = ["20", 0]
    graph["9"]["inputs"]["images"] = ["22", 0]
    entry, _ = client.run(graph)
    assert pixels(client.view(entry["outputs"]["9"]["images"][0])).shape == (96 + 16, 72 + 8, 3)
    assert entry["outputs"]["24"] == {"text": ["112"]}


@pytest.mark.parametrize("node", [
    {"class_type": "ImagePadForOutpaint", "inputs": {
        "image": ["8", 0], "left": 9000, "top": 0, "right": 0, "bottom": 9000, "feathering": 4}},
    {"class_type": "ImageScale", "inputs": {
        "image": ["8", 0], "upscale_method": "lanczos", "width": 9064, "height": 9064, "crop": "disabled"}}])
def test_pictures_that_are_too_large(client, node):
    graph = workflow(nodes={"20": node})
    graph["9"]["inputs"]["images"] = ["20", 0]
    entry, frames = client.run(graph)
    assert entry["status"]["status_str"] == "error"
    message = events(frames, "execution_error")[0]["exception_message"]
    assert "1 picture of 9064x9064 would have more pixels than can be kept" in message


def test_custom_sampling_equals_ksampler(client):
    plain, _ = client.run(workflow(sampler={"seed": 12}))
    graph = workflow(nodes={
        "30": {"class_type": "RandomNoise", "inputs": {"noise_seed": 12}},
        "31": {"class_type": "CFGGuider", "inputs": {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0],
                                                     "cfg": 8}},
        "32": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
        "33": {"class_type": "BasicScheduler", "inputs": {"model": ["4", 0], "scheduler": "normal", "steps": 2,
                                                          "denoise": 1}},
        "3": {"class_type": "SamplerCustomAdvanced", "inputs": {
            "noise": ["30", 0], "guider": ["31", 0], "sampler": ["32", 0], "sigmas": ["33", 0],
            "latent_image": ["5", 0]}}})
    custom, _ = client.run(graph)
    one, other = (pixels(client.view(entry["outputs"]["9"]["images"][0])) for entry in (plain, custom))
    assert (one == other).all()
