"""What a plugin may tell the host of a pass: what a model for inpainting is to paint, and how many steps there will be."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from service.plugin_calls import FAULTY


@pytest.fixture
def draw(program, model, tmp_path):
    """draw(family, settings, arguments...): the program's result, and the picture's numbers."""

    def run(family: str, settings: str | None, *arguments: object):
        plugin = [] if settings is None else ["--plugins", FAULTY.parent, "--plugin", f"test-mask:{settings}"]
        result = program.run("generate", "an apple", "--model", model(family), "--size", "64x64", "--steps", 2, "--seed", 7,
                             "--sampler", "euler", "--precision", "fp32", "--threads", 1, "--compat", "a1111", *plugin,
                             *arguments, "-o", tmp_path / "picture.png")
        return result, np.asarray(Image.open(tmp_path / "picture.png")) if result.returncode == 0 else None

    return run


def test_the_network_sees_what_it_is_told(draw):
    """Everything is painted without a mask; the same said by the plugin is the same picture."""
    _, plain = draw("sd1-inpainting", None)
    _, told = draw("sd1-inpainting", "")
    _, half = draw("sd1-inpainting", "keeps_half=true")
    assert np.array_equal(plain, told) and not np.array_equal(plain, half)


@pytest.mark.parametrize(("family", "settings", "words"), [
    ("sd1", "", "takes no mask"), ("sd1-inpainting", "excess=1", "takes a mask [1 or 1, 1, 8, 8]"),
    ("sd1", "announced=1", "1 steps cannot be announced for a pass of 2")])
def test_what_cannot_be_told(family, settings, words, draw):
    result, _ = draw(family, settings)
    assert result.returncode == 1 and words in result.stderr, result.stderr


def test_only_one_plugin_tells(draw, tmp_path):
    Image.new("RGB", (32, 32), "red").save(tmp_path / "red.png")
    result, _ = draw("sd1-inpainting", "", "--plugin", f"outpainter:picture={tmp_path}/red.png")
    assert result.returncode == 1 and "tells the model what to paint already" in result.stderr, result.stderr


def test_progress_is_of_the_announced_steps(draw):
    result, _ = draw("sd1", "announced=5")
    assert "step 2 of 5" in result.stderr, result.stderr
