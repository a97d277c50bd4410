"""Draw pictures with the weights in training, for the sample sheets."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from models.training.networks import build_scheduler

SHEET_PROMPTS = (
    "a red apple, noto style, on a blue background",
    "a banana, 3d style, on a white background",
    "a cat, flat style, on a yellow background",
    "a rocket, blob style, on a black background",
    "a house, fx style, on a green background",
    "a red heart, noto style, on a pink background",
    "a penguin, noto style, on a turquoise background",
    "a car, flat style, on a gray background",
    "a sunflower, blob style, on a purple background",
    "a hamburger, 3d style, on a red background",
    "a cactus, fx style, on an orange background",
    "a panda, 3d style, on a green background",
    "a pizza, noto style, on a white background",
    "a christmas tree, flat style, on a blue background",
    "a dog, noto style, on a brown background",
    "a guitar, blob style, on a white background",
    "a whale, flat style, on a pink background",
    "a trophy, 3d style, on a black background",
    "a strawberry, noto style, on a white to blue gradient background",
    "an airplane, noto style, on a red and white striped background",
    "a pineapple, 3d style, on a black background with yellow dots",
    "a fox and a tree, flat style, on a white background",
    "a robot",
    "a key on a green background",
)


@torch.no_grad()
def draw(unet: UNet2DConditionModel, text: CLIPTextModel, vae: AutoencoderKL,
         tokenizer: CLIPTokenizer, shadow: dict[str, dict[str, torch.Tensor]],
         prompts: tuple[str, ...], size: int, steps: int = 20,
         guidance: float = 4.0) -> torch.Tensor:
    """Sample with the averaged weights, DDIM and guidance; restores the training weights."""
    modules = {"unet": unet, "text": text}
    current = {name: {key: value.clone() for key, value in module.state_dict().items()}
               for name, module in modules.items()}
    for name, module in modules.items():
        module.load_state_dict(shadow[name])
    scheduler = build_scheduler()
    scheduler.set_timesteps(steps)
    count = len(prompts)
    ids = tokenizer([*prompts, *[""] * count], padding="max_length", truncation=True,
                    max_length=77, return_tensors="pt").input_ids
    latents = torch.randn(count, 4, size // 8, size // 8,
                          generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        context = text(ids).last_hidden_state
        for level in scheduler.timesteps:
            both = unet(latents.repeat(2, 1, 1, 1), level, context).sample.float()
            wanted, empty = both.chunk(2)
            latents = scheduler.step(empty + guidance * (wanted - empty), level,
                                     latents).prev_sample
    pictures = vae.decode(latents / vae.config.scaling_factor).sample
    for name, module in modules.items():
        module.load_state_dict(current[name])
    return pictures
