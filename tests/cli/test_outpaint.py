"""`patchbay outpaint`: sizes and margins of any kind, what stays as it was, and what is refused."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

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
    for option in ("--margins", "--to", "--mask", "--feathering", "--rounds", "--steps"):
        assert option in text
    for option in ("--size", "--image", "--strength", "--hires"):
        assert option not in text


def progress(result) -> list[tuple[int, ...]]:
    return [tuple(map(int, numbers)) for numbers in re.findall(r"step (\d+) of (\d+)", result.stderr)]


@pytest.mark.parametrize(("arguments", "rounds"), [
    # The model was trained on 128x128: up to half of that in a round.
    (("--margins", "64"), 1), (("--margins", "65,0,0,0"), 1), (("--margins", "80,0,0,0"), 2),
    (("--margins", "0,150,9,0"), 3), (("--margins", "80,0,0,0", "--rounds", 1), 1),
    (("--margins", "30,20,0,7", "--rounds", 3), 3), (("--margins", "9", "--rounds", 2), 1)])
def test_rounds(outpaint, photo, arguments, rounds):
    """Steps are counted over all rounds, and what was known stays as it was through all of them."""
    result, drawn = outpaint(photo, "a garden", *arguments, "--feathering", 0, "--sampler", "euler")
    assert result.returncode == 0, result.stderr
    told = progress(result)
    assert told[-1] == (2 * rounds, 2 * rounds) and told == sorted(told)
    assert result.stdout.count("wide.png") == 1
    given = [int(margin) for margin in arguments[1].split(",")]
    left, top, right, bottom = given * 4 if len(given) == 1 else given
    assert drawn.shape == (45 + top + bottom, 61 + left + right, 3)
    assert np.array_equal(drawn[top:top + 45, left:left + 61], np.asarray(Image.open(photo)))


def test_a_round_goes_on_from_the_last(outpaint, photo, tmp_path):
    _, whole = outpaint(photo, "a garden", "--margins", "37,0,0,24", "--rounds", 2)
    _, inner = outpaint(photo, "a garden", "--margins", "21,0,0,16", "--rounds", 1)
    Image.fromarray(inner).save(tmp_path / "inner.png")
    _, outer = outpaint(tmp_path / "inner.png", "a garden", "--margins", "16,0,0,8", "--rounds", 1)
    assert np.array_equal(whole, outer)


def test_rounds_of_a_batch(outpaint, photo):
    result, _ = outpaint(photo, "--margins", "80,0,0,0", "--rounds", 2, "--batch", 2)
    assert result.returncode == 1 and "--batch" in result.stderr and "--rounds 1" in result.stderr


@pytest.mark.parametrize("given", ["mask", "picture"])
def test_what_several_rounds_cannot_share(outpaint, photo, given):
    arguments = (photo, "--margins", "80,0,0,0", "--plugin", f'outpainter:{given}="{photo}"')
    result, _ = outpaint(*arguments)
    assert result.returncode == 1 and f"outpainter:{given} would be the same in each of several rounds" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_an_interrupt_between_rounds_leaves_nothing(program, model, photo, tmp_path, number):
    """Ctrl-C, or the end of the terminal, in the second round: no picture, and none of the first round's."""
    (tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        # Whatever has started the tests may have had its children outlive the terminal.
        ["env", "--default-signal", program.path, "outpaint", photo, "--margins", "64", "--rounds", "3", "--model",
         model("sd1"), "--steps", "20", "--sampler", "euler", "--plugin", "outpainter:jump_repeats=0", "--threads", "1", "-o", tmp_path / "wide.png"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ, TMPDIR=str(tmp_path / "temporary")))
    for line in process.stderr:
        if "step 24 of 60" in line:
            break
    assert list((tmp_path / "temporary").iterdir())
    process.send_signal(number)
    assert process.wait(timeout=60) == 130
    assert not (tmp_path / "wide.png").exists() and not list((tmp_path / "temporary").iterdir())


