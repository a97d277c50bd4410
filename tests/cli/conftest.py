"""What the tests of the command line share: a model to damage, and the check of a refusal."""

from __future__ import annotations

import itertools
import pathlib
import shutil
import subprocess

import pytest
from safetensors.torch import load_file, save_file

UNET = "unet/diffusion_pytorch_model.safetensors"
QUICK = {"--steps": 1, "--size": "64x64", "--seed": 7, "--precision": "fp32", "--threads": 1}


@pytest.fixture
def copy(model, tmp_path):
    """copy() is the folder of a model that a test may damage."""

    def make(family: str = "sd1") -> pathlib.Path:
        return pathlib.Path(shutil.copytree(model(family), tmp_path / "model"))

    return make


@pytest.fixture
def refused(program, model, tmp_path):
    """refused(*arguments, model=folder): the message. The program fails and writes nothing."""
    output = tmp_path / "output"
    output.mkdir()

    def check(*arguments, model_path=None, **options) -> str:
        given = {"-o": output / "picture.png", **QUICK, **dict(zip(arguments[::2], arguments[1::2]))}
        result = program.run("generate", "an apple", "--model", model_path or model("sd1"),
                             *itertools.chain(*given.items()), **options)
        assert result.returncode in (1, 2), f"ended with {result.returncode}: {result.stdout}{result.stderr}"
        lines = [line for line in result.stderr.replace("\r", "\n").splitlines() if "step" not in line]
        assert len(lines) <= 2 and "terminate called" not in result.stderr and "frame #" not in result.stderr
        assert not list(output.iterdir())
        return result.stderr

    return check


def draw(program, model, *arguments, **options) -> subprocess.CompletedProcess:
    return program.run("generate", "an apple", "--model", model("sd1"), *itertools.chain(*QUICK.items()), *arguments,
                       **options)


def rewrite_unet(folder: pathlib.Path, change) -> None:
    tensors = load_file(folder / UNET)
    change(tensors)
    save_file(tensors, folder / UNET)
