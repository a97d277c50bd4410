"""How threads work together: they wait asleep after a short spin and add up in one order, unless the user has said
otherwise."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
from PIL import Image

SPINS = "GOMP_SPINCOUNT=1000"
SUMS = "MKL_CBWR=AUTO"


@pytest.mark.parametrize("variable", [None, "OMP_WAIT_POLICY=ACTIVE", "GOMP_SPINCOUNT=77", "MKL_CBWR=COMPATIBLE"])
def test_environment(variable, new_server, monkeypatch):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "MKL_CBWR"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(*variable.split("="))
    server = new_server().start()
    variables = pathlib.Path(f"/proc/{server.process.pid}/environ").read_text().split("\0")
    about_sums = (variable or "").startswith("MKL")
    assert (SPINS in variables) == (variable is None or about_sums)
    assert (SUMS in variables) == (not about_sums)
    assert variable is None or variable in variables
    assert pathlib.Path(f"/proc/{server.process.pid}/comm").read_text() == "patchbay\n"


def test_several_threads_train_alike_each_time(program, model, tmp_path):
    numbers = np.random.default_rng(5).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    Image.fromarray(numbers).resize((100, 70)).save(tmp_path / "one.png")

    def trained() -> bytes:
        done = program.run("plugin", "action", "outpainter", "adapt", "--model", model("sd1"), "--precision", "fp32",
                           "--threads", 2, "--reference1", tmp_path / "one.png", "--side", 64, "--steps", 3,
                           "-o", tmp_path / "out")
        assert done.returncode == 0, done.stderr
        file = tmp_path / "out/lora.safetensors"
        content = file.read_bytes()
        for made in (tmp_path / "out").iterdir():
            made.unlink()
        return content

    first = trained()
    for _ in range(3):
        assert trained() == first
