"""The comparison that the parity tests share, and the table of errors printed at the end."""

from __future__ import annotations

import pytest
import torch

# The models here are tiny: more threads only wait for each other.
torch.set_num_threads(1)

ERRORS = pytest.StashKey[list]()


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
