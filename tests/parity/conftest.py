"""The comparison that the parity tests share. tests/conftest.py prints the table of its errors at the end."""

from __future__ import annotations

import pytest
import torch

# The models here are tiny: more threads only wait for each other.
torch.set_num_threads(1)


@pytest.fixture
def agree(record_property):
    """agree(name, ours, theirs): the largest error relative to the largest value stays below a tolerance."""

    def check(name: str, ours: torch.Tensor, theirs: torch.Tensor, tolerance: float = 1e-4) -> None:
        assert ours.shape == theirs.shape, name
        assert theirs.isfinite().all(), name
        error = ((ours - theirs).abs().max() / theirs.abs().max()).item()
        record_property("relative error", [name, error, tolerance])
        assert error < tolerance, f"{name}: relative error {error:.2e}"

    return check