def test_sizes_that_are_too_large(outpaint, photo, tmp_path):
    Image.new("RGB", (10_000, 10_000), "red").save(tmp_path / "large.png")
    result, _ = outpaint(tmp_path / "large.png", "--margins", "8")
    assert result.returncode == 1 and "the picture is 10000x10000; at most" in result.stderr
    for rounds in (1, 0):
        result, _ = outpaint(photo, "--margins", "16000,0,16000,0", "--rounds", rounds)
        assert result.returncode == 1 and "16384" in result.stderr, result.stderr
        result, _ = outpaint(photo, "--margins", "8000", "--rounds", rounds)
        assert result.returncode == 1 and "16061x16045; at most 67108864 pixels" in result.stderr, result.stderr


def test_a_full_disk(program, model, photo, tmp_path):
    """A process may be forbidden to write more than a few bytes to any file, which a round's picture needs as well."""
    (tmp_path / "temporary").mkdir()
    for rounds in (1, 2):
        result = program.run("outpaint", photo, "--margins", "32", "--rounds", rounds, "--model", model("sd1"), "-o",
                             tmp_path / "wide.png", *QUICK, under=["env", f"TMPDIR={tmp_path}/temporary", "prlimit", "--fsize=100"])
        assert result.returncode == 1 and "cannot write" in result.stderr, result.stderr
        assert not list(tmp_path.glob("*wide*")) and not list((tmp_path / "temporary").iterdir())


def test_report(outpaint, photo):
    result, _ = outpaint(photo, "a garden", "--margins", "3,3,1,0", "--json")
    report = json.loads(result.stdout)
    assert "outpainter" in report["plugins"] and report["size"] == [65, 48]


@pytest.mark.parametrize("given", ["outpainter:right=30,left=0", "outpainter:left=0, right=30,jump_repeats=1"])
def test_what_is_given_to_the_plugin_counts(outpaint, photo, given):
    """Also where the command has a setting of its own for it."""
    result, drawn = outpaint(photo, "a garden", "--margins", "30,0,0,0", "--plugin", given)
    assert result.returncode == 0, result.stderr
    assert np.array_equal(drawn[:, :61], np.asarray(Image.open(photo)))


# ---- Reference pictures ----


def test_transparent_parts_are_painted(outpaint, photo, tmp_path):
    opacity = np.full((45, 61), 255, np.uint8)
    opacity[10:30, 20:50] = 127
    picture = Image.open(photo)
    picture.putalpha(Image.fromarray(opacity))
    picture.save(tmp_path / "hole.png")
    result, drawn = outpaint(tmp_path / "hole.png")
    assert result.returncode == 0, result.stderr
    known, is_known = np.asarray(Image.open(photo)), opacity == 255
    assert np.array_equal(drawn[is_known], known[is_known]) and not np.array_equal(drawn, known)


@pytest.mark.parametrize("settings", ["window=64,stride=32", "window=64,stride=32,circular=true"])
def test_beside_windows_the_picture_stays(outpaint, photo, settings):
    """On a canvas larger than a window."""
    result, drawn = outpaint(photo, "--margins", "40,20,40,20", "--rounds", 1, "--plugin", f"multidiffusion:{settings}")
    assert result.returncode == 0, result.stderr
    known = np.asarray(Image.open(photo))
    assert np.array_equal(drawn[20:20 + known.shape[0], 40:40 + known.shape[1]], known)
    _, alone = outpaint(photo, "--margins", "40,20,40,20", "--rounds", 1)
    assert not np.array_equal(drawn, alone)


@pytest.fixture
def references(tmp_path):
    paths = []
    for seed in (4, 5):
        numbers = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
        paths.append(tmp_path / f"reference, {seed}.png")
        Image.fromarray(numbers).resize((70, 50)).save(paths[-1])
    return paths


