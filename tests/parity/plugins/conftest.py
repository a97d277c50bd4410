"""IP-Adapters, MoMA adapters and pictures for them."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file

from .ip_adapter import make_adapter, make_encoder
from .moma import EMBEDDING, STATE, SUBJECT, TOKENS
from .moma import make_adapter as make_moma


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


@pytest.fixture(scope="session")
def moma_adapter(model, tmp_path_factory):
    """moma_adapter() is a file for the small model of Stable Diffusion 1's structure."""
    folder = tmp_path_factory.mktemp("moma")

    def get(encoder: bool = False) -> pathlib.Path:
        path = folder / f"{encoder}.safetensors"
        if not path.exists():
            make_moma(model("sd1"), path, mapping=not encoder, encoder=encoder)
        return path

    return get


@pytest.fixture
def moma_subject(tmp_path):
    """A picture of a thing, and its mask."""
    numbers = np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(numbers).resize((90, 70), Image.Resampling.BICUBIC)
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).ellipse((20, 12, 66, 50), fill=255)
    picture.save(tmp_path / "thing.png")
    mask.save(tmp_path / "mask.png")
    return picture, mask, {"image": tmp_path / "thing.png", "mask": tmp_path / "mask.png", "subject": SUBJECT}


@pytest.fixture
def moma_tokens(tmp_path):
    """moma_tokens("state", width of the text) is a tensor and its file."""

    def make(kind: str, width: int = 48) -> tuple[torch.Tensor, pathlib.Path]:
        torch.manual_seed(23)
        shape = {"state": (STATE,), "embedding": (EMBEDDING,), "tokens": (TOKENS, width)}[kind]
        tensor = torch.randn(shape)
        save_file({"moma_embedding": tensor}, tmp_path / f"{kind}.safetensors")
        return tensor, tmp_path / f"{kind}.safetensors"

    return make
