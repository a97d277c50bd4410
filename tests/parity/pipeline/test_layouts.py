"""One model in every layout that is published gives the same bits."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys

import pytest
import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

from ..checkpoint import ldm_writer as ldm
from ..models import families, gguf_writer
from ..models.tokenizer import make_tokenizer
from . import reference

ROOT = pathlib.Path(__file__).resolve().parents[3]
ARGUMENTS = ["--sampler", "euler", "--steps", 2, "--size", "128x96", "--seed", 7]
UNET = "unet/diffusion_pytorch_model.safetensors"


def rewrite(folder: pathlib.Path, change) -> None:
    for file in folder.rglob("*.safetensors"):
        save_file({name: change(value) for name, value in load_file(file).items()}, file)


@pytest.fixture
def copy(model, tmp_path):
    def make(family: str, name: str = "copy") -> pathlib.Path:
        return pathlib.Path(shutil.copytree(model(family), tmp_path / name))

    return make


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_sharded_folder(family, copy, model, program):
    folder = copy(family)
    (folder / UNET).unlink()
    reference.pipeline(model(family)).unet.save_pretrained(folder / "unet", max_shard_size="300KB")
    assert len(list((folder / "unet").glob("*.safetensors"))) > 2
    assert torch.equal(program.generate(folder, reference.PROMPT, *ARGUMENTS)[0],
                       program.generate(model(family), reference.PROMPT, *ARGUMENTS)[0])


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_element_types(kind, copy, model, program):
    """A file of another type is the same model as its values in fp32."""
    stored, widened = copy("sd1", "stored"), copy("sd1", "widened")
    rewrite(stored, lambda value: value.to(kind) if value.is_floating_point() else value)
    rewrite(widened, lambda value: value.to(kind).float() if value.is_floating_point() else value)
    assert torch.equal(program.generate(stored, reference.PROMPT, *ARGUMENTS)[0],
                       program.generate(widened, reference.PROMPT, *ARGUMENTS)[0])


def test_variant(copy, model, program):
    """A folder that has the files of a variant alone."""
    folder = copy("sd1")
    for file in list(folder.rglob("*.safetensors")):
        file.rename(file.with_name(f"{file.stem}.fp16.safetensors"))
    assert torch.equal(program.generate(folder, reference.PROMPT, *ARGUMENTS)[0],
                       program.generate(model("sd1"), reference.PROMPT, *ARGUMENTS)[0])


# What a single file leaves unsaid has to be as in all published models: 32 groups in each normalization, heads
# of width 64, or 8 of them where the text is 768 wide.
UNETS = {
    "sd1": {"cross_attention_dim": 768},
    "sd2": {"cross_attention_dim": 128, "attention_head_dim": [1, 2], "use_linear_projection": True},
    "sdxl": {"cross_attention_dim": 192, "attention_head_dim": [1, 2], "use_linear_projection": True,
             "addition_embed_type": "text_time", "addition_time_embed_dim": 16,
             "projection_class_embeddings_input_dim": 6 * 16 + 128, "transformer_layers_per_block": [1, 2]},
}


def open_clip(tokenizer, layers: int) -> torch.nn.Module:
    return families.make_text_encoder(tokenizer, 128, layers, "gelu", projection=True, head_width=64)


def without_last_block(encoder) -> CLIPTextModel:
    """What folders of the second generation hold: the penultimate block is the last."""
    config = encoder.config.__class__(**{**encoder.config.to_dict(), "num_hidden_layers": 2})
    shorter = CLIPTextModel(config)
    state = {name.removeprefix("text_model."): value for name, value in encoder.state_dict().items()}
    wanted = {name.removeprefix("text_model."): name for name in shorter.state_dict()}
    shorter.load_state_dict({name: state[plain] for plain, name in wanted.items()})
    return shorter


def write_both(family: str, folder: pathlib.Path, file: pathlib.Path) -> None:
    tokenizer = make_tokenizer(folder / "tokenizer")
    unet = ldm.unet(norm_num_groups=32, **UNETS[family])
    vae = ldm.vae(scaling_factor=0.13025 if family == "sdxl" else 0.18215)
    scheduler = EulerDiscreteScheduler(**families.BETAS, steps_offset=1, timestep_spacing="leading")
    state = ldm.prefixed("model.diffusion_model.", ldm.unet_to_ldm(unet.state_dict(), 2, 1))
    state |= ldm.prefixed("first_stage_model.", ldm.vae_to_ldm(vae.state_dict(), 3))
    if family != "sd2":
        clip = families.make_text_encoder(tokenizer, 768 if family == "sd1" else 64, 2, "quick_gelu", head_width=64)
        prefix = "cond_stage_model.transformer." if family == "sd1" else "conditioner.embedders.0.transformer."
        state |= ldm.prefixed(prefix, ldm.with_text_model(clip.state_dict()))
    if family == "sdxl":
        second = open_clip(tokenizer, 2)
        state |= ldm.prefixed("conditioner.embedders.1.model.", ldm.open_clip_from(second.state_dict(), 2))
        StableDiffusionXLPipeline(vae=vae, unet=unet, scheduler=scheduler, text_encoder=clip, tokenizer=tokenizer,
                                  text_encoder_2=second, tokenizer_2=tokenizer,
                                  add_watermarker=False).save_pretrained(folder)
    elif family == "sd2":
        whole = open_clip(tokenizer, 3)
        state |= ldm.prefixed("cond_stage_model.model.", ldm.open_clip_from(whole.state_dict(), 3))
        families.save_sd(folder, unet, scheduler, without_last_block(whole), tokenizer, vae)
    else:
        families.save_sd(folder, unet, scheduler, clip, tokenizer, vae)
    save_file(state, file)


@pytest.mark.parametrize("family", UNETS)
def test_single_file(family, program, tmp_path):
    torch.manual_seed(11)
    folder, file = tmp_path / "folder", tmp_path / "single.safetensors"
    write_both(family, folder, file)
    arguments = [reference.PROMPT, *ARGUMENTS, "--schedule", "leading", "--tokenizer", folder / "tokenizer"]
    from_folder, _ = program.generate(folder, *arguments)
    from_file, report = program.generate(file, *arguments)
    assert not report["warnings"]
    assert torch.equal(from_folder, from_file)


@pytest.mark.parametrize("family", UNETS)
def test_gguf_file(family, program, tmp_path):
    """A whole model in one GGUF file is the same as a safetensors file with the numbers that its blocks stand for."""
    torch.manual_seed(11)
    folder, file = tmp_path / "folder", tmp_path / "single.safetensors"
    write_both(family, folder, file)
    values, _ = gguf_writer.write_tensors(tmp_path / "single.gguf", load_file(file))
    save_file(values, file)
    arguments = [reference.PROMPT, *ARGUMENTS, "--tokenizer", folder / "tokenizer"]
    from_gguf, report = program.generate(tmp_path / "single.gguf", *arguments)
    assert not report["warnings"]
    assert torch.equal(from_gguf, program.generate(file, *arguments)[0])


def test_default_model_as_single_file(program, tmp_path):
    """Its numbers of heads, its prediction and its vocabulary are not those that such files have by convention."""
    file = tmp_path / "default.safetensors"
    subprocess.run([sys.executable, "-m", "models.export_single_file", "models/default", str(file)], cwd=ROOT, check=True)
    arguments = ["a red apple, noto style, on a blue background", "--steps", 3, "--seed", 7]
    from_folder, folder_report = program.generate(ROOT / "models/default", *arguments)
    from_file, report = program.generate(file, *arguments)
    assert report["size"] == folder_report["size"] == [128, 128] and not report["warnings"]
    assert torch.equal(from_folder, from_file)
