"""One builder for each family; each returns the folder of a complete pipeline.

diffusers' own initialisation is tame enough for fp32 comparisons: rounding stays near 1e-6 through a whole
picture, while leaving the prompt or the timestep out changes it completely (test_sensitivity checks that).
"""

from __future__ import annotations

import pathlib

import torch
from diffusers import (AutoencoderKL, DDIMScheduler, EDMDPMSolverMultistepScheduler, EulerDiscreteScheduler,
                       LCMScheduler, PNDMScheduler, StableDiffusionPipeline, StableDiffusionXLImg2ImgPipeline,
                       StableDiffusionXLPipeline, UNet2DConditionModel)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from .tokenizer import make_tokenizer

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
CROSS, PLAIN = "CrossAttnDownBlock2D", "DownBlock2D"


def make_text_encoder(tokenizer: CLIPTokenizer, width: int, layers: int, activation: str,
                      projection: bool = False, head_width: int = 16):
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=layers,
        num_attention_heads=width // head_width, max_position_embeddings=77, projection_dim=width, hidden_act=activation,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    return (CLIPTextModelWithProjection if projection else CLIPTextModel)(config)


def make_vae(**overrides) -> AutoencoderKL:
    return AutoencoderKL(**{
        "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4,
        "block_out_channels": (32, 32, 32, 32), "norm_num_groups": 8, "layers_per_block": 1, **overrides})


def make_unet(down_blocks: list[str], **overrides) -> UNet2DConditionModel:
    up_blocks = [block.replace("Down", "Up") for block in reversed(down_blocks)]
    return UNet2DConditionModel(**{
        "sample_size": 16, "down_block_types": down_blocks, "up_block_types": up_blocks, "norm_num_groups": 8,
        "layers_per_block": 2, **overrides})


def save_sd(folder: pathlib.Path, unet, scheduler, text_encoder, tokenizer, vae=None) -> pathlib.Path:
    StableDiffusionPipeline(vae=vae or make_vae(), text_encoder=text_encoder, tokenizer=tokenizer, unet=unet,
                            scheduler=scheduler, safety_checker=None, feature_extractor=None,
                            requires_safety_checker=False).save_pretrained(folder)
    return folder


def sd1(folder: pathlib.Path, in_channels: int = 4, **schedule) -> pathlib.Path:
    tokenizer = make_tokenizer(folder / "tokenizer")
    unet = make_unet([CROSS, CROSS, CROSS, PLAIN], in_channels=in_channels, block_out_channels=(32, 64, 64, 64),
                     cross_attention_dim=48, attention_head_dim=8)
    scheduler = PNDMScheduler(**{**BETAS, "skip_prk_steps": True, "set_alpha_to_one": False, "steps_offset": 1,
                                 **schedule})
    return save_sd(folder, unet, scheduler, make_text_encoder(tokenizer, 48, 3, "quick_gelu"), tokenizer)


def sd1_inpainting(folder: pathlib.Path) -> pathlib.Path:
    return sd1(folder, in_channels=9)


def sd1_lcm(folder: pathlib.Path) -> pathlib.Path:
    """A distilled model, which is told the guidance scale."""
    tokenizer = make_tokenizer(folder / "tokenizer")
    unet = make_unet([CROSS, CROSS, CROSS, PLAIN], block_out_channels=(32, 64, 64, 64), cross_attention_dim=48,
                     attention_head_dim=8, time_cond_proj_dim=32)
    scheduler = LCMScheduler(**BETAS, set_alpha_to_one=True, original_inference_steps=50)
    return save_sd(folder, unet, scheduler, make_text_encoder(tokenizer, 48, 3, "quick_gelu"), tokenizer)


def sd1_kolors_schedule(folder: pathlib.Path) -> pathlib.Path:
    return sd1(folder, beta_end=0.014, num_train_timesteps=1100)


def sd2(folder: pathlib.Path, **schedule) -> pathlib.Path:
    tokenizer = make_tokenizer(folder / "tokenizer", pad="!")
    unet = make_unet([CROSS, CROSS, CROSS, PLAIN], block_out_channels=(32, 64, 64, 64), cross_attention_dim=64,
                     attention_head_dim=[2, 4, 4, 4], use_linear_projection=True, upcast_attention=True)
    scheduler = DDIMScheduler(**BETAS, clip_sample=False, set_alpha_to_one=False, steps_offset=1,
                              prediction_type="v_prediction", **schedule)
    return save_sd(folder, unet, scheduler, make_text_encoder(tokenizer, 64, 4, "gelu"), tokenizer)


