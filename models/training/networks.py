"""The networks of the model, in Stable Diffusion 1.5's structure at a small width."""

from __future__ import annotations

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from transformers import CLIPTextConfig, CLIPTextModel

from models.training.tokenizer import LENGTH, VOCABULARY

WIDTH = 192  # of the text encoder and thus of cross-attention
CHANNELS = (64, 96, 128, 128)


def build_unet(size: int) -> UNet2DConditionModel:
    """12 input and 12 output blocks like Stable Diffusion 1.5; attention heads are 32 wide."""
    return UNet2DConditionModel(
        sample_size=size // 8, in_channels=4, out_channels=4, layers_per_block=2,
        block_out_channels=CHANNELS, cross_attention_dim=WIDTH,
        # diffusers reads this as the number of heads; the name is a historical mistake.
        attention_head_dim=[channels // 32 for channels in CHANNELS],
        norm_num_groups=32)


def build_text_encoder() -> CLIPTextModel:
    """A four-layer CLIP text encoder for the cut vocabulary."""
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=4 * WIDTH,
        num_hidden_layers=4, num_attention_heads=3, max_position_embeddings=LENGTH,
        hidden_act="quick_gelu", projection_dim=WIDTH, bos_token_id=VOCABULARY - 2,
        eos_token_id=VOCABULARY - 1, pad_token_id=VOCABULARY - 1))


def build_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise schedule with velocity prediction.

    Velocity is better conditioned than noise for short runs: at high noise the network must say
    what the picture is, at low noise what the noise is.
    """
    return DDIMScheduler(
        num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
        clip_sample=False, set_alpha_to_one=False, steps_offset=1, prediction_type="v_prediction",
        timestep_spacing="leading")


class PlainAttention:
    """Attention written out, for training on a CPU.

    PyTorch's fused CPU attention has a slow backward pass for short sequences of narrow heads; at
    256 positions the written-out form trains the whole U-Net 10 % faster. The result is the same.
    """

    def __call__(self, attention: Attention, hidden_states: torch.Tensor,
                 encoder_hidden_states: torch.Tensor | None = None, **_: object) -> torch.Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states

        def heads(x: torch.Tensor) -> torch.Tensor:
            return x.unflatten(-1, (attention.heads, -1)).transpose(1, 2)

        query = heads(attention.to_q(hidden_states)) * attention.scale
        key, value = heads(attention.to_k(context)), heads(attention.to_v(context))
        weights = (query @ key.transpose(-1, -2)).softmax(-1).to(value.dtype)
        return attention.to_out[0]((weights @ value).transpose(1, 2).flatten(2))
