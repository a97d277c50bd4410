"""Write the trained weights as a diffusers folder: ``python -m models.export --work DIR``.

Takes the averaged weights, in fp16, under the names every Stable Diffusion 1.5 loader knows.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors.torch import save_file

from models.training.networks import build_scheduler, build_text_encoder, build_unet

SHARD_SIZE = "15MB"  # git hosts and mirrors dislike large files
MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.42.1",
    "feature_extractor": [None, None],
    "image_encoder": [None, None],
    "requires_safety_checker": False,
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def export(work: Path, folder: Path, size: int) -> None:
    """Assemble the folder from the checkpoints in ``work``."""
    state = torch.load(work / "denoiser.pt")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    unet = build_unet(size)
    unet.load_state_dict(state["ema"]["unet"])
    unet.half().save_pretrained(folder / "unet", max_shard_size=SHARD_SIZE)
    vae = AutoencoderKL.from_pretrained(work / "vae")
    vae.half().save_pretrained(folder / "vae", max_shard_size=SHARD_SIZE)
    text = build_text_encoder()
    text.load_state_dict(state["ema"]["text"])
    write_text_encoder(text.half(), folder / "text_encoder")
    build_scheduler().save_pretrained(folder / "scheduler")
    shutil.copytree(work / "tokenizer", folder / "tokenizer")
    (folder / "model_index.json").write_text(json.dumps(MODEL_INDEX, indent=2) + "\n")
    for config in folder.glob("*/config.json"):  # no path of the training machine in the model
        values = json.loads(config.read_text())
        values.pop("_name_or_path", None)
        config.write_text(json.dumps(values, indent=2) + "\n")


def write_text_encoder(text: torch.nn.Module, folder: Path) -> None:
    """Save the text encoder under its classic names.

    transformers 5 saves without the ``text_model.`` level that older readers need.
    """
    text.config.architectures = ["CLIPTextModel"]
    text.config.dtype = "float16"
    text.config.save_pretrained(folder)
    tensors = {"text_model." + name.removeprefix("text_model."): value.contiguous()
               for name, value in text.state_dict().items() if not name.endswith("position_ids")}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--out", type=Path, default=Path("models/default"))
    parser.add_argument("--size", type=int, default=128)
    args = parser.parse_args()
    export(args.work, args.out, args.size)
    total = sum(path.stat().st_size for path in args.out.rglob("*") if path.is_file())
    print(f"{args.out}: {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
