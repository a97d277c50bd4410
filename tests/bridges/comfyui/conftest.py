"""A client of its own for each test."""

from __future__ import annotations

import pytest
from bridges.comfyui.client import Client


@pytest.fixture
def client(bridges):
    made = Client(bridges.comfyui_address)
    yield made
    made.close()
