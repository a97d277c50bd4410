"""Rebuild a work folder from a published model, to train on without the original checkpoint.

``python -m models.training.restore --work DIR --step N --autoencoder-step M``, with the steps that
the model card states. ``--autoencoder FOLDER`` takes another autoencoder than the model's, for a
denoiser that is to learn its latents.
The optimiser's moments are lost, so a run continued this way is close to, not the same as, an
uninterrupted one.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file

from models.training.common import save_atomic
from models.training.networks import build_text_encoder


def restore(folder: Path, autoencoder: Path, work: Path, step: int,
            autoencoder_step: int) -> None:
    """Write ``vae/``, ``tokenizer/`` and both checkpoints into the work folder."""
    work.mkdir(parents=True, exist_ok=True)
    for checkpoint in (work / "denoiser.pt", work / "autoencoder.pt"):
        if checkpoint.exists():
            raise SystemExit(f"{checkpoint} exists; it is better than what this would write")
    vae = AutoencoderKL.from_pretrained(autoencoder, torch_dtype=torch.float32)
    vae.save_pretrained(work / "vae")
    save_atomic({"vae": vae.state_dict(), "ema": {"vae": vae.state_dict()},
                 "step": autoencoder_step, "first": autoencoder_step}, work / "autoencoder.pt")
    shutil.copytree(folder / "tokenizer", work / "tokenizer", dirs_exist_ok=True)
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    text = build_text_encoder()
    own_names = {name.removeprefix("text_model."): name for name in text.state_dict()}
    text_weights = {own_names[name.removeprefix("text_model.")]: value.float()
                    for name, value in load_file(folder / "text_encoder/model.safetensors").items()}
    text.load_state_dict(text_weights, strict=False)  # position ids are not stored
    weights = {"unet": unet.state_dict(), "text": text.state_dict()}
    save_atomic({**weights, "ema": weights, "step": step, "first": step}, work / "denoiser.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("models/default"))
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--step", type=int, required=True, help="the denoiser's")
    parser.add_argument("--autoencoder-step", type=int, required=True)
    parser.add_argument("--autoencoder", type=Path, default=None)
    args = parser.parse_args()
    restore(args.model, args.autoencoder or args.model / "vae", args.work, args.step,
            args.autoencoder_step)


if __name__ == "__main__":
    main()
