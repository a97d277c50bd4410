"""Plans by file, LoRAs and other techniques on quantised layers, against arithmetic simulated in diffusers' network."""

from __future__ import annotations

import json
import math
import shutil

import diffusers
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ..pipeline import reference
from ..pipeline.test_lora_pictures import write
from .test_quantizer import BLOCK, SMALL, SMALL_THEIRS, relative, skip_channels, symmetric

ONCE = [*SMALL[:-1], 1]
ONCE_THEIRS = {**SMALL_THEIRS, "num_inference_steps": 1}


def fingerprint(program, folder) -> str:
    """What a plan for the model must name, out of what the program says to one that names another."""
    file = program.folder / "probe.json"
    file.write_text(json.dumps({"format": "patchbay-quantizer-plan/1", "model": "?", "layers": {}}))
    result = program.run("generate", "an apple", "--model", folder, "--latent-only", "--save-latent",
                         program.folder / "no.safetensors", "--plugin", f"quantizer:plan={file}")
    assert result.returncode == 1 and "plan: is for the model ?, and this is " in result.stderr
    return result.stderr.strip().rpartition("and this is ")[2]


def write_plan(program, folder, layers: dict, **more) -> str:
    """The plugin with a plan for the model."""
    file = program.folder / "plan.json"
    file.write_text(json.dumps({"format": "patchbay-quantizer-plan/1", "model": fingerprint(program, folder),
                                "layers": layers, **more}))
    return f"quantizer:plan={file}"


def within(x, span):
    """MixDQ's activation quantiser with a calibrated range."""
    step = torch.tensor((span[1] - span[0]) / 255)
    zero = (-torch.tensor(span[0]) / step).round()
    return (((x / step).round() + zero).clamp(0, 255) - zero) * step


class Planned(nn.Module):
    """A layer with 8-bit weights whose input is rounded within calibrated ranges, one for each half if it is split."""

    def __init__(self, layer, split, spans):
        super().__init__()
        self.layer, self.split, self.spans = layer, split, spans

    def forward(self, x, *_):
        sizes = [self.split, x.shape[1] - self.split] if self.split else [self.layer.weight.shape[1]]
        weights = [symmetric(part) for part in self.layer.weight.split(sizes, 1)]
        if isinstance(self.layer, nn.Linear):
            return nn.functional.linear(within(x, self.spans[0]), weights[0], self.layer.bias)
        outputs = [nn.functional.conv2d(within(part, span), weight, None, self.layer.stride, self.layer.padding)
                   for part, weight, span in zip(x.split(sizes, 1), weights, self.spans)]
        return sum(outputs) + self.layer.bias.view(-1, 1, 1)


@pytest.mark.parametrize("name, spans", [
    ("down_blocks.1.resnets.0.conv1", [(-0.25, 1.5)]), (f"{BLOCK}.attn1.to_v", [(-2.0, 2.5)]),
    ("down_blocks.1.downsamplers.0.conv", [(-1.25, 3.0)]),
    ("up_blocks.2.resnets.0.conv_shortcut", [(-1.0, 2.0), (-3.0, 4.5)])])
def test_a_planned_layer_is_its_simulation(name, spans, model, program):
    """Ranges that are not the inputs' own, so that some values are cut off."""
    folder = model("sd1")
    unet = reference.pipeline(folder, diffusers.DiffusionPipeline).unet
    exact = reference.latents(folder, "euler", **ONCE_THEIRS)
    layer, parent = unet.get_submodule(name), unet.get_submodule(name.rpartition(".")[0])
    split = layer.in_channels - skip_channels(unet, name) if len(spans) == 2 else 0
    setattr(parent, name.rpartition(".")[2], Planned(layer, split, spans))
    try:
        theirs = reference.latents(folder, "euler", **ONCE_THEIRS)
    finally:
        setattr(parent, name.rpartition(".")[2], layer)
    planned = {"weights": 8, "activations": 8, **dict(zip(("range", "skip_range"), spans))}
    ours, report = program.generate(folder, reference.PROMPT, *ONCE, "--plugin", write_plan(program, folder, {name: planned}))
    assert "plan=plan.json" in report["plugins"]
    lost = relative(theirs, exact)
    print(f"{name}: the plan changes {lost:.1e}, ours differs from the simulation by {relative(ours, theirs):.1e}")
    assert lost > 1e-5 and relative(ours, theirs) < min(0.1 * lost, 1e-4)


