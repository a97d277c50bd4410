"""Whoever ends the program gets nothing but its end, whatever it was doing."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import time

import numpy as np
import pytest
from PIL import Image

ARGUMENTS = ["--steps", "1", "--sampler", "ddim", "--precision", "fp32", "--threads", "1"]


def begun(program, model, output: pathlib.Path, *arguments, **environment) -> subprocess.Popen:
    return subprocess.Popen([program.path, "generate", "an apple", "--model", model("sd1"), *ARGUMENTS, "-o", output,
                             *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=dict(os.environ, OMP_WAIT_POLICY="PASSIVE", **environment))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_decoding(number, program, model, tmp_path):
    """The last step has been reported: what remains is the autoencoder's work and the file."""
    output = tmp_path / "x.png"
    process = begun(program, model, output, "--size", "768x768")
    for line in process.stderr:
        if "step 1 of 1" in line:
            break
    process.send_signal(number)
    assert process.wait(timeout=60) == 130
    assert "cancelled" in process.stderr.read() and not output.exists()


def test_in_the_first_moments(program, model, tmp_path):
    """While LibTorch initializes itself, which is before the program's own code."""
    process = begun(program, model, tmp_path / "x.png", "--size", "64x64", LD_DEBUG="files")
    for line in process.stderr:
        if "calling init" in line and "libtorch_cpu" in line:
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert not (tmp_path / "x.png").exists()


def test_while_encoding(program, model, tmp_path):
    """Nothing but encoding a large picture: no step is made."""
    pixels = np.random.default_rng(1).integers(0, 256, (4096, 4096, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "start.png")
    process = begun(program, model, tmp_path / "x.png", "--image", tmp_path / "start.png", "--compat", "comfyui",
                    "--first-step", "1", "--latent-only", "--save-latent", tmp_path / "x.safetensors")
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 130 and not (tmp_path / "x.safetensors").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt(number, program, model, tmp_path):
    output = tmp_path / "output"
    output.mkdir()
    process = subprocess.Popen([program.path, "generate", "an apple", "--model", model("sd1"), "--steps", "1000",
                                "--sampler", "ddim", "--size", "256x256", "--threads", "1", "-o",
                                output / "picture.png"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(4)
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(timeout=8) == 130
    assert "cancelled" in process.stderr.read()
    assert not list(output.iterdir())


def test_second_interrupt_ends_at_once(program, model, tmp_path):
    process = subprocess.Popen([program.path, "generate", "an apple", "--model", model("sd1"), "--steps", "1000",
                                "--sampler", "ddim", "--size", "512x512", "--threads", "1", "-o",
                                tmp_path / "picture.png"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(4)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    assert process.wait(timeout=8) == 130
    assert time.monotonic() - started < 2
    assert not (tmp_path / "picture.png").exists()
