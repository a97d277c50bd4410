"""A model wide enough for its weights to be seen in the process's memory."""

from __future__ import annotations

from diffusers import PNDMScheduler
from parity.models import families
from parity.models.tokenizer import make_tokenizer


def make_wide_model(folder):
    """Stable Diffusion 1's structure with random weights; returns the U-Net."""
    tokenizer = make_tokenizer(folder / "tokenizer")
    unet = families.make_unet([families.CROSS] * 3 + [families.PLAIN], block_out_channels=(64, 512, 512, 64),
                              cross_attention_dim=48, attention_head_dim=8)
    families.save_sd(folder, unet, PNDMScheduler(**families.BETAS, skip_prk_steps=True),
                     families.make_text_encoder(tokenizer, 48, 3, "quick_gelu"), tokenizer)
    return unet