def test_a_plan_says_all(model, program):
    folder = model("sd1")
    plain, _ = program.generate(folder, reference.PROMPT, *SMALL)
    nothing, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", write_plan(program, folder, {}))
    assert torch.equal(plain, nothing)
    both = {"weights": 8, "activations": 8}
    scheme, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", "quantizer")
    others, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", write_plan(program, folder, {}, others=both))
    assert torch.equal(scheme, others)
    kept = {"mid_block.attentions.0.proj_in": {"weights": 16, "activations": 16}}
    mixed, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin",
                                write_plan(program, folder, kept, others={"weights": 4, "activations": 8}))
    four, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", "quantizer:scheme=w4a8")
    assert not torch.equal(mixed, four) and relative(mixed, plain) < 0.5


@pytest.mark.parametrize("change, says", [
    (lambda plan: {**plan, "model": "another"}, "plan: is for the model another, and this is "),
    (lambda plan: {**plan, "layers": {"mid_block.conv": {"weights": 8, "activations": 8}}},
     "plan: /layers/mid_block.conv: the model has no linear layer or convolution of this name"),
    (lambda plan: {**plan, "layers": {"mid_block.attentions.0": {"weights": 8, "activations": 8}}},
     "plan: /layers/mid_block.attentions.0: the model has no linear layer or convolution of this name"),
    (lambda plan: {**plan, "layers": {"conv_in": {"weights": 3, "activations": 8}}}, "/layers/conv_in/weights: is 3"),
    (lambda plan: {**plan, "layers": {f"{BLOCK}.attn2.to_k": {"weights": 8, "activations": 8}}},
     f"/layers/{BLOCK}.attn2.to_k/activations: must be 16"),
    (lambda plan: {**plan, "layers": {"up_blocks.2.resnets.0.conv_shortcut":
                                      {"weights": 8, "activations": 8, "range": [-1, 1]}}}, "/skip_range: is missing"),
    (lambda plan: {**plan, "sheme": "w8a8"}, "/sheme: is no key of this file")])
def test_what_is_wrong_with_a_plan_is_said(change, says, model, program):
    write_plan(program, model("sd1"), {})
    file = program.folder / "plan.json"
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    result = program.run("generate", "an apple", "--model", model("sd1"), "--steps", 1, "-o", program.folder / "p.png",
                         "--plugin", f"quantizer:plan={file}")
    assert result.returncode == 1 and says in result.stderr, result.stderr
    file.write_text(file.read_text()[:60])
    result = program.run("generate", "an apple", "--model", model("sd1"), "--steps", 1, "-o", program.folder / "p.png",
                         "--plugin", f"quantizer:plan={file}")
    assert result.returncode == 1 and "plan.json: this is no JSON" in result.stderr, result.stderr


def test_a_plan_follows_its_weights(model, program):
    """To a copy of the model and to one with a LoRA, not to other weights of the same shapes."""
    folder, copy = model("sd1"), program.folder / "copy"
    plan = write_plan(program, folder, {}, others={"weights": 8, "activations": 8})
    ours, _ = program.generate(folder, reference.PROMPT, *SMALL, "--plugin", plan)
    shutil.copytree(folder, copy)
    moved, _ = program.generate(copy, reference.PROMPT, *SMALL, "--plugin", plan)
    assert torch.equal(moved, ours)
    lora = write(folder, "sd1", "kohya", program.folder / "style.safetensors")
    program.generate(copy, reference.PROMPT, *SMALL, "--plugin", plan, "--lora", lora, "--lora-application", "merged")
    file = next((copy / "unet").glob("*.safetensors"))
    weights = load_file(file)
    weights["mid_block.resnets.0.conv1.weight"] *= 1.01
    save_file(weights, file)
    result = program.run("generate", "an apple", "--model", copy, "--steps", 1, "-o", program.folder / "p.png", "--plugin", plan)
    assert result.returncode == 1 and "plan: is for the model " in result.stderr, result.stderr


def decibels(ours, exact) -> float:
    return -20 * math.log10(relative(ours, exact))


TO_V = f"{BLOCK}.attn1.to_v"


