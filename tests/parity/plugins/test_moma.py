"""MoMA beside its published formulas on diffusers' U-Net."""

from __future__ import annotations

import pytest
from safetensors.torch import load_file

from ..pipeline import reference
from . import moma
from .ip_adapter import differs
from .moma import SMALL, spelling, theirs


@pytest.fixture
def draw(model, program):
    """draw(*arguments) is the latent of the small model of Stable Diffusion 1's structure."""
    return lambda *arguments: program.generate(model("sd1"), reference.PROMPT, *SMALL, "--guidance", 7.5, *arguments)[0]


@pytest.mark.parametrize("kind", ["state", "embedding", "tokens"])
def test_both_branches(kind, model, moma_adapter, moma_subject, moma_tokens, draw, agree):
    picture, mask, given = moma_subject
    tensor, path = moma_tokens(kind)
    ours = draw(*spelling(**given, adapter=moma_adapter(), tokens=path))
    wanted = theirs(model("sd1"), load_file(moma_adapter()), picture, mask, tensor)
    agree(f"MoMA, both branches, {kind}", ours, wanted)
    assert differs(ours, draw())


def test_the_image_encoder(model, moma_adapter, moma_subject, draw, agree):
    picture, mask, given = moma_subject
    ours = draw(*spelling(**given, adapter=moma_adapter(encoder=True)))
    wanted = theirs(model("sd1"), load_file(moma_adapter(encoder=True)), picture, mask,
                    moma.embedding_of_picture(picture, mask))
    agree("MoMA, embedding from the picture", ours, wanted)


def test_the_identity_branch_alone(model, moma_adapter, moma_subject, program, agree):
    picture, mask, given = moma_subject
    ours, report = program.generate(model("sd1"), reference.PROMPT, *SMALL, "--guidance", 7.5,
                                    *spelling(**given, adapter=moma_adapter(), strength=0.8))
    agree("MoMA, identity branch", ours,
          theirs(model("sd1"), load_file(moma_adapter()), picture, mask, strength=0.8))
    assert any("only the identity branch works" in warning for warning in report["warnings"]), report


@pytest.mark.parametrize("guidance, size", [(1, (128, 128)), (7.5, (96, 128))])
def test_other_requests(guidance, size, model, moma_adapter, moma_subject, moma_tokens, program, agree):
    picture, mask, given = moma_subject
    tensor, path = moma_tokens("embedding")
    arguments = [*SMALL, "--size", f"{size[1]}x{size[0]}"][2:]
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *arguments, "--guidance", guidance,
                               *spelling(**given, adapter=moma_adapter(), tokens=path))
    agree(f"MoMA, guidance {guidance}, {size[1]}x{size[0]}", ours,
          theirs(model("sd1"), load_file(moma_adapter()), picture, mask, tensor, guidance=guidance, size=size))


@pytest.mark.parametrize("ours_set, theirs_set", [
    ({"mode": "texture"}, {"strength": 0.4}), ({"strength": 0}, {"strength": 0.0}), ({"ip_scale": 0.5}, {"ip_scale": 0.5}),
    ({"use_iter_mask": "false"}, {"use_mask": False}),
    ({"t_self_max": 300}, {"t_self_max": 300}), ({"mask_threshold": 0.6}, {"threshold": 0.6})])
def test_settings(ours_set, theirs_set, model, moma_adapter, moma_subject, moma_tokens, draw, agree):
    picture, mask, given = moma_subject
    tensor, path = moma_tokens("embedding")
    ours = draw(*spelling(**given, adapter=moma_adapter(), tokens=path, **ours_set))
    agree(f"MoMA, {ours_set}", ours,
          theirs(model("sd1"), load_file(moma_adapter()), picture, mask, tensor, **theirs_set))
    assert differs(ours, draw(*spelling(**given, adapter=moma_adapter(), tokens=path)), 1e-3)


@pytest.mark.parametrize("guidance", [1, 7.5])
def test_the_authors_code(guidance, model, moma_adapter, moma_subject, moma_tokens, program, agree):
    picture, mask, given = moma_subject
    tensor, path = moma_tokens("embedding")
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL, "--guidance", guidance,
                               *spelling(**given, adapter=moma_adapter(), tokens=path, compat="true"))
    agree(f"MoMA, compat, guidance {guidance}", ours,
          theirs(model("sd1"), load_file(moma_adapter()), picture, mask, tensor, guidance=guidance, compat=True))


def test_twenty_steps(model, moma_adapter, moma_subject, moma_tokens, program, agree):
    """At 951, the first of 20, the reference does not act."""
    picture, mask, given = moma_subject
    tensor, path = moma_tokens("embedding")
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *SMALL[:-1], 20, "--guidance", 3,
                               *spelling(**given, adapter=moma_adapter(), tokens=path))
    agree("MoMA, 20 steps", ours,
          theirs(model("sd1"), load_file(moma_adapter()), picture, mask, tensor, steps=20, guidance=3))
