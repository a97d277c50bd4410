"""Training on reference pictures against PEFT, AdamW of PyTorch and diffusers' network, with the same random numbers."""

from __future__ import annotations

import copy

import numpy as np
import peft
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional

from ..pipeline import reference
from .test_outpainter import canvas, photo  # noqa: F401

SEED = 9
SIDE = 64
RATE = 1e-3
WITHOUT_PROMPT = 0.1
RECTANGLES = 29
MARGINS = ("--left", 19, "--top", 8, "--right", 39, "--bottom", 22)  # of the canvas in test_outpainter
PICTURES = 5


def generator(step: int) -> torch.Generator:
    """That of a training step (SplitMix64)."""
    mask = 2 ** 64 - 1
    mixed = (SEED * 0x9e3779b97f4a7c15 + step) & mask
    mixed = ((mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9) & mask
    mixed = ((mixed ^ mixed >> 27) * 0x94d049bb133111eb) & mask
    mixed ^= mixed >> 31
    return torch.Generator().manual_seed(mixed - 2 ** 64 if mixed >= 2 ** 63 else mixed)


class Draws:
    def __init__(self, step: int) -> None:
        self.generator = generator(step)

    def below(self, end: int) -> int:
        return int(torch.randint(end, (1,), generator=self.generator))

    def share(self) -> float:
        return float(torch.rand(1, dtype=torch.double, generator=self.generator))


@pytest.fixture
def references(tmp_path):
    """Two pictures of other sizes, the second of which shows nothing at its left."""
    numbers = np.random.default_rng(5)
    opaque = Image.fromarray(numbers.integers(0, 256, (5, 7, 3), dtype=np.uint8)).resize((100, 70), Image.Resampling.BICUBIC)
    opaque.save(tmp_path / "one.png")
    clear = Image.fromarray(numbers.integers(0, 256, (6, 5, 4), dtype=np.uint8)).resize((50, 61), Image.Resampling.BICUBIC)
    alpha = np.full((61, 50), 255, dtype=np.uint8)
    alpha[:, :20] = 0
    clear.putalpha(Image.fromarray(alpha))
    clear.save(tmp_path / "two.png")
    pictures = []
    for picture in (opaque.convert("RGBA"), clear):
        rgba = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float()[None] / 255
        pictures.append((rgba[:, :3] * 2 - 1, (rgba[:, 3:] >= 0.5).float()))
    return pictures


def cut(picture, top, left):
    return tuple(part[:, :, top:top + SIDE, left:left + SIDE] for part in picture)


def from_scaled(picture, draws):
    height, width = picture[0].shape[2:]
    scale = max(SIDE / height, SIDE / width) * (1 + draws.share() / 8)
    size = [max(SIDE, int(side * scale + 0.5)) for side in (height, width)]
    scaled = (functional.interpolate(picture[0], size, mode="bicubic", antialias=True).clamp(-1, 1),
              functional.interpolate(picture[1], size))
    return cut(scaled, draws.below(size[0] - SIDE + 1), draws.below(size[1] - SIDE + 1))


def around_known(picture, draws):
    known = picture[1][0, 0].nonzero()
    starts = []
    pixel = known[draws.below(len(known))]
    for at, side in zip(pixel.tolist(), picture[1].shape[2:], strict=True):
        first, last = max(0, at - SIDE + 1), min(at, side - SIDE)
        starts.append(first + draws.below(last - first + 1))
    return cut(picture, *starts)


def hidden(draws):
    """As the port of RealFill in diffusers draws its masks."""
    mask = torch.zeros(1, 1, SIDE, SIDE)
    if draws.share() < 0.1:
        return mask + 1
    for _ in range(1 + draws.below(RECTANGLES)):
        height, width = (1 + draws.below(16) for _ in range(2))  # 3 to 25 percent of 64
        top, left = draws.below(SIDE - height + 1), draws.below(SIDE - width + 1)
        mask[:, :, top:top + height, left:left + width] = 1
    return 1 - mask if draws.share() < 0.5 else mask


def official_loss(used, unet, pictures, target, texts, draws):
    """The loss of the port of RealFill in diffusers, of one picture."""
    chosen = draws.below(len(pictures) + 1)
    picture, known = from_scaled(pictures[chosen], draws) if chosen < len(pictures) else around_known(target, draws)
    timestep = draws.below(1000)
    text = texts["prompt" if draws.share() >= WITHOUT_PROMPT else "empty"]
    encode = lambda image: used.vae.encode(image).latent_dist.mode() * used.vae.config.scaling_factor  # noqa: E731
    told = ()
    with torch.no_grad():
        if unet.config.in_channels == 9:
            painted = torch.maximum(hidden(draws), 1 - known)
            told = (functional.interpolate(painted, scale_factor=1 / 8), encode(picture * (1 - painted)))
        clean = encode(picture)
    noise = torch.randn(clean.shape, generator=draws.generator)
    # At the level that our model says it has; sigma * noise + clean, scaled, is add_noise.
    noisy = used.scheduler.add_noise(clean, noise, torch.tensor([timestep]))
    predicted = unet(torch.cat([noisy, *told], 1), timestep, text).sample
    wanted = noise if used.scheduler.config.prediction_type == "epsilon" else used.scheduler.get_velocity(
        clean, noise, torch.tensor([timestep]))
    counts = (functional.avg_pool2d(known, 8) == 1).float()
    return (counts * functional.mse_loss(predicted, wanted, reduction="none")).mean()


def adapt(program, folder, out, steps):
    files = program.folder
    done = program.run(
        "plugin", "action", "outpainter", "adapt", "--model", folder, "--precision", "fp32", "-o", out,
        "--picture", files / "photo.png", *MARGINS, "--reference1", files / "one.png", "--reference2", files / "two.png",
        "--prompt", reference.PROMPT, "--seed", SEED, "--side", SIDE, "--learning_rate", RATE, "--rank", 3,
        "--dropout", 0, "--pictures_per_step", PICTURES, "--steps", steps)
    assert done.returncode == 0, done.stderr
    return {name: load_file(out / f"{name}.safetensors") for name in ("state", "lora")}


@pytest.mark.parametrize("family", ["sd1", "sd2", "sd1-inpainting"])
def test_training(family, model, program, references, photo, agree, tmp_path):  # noqa: F811
    """A step on from where our first ones led: its gradients are what the moments say, even where they are so small
    that AdamW makes of their sign a step of full length."""
    folder = model(family)
    state = adapt(program, folder, tmp_path / "before", 2)["state"]
    trained = adapt(program, folder, tmp_path / "after", 3)["state"]
    used = reference.pipeline(folder)
    unet = copy.deepcopy(used.unet).requires_grad_(False)
    unet.add_adapter(peft.LoraConfig(r=3, lora_alpha=6, target_modules=["to_q", "to_k", "to_v"]))
    named = {"unet." + name.replace(".default", ""): weight for name, weight in unet.named_parameters() if "lora_" in name}
    assert named.keys() == {name for name in trained if name.startswith("unet.")}
    for name, weight in named.items():
        weight.data.copy_(state[name])
    with torch.no_grad():
        texts = dict(zip(("prompt", "empty"), used.encode_prompt(reference.PROMPT, "cpu", 1, True), strict=True))
    draws = Draws(2)
    for _ in range(PICTURES):
        (official_loss(used, unet, references, canvas(photo), texts, draws) / PICTURES).backward()
    torch.nn.utils.clip_grad_norm_(named.values(), 1.0)
    for part in ("lora_A", "lora_B"):
        names = sorted(name for name in named if part in name)
        ours = [trained[f"first_moment.{name}"] - 0.9 * state[f"first_moment.{name}"] for name in names]
        theirs = [0.1 * named[name].grad for name in names]
        agree(f"RealFill's gradients of {part}, {family}", *(torch.cat([x.flatten() for x in all]) for all in (ours, theirs)))
        largest = torch.cat([(trained[name] - state[name]).flatten() for name in names]).abs().max()
        assert RATE / 2 < largest < 2 * RATE


def test_the_lora_is_read_by_diffusers_and_by_us(model, program, references, photo, agree, tmp_path):  # noqa: F811
    folder = model("sd1")
    adapt(program, folder, tmp_path / "made", 3)
    lora = tmp_path / "made/lora.safetensors"
    ours, _ = program.generate(folder, reference.PROMPT, "--size", "128x96", "--seed", 7, "--sampler", "ddim", "--steps",
                               5, "--lora", lora)
    used = copy.deepcopy(reference.pipeline(folder))
    used.load_lora_weights(lora)
    reference.set_scheduler(used, folder, "ddim", {})
    theirs = used(reference.PROMPT, height=96, width=128, num_inference_steps=5, guidance_scale=7.5,
                  generator=torch.Generator().manual_seed(7), output_type="latent").images
    agree("RealFill's LoRA in a picture", ours, theirs)
    plain = reference.latents(folder, "ddim")
    assert ((theirs - plain).abs().max() / plain.abs().max()) > 1e-3