def sd2_zero_snr(folder: pathlib.Path) -> pathlib.Path:
    return sd2(folder, rescale_betas_zero_snr=True, timestep_spacing="trailing")


def sdxl(folder: pathlib.Path, spacing: str = "leading", scheduler=None) -> pathlib.Path:
    first = make_tokenizer(folder / "tokenizer")
    second = make_tokenizer(folder / "tokenizer_2", pad="!")
    unet = make_unet([PLAIN, CROSS, CROSS], block_out_channels=(32, 64, 64), cross_attention_dim=112,
                     attention_head_dim=[2, 4, 4], use_linear_projection=True, transformer_layers_per_block=[1, 2, 3],
                     addition_embed_type="text_time", addition_time_embed_dim=8,
                     projection_class_embeddings_input_dim=6 * 8 + 64)
    scheduler = scheduler or EulerDiscreteScheduler(**BETAS, steps_offset=1, timestep_spacing=spacing)
    StableDiffusionXLPipeline(
        vae=make_vae(scaling_factor=0.13025, force_upcast=True), unet=unet, scheduler=scheduler,
        text_encoder=make_text_encoder(first, 48, 3, "quick_gelu"), tokenizer=first,
        text_encoder_2=make_text_encoder(second, 64, 4, "gelu", projection=True), tokenizer_2=second,
        add_watermarker=False).save_pretrained(folder)
    return folder


def sdxl_encodes_empty_prompt(folder: pathlib.Path) -> pathlib.Path:
    sdxl(folder)
    pipeline = StableDiffusionXLPipeline.from_pretrained(folder, force_zeros_for_empty_prompt=False)
    pipeline.save_pretrained(folder)
    return folder


def sdxl_refiner(folder: pathlib.Path) -> pathlib.Path:
    tokenizer = make_tokenizer(folder / "tokenizer_2", pad="!")
    unet = make_unet([PLAIN, CROSS, CROSS, PLAIN], block_out_channels=(32, 64, 64, 64), cross_attention_dim=64,
                     attention_head_dim=[2, 4, 4, 4], use_linear_projection=True, transformer_layers_per_block=2,
                     addition_embed_type="text_time", addition_time_embed_dim=8,
                     projection_class_embeddings_input_dim=5 * 8 + 64)
    StableDiffusionXLImg2ImgPipeline(
        vae=make_vae(scaling_factor=0.13025, force_upcast=True), unet=unet, text_encoder=None, tokenizer=None,
        text_encoder_2=make_text_encoder(tokenizer, 64, 4, "gelu", projection=True), tokenizer_2=tokenizer,
        scheduler=EulerDiscreteScheduler(**BETAS, steps_offset=1, timestep_spacing="leading"),
        requires_aesthetics_score=True, force_zeros_for_empty_prompt=False, add_watermarker=False,
    ).save_pretrained(folder)
    return folder


def sdxl_edm(folder: pathlib.Path) -> pathlib.Path:
    return sdxl(folder, scheduler=EDMDPMSolverMultistepScheduler(sigma_min=0.002, sigma_max=80.0, sigma_data=0.5))


def sdxl_turbo(folder: pathlib.Path) -> pathlib.Path:
    return sdxl(folder, spacing="trailing")


FAMILIES = {"sd1": sd1, "sd1-inpainting": sd1_inpainting, "sd1-kolors-schedule": sd1_kolors_schedule,
            "sd1-lcm": sd1_lcm, "sd2": sd2, "sd2-zero-snr": sd2_zero_snr, "sdxl": sdxl, "sdxl-edm": sdxl_edm,
            "sdxl-encodes-empty-prompt": sdxl_encodes_empty_prompt, "sdxl-refiner": sdxl_refiner,
            "sdxl-turbo": sdxl_turbo}


def build(family: str, folder: pathlib.Path) -> pathlib.Path:
    torch.manual_seed(sum(family.encode()))
    return FAMILIES[family](folder)
