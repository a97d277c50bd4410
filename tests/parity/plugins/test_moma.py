"""MoMA beside its published formulas on diffusers' U-Net."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file, save_file

from ..pipeline import reference
from . import moma
from .ip_adapter import differs
from .moma import EMBEDDING, STATE, SUBJECT, TOKENS, spelling, theirs

SMALL = ["--size", "64x64", "--seed", 7, "--sampler", "ddim", "--steps", 4]


@pytest.fixture(scope="session")
def moma_adapter(model, tmp_path_factory):
    """moma_adapter() is a file for the small model of Stable Diffusion 1's structure."""
    folder = tmp_path_factory.mktemp("moma")

    def get(encoder: bool = False) -> pathlib.Path:
        path = folder / f"{encoder}.safetensors"
        if not path.exists():
            moma.make_adapter(model("sd1"), path, mapping=not encoder, encoder=encoder)
        return path

    return get


@pytest.fixture
def subject(tmp_path):
    """A picture of a thing, and its mask."""
    numbers = np.random.default_rng(3).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(numbers).resize((90, 70), Image.Resampling.BICUBIC)
    mask = Image.new("L", picture.size)
    ImageDraw.Draw(mask).ellipse((20, 12, 66, 50), fill=255)
    picture.save(tmp_path / "thing.png")
    mask.save(tmp_path / "mask.png")
    return picture, mask, {"image": tmp_path / "thing.png", "mask": tmp_path / "mask.png", "subject": SUBJECT}


@pytest.fixture
def tokens(tmp_path):
    """tokens("state", width of the text) is a tensor and its file."""

    def make(kind: str, width: int = 48) -> tuple[torch.Tensor, pathlib.Path]:
        torch.manual_seed(23)
        shape = {"state": (STATE,), "embedding": (EMBEDDING,), "tokens": (TOKENS, width)}[kind]
        tensor = torch.randn(shape)
        save_file({"moma_embedding": tensor}, tmp_path / f"{kind}.safetensors")
        return tensor, tmp_path / f"{kind}.safetensors"

    return make


@pytest.fixture
def draw(model, program):
    """draw(*arguments) is the latent of the small model of Stable Diffusion 1's structure."""
    return lambda *arguments: program.generate(model("sd1"), reference.PROMPT, *SMALL, "--guidance", 7.5, *arguments)[0]


@pytest.mark.parametrize("kind", ["state", "embedding", "tokens"])
def test_both_branches(kind, model, moma_adapter, subject, tokens, draw, agree):
    picture, mask, given = subject
    tensor, path = tokens(kind)
    ours = draw(*spelling(**given, adapter=moma_adapter(), tokens=path))
    wanted = theirs(model("sd1"), load_file(moma_adapter()), picture, mask, tensor)
    agree(f"MoMA, both branches, {kind}", ours, wanted)
    assert differs(ours, draw())


def test_the_image_encoder(model, moma_adapter, subject, draw, agree):
    picture, mask, given = subject
    ours = draw(*spelling(**given, adapter=moma_adapter(encoder=True)))
    wanted = theirs(model("sd1"), load_file(moma_adapter(encoder=True)), picture, mask,
                    moma.embedding_of_picture(picture, mask))
    agree("MoMA, embedding from the picture", ours, wanted)


def test_the_identity_branch_alone(model, moma_adapter, subject, program, agree):
    picture, mask, given = subject
    ours, report = program.generate(model("sd1"), reference.PROMPT, *SMALL, "--guidance", 7.5,
                                    *spelling(**given, adapter=moma_adapter(), strength=0.8))
    agree("MoMA, identity branch", ours,
          theirs(model("sd1"), load_file(moma_adapter()), picture, mask, strength=0.8))
    assert any("only the identity branch works" in warning for warning in report["warnings"]), report


@pytest.mark.parametrize("guidance, size", [(1, (64, 64)), (7.5, (96, 128))])
def test_other_requests(guidance, size, model, moma_adapter, subject, tokens, program, agree):
    picture, mask, given = subject
    tensor, path = tokens("embedding")
    arguments = [*SMALL, "--size", f"{size[1]}x{size[0]}"][2:]
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *arguments, "--guidance", guidance,
                               *spelling(**given, adapter=moma_adapter(), tokens=path))
    agree(f"MoMA, guidance {guidance}, {size[1]}x{size[0]}", ours,
          theirs(model("sd1"), load_file(moma_adapter()), picture, mask, tensor, guidance=guidance, size=size))


@pytest.mark.parametrize("ours_set, theirs_set", [
    ({"mode": "texture"}, {"strength": 0.4}), ({"strength": 0}, {"strength": 0.0}), ({"ip_scale": 0.5}, {"ip_scale": 0.5}),
    ({"t_self_max": 300}, {"t_self_max": 300}), ({"mask_threshold": 0.6}, {"threshold": 0.6})])
def test_settings(ours_set, theirs_set, model, moma_adapter, subject, tokens, draw, agree):
    picture, mask, given = subject
    tensor, path = tokens("embedding")
    ours = draw(*spelling(**given, adapter=moma_adapter(), tokens=path, **ours_set))
    agree(f"MoMA, {ours_set}", ours,
          theirs(model("sd1"), load_file(moma_adapter()), picture, mask, tensor, **theirs_set))
    assert differs(ours, draw(*spelling(**given, adapter=moma_adapter(), tokens=path)), 1e-3)


@pytest.mark.parametrize("guidance", [1, 7.5])
def test_the_authors_code(guidance, model, moma_adapter, subject, tokens, program, agree):
    picture, mask, given = subject
    tensor, path = tokens("embedding")
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL, "--guidance", guidance,
                               *spelling(**given, adapter=moma_adapter(), tokens=path, compat="true"))
    agree(f"MoMA, compat, guidance {guidance}", ours,
          theirs(model("sd1"), load_file(moma_adapter()), picture, mask, tensor, guidance=guidance, compat=True))


def test_twenty_steps(model, moma_adapter, subject, tokens, program, agree):
    """At 951, the first of 20, the reference does not act."""
    picture, mask, given = subject
    tensor, path = tokens("embedding")
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL[:-1], 20, "--guidance", 3,
                               *spelling(**given, adapter=moma_adapter(), tokens=path))
    agree("MoMA, 20 steps", ours,
          theirs(model("sd1"), load_file(moma_adapter()), picture, mask, tensor, steps=20, guidance=3))
