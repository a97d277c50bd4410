"""Single files and folders against diffusers' own conversion, run live on the same small random files."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess

import pytest
import torch
from diffusers.loaders import single_file_utils
from safetensors.torch import load_file, save_file

import ldm_writer as ldm

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROBE = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release") / "bin" / "patchbay_checkpoint_probe"
SDXL_UNET = {"block_out_channels": (64, 128, 128), "attention_head_dim": [1, 2, 2],
             "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
             "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
             "transformer_layers_per_block": [1, 2, 2], "layers_per_block": 2,
             "use_linear_projection": True, "addition_embed_type": "text_time"}
EXTRAS = {"betas": torch.zeros(4), "alphas_cumprod": torch.zeros(4), "model_ema.decay": torch.tensor(0.5),
          "model_ema.diffusion_modelinput_blocks00weight": torch.zeros(2)}


def probe(checkpoint: pathlib.Path, folder: pathlib.Path) -> tuple[dict, dict[str, dict]]:
    out = folder / "dump"
    out.mkdir(exist_ok=True)
    result = subprocess.run([PROBE, checkpoint, out], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout), {file.stem: load_file(file) for file in out.glob("*.safetensors")}


def refusal(checkpoint: pathlib.Path, folder: pathlib.Path) -> str:
    result = subprocess.run([PROBE, checkpoint, folder], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    return result.stderr


def same(ours: dict, theirs: dict) -> None:
    assert sorted(ours) == sorted(theirs)
    for name, value in theirs.items():
        assert torch.equal(ours[name].reshape(value.shape), value.float()), name


def parts(kind: str) -> dict:
    """The components of one family under diffusers' names, and its layout's numbers."""
    if kind in ("sd1", "inpainting"):
        model = ldm.unet(cross_attention_dim=768, in_channels=9 if kind == "inpainting" else 4,
                         attention_head_dim=8)
        return {"unet": model, "vae": ldm.vae(), "clip": ldm.clip(768, 1)}
    if kind == "sd2":
        model = ldm.unet(cross_attention_dim=128, use_linear_projection=True, attention_head_dim=[1, 2])
        return {"unet": model, "vae": ldm.vae(), "open_clip": ldm.open_clip()}
    base = kind != "refiner"
    numbers, width = (6, 64 + 128) if base else (5, 128)
    model = ldm.unet(**SDXL_UNET, cross_attention_dim=width, addition_time_embed_dim=32,
                     projection_class_embeddings_input_dim=128 + 32 * numbers)
    result = {"unet": model, "vae": ldm.vae(), "open_clip": ldm.open_clip()}
    if base:
        result["clip"] = ldm.clip()
    return result


def single_file(kind: str, models: dict) -> dict:
    config = models["unet"].config
    state = ldm.prefixed("model.diffusion_model.", ldm.unet_to_ldm(
        models["unet"].state_dict(), len(config.block_out_channels), config.layers_per_block))
    state |= ldm.prefixed("first_stage_model.", ldm.vae_to_ldm(models["vae"].state_dict(), 3))
    sdxl = kind not in ("sd1", "inpainting", "sd2")
    if "clip" in models:
        prefix = "conditioner.embedders.0.transformer." if sdxl else "cond_stage_model.transformer."
        state |= ldm.prefixed(prefix, ldm.with_text_model(models["clip"].state_dict()))
        state[prefix + "text_model.embeddings.position_ids"] = torch.arange(77)[None]
    if "open_clip" in models:
        number = 1 if "clip" in models else 0
        prefix = f"conditioner.embedders.{number}.model." if sdxl else "cond_stage_model.model."
        state |= ldm.prefixed(prefix, ldm.open_clip_from(
            models["open_clip"].state_dict(), models["open_clip"].config.num_hidden_layers))
    if kind == "playground":
        state |= {"edm_mean": torch.tensor([0.1, 0.2, 0.3, 0.4]), "edm_std": torch.tensor([1.0, 2, 3, 4])}
    if kind == "v_pred":
        state |= {"v_pred": torch.zeros(0), "ztsnr": torch.zeros(0)}
    return state | EXTRAS


FAMILIES = {"sd1": "sd1", "inpainting": "sd1", "sd2": "sd2", "sdxl": "sdxl", "v_pred": "sdxl",
            "refiner": "sdxl_refiner", "playground": "playground"}


@pytest.fixture(scope="module", params=FAMILIES)
def opened(request, tmp_path_factory):
    kind = request.param
    folder = tmp_path_factory.mktemp(kind)
    models = parts(kind)
    state = single_file(kind, models)
    save_file(state, folder / "model.safetensors")
    return kind, models, state, *probe(folder / "model.safetensors", folder)


def test_unet_as_diffusers_converts_it(opened):
    _, models, state, _, dump = opened
    theirs = single_file_utils.convert_ldm_unet_checkpoint(dict(state), dict(models["unet"].config))
    same(dump["unet"], theirs)
    same(dump["unet"], models["unet"].state_dict())


def test_autoencoder_as_diffusers_converts_it(opened):
    _, models, state, _, dump = opened
    theirs = single_file_utils.convert_ldm_vae_checkpoint(dict(state), dict(models["vae"].config))
    same(dump["vae"], theirs)
    same(dump["vae"], models["vae"].state_dict())


def test_text_encoders_as_diffusers_converts_them(opened):
    kind, models, state, _, dump = opened
    place = 0
    if "clip" in models:
        theirs = single_file_utils.convert_ldm_clip_checkpoint(dict(state))
        theirs.pop("text_model.embeddings.position_ids")
        same(dump[f"text_{place}"], theirs)
        place += 1
    if "open_clip" in models:
        prefix = {"sd2": "cond_stage_model.model.", "refiner": "conditioner.embedders.0.model."}.get(
            kind, "conditioner.embedders.1.model.")
        theirs = single_file_utils.convert_open_clip_checkpoint(models["open_clip"], dict(state), prefix)
        if kind == "sd2":  # a small stand-in for the 24th block, which diffusers drops by its number
            theirs = {name: value for name, value in theirs.items()
                      if not name.startswith("text_model.encoder.layers.2.")}
            theirs.pop("text_projection.weight", None)
        same(dump[f"text_{place}"], theirs)


def test_ldm_spelling_of_every_unet_tensor(opened):
    _, models, state, report, _ = opened
    names = report["ldm_names"]
    ours = {f"model.diffusion_model.{name}" for name in names.values()}
    assert ours == {name for name in state if name.startswith("model.diffusion_model.")}
    config = models["unet"].config
    markers = {name: torch.tensor(float(i)) for i, name in enumerate(names)}
    theirs = ldm.unet_to_ldm(markers, len(config.block_out_channels), config.layers_per_block)
    assert all(theirs[names[name]] == marker for name, marker in markers.items())


def test_description(opened):
    kind, models, _, report, _ = opened
    description, config = report["description"], models["unet"].config
    heads = config.attention_head_dim
    assert description["family"] == FAMILIES[kind]
    assert description["in_channels"] == config.in_channels
    assert report["unet"]["heads"] == (list(heads) if isinstance(heads, list) else [8, 8])
    assert description["latent_scale"] == 4 and description["warnings"] == []
    assert description["prediction_type"] == ("v_prediction" if kind == "v_pred" else "epsilon")
    assert description["scheduler"].get("rescale_betas_zero_snr", False) == (kind == "v_pred")
    assert description["edm_preconditioning"] == (kind == "playground")
    expected = {"sd1": 0.18215, "sd2": 0.18215, "playground": 0.5}.get(FAMILIES[kind], 0.13025)
    assert report["vae"]["scaling_factor"] == expected
    if kind == "playground":
        assert report["vae"]["latents_std"] == [1, 2, 3, 4]
    if config.addition_embed_type:
        assert report["unet"]["addition_time_embed_dim"] == 32
    activations = [entry["activation"] for entry in report["text_encoders"]]
    assert activations == ["quick_gelu"] * ("clip" in models) + ["gelu"] * ("open_clip" in models)
    parameters = {entry["name"]: entry["parameters"] for entry in description["components"]}
    assert parameters["unet"] == sum(p.numel() for p in models["unet"].parameters())


def test_velocity_is_told_by_the_spread_of_a_bias(tmp_path):
    models = parts("sd2")
    models["unet"] = ldm.unet(cross_attention_dim=128, use_linear_projection=True,
                              attention_head_dim=[1, 1, 1, 1], block_out_channels=(64,) * 4,
                              layers_per_block=2,
                              down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
                              up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3)
    for spread, expected in ((0.2, "v_prediction"), (0.01, "epsilon")):
        bias = models["unet"].up_blocks[3].attentions[2].transformer_blocks[0].norm1.bias
        torch.nn.init.normal_(bias, std=spread)
        save_file(single_file("sd2", models), tmp_path / "model.safetensors")
        report, _ = probe(tmp_path / "model.safetensors", tmp_path)
        assert report["description"]["prediction_type"] == expected


def save_folder(folder: pathlib.Path, models: dict, **save) -> None:
    index = {"_class_name": "StableDiffusionXLPipeline",
             "unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"],
             "text_encoder": ["transformers", "CLIPTextModel"],
             "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
             "scheduler": ["diffusers", "EulerDiscreteScheduler"], "tokenizer_2": [None, None]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps(index))
    models["unet"].save_pretrained(folder / "unet", **save)
    models["vae"].save_pretrained(folder / "vae")
    models["clip"].save_pretrained(folder / "text_encoder")
    models["open_clip"].save_pretrained(folder / "text_encoder_2")
    (folder / "scheduler").mkdir(exist_ok=True)
    (folder / "scheduler/scheduler_config.json").write_text(json.dumps(
        {"_class_name": "EulerDiscreteScheduler", "prediction_type": "v_prediction", "beta_end": 0.014}))


@pytest.fixture(scope="module")
def sdxl():
    return parts("sdxl")


@pytest.mark.parametrize("save", [{}, {"max_shard_size": "1MB"}, {"variant": "fp16"},
                                  {"variant": "fp16", "max_shard_size": "1MB"}])
def test_folders(sdxl, tmp_path, save):
    save_folder(tmp_path / "model", sdxl, **save)
    if "max_shard_size" in save:
        assert len(list((tmp_path / "model/unet").glob("*.safetensors"))) > 2
    report, dump = probe(tmp_path / "model", tmp_path)
    same(dump["unet"], sdxl["unet"].state_dict())
    same(dump["vae"], sdxl["vae"].state_dict())
    same(dump["text_0"], ldm.with_text_model(sdxl["clip"].state_dict()))
    same(dump["text_1"], sdxl["open_clip"].state_dict())
    assert report["description"]["family"] == "sdxl"
    assert report["description"]["prediction_type"] == "v_prediction"
    assert report["description"]["scheduler"]["beta_end"] == 0.014
    assert report["description"]["warnings"] == []
    assert report["unet"]["heads"] == [1, 2, 2] and report["unet"]["mid_heads"] == 2
    assert report["text_encoders"][1]["eos_token_id"] == 119


def test_missing_shard(sdxl, tmp_path):
    save_folder(tmp_path / "model", sdxl, max_shard_size="1MB")
    sorted((tmp_path / "model/unet").glob("*.safetensors"))[1].unlink()
    assert "part 2 is missing" in refusal(tmp_path / "model", tmp_path)


def test_pickles_only(sdxl, tmp_path):
    save_folder(tmp_path / "model", sdxl)
    file = tmp_path / "model/unet/diffusion_pytorch_model.safetensors"
    file.rename(file.with_suffix(".bin"))
    message = refusal(tmp_path / "model", tmp_path)
    assert "pickled" in message and "patchbay convert" in message


@pytest.mark.parametrize("entry, value", [
    ("class_embed_type", "timestep"), ("resnet_time_scale_shift", "scale_shift"), ("num_class_embeds", 10),
    ("act_fn", "mish"), ("down_block_types", ["SimpleCrossAttnDownBlock2D"] * 3),
    ("attention_type", "gated"), ("cross_attention_norm", "group_norm"), ("conv_in_kernel", 5)])
def test_other_mathematics_is_refused_by_name(sdxl, tmp_path, entry, value):
    save_folder(tmp_path / "model", sdxl)
    config = tmp_path / "model/unet/config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {entry: value}))
    assert f"`{entry}`" in refusal(tmp_path / "model", tmp_path)


def test_what_is_not_a_checkpoint_is_named(opened, tmp_path):
    _, _, state, _, _ = opened
    bare = {name.removeprefix("model.diffusion_model."): value for name, value in state.items()
            if name.startswith("model.diffusion_model.")}
    autoencoder = {name.removeprefix("first_stage_model."): value for name, value in state.items()
                   if name.startswith("first_stage_model.")}
    no_text = {name: value for name, value in state.items() if not name.startswith("cond")}
    cases = [(bare, "a U-Net alone"), (autoencoder, "an autoencoder (VAE) alone"),
             (no_text, "no text encoder"), ({"lora_unet_x.lora_up.weight": torch.ones(1)}, "--lora"),
             ({"joint_blocks.0.x": torch.ones(1)}, "diffusion transformer")]
    for tensors, message in cases:
        save_file(tensors, tmp_path / "part.safetensors")
        assert message in refusal(tmp_path / "part.safetensors", tmp_path)


def test_files_that_are_something_else(tmp_path):
    (tmp_path / "model.safetensors").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n")
    assert "LFS" in refusal(tmp_path / "model.safetensors", tmp_path)
    (tmp_path / "cut.safetensors").write_bytes(b"\x10")
    assert "cut.safetensors" in refusal(tmp_path / "cut.safetensors", tmp_path)
    assert "no file" in refusal(tmp_path / "absent.safetensors", tmp_path)
    shutil.copytree(tmp_path, tmp_path.parent / "loose", dirs_exist_ok=True)
    assert "name that file" in refusal(tmp_path.parent / "loose", tmp_path)