def test_references_are_learned_before_painting(outpaint, photo, references, tmp_path):
    """What is learned is kept and used again by --lora."""
    arguments = (photo, "a garden", "--margins", "80,0,9,0")  # two rounds
    given = (word for path in references for word in ("--reference", path))
    result, learned = outpaint(*arguments, *given, "--adapt", 3, "--adapt-with", "rank=3", "--adapt-with", "dropout=0",
                               "--save-adapter", tmp_path / "garden.safetensors")
    assert result.returncode == 0, result.stderr
    trained = load_file(tmp_path / "garden.safetensors")
    assert {tensor.shape[0] for name, tensor in trained.items() if "lora_A" in name} == {3}
    assert "step 3 of 3, loss" in result.stderr
    assert np.array_equal(learned[:, 80:141], np.asarray(Image.open(photo)))
    _, again = outpaint(*arguments, "--lora", tmp_path / "garden.safetensors")
    assert np.array_equal(again, learned)
    _, plain = outpaint(*arguments)
    assert not np.array_equal(plain, learned)


@pytest.mark.parametrize(("arguments", "words"), [
    (("--reference", "photo", "--reference", "missing.png"), "missing.png"),
    (("--reference", "photo") * 6, "6 pictures; give 5 at the most"),
    (("--adapt", 3), "--adapt is for clips, or for a picture with --reference"),
    (("--save-adapter", "x.safetensors"), "--save-adapter is for clips, or for a picture with --reference"),
    (("--adapt-with", "rank=3"), "--adapt-with is for clips, or for a picture with --reference"),
    (("--reference", "photo", "--adapt-with", "rank"), '"rank" is no setting; write FIELD=VALUE'),
    (("--reference", "photo", "--adapt-with", "ranks=3"), "ranks"),
    (("--reference", "photo", "--adapt-with", "rank=0"), "rank"),
    (("--reference", "text"), "text.png"),
    (("--reference", "photo", "--steps", 0), "--steps")])
def test_references_that_are_refused(outpaint, photo, tmp_path, arguments, words):
    (tmp_path / "text.png").write_text("no picture")
    files = {"photo": photo, "text": tmp_path / "text.png", "missing.png": tmp_path / "missing.png"}
    before = sorted(tmp_path.iterdir())
    result, _ = outpaint(photo, "a garden", "--margins", "8", *(files.get(word, word) for word in arguments))
    assert result.returncode != 0 and words in result.stderr, result.stderr
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(("arguments", "words"), [
    (("--rounds", 2, "--batch", 2), "--batch: only one picture at a time"),
    (("--lora", "missing.safetensors"), "missing.safetensors"),
    (("--request-id", "one"), "are for a server; name one with --host"),
    (("--embedding", "missing.safetensors"), "missing.safetensors"),
    (("--plugin", "nonsense"), "nonsense"),
    (("--plugin", "cfgpp:nothing=1"), 'there is no setting "nothing"'),
    (("--plugin", "outpainter:mask=missing.png"), "missing.png")])
def test_nothing_is_trained_for_what_cannot_be_drawn(outpaint, photo, references, arguments, words):
    result, _ = outpaint(photo, "a garden", "--margins", "40,0,0,0", "--reference", references[0], *arguments)
    assert result.returncode == 1 and words in result.stderr, result.stderr
    assert "loss" not in result.stderr


def test_nothing_is_trained_for_what_cannot_be_written(program, model, photo, references):
    result = program.run("outpaint", photo, "--margins", 8, "--reference", references[0], "--model", model("sd1"),
                         "-o", "/proc/wide.png", *QUICK)
    assert result.returncode == 1 and "cannot write /proc/wide.png" in result.stderr, result.stderr
    assert "loss" not in result.stderr


def test_a_clip_has_no_references(program, model, photo, tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    for number in range(2):
        Image.new("RGB", (16, 16)).save(folder / f"{number}.png")
    result = program.run("outpaint", folder, "a garden", "--margins", 8, "--reference", photo, "--model", model("sd1"),
                         "-o", tmp_path / "out.webp", *QUICK)
    assert result.returncode == 1 and "is a clip; --adapt trains on the clip itself" in result.stderr
