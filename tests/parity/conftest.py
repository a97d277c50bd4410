"""What the parity tests share: the program, the models, and the table of errors printed at the end.

Environment: PATCHBAY_BUILD (build folder), PATCHBAY_CLIP_VOCABULARY (bpe_simple_vocab_16e6.txt.gz).
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import load_file

from .models import families

# The models here are tiny: more threads only wait for each other.
torch.set_num_threads(1)

ROOT = pathlib.Path(__file__).resolve().parents[2]
ERRORS = pytest.StashKey[list]()


@dataclass
class Program:
    """The patchbay program, run as a user runs it."""

    path: pathlib.Path
    folder: pathlib.Path

    def run(self, *arguments) -> subprocess.CompletedProcess:
        return subprocess.run([self.path, *map(str, arguments)], capture_output=True, text=True, check=False,
                              env=dict(os.environ, OMP_WAIT_POLICY="PASSIVE"))

    def generate(self, model: pathlib.Path, prompt: str, *arguments) -> tuple[torch.Tensor, dict]:
        """Draws in fp32 and returns the final latent and the report."""
        latent = self.folder / "latent.safetensors"
        result = self.run("generate", prompt, "--model", model, "--precision", "fp32", "--threads", 1, "--save-latent", latent,
                          "-o", self.folder / "picture.png", "--json", *arguments)
        assert result.returncode == 0, result.stderr
        return load_file(latent)["latent"], json.loads(result.stdout)


@pytest.fixture
def program(tmp_path) -> Program:
    return Program(ROOT / os.environ.get("PATCHBAY_BUILD", "build/release") / "bin/patchbay", tmp_path)


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """model("sd1") is the folder of a random-weight model; each is built once a session."""
    built: dict[str, pathlib.Path] = {}

    def get(family: str) -> pathlib.Path:
        if family not in built:
            built[family] = families.build(family, tmp_path_factory.mktemp("models") / family)
        return built[family]

    return get


@pytest.fixture
def agree(request):
    """agree(name, ours, theirs): the largest error relative to the largest value stays below a tolerance."""

    def check(name: str, ours: torch.Tensor, theirs: torch.Tensor, tolerance: float = 1e-4) -> None:
        assert ours.shape == theirs.shape, name
        assert theirs.isfinite().all(), name
        error = ((ours - theirs).abs().max() / theirs.abs().max()).item()
        request.config.stash.setdefault(ERRORS, []).append((name, error, tolerance))
        assert error < tolerance, f"{name}: relative error {error:.2e}"

    return check


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash.get(ERRORS, [])
    if rows:
        terminalreporter.section("largest relative errors")
    for name, error, tolerance in rows:
        terminalreporter.write_line(f"{name:60} {error:9.1e}  (allowed {tolerance:.0e})")
