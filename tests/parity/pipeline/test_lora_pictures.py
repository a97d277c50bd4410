"""LoRAs, up to the final latent, against diffusers pipelines with the same files loaded."""

from __future__ import annotations

import pathlib

import diffusers
import pytest
import torch
from safetensors.torch import save_file

from . import reference

ARGUMENTS = ["--sampler", "euler", "--steps", 4, "--size", "128x96", "--seed", 7]
UNET_LAYERS = ("attn1.to_q", "attn1.to_v", "attn2.to_k", "attn2.to_out.0", "ff.net.0.proj")
TEXT_LAYERS = ("q_proj", "v_proj", "out_proj")
ENCODERS = {"sd1": ["text_encoder"], "sdxl": ["text_encoder", "text_encoder_2"]}


def layers(folder: pathlib.Path, family: str) -> dict[str, torch.nn.Linear]:
    """Component and path of each layer that the files below change."""
    used = reference.pipeline(folder)
    found = {f"unet.{name}": layer for name, layer in used.unet.named_modules() if name.endswith(UNET_LAYERS)}
    for encoder in ENCODERS[family]:
        for name, layer in getattr(used, encoder).named_modules():
            if name.endswith(TEXT_LAYERS):
                found[f"{encoder}.text_model.{name.removeprefix('text_model.')}"] = layer
    return found


def kohya(path: str, down: torch.Tensor, up: torch.Tensor, family: str) -> dict[str, torch.Tensor]:
    component, rest = path.split(".", 1)
    second = "te2" if component == "text_encoder_2" else "te1" if family == "sdxl" else "te"
    stem = f"lora_{'unet' if component == 'unet' else second}_{rest.replace('.', '_')}"
    return {f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": up, f"{stem}.alpha": torch.tensor(2.0)}


def peft(path: str, down: torch.Tensor, up: torch.Tensor, _: str) -> dict[str, torch.Tensor]:
    return {f"{path}.lora_A.weight": down, f"{path}.lora_B.weight": up}


DIALECTS = {"kohya": kohya, "peft": peft}


def write(folder: pathlib.Path, family: str, dialect: str, file: pathlib.Path, seed: int = 1,
          only: str = "") -> pathlib.Path:
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for path, layer in layers(folder, family).items():
        if not path.startswith(only):
            continue
        down = torch.randn(4, layer.in_features, generator=generator) * 0.15
        up = torch.randn(layer.out_features, 4, generator=generator) * 0.15
        tensors |= DIALECTS[dialect](path, down, up, family)
    save_file(tensors, file)
    return file


def theirs(folder: pathlib.Path, files: dict[pathlib.Path, float], sampler: str = "euler", **arguments) -> torch.Tensor:
    """A pipeline of its own, since loading changes its networks."""
    used = diffusers.DiffusionPipeline.from_pretrained(folder)
    used.set_progress_bar_config(disable=True)
    for index, file in enumerate(files):
        used.load_lora_weights(file.parent, weight_name=file.name, adapter_name=f"lora{index}")
    used.set_adapters([f"lora{index}" for index in range(len(files))], list(files.values()))
    reference.set_scheduler(used, folder, sampler, {})
    return used(**{"prompt": reference.PROMPT, "num_inference_steps": 4, "guidance_scale": 7.5, "height": 96,
                   "width": 128, "generator": torch.Generator().manual_seed(7), **arguments},
                output_type="latent").images


@pytest.mark.parametrize("family", ENCODERS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_one_file(family, dialect, model, program, agree, tmp_path):
    file = write(model(family), family, dialect, tmp_path / "style.safetensors")
    plain, _ = program.generate(model(family), reference.PROMPT, *ARGUMENTS)
    merged, report = program.generate(model(family), reference.PROMPT, *ARGUMENTS, "--lora", f"{file}:0.8")
    assert not report["warnings"]
    assert (merged - plain).abs().max() > 1e-2 * plain.abs().max()
    agree(f"{family} {dialect} LoRA", merged, theirs(model(family), {file: 0.8}))
    beside, _ = program.generate(model(family), reference.PROMPT, *ARGUMENTS, "--lora", f"{file}:0.8",
                                 "--lora-application", "run-time")
    agree(f"{family} {dialect} LoRA at run time", beside, merged)


@pytest.mark.parametrize("only", ["unet", "text_encoder."])
def test_each_part_matters(only, model, program, agree, tmp_path):
    file = write(model("sd1"), "sd1", "kohya", tmp_path / "part.safetensors", only=only)
    plain, _ = program.generate(model("sd1"), reference.PROMPT, *ARGUMENTS)
    ours, _ = program.generate(model("sd1"), reference.PROMPT, *ARGUMENTS, "--lora", file)
    assert (ours - plain).abs().max() > 1e-3 * plain.abs().max()
    agree(f"sd1 LoRA of {only} alone", ours, theirs(model("sd1"), {file: 1.0}))


@pytest.mark.parametrize("family", ENCODERS)
def test_two_files(family, model, program, agree, tmp_path):
    first = write(model(family), family, "kohya", tmp_path / "first.safetensors", seed=1)
    second = write(model(family), family, "peft", tmp_path / "second.safetensors", seed=2)
    ours, _ = program.generate(model(family), reference.PROMPT, *ARGUMENTS, "--lora", f"{first}:0.8", "--lora",
                               f"{second}:-0.4")
    agree(f"{family} two LoRAs", ours, theirs(model(family), {first: 0.8, second: -0.4}))


def test_tag_in_the_prompt(model, program, tmp_path):
    file = write(model("sd1"), "sd1", "kohya", tmp_path / "style.safetensors")
    named, _ = program.generate(model("sd1"), f"{reference.PROMPT} <lora:style:0.8>", *ARGUMENTS, "--compat", "a1111",
                                "--lora-folder", tmp_path)
    given, _ = program.generate(model("sd1"), f"{reference.PROMPT} ", *ARGUMENTS, "--compat", "a1111", "--lora",
                                f"{file}:0.8")
    assert torch.equal(named, given)


def test_lcm_lora(model, program, agree, tmp_path):
    file = write(model("sd1"), "sd1", "kohya", tmp_path / "lcm.safetensors", only="unet")
    ours, _ = program.generate(model("sd1"), reference.PROMPT, "--sampler", "lcm", "--steps", 4, "--size", "128x96",
                               "--seed", 7, "--guidance", 1, "--lora", file)
    agree("LCM-LoRA", ours, theirs(model("sd1"), {file: 1.0}, "lcm", guidance_scale=1.0))
