"""What the tests of the whole program share: the program and the models.

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
from parity.models import families
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).resolve().parents[1]


@dataclass
class Program:
    """The patchbay program, run as a user runs it."""

    path: pathlib.Path
    folder: pathlib.Path

    def run(self, *arguments, under: list[str] = (), **options) -> subprocess.CompletedProcess:
        """`under`: a command that starts the program, such as one that sets limits."""
        return subprocess.run([*under, self.path, *map(str, arguments)], capture_output=True, text=True, check=False,
                              **options)

    def generate(self, model: pathlib.Path, prompt: str, *arguments) -> tuple[torch.Tensor, dict]:
        """Draws in fp32 and returns the final latent and the report."""
        latent = self.folder / "latent.safetensors"
        result = self.run("generate", prompt, "--model", model, "--precision", "fp32", "--threads", 1,
                          "--save-latent", latent, "-o", self.folder / "picture.png", "--json", *arguments)
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


def pytest_terminal_summary(terminalreporter):
    """The errors that `agree` of parity/conftest.py recorded, in whichever process."""
    rows = [value for reports in terminalreporter.stats.values() for report in reports
            if getattr(report, "when", "") == "call"
            for name, value in report.user_properties if name == "relative error"]
    if rows:
        terminalreporter.section("largest relative errors")
    for name, error, tolerance in rows:
        terminalreporter.write_line(f"{name:60} {error:9.1e}  (allowed {tolerance:.0e})")
