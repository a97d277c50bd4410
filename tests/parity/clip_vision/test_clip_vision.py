"""The CLIP vision encoder that plugins share, beside transformers' own, on random weights."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROBE = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release") / "bin" / "patchbay_clip_vision_probe"

# Small widths, published structures: ViT-H and bigG have heads of 80 and 104 numbers.
ENCODERS = {
    "openai": {"hidden_size": 128, "num_attention_heads": 2, "hidden_act": "quick_gelu"},
    "laion": {"hidden_size": 160, "num_attention_heads": 2, "hidden_act": "gelu", "intermediate_size": 320},
    "large pictures": {"hidden_size": 64, "num_attention_heads": 4, "image_size": 96, "patch_size": 6, "layer_norm_eps": 1e-6},
}
SIZES = [(32, 32), (100, 70), (70, 101), (33, 32), (1, 1), (300, 20), (20, 600), (640, 480), (31, 9)]


def make_encoder(folder: pathlib.Path, **config) -> CLIPVisionModelWithProjection:
    """Saved as transformers saves it, with weights that make pictures differ."""
    torch.manual_seed(5)
    model = CLIPVisionModelWithProjection(CLIPVisionConfig(**{
        "image_size": 32, "patch_size": 8, "num_hidden_layers": 3, "intermediate_size": 256, "projection_dim": 48, **config}))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                weight.normal_(std=2 / weight[0].numel() ** 0.5)
            elif "norm" not in name:
                weight.normal_(std=0.1)
    model.save_pretrained(folder)
    return model.eval()


def pictures() -> list[Image.Image]:
    random = np.random.default_rng(3)
    noise = [Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8)) for width, height in SIZES[:-1]]
    return [*noise, noise[0].resize(SIZES[-1], Image.Resampling.BICUBIC)]


def probe(encoder: pathlib.Path, folder: pathlib.Path, images: list[Image.Image]) -> subprocess.CompletedProcess:
    save_file({f"{index:03}": torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].contiguous().float() / 255
               for index, image in enumerate(images)}, folder / "in.safetensors")
    return subprocess.run([PROBE, encoder, folder / "in.safetensors", folder / "out.safetensors"],
                          capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder(name, tmp_path, agree):
    theirs = make_encoder(tmp_path / "encoder", **ENCODERS[name])
    images = pictures()
    result = probe(tmp_path / "encoder/model.safetensors", tmp_path, images)
    assert result.returncode == 0, result.stderr
    ours = load_file(tmp_path / "out.safetensors")
    side = theirs.config.image_size
    seen = CLIPImageProcessor(size=side, crop_size=side)(images, return_tensors="pt").pixel_values
    agree(f"CLIP vision {name}: pixel values", ours["pixel_values"], seen, 1e-6)
    with torch.no_grad():
        wanted = theirs(seen, output_hidden_states=True)
    agree(f"CLIP vision {name}: embeddings", ours["image_embeds"], wanted.image_embeds)
    agree(f"CLIP vision {name}: hidden states", ours["states"], wanted.hidden_states[-2])
    spread = (wanted.image_embeds[0] - wanted.image_embeds[1]).abs().max()
    assert spread > 1e-1 * wanted.image_embeds.abs().max()


def test_half_precision_files(tmp_path, agree):
    theirs = make_encoder(tmp_path / "encoder", **ENCODERS["laion"]).half()
    theirs.save_pretrained(tmp_path / "encoder")
    result = probe(tmp_path / "encoder/model.safetensors", tmp_path, pictures()[:2])
    assert result.returncode == 0, result.stderr
    ours = load_file(tmp_path / "out.safetensors")
    with torch.no_grad():
        wanted = theirs.float()(ours["pixel_values"]).image_embeds
    agree("CLIP vision, weights in fp16", ours["image_embeds"], wanted)


@pytest.mark.parametrize("change, words", [
    ({"hidden_size": 64}, ["hidden_size", "128"]), ({"num_attention_heads": 7}, ["num_attention_heads", "7"]),
    ({"hidden_act": "relu"}, ["relu"]), ("[1", ["JSON"])])
def test_a_wrong_config_is_refused(change, words, tmp_path):
    make_encoder(tmp_path / "encoder", **ENCODERS["openai"])
    path = tmp_path / "encoder/config.json"
    path.write_text(change if isinstance(change, str) else json.dumps(json.loads(path.read_text()) | change))
    result = probe(tmp_path / "encoder/model.safetensors", tmp_path, pictures()[:1])
    assert result.returncode == 1
    assert all(word in result.stderr for word in ["config.json", *words]), result.stderr
