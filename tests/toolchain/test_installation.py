"""`cmake --install`: a program that works away from its source and build folders."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release")
DRAW = ("generate", "a red apple", "--steps", 2, "--size", "64x64", "--seed", 7, "--threads", 1, "--plugin", "pag")


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> pathlib.Path:
    prefix = tmp_path_factory.mktemp("installed")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True)
    return prefix


def run(program: pathlib.Path, *arguments: object, folder: pathlib.Path) -> str:
    result = subprocess.run([str(word) for word in (program, *arguments)], capture_output=True, text=True, check=False,
                            cwd=folder)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_draws_the_same(installed, tmp_path):
    """With its own model and its own plugins."""
    for name, program in (("installed", installed / "bin/patchbay"), ("built", BUILD / "bin/patchbay")):
        run(program, *DRAW, "-o", tmp_path / f"{name}.png", folder=tmp_path)
    assert (tmp_path / "installed.png").read_bytes() == (tmp_path / "built.png").read_bytes()


def test_lists_the_same_plugins(installed, tmp_path):
    assert run(installed / "bin/patchbay", "plugin", "list", folder=tmp_path) == run(
        BUILD / "bin/patchbay", "plugin", "list", folder=tmp_path)


def test_writes_a_plugin_project(installed, tmp_path):
    run(installed / "bin/patchbay", "plugin", "new", "my-idea", folder=tmp_path)
    assert "patchbay_add_plugin" in (tmp_path / "my-idea/CMakeLists.txt").read_text()
    assert (installed / "lib/cmake/Patchbay/PatchbayConfig.cmake").exists()


def test_serves(installed, tmp_path):
    """Host and bridges, ComfyUI's page with them."""
    server = subprocess.Popen(
        [installed / "bin/patchbay", "serve", "--data", tmp_path / "data", "--threads", "1", "--grpc", "127.0.0.1:0",
         "--webui", "127.0.0.1:0", "--comfyui", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        lines = [server.stdout.readline() for _ in range(3)]
        addresses = {line.split(" at ")[0].strip(): line.split()[-1] for line in lines}
        assert set(addresses) == {"serving", "A1111 API", "ComfyUI"}, lines
        with urllib.request.urlopen(f"{addresses['A1111 API']}/sdapi/v1/sd-models", timeout=60) as answer:
            assert b"default" in answer.read()
        with urllib.request.urlopen(f"{addresses['ComfyUI']}/", timeout=60) as answer:
            assert b"<!doctype html>" in answer.read()
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0


def test_names_neither_folder(installed):
    """Nothing links back into the source or build folder, LibTorch's own place excepted."""
    links = [path for path in installed.rglob("*") if path.is_symlink()]
    assert not links
