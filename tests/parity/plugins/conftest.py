"""IP-Adapters and pictures for them."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
from PIL import Image

from .ip_adapter import make_adapter, make_encoder


@pytest.fixture(scope="session")
def adapter(model, tmp_path_factory):
    """adapter("sd1", "plain") is the path of a file with an image encoder beside it."""
    folder = tmp_path_factory.mktemp("adapters")
    make_encoder(folder / "image_encoder")

    def get(family: str, kind: str = "plain") -> pathlib.Path:
        path = folder / f"{family}-{kind}.safetensors"
        if not path.exists():
            make_adapter(model(family), path, kind)
        return path

    return get


@pytest.fixture
def photos(tmp_path):
    """Two pictures of different proportions."""
    paths = []
    for index, size in enumerate([(50, 40), (33, 64)]):
        numbers = np.random.default_rng(index).integers(0, 256, (6, 5, 3), dtype=np.uint8)
        paths.append(tmp_path / f"photo{index}.png")
        Image.fromarray(numbers).resize(size, Image.Resampling.BICUBIC).save(paths[-1])
    return paths
