"""The outpainter on a server: what it refuses leaves the server as it was."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

QUICK = ["--steps", "2", "--seed", "7", "--guidance", "1", "--sampler", "euler"]


@pytest.fixture
def pictures(tmp_path):
    numbers = np.random.default_rng(3).integers(0, 256, (45, 61, 3), dtype=np.uint8)
    Image.fromarray(numbers).save(tmp_path / "photo.png")
    Image.fromarray(numbers[:7, :7]).save(tmp_path / "tiny.png")
    Image.new("RGB", (10_000, 10_000), "red").save(tmp_path / "large.png")
    Image.new("RGBA", (32, 32)).save(tmp_path / "clear.png")
    Image.fromarray(numbers[:8, :8]).save(tmp_path / "mask.png")
    return tmp_path


@pytest.mark.parametrize(("picture", "arguments", "words"), [
    ("photo", ["--margins", "0"], "give a margin on one side"), ("tiny", ["--margins", "3"], "8x8 pixels"),
    ("large", ["--margins", "8"], "10000x10000"), ("clear", ["--margins", "8"], "transparent"),
    ("photo", ["--margins", "8", "--mask", "mask.png"], "must be alike"),
    ("photo", ["--margins", "16000,0,16000,0"], "16384"),
    ("photo", ["--margins", "80,0,0,0", "--detach"], "--rounds 1"),
    ("photo", ["--margins", "80,0,0,0", "--detach", "--reference", "mask.png"], "--rounds 1"),
    ("photo", ["--margins", "8", "--lora", "none.safetensors", "--reference", "mask.png"], "none.safetensors"),
    ("photo", ["--margins", "8", "--plugin", "nonsense", "--reference", "mask.png"], "nonsense")])
def test_the_server_goes_on(picture, arguments, words, new_server, pictures):
    server = new_server().start()
    given = [pictures / argument if argument.endswith(".png") else argument for argument in arguments]
    refused = server.run("outpaint", pictures / f"{picture}.png", *given, *QUICK, "-o", pictures / "wide.png")
    assert refused.returncode == 1 and words in refused.stderr, refused.stderr
    assert "loss" not in refused.stderr and not (pictures / "wide.png").exists()
    drawn = server.run("outpaint", pictures / "photo.png", "--margins", "8", *QUICK, "-o", pictures / "wide.png")
    assert drawn.returncode == 0, drawn.stderr


def test_mistakes_do_not_suspend_it(new_server, pictures):
    """However often they are made, by whomever."""
    server = new_server().start()
    for _ in range(5):
        refused = server.run("outpaint", pictures / "photo.png", "--margins", "8", "--mask", pictures / "mask.png", *QUICK,
                             "-o", pictures / "wide.png")
        assert refused.returncode == 1 and "must be alike" in refused.stderr, refused.stderr
    drawn = server.run("outpaint", pictures / "photo.png", "--margins", "8", *QUICK, "-o", pictures / "wide.png")
    assert drawn.returncode == 0, drawn.stderr


def test_rounds_are_those_of_one_process(new_server, pictures, program, model):
    server = new_server().start()
    arguments = ["outpaint", pictures / "photo.png", "--margins", "80,0,0,9", *QUICK, "--request-id", "one"]
    there = server.run(*arguments, "-o", pictures / "there.png")
    assert there.returncode == 0 and "step 4 of 4" in there.stderr, there.stderr
    here = program.run(*arguments[:-2], "--model", model("sd1"), "--precision", "fp32", "--threads", 1, "-o",
                       pictures / "here.png")
    assert here.returncode == 0, here.stderr
    assert np.array_equal(np.asarray(Image.open(pictures / "here.png")), np.asarray(Image.open(pictures / "there.png")))


def test_references_are_learned_there(new_server, pictures, program, model):
    server = new_server().start()
    arguments = ["outpaint", pictures / "photo.png", "a garden", "--margins", "8", *QUICK, "--reference", pictures / "tiny.png",
                 "--adapt", 2]
    there = server.run(*arguments, "--save-adapter", pictures / "there.safetensors", "-o", pictures / "there.png")
    assert there.returncode == 0, there.stderr
    here = program.run(*arguments, "--model", model("sd1"), "--precision", "fp32", "--threads", 1, "--save-adapter",
                       pictures / "here.safetensors", "-o", pictures / "here.png")
    assert here.returncode == 0, here.stderr
    ours, theirs = (np.asarray(Image.open(pictures / f"{name}.png"), dtype=int) for name in ("here", "there"))
    assert np.abs(ours - theirs).max() <= 2
    refused = server.run(*arguments, "--precision", "fp32", "-o", pictures / "no.png")
    assert refused.returncode == 1 and "--precision is for the server to decide" in refused.stderr
