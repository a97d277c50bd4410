"""Outputs that cannot be written, or not in the usual way."""

from __future__ import annotations

import os
import subprocess

import pytest
from PIL import Image

from .conftest import draw


def test_no_output_folder(refused, tmp_path):
    assert "nowhere" in refused("-o", tmp_path / "nowhere/picture.png")
    assert ".png" in refused("-o", tmp_path / "picture.gif")
    assert "nowhere" in refused("--save-latent", tmp_path / "nowhere/latent.safetensors")


def test_output_that_cannot_be_written(refused, tmp_path):
    (tmp_path / "folder.png").mkdir()
    assert "folder.png" in refused("-o", tmp_path / "folder.png")
    assert "takes no new file" in refused("-o", "/sys/picture.png")
    assert "too long" in refused("-o", tmp_path / ("x" * 252 + ".png"))
    os.mkfifo(tmp_path / "pipe.png")
    assert "nobody reads" in refused("-o", tmp_path / "pipe.png", timeout=60)


def test_output_through_a_link(program, model, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link.png").symlink_to("elsewhere/picture.png")
    assert draw(program, model, "-o", tmp_path / "link.png").returncode == 0
    assert (tmp_path / "link.png").is_symlink()
    assert Image.open(tmp_path / "elsewhere/picture.png").size == (64, 64)


def test_longest_name(program, model, tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    result = draw(program, model, "-o", path)
    assert result.returncode == 0, result.stderr
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("arguments", [["model", "inspect", "MODEL"], ["--help"], ["--version"], ["generate", "--help"]])
def test_full_standard_output(arguments, program, model):
    arguments = [str(model("sd1")) if argument == "MODEL" else argument for argument in arguments]
    with open("/dev/full", "w") as full:
        result = subprocess.run([program.path, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1
    assert "standard output" in result.stderr


@pytest.mark.parametrize("ignored", [False, True])
def test_full_disk(ignored, refused):
    """A process may be forbidden to write more than a few bytes to any file."""
    limited = ["prlimit", "--fsize=100"]
    message = refused(under=["env", "--ignore-signal=XFSZ", *limited] if ignored else limited)
    assert "cannot write" in message and "picture.png" in message
