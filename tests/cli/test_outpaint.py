"""`patchbay outpaint`: sizes and margins of any kind, what stays as it was, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

QUICK = ("--steps", 2, "--seed", 7, "--precision", "fp32", "--threads", 1, "--guidance", 1)


@pytest.fixture
def photo(tmp_path):
    """A picture of odd sizes, in a file whose name needs quotes in a plugin's settings."""
    numbers = np.random.default_rng(3).integers(0, 256, (45, 61, 3), dtype=np.uint8)
    path = tmp_path / "my photo, cut.png"
    Image.fromarray(numbers).save(path)
    return path


@pytest.fixture
def outpaint(program, model, tmp_path):
    """outpaint(arguments...): the program's result, and its picture's numbers when it drew one."""

    def run(*arguments: object):
        output = tmp_path / "wide.png"
        result = program.run("outpaint", *arguments, "--model", model("sd1"), "-o", output, *QUICK)
        drawn = np.asarray(Image.open(output).convert("RGB")) if output.exists() else None
        assert (drawn is not None) == (result.returncode == 0), result.stderr
        return result, drawn

    return run


@pytest.mark.parametrize(("arguments", "size", "corner"), [
    (("--margins", "3,0,10,7"), (74, 52), (3, 0)),
    (("--margins", "0,0,0,1"), (61, 46), (0, 0)),
    (("--margins", "16"), (93, 77), (16, 16)),
    (("--to", "100x64"), (100, 64), (19, 9)),
    (("--to", "61x64"), (61, 64), (0, 9))])
def test_the_picture_keeps_its_pixels(outpaint, photo, arguments, size, corner):
    result, drawn = outpaint(photo, "a garden", *arguments, "--feathering", 0)
    assert result.returncode == 0, result.stderr
    assert drawn.shape == (size[1], size[0], 3)
    left, top = corner
    assert np.array_equal(drawn[top:top + 45, left:left + 61], np.asarray(Image.open(photo)))


def test_it_is_generate_with_the_plugin(outpaint, program, model, photo, tmp_path):
    _, drawn = outpaint(photo, "a garden", "--margins", "10,8,9,11", "--plugin", "outpainter:jump_repeats=1")
    result = program.run("generate", "a garden", "--model", model("sd1"), "--size", "80x64", *QUICK, "--plugin",
                         f'outpainter:picture="{photo}",left=10,top=8,jump_repeats=1', "-o", tmp_path / "same.png", "--json")
    assert result.returncode == 0, result.stderr
    assert np.array_equal(drawn, np.asarray(Image.open(tmp_path / "same.png")))


def test_masks_need_no_margins(outpaint, photo, tmp_path):
    mask = np.zeros((45, 61), dtype=np.uint8)
    mask[:, 40:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    result, drawn = outpaint(photo, "--mask", tmp_path / "mask.png", "--feathering", 0)
    original = np.asarray(Image.open(photo))
    assert result.returncode == 0 and drawn.shape == original.shape
    assert np.array_equal(drawn[:, :40], original[:, :40]) and not np.array_equal(drawn[:, 40:], original[:, 40:])


@pytest.mark.parametrize(("arguments", "code", "words"), [
    ((), 1, "give a margin on one side at least"),
    (("--margins", "0"), 1, "give a margin on one side at least"),
    (("--margins", "0,0,0,0"), 1, "give a margin on one side at least"),
    (("--margins", "8,8"), 2, "no margins"),
    (("--margins", "8,8,8,-8"), 2, "no margins"),
    (("--margins", "8,8,8,16385"), 2, "no margins"),
    (("--margins", "8,8,8,8px"), 2, "no margins"),
    (("--margins", "8", "--to", "80x80"), 2, "--to"),
    (("--to", "60x80"), 1, "61x45, which does not fit into 60x80"),
    (("--to", "61x45"), 1, "give a margin on one side at least"),
    (("--margins", "8", "--size", "80x80"), 2, "--size"),
    (("--margins", "8", "--image", "x.png"), 2, "--image")])
def test_refused(outpaint, photo, arguments, code, words):
    result, _ = outpaint(photo, "a garden", *arguments)
    assert result.returncode == code and words in result.stderr


@pytest.mark.parametrize(("content", "words"), [(None, "missing.png"), (b"", "missing.png"), (b"no picture", "missing.png")])
def test_what_is_no_picture(outpaint, tmp_path, content, words):
    if content is not None:
        (tmp_path / "missing.png").write_bytes(content)
    result, _ = outpaint(tmp_path / "missing.png", "--margins", 8)
    assert result.returncode == 1 and words in result.stderr


def test_transparent_pixels_are_painted(outpaint, tmp_path):
    rgba = np.full((32, 32, 4), 200, dtype=np.uint8)
    rgba[:, 24:, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "cut.png")
    result, drawn = outpaint(tmp_path / "cut.png", "--margins", "16", "--feathering", 0)
    assert result.returncode == 0, result.stderr
    assert (drawn[16:48, 16:40] == 200).all() and (drawn[16:48, 40:48] != 200).any()


def test_help_names_what_there_is(program):
    text = program.run("outpaint", "--help").stdout
    for option in ("--margins", "--to", "--mask", "--feathering", "--steps"):
        assert option in text
    for option in ("--size", "--image", "--strength", "--hires"):
        assert option not in text


def test_report(outpaint, photo):
    result, _ = outpaint(photo, "a garden", "--margins", "3,3,0,0", "--json")
    assert "outpainter" in json.loads(result.stdout)["plugins"]