@pytest.mark.parametrize("application", ["run-time", "merged"])
def test_a_lora_on_a_quantised_layer_is_its_simulation(application, model, program):
    """Merged, the weights are quantised with the LoRA in them; at run time its product stays in floating point."""
    folder = model("sd1")
    file = write(folder, "sd1", "kohya", program.folder / "style.safetensors", only="unet")
    used = diffusers.DiffusionPipeline.from_pretrained(folder)
    used.set_progress_bar_config(disable=True)
    used.load_lora_weights(file.parent, weight_name=file.name)
    if application == "merged":
        used.fuse_lora(components=["unet"])
        used.unload_lora_weights()
    reference.set_scheduler(used, folder, "euler", {})

    def draw():
        return used(prompt=reference.PROMPT, generator=torch.Generator().manual_seed(7), guidance_scale=7.5,
                    output_type="latent", **ONCE_THEIRS).images

    exact = draw()
    # At run time PEFT's wrapper computes base(x) + B A x, and the base is what is quantised.
    name = TO_V if application == "merged" else f"{TO_V}.base_layer"
    layer, parent = used.unet.get_submodule(name), used.unet.get_submodule(name.rpartition(".")[0])
    spans = [(-2.0, 2.5)]
    if application == "merged":
        setattr(parent, "to_v", Planned(layer, 0, spans))
        theirs = draw()
    else:
        hook = layer.register_forward_hook(lambda module, inputs, output: Planned(module, 0, spans)(inputs[0]))
        theirs = draw()
        hook.remove()
    plan = write_plan(program, folder, {TO_V: {"weights": 8, "activations": 8, "range": spans[0]}})
    ours, _ = program.generate(folder, reference.PROMPT, *ONCE, "--plugin", plan, "--lora", file, "--lora-application", application)
    lost = relative(theirs, exact)
    print(f"LoRA {application}: the plan changes {lost:.1e}, ours differs from the simulation by {relative(ours, theirs):.1e}")
    assert lost > 1e-5 and relative(ours, theirs) < min(0.1 * lost, 1e-4)


TECHNIQUES = {"hidiffusion": ["--plugin", "hidiffusion:min_scale=0"], "cfgpp": ["--plugin", "cfgpp:scale=0.6"],
              "pag": ["--plugin", "pag:scale=3"], "deep-shrink": ["--plugin", "deep-shrink:block=3,end=1"],
              "LoRA at run time": ["--lora-application", "run-time"], "merged LoRA": ["--lora-application", "merged"],
              "all": ["--lora-application", "run-time", "--plugin", "hidiffusion:min_scale=0", "--plugin", "cfgpp:scale=0.6",
                      "--plugin", "pag:scale=3"]}


@pytest.mark.parametrize("technique", TECHNIQUES)
@pytest.mark.parametrize("scheme, least", [("w8a8", 25), ("w4a8", 15)])
def test_with_other_techniques(technique, scheme, least, model, program):
    """Signal to noise of the latent, against the same technique in floating point."""
    folder, arguments = model("sd1"), [*SMALL[:1], "128x128", *SMALL[2:], *TECHNIQUES[technique]]
    if "--lora-application" in arguments:
        arguments += ["--lora", write(folder, "sd1", "kohya", program.folder / "style.safetensors")]
    exact, _ = program.generate(folder, reference.PROMPT, *arguments)
    plain, _ = program.generate(folder, reference.PROMPT, *SMALL[:1], "128x128", *SMALL[2:])
    ours, _ = program.generate(folder, reference.PROMPT, *arguments, "--plugin", f"quantizer:scheme={scheme}")
    print(f"{technique}, {scheme}: {decibels(ours, exact):.1f} dB; without the technique {decibels(plain, exact):.1f} dB")
    assert decibels(ours, exact) > least
    # The technique is still there, where what it does can be told from what is lost.
    assert not torch.equal(exact, plain)
    if decibels(plain, exact) < least:
        assert relative(ours, exact) < relative(ours, plain)


LONG = "a red apple on a blue plate beside a green pear, " * 8
TEXT_ONLY = "quantizer:keep=conv/attn1/ff/proj/to_q/to_out/embedding/emb_proj/add"


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
@pytest.mark.parametrize("prompt, compat", [(reference.PROMPT, "diffusers"), (LONG, "a1111")])
def test_of_the_text_only_weights_are_rounded(family, prompt, compat, model, program):
    """Not the begin tokens' outliers, one in each 77 rows; SDXL's empty negative prompt has rows of zeros. The first
    model's layers are too small to be quantised."""
    arguments = [*SMALL, "--compat", compat]
    exact, _ = program.generate(model(family), prompt, *arguments)
    kept, _ = program.generate(model(family), prompt, *arguments, "--plugin", TEXT_ONLY)
    if family == "sd1":
        assert torch.equal(kept, exact)
    else:
        print(f"{family}, {len(prompt)} characters, its keys and values alone: {decibels(kept, exact):.1f} dB")
        assert 40 < decibels(kept, exact) < 80
    ours, _ = program.generate(model(family), prompt, *arguments, "--plugin", "quantizer")
    print(f"{family}, {len(prompt)} characters: {decibels(ours, exact):.1f} dB")
    assert decibels(ours, exact) > 25
