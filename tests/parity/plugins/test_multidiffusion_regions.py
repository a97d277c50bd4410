"""MultiDiffusion's regions against the authors' loop, written over diffusers' network and scheduler."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from ..pipeline import reference
from ..pipeline.philox import plugin_uniform

STEPS = 5
SEED = 7
# Latent pixels of the random-weight models' own pictures.
NATIVE = 16
PROMPTS = ["a green pear", "a blue plate on a table"]
COLOURS = 8


def boxes(width: int, height: int) -> list[np.ndarray]:
    """Two masks of whole latent pixels that overlap."""
    masks = [np.zeros((height, width), np.uint8) for _ in PROMPTS]
    masks[0][16:80, 8:72] = 255
    masks[1][48:, 56:width - 16] = 255
    return masks


@pytest.fixture
def regions(tmp_path):
    def write(width: int, height: int) -> str:
        settings = []
        for number, (prompt, mask) in enumerate(zip(PROMPTS, boxes(width, height)), 1):
            Image.fromarray(mask).save(tmp_path / f"mask{number}.png")
            settings += [f"region{number}_prompt={prompt}", f"region{number}_mask={tmp_path}/mask{number}.png"]
        return ",".join(settings)

    return write


def draw(program, folder, size, settings, *more, sampler="ddim", steps=STEPS):
    return program.generate(folder, reference.PROMPT, "--size", f"{size[0]}x{size[1]}", "--seed", SEED, "--sampler", sampler,
                            "--steps", steps, "--plugin", f"multidiffusion:{settings}", *more)[0]


def uniform(step: int, count: int) -> float:
    return plugin_uniform(SEED, step, "multidiffusion", count)


@torch.no_grad()
def official_loop(folder, size, stride, bootstrapped, scale=7.5):
    """region_based.py of the authors: every view is stepped with every prompt, and what lies in its mask is averaged. With
    our colours behind the things, and one for a step and a region."""
    used = reference.pipeline(folder)
    reference.set_scheduler(used, folder, "ddim", {})
    scheduler = used.scheduler
    scheduler.set_timesteps(STEPS)
    masks = torch.stack([torch.from_numpy(mask).float() / 255 for mask in boxes(*size)])[:, None]
    masks = torch.nn.functional.interpolate(masks, (size[1] // 8, size[0] // 8), mode="nearest")
    masks = torch.cat([(1 - masks.sum(0, keepdim=True)).clamp(min=0), masks])
    texts = [used.encode_prompt(prompt, "cpu", 1, True) for prompt in (reference.PROMPT, *PROMPTS)]
    colours = [2 * torch.tensor([uniform(0, 3 * i + channel) for channel in range(3)], dtype=torch.float64) - 1
               for i in range(COLOURS)]

    def background(colour):
        picture = colour.float().view(1, 3, 1, 1).expand(1, 3, 8 * NATIVE, 8 * NATIVE)
        return used.vae.encode(picture).latent_dist.mode() * used.vae.config.scaling_factor

    x = torch.randn((1, 4, size[1] // 8, size[0] // 8), generator=torch.Generator().manual_seed(SEED))
    noise = x.clone()
    for index, t in enumerate(scheduler.timesteps):
        value, count = torch.zeros_like(x), torch.zeros_like(x)
        for left in range(0, x.shape[3] - NATIVE + 1, stride // 8):
            window = slice(left, left + NATIVE)
            for number, ((positive, negative), mask) in enumerate(zip(texts, masks[..., window])):
                view = x[..., window]
                if number > 0 and index < bootstrapped:
                    chosen = colours[int(COLOURS * uniform(index, 3 * COLOURS + number - 1))]
                    behind = scheduler.add_noise(background(chosen), noise[..., window], t[None])
                    view = view * mask + behind * (1 - mask)
                plain, prompted = used.unet(view.repeat(2, 1, 1, 1), t,
                                            encoder_hidden_states=torch.cat([negative, positive])).sample.chunk(2)
                stepped = scheduler.step(plain + scale * (prompted - plain), t, view).prev_sample
                value[..., window] += stepped * mask
                count[..., window] += mask
        x = value / count
    return x


@pytest.mark.parametrize("family", ["sd1", "sd2"])
@pytest.mark.parametrize("size, stride, share", [((128, 128), 32, 0), ((128, 128), 32, 0.4), ((192, 128), 64, 0.6)])
def test_regions(family, size, stride, share, regions, model, program, agree):
    folder = model(family)
    ours = draw(program, folder, size, f"stride={stride},bootstrapping={share},{regions(*size)}")
    theirs = official_loop(folder, size, stride, round(share * STEPS))
    agree(f"{family} {size[0]}x{size[1]} MultiDiffusion, regions, {share} bootstrapped", ours, theirs)


def test_regions_and_no_guidance(regions, model, program, agree):
    folder = model("sd1")
    ours = draw(program, folder, (128, 128), f"bootstrapping=0.4,{regions(128, 128)}", "--guidance", 1)
    agree("sd1 MultiDiffusion, regions, no guidance", ours, official_loop(folder, (128, 128), 32, 2, scale=1))


def test_a_prompt_has_its_region(regions, model, program):
    """What is drawn elsewhere does not depend on it, in one evaluation."""
    folder, size = model("sd1"), (128, 128)
    settings = f"bootstrapping=0,{regions(*size)}"
    one = draw(program, folder, size, settings, steps=1)
    other = draw(program, folder, size, settings.replace(PROMPTS[0], "a red car"), steps=1)
    mask = torch.from_numpy(boxes(*size)[0])[::8, ::8] > 0
    assert torch.equal(one[..., ~mask], other[..., ~mask]) and not torch.equal(one[..., mask], other[..., mask])


@pytest.mark.parametrize("sampler", ["euler_a", "dpmpp_2m", "heun", "unipc"])
def test_other_samplers_and_batches(sampler, regions, model, program):
    folder = model("sd1")
    arguments = ["--compat", "a1111", "--batch", 2]
    both = draw(program, folder, (128, 96), regions(128, 96), *arguments, sampler=sampler)
    alone = draw(program, folder, (128, 96), regions(128, 96), *arguments[:2], sampler=sampler)
    assert both.isfinite().all() and (both[:1] - alone).abs().max() < 1e-4 * alone.abs().max()


def test_the_same_prompt_everywhere_is_the_plain_picture(regions, model, program, agree):
    folder = model("sd1")
    settings = regions(128, 128)
    for prompt in PROMPTS:
        settings = settings.replace(prompt, reference.PROMPT)
    agree("sd1 MultiDiffusion, one prompt in all regions", draw(program, folder, (128, 128), f"bootstrapping=0,{settings}"),
          draw(program, folder, (128, 128), "stride=32"))


@pytest.mark.parametrize("settings, says", [
    ("region1_prompt=a pear", "region1_mask: is missing; it says where \"a pear\" is drawn"),
    ("region2_mask={masks}/mask1.png", "region2_prompt: is missing"),
    ("region1_prompt=a pear,region1_mask={masks}/black.png", "region1_mask: has no white part"),
    ("region3_prompt=a pear,region3_mask={masks}/black.png", "region3_mask: has no white part"),
    ("region1_prompt=a pear,region1_mask={masks}/none.png", "none.png"),
    ("bootstrapping=2", "bootstrapping")])
def test_what_is_wrong_is_said(settings, says, regions, model, program, tmp_path):
    regions(128, 128)
    Image.new("L", (128, 128)).save(tmp_path / "black.png")
    result = program.run("generate", "a", "--model", model("sd1"), "--steps", 1, "-o", tmp_path / "a.png", "--plugin",
                         f"multidiffusion:{settings.format(masks=tmp_path)}")
    assert result.returncode == 1 and says in result.stderr, result.stderr
