"""`patchbay serve` and `patchbay-bridges` as programs: what they print, refuse and survive."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time

import psutil
import pytest
import requests
from bridges.conftest import BUILD
from service.conftest import new_server  # noqa: F401

PROGRAM = os.environ.get("PATCHBAY_BRIDGES", str(BUILD / "bin/patchbay-bridges"))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def bridges_of(server) -> psutil.Process:
    return next(child for child in psutil.Process(server.process.pid).children()
                if child.name().startswith("patchbay-bridge"))


@pytest.mark.skipif("PATCHBAY_BRIDGES" in os.environ, reason="serve starts the build's own bridges")
def test_serve_starts_both(new_server):  # noqa: F811
    server = new_server().start("--webui", "127.0.0.1:0", "--comfyui", "127.0.0.1:0")
    addresses = [re.fullmatch(r"(A1111 API|ComfyUI) at (http://[\d.:]+)\n", server.process.stdout.readline())[2]
                 for _ in range(2)]
    answer = requests.post(f"{addresses[0]}/sdapi/v1/txt2img", timeout=120, json={
        "prompt": "an apple", "width": 64, "height": 64, "steps": 2})
    assert answer.status_code == 200 and len(answer.json()["images"]) == 1
    assert "KSampler" in requests.get(f"{addresses[1]}/object_info", timeout=60).json()
    # A crash of the bridges leaves the server alone, and they come back.
    first = bridges_of(server)
    first.send_signal(signal.SIGSEGV)
    assert server.process.stdout.readline().startswith("A1111 API at ")
    assert bridges_of(server).pid != first.pid
    assert server.finish(server.create().id).state == server.api.GENERATION_STATE_SUCCEEDED
    # They end with the server, however it ends.
    second = bridges_of(server)
    server.end(signal.SIGKILL)
    second.wait(10)


@pytest.mark.skipif("PATCHBAY_BRIDGES" in os.environ, reason="serve starts the build's own bridges")
def test_bridges_end_with_a_server_that_dies_while_they_start(new_server):  # noqa: F811
    server = new_server().start("--webui", "127.0.0.1:0", "--comfyui", "127.0.0.1:0")
    host = psutil.Process(server.process.pid)
    while not host.children():
        time.sleep(0.001)
    starting = host.children()[0]
    server.end(signal.SIGKILL)
    starting.wait(20)


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("arguments, complaint, code", [
    (["--webui", "0.0.0.0:0", "--comfyui", "off"], "--api-auth", 1),
    (["--webui", "off", "--comfyui", "0.0.0.0:0"], "--comfyui-token-file", 1),
    (["--webui", "nowhere", "--comfyui", "off", "--insecure"], "is no address", 1),
    (["--api-auth", "ann"], "user:password", 1),
    (["--comfyui-token-file", "/no/such/file"], "cannot be read", 1),
    (["--no-such-option"], "--no-such-option", 2)])
def test_refusals(arguments, complaint, code):
    result = run("--grpc", "127.0.0.1:1", *arguments)
    assert result.returncode == code and complaint in result.stderr and result.stdout == ""


def test_one_taken_port_leaves_the_other_bridge():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        process = subprocess.Popen([PROGRAM, "--grpc", "127.0.0.1:1", "--webui", f"127.0.0.1:{taken}", "--comfyui",
                                    "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout.readline().startswith("ComfyUI at ")
        process.terminate()
        assert f"cannot listen at 127.0.0.1:{taken}" in process.communicate(timeout=30)[1]
        assert run("--grpc", "127.0.0.1:1", "--webui", f"127.0.0.1:{taken}", "--comfyui", "off").returncode == 1


def test_a_host_that_is_away_is_told():
    """Requests to a bridge whose server is not there say so, in the UI's own shapes."""
    port = free_port()
    process = subprocess.Popen([PROGRAM, "--grpc", f"127.0.0.1:{port}", "--webui", "127.0.0.1:0", "--comfyui",
                                "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    webui, comfyui = (process.stdout.readline().split()[-1] for _ in range(2))
    answer = requests.post(f"{webui}/sdapi/v1/txt2img", json={}, timeout=60)
    assert answer.status_code == 503
    assert answer.json()["detail"] == f"the Patchbay host at 127.0.0.1:{port} cannot be reached; is `patchbay serve` running?"
    assert requests.get(f"{comfyui}/object_info", timeout=60).status_code == 503
    assert requests.get(f"{webui}/sdapi/v1/progress", timeout=60).json()["progress"] == 0
    assert requests.get(f"{comfyui}/queue", timeout=60).status_code == 200
    process.terminate()
    assert process.wait(30) == 0


def test_ends_at_once_while_drawing(host, api, new_bridges):
    bridges = new_bridges()
    import threading
    ended = []

    def draw() -> None:
        try:
            ended.append(requests.post(f"{bridges.webui}/sdapi/v1/txt2img", timeout=120, json={
                "width": 256, "height": 256, "steps": 300}))
        except requests.ConnectionError as error:
            ended.append(error)

    thread = threading.Thread(target=draw)
    thread.start()
    while requests.get(f"{bridges.webui}/sdapi/v1/progress", timeout=60).json()["state"]["sampling_step"] < 1:
        time.sleep(0.02)
    began = time.monotonic()
    bridges.process.terminate()
    assert bridges.process.wait(20) == 0 and time.monotonic() - began < 10
    thread.join(20)
    assert ended
    # The host draws on; other tests need not wait for that.
    for generation in host.generations.ListGenerations(api.ListGenerationsRequest()).generations:
        if generation.state == api.GENERATION_STATE_RUNNING:
            host.generations.CancelGeneration(api.CancelGenerationRequest(id=generation.id))
