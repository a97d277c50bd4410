"""Models whose weights are stored as integers: `patchbay model quantize`, and drawing with what it writes."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ..pipeline import reference
from ..pipeline.test_lora_pictures import write
from .test_quantizer import BLOCK, SMALL, relative
from .test_quantizer_plans import write_plan

UNET = "unet/diffusion_pytorch_model.safetensors"
KEY = "patchbay.integer_weights"
SPANS = {"range": [-1.0, 2.0], "skip_range": [-3.0, 4.5]}


@pytest.fixture
def copy(model, tmp_path):
    return lambda family="sd1": shutil.copytree(model(family), tmp_path / family)


def quantize(program, folder, *arguments):
    """The file that is written beside the model."""
    result = program.run("model", "quantize", folder, *arguments)
    assert result.returncode == 0, result.stderr
    assert f"its text encoders and autoencoder are those of {folder}" in result.stderr
    return folder.parent / result.stdout.strip()


def numbers(file) -> dict[str, torch.Tensor]:
    """What the file stands for, from the description of its format."""
    with safe_open(file, "pt") as opened:
        entries = json.loads(opened.metadata()[KEY])["weights"]
    tensors = load_file(file)
    h = torch.tensor([[1, 1, 1, -1], [1, 1, -1, 1], [1, -1, 1, 1], [-1, 1, 1, 1]]) / 2
    turn = torch.kron(h, torch.kron(h, h))
    for name, entry in entries.items():
        parts = []
        for number, inputs in enumerate(entry["inputs"]):
            part = {kind: tensors.pop(f"{name}.{number}.{kind}") for kind in
                    ("integers", "steps") + (("multiples",) if entry["bits"] == 4 else ())}
            integers = part["integers"].int()
            if entry["bits"] == 4:
                integers = torch.stack((integers & 15, integers >> 4), 3).flatten(2)[..., :inputs] - 8
                integers = integers * part["multiples"].int().repeat_interleave(64, 2)[..., :inputs]
            values = integers * part["steps"].view(-1, 1, 1)
            if entry["rotated"] and inputs % 64 == 0:
                values = (values.unflatten(2, (-1, 64)) @ turn).flatten(2)
            parts.append(values)
        tensors[name] = torch.cat(parts, 2).transpose(1, 2).reshape(entry["shape"]).contiguous()
    return tensors


@pytest.mark.parametrize("family, scheme, rotate", [
    ("sd1", "w8a8", False), ("sd1", "w4a8", False), ("sd1", "w4a16", False), ("sd1", "w4a8", True),
    ("sd2", "w8a8", True), ("sdxl", "w8a8", False), ("sdxl", "w4a8", False)])
def test_the_picture_is_that_of_the_plugin(family, scheme, rotate, copy, program):
    """Bit by bit, without that the plugin is asked for."""
    folder = copy(family)
    file = quantize(program, folder, "--scheme", scheme, *(["--rotate"] if rotate else []))
    assert file.name == f"{family}-{scheme}{'-rotated' if rotate else ''}.safetensors"
    settings = f"quantizer:scheme={scheme}" + (",rotate=true" if rotate else "")
    theirs, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", settings)
    ours, report = program.generate(file, reference.PROMPT, *SMALL)
    assert torch.equal(ours, theirs) and "quantizer" in report["plugins"]


def test_a_plan_is_stored(copy, program):
    """With calibrated ranges, kept layers, and a shortcut in two parts."""
    folder = copy()
    layers = {"up_blocks.2.resnets.0.conv_shortcut": {"weights": 8, "activations": 8, **SPANS},
              f"{BLOCK}.attn1.to_v": {"weights": 4, "activations": 16},
              "mid_block.resnets.0.conv1": {"weights": 16, "activations": 16}}
    plan = write_plan(program, folder, layers, others={"weights": 4, "activations": 8})
    theirs, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", plan)
    file = quantize(program, folder, "--plan", program.folder / "plan.json")
    assert file.name == "sd1-plan.safetensors"
    ours, _ = program.generate(file, reference.PROMPT, *SMALL)
    assert torch.equal(ours, theirs)
    with safe_open(file, "pt") as opened:
        entries = json.loads(opened.metadata()[KEY])["weights"]
    assert len(entries["up_blocks.2.resnets.0.conv_shortcut.weight"]["inputs"]) == 2
    assert "mid_block.resnets.0.conv1.weight" not in entries and "conv_in.weight" not in entries


@pytest.mark.parametrize("scheme", ["w8a8", "w4a8"])
def test_the_file_says_what_its_numbers_are(scheme, copy, program):
    """A plan that quantises nothing draws with the numbers that the integers stand for."""
    folder = copy()
    file = quantize(program, folder, "--scheme", scheme, "--rotate")
    original = load_file(folder / UNET)
    stands_for = numbers(file)
    assert {name: value.shape for name, value in stands_for.items()} == \
        {name: value.shape for name, value in original.items()}
    nothing = write_plan(program, file, {})
    ours, _ = program.generate(file, reference.PROMPT, *SMALL, "--plugin", nothing)
    save_file(stands_for, folder / UNET)
    theirs, _ = program.generate(folder, reference.PROMPT, *SMALL)
    assert relative(ours, theirs) < 1e-5


@pytest.mark.parametrize("more", [
    ["--plugin", "hidiffusion"], ["--plugin", "cfgpp", "--plugin", "pag"], ["--lora", "LORA", "--lora-application", "run-time"]],
    ids=["hidiffusion", "guidance", "lora"])
def test_together_with(more, copy, program):
    folder = copy()
    lora = write(folder, "sd1", "kohya", program.folder / "style.safetensors")
    more = [lora if word == "LORA" else word for word in more]
    file = quantize(program, folder)
    theirs, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", "quantizer", *more)
    ours, _ = program.generate(file, reference.PROMPT, *SMALL, *more)
    assert torch.equal(ours, theirs)


def test_a_merged_lora_is_quantised_anew(copy, program):
    """From the numbers that the integers stand for."""
    folder = copy()
    lora = write(folder, "sd1", "kohya", program.folder / "style.safetensors", only="unet")
    merged = ["--lora", lora, "--lora-application", "merged"]
    file = quantize(program, folder)
    plain, _ = program.generate(file, reference.PROMPT, *SMALL)
    ours, _ = program.generate(file, reference.PROMPT, *SMALL, *merged)
    save_file(numbers(file), folder / UNET)
    theirs, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", "quantizer", *merged)
    assert not torch.equal(ours, plain) and relative(ours, theirs) < 0.02 < relative(ours, plain)


def test_it_is_described(copy, program):
    folder = copy()
    file = quantize(program, folder)
    described = json.loads(program.run("model", "inspect", file, "--json").stdout)
    assert described["other_parts"] == str(folder) and described["components"][0]["bytes"]["INT8"] > 0
    assert sum(described["components"][0]["bytes"].values()) < file.stat().st_size
    single = json.loads(program.run("model", "inspect", folder, "--json").stdout)
    assert described["components"][0]["parameters"] == single["components"][0]["parameters"]


def test_what_cannot_be_written_is_said(copy, program, tmp_path):
    folder = copy()

    def refusal(*arguments, code: int = 1) -> str:
        before = sorted(tmp_path.rglob("*"))
        result = program.run("model", "quantize", *arguments)
        assert result.returncode == code and sorted(tmp_path.rglob("*")) == before
        return result.stderr

    assert "ends in .safetensors" in refusal(folder, "-o", tmp_path / "model.gguf")
    assert "there is no folder" in refusal(folder, "-o", tmp_path / "none" / "model.safetensors")
    assert "no file or folder" in refusal(tmp_path / "other")
    plan = program.folder / "plan.json"
    plan.write_text(json.dumps({"format": "patchbay-quantizer-plan/1", "model": "another", "layers": {}}))
    assert "is for the model another" in refusal(folder, "--plan", plan)
    assert "--plan" in refusal(folder, "--plan", plan, "--rotate", code=2)
    assert "--keep" in refusal(folder, "--keep", "", code=2)
    assert "nothing to quantise" in refusal(folder, "--keep", "conv/down/up/mid/time")
    assert "is not overwritten" in refusal(folder, "-o", folder / UNET)
    file = quantize(program, folder)
    assert "integers for weights already" in refusal(file)
    assert quantize(program, folder).read_bytes() == file.read_bytes()
    away = program.folder / "away"
    away.mkdir()
    result = program.run("model", "quantize", folder, "-o", away / "w8.safetensors")
    assert result.returncode == 0 and "NAME-w8.safetensors beside" in result.stderr
    result = program.run("generate", "an apple", "--model", away / "w8.safetensors", "-o", tmp_path / "p.png")
    assert result.returncode == 1 and "holds a U-Net alone" in result.stderr


def damaged(file, change) -> None:
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata()
    tensors = load_file(file)
    entries = json.loads(metadata[KEY])
    change(tensors, entries["weights"], metadata)
    save_file(tensors, file, metadata={**metadata, KEY: json.dumps(entries)})


CONV = "mid_block.resnets.0.conv1.weight"


@pytest.mark.parametrize("change, says", [
    (lambda tensors, entries, metadata: tensors.pop(f"{CONV}.0.steps"), "there is no tensor"),
    (lambda tensors, entries, metadata: tensors[f"{CONV}.0.steps"].fill_(float("nan")), "not finite or negative"),
    (lambda tensors, entries, metadata: tensors[f"{CONV}.0.steps"].neg_(), "not finite or negative"),
    (lambda tensors, entries, metadata: tensors[f"{CONV}.0.multiples"].fill_(19), "not from 1 to 18"),
    (lambda tensors, entries, metadata: entries.pop(CONV), CONV),
    (lambda tensors, entries, metadata: entries[CONV].update(bits=8), "should be I8"),
    (lambda tensors, entries, metadata: entries[CONV]["shape"].__setitem__(0, 1 << 40), "no size"),
    (lambda tensors, entries, metadata: tensors.update({CONV: torch.ones(1)}), "as integers and in"),
    (lambda tensors, entries, metadata: tensors.update({f"{BLOCK}.attn2.to_k.weight": torch.tensor(1.0)}),
     "a tensor whose shape no such model has"),
    (lambda tensors, entries, metadata: metadata.pop("patchbay.quantizer.plan"), "no plan"),
    (lambda tensors, entries, metadata: metadata.update({"patchbay.quantizer.plan": "?"}), "the plan in the model's file")])
def test_damaged_files_are_refused(change, says, copy, program):
    file = quantize(program, copy(), "--scheme", "w4a8")
    damaged(file, change)
    result = program.run("generate", "an apple", "--model", file, "--steps", 1, "-o", program.folder / "p.png")
    assert result.returncode == 1 and says in result.stderr, result.stderr


def test_files_do_not_take_parts_from_each_other(model, program, tmp_path):
    """However their names begin."""
    folder = model("sd1")
    plain = tmp_path / "sd1"
    shutil.copytree(folder, plain)
    first = quantize(program, plain)
    second = quantize(program, plain, "--scheme", "w4a8", "-o", tmp_path / "sd1-w8a8-small.safetensors")
    assert json.loads(program.run("model", "inspect", second, "--json").stdout)["other_parts"] == str(plain)
    again = quantize(program, plain, "-o", tmp_path / "sd1-again.safetensors")
    assert again.read_bytes() == first.read_bytes()
