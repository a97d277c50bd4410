"""How threads wait for each other: asleep after a short spin, unless the user has said otherwise."""

from __future__ import annotations

import pathlib

import pytest


@pytest.mark.parametrize("variable", [None, "OMP_WAIT_POLICY=ACTIVE", "GOMP_SPINCOUNT=77"])
def test_short_spins(variable, new_server, monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    if variable:
        monkeypatch.setenv(*variable.split("="))
    server = new_server().start()
    variables = pathlib.Path(f"/proc/{server.process.pid}/environ").read_text().split("\0")
    assert ("GOMP_SPINCOUNT=1000" in variables) == (variable is None)
    assert variable is None or variable in variables
    assert pathlib.Path(f"/proc/{server.process.pid}/comm").read_text() == "patchbay\n"
