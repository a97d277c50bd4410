"""The outpainter against its authors' loop, written over diffusers' network and scheduler."""

from __future__ import annotations

import pathlib
import re

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from ..pipeline import reference
from ..pipeline.philox import philox, plugin_key

ROOT = pathlib.Path(__file__).resolve().parents[3]
SEED = 7
STEPS = 10
WIDTH, HEIGHT = 128, 96
LEFT, TOP = 19, 8
SHARE = 0.6


@pytest.fixture
def photo(tmp_path):
    numbers = np.random.default_rng(3).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    picture = Image.fromarray(numbers).resize((70, 66), Image.Resampling.BICUBIC)
    picture.save(tmp_path / "photo.png")
    return picture


def draw(program, folder, photo, *arguments, sampler="ddim", **settings):
    given = {"picture": program.folder / "photo.png", "left": LEFT, "top": TOP, **settings}
    text = ",".join(f"{name}={value}" for name, value in given.items())
    return program.generate(folder, reference.PROMPT, "--size", f"{WIDTH}x{HEIGHT}", "--seed", SEED, "--sampler", sampler,
                            "--steps", STEPS, "--guidance", 7.5, "--plugin", f"outpainter:{text}", *arguments)


def fill(weighted, weight):
    """Pull-push: where nothing is known, what the next coarser level has."""
    own = weighted / weight.clamp_min(1e-6)
    if weight.min() > 0 or weight.numel() == 1:
        return own
    halves = [functional.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False) for x in (weighted, weight)]
    around = functional.interpolate(fill(*halves), weight.shape[2:], mode="bilinear", align_corners=False)
    return torch.where(weight > 0, own, around)


def canvas(photo):
    """The filled canvas in -1..1, and what of it is known."""
    pixels = torch.from_numpy(np.array(photo)).permute(2, 0, 1).float()[None] / 255
    placed, known = torch.zeros(1, 3, HEIGHT, WIDTH), torch.zeros(1, 1, HEIGHT, WIDTH)
    placed[:, :, TOP:TOP + 66, LEFT:LEFT + 70] = pixels
    known[:, :, TOP:TOP + 66, LEFT:LEFT + 70] = 1
    return 2 * fill(placed, known) - 1, known


def host_noise(step: int, count: int, shape) -> torch.Tensor:
    """What the host gives this plugin."""
    key = plugin_key(SEED, step, "outpainter", count)
    return torch.from_numpy(philox(key, 0, int(np.prod(shape)))).float().reshape(shape)


def network_is_told(used, picture, known):
    """What diffusers shows a network for inpainting beside the latent; nothing for others."""
    if used.unet.config.in_channels == 4:
        return ()
    inpainting = diffusers.StableDiffusionInpaintPipeline(**used.components, requires_safety_checker=False)
    # The mean of what is encoded; its own would be sampled.
    masked = used.vae.encode(picture * (1 - known < 0.5)).latent_dist.mode() * used.vae.config.scaling_factor
    return inpainting.prepare_mask_latents(1 - known, masked, 1, HEIGHT, WIDTH, torch.float32, "cpu", None,
                                           do_classifier_free_guidance=False)


def decayed(cells, k):
    """Be-Your-Outpainter's mask decay around a rectangle, cell by cell as its code has it."""
    rows, columns = cells[0, 0].any(1).nonzero(), cells[0, 0].any(0).nonzero()
    (top, bottom), (left, right) = ((int(found.min()), int(found.max())) for found in (rows, columns))
    height, width = cells.shape[2:]
    widest = max(top, left, height - 1 - bottom, width - 1 - right)
    shares = torch.ones(1, 1, height, width)
    for i in range(height):
        for j in range(width):
            vertical = torch.inf if top <= i <= bottom else min(abs(i - top), abs(i - bottom))
            horizontal = torch.inf if left <= j <= right else min(abs(j - left), abs(j - right))
            distance = min(vertical, horizontal)
            if distance < torch.inf:
                shares[0, 0, i, j] = np.exp(-distance / (k * widest))
    return shares


def official_loop(folder, photo, jump, repeats, decay=0.0):
    """Be-Your-Outpainter's sampler for one frame, without its ControlNet and its LoRA. With `decay`, what is put back
    reaches beyond the known part at first, as far as the mask decay is above the share of the steps that are done."""
    used = reference.pipeline(folder)
    reference.set_scheduler(used, folder, "ddim", {})
    scheduler = used.scheduler
    scheduler.set_timesteps(STEPS)
    times, alpha = scheduler.timesteps, scheduler.alphas_cumprod
    picture, known = canvas(photo)
    with torch.no_grad():
        kept = used.vae.encode(picture).latent_dist.mode() * used.vae.config.scaling_factor
        cells = functional.avg_pool2d(known, 8) == 1
        kept_share = decayed(cells, decay) if decay > 0 else cells.float()
        texts = torch.cat(used.encode_prompt(reference.PROMPT, "cpu", 1, True)[::-1])
        told = network_is_told(used, picture, known)
        noise = torch.randn(kept.shape, generator=torch.Generator().manual_seed(SEED))
        latent, index, repeated, draws, calls = noise, 0, 0, 0, 0
        while index < STEPS:
            seen = torch.cat([latent, *told], dim=1)
            empty, wanted = used.unet(torch.cat([seen] * 2), times[index], texts).sample.chunk(2)
            latent = scheduler.step(empty + 7.5 * (wanted - empty), times[index], latent).prev_sample
            calls += 1
            if index < STEPS - 1:
                covered = scheduler.add_noise(kept, noise, times[index + 1:index + 2])
                latent = torch.where(kept_share > (index + 1) / STEPS, covered, latent)
            index += 1
            if jump != 0 and index % jump == 0 and index < int(SHARE * STEPS):
                if repeated < repeats:
                    draws += 1
                    noise = host_noise(index - 1, draws, kept.shape)
                    ratio = alpha[times[index - jump]] / alpha[times[index]]
                    latent = ratio.sqrt() * latent + (1 - ratio).sqrt() * noise
                    index -= jump
                    repeated += 1
                else:
                    repeated = 0
    return latent, calls


@pytest.mark.parametrize("family", ["sd1", "sd2", "sd1-inpainting"])
@pytest.mark.parametrize("jump, repeats", [(0, 0), (2, 1), (3, 2)])
def test_authors_loop(family, jump, repeats, model, program, photo, agree):
    ours, report = draw(program, model(family), photo, jump_length=jump, jump_repeats=repeats, mask_decay=0)
    theirs, calls = official_loop(model(family), photo, jump, repeats)
    agree(f"outpainter {family}, jumps of {jump}, {repeats} times", ours, theirs)
    assert len(report["step_seconds"]) == calls


@pytest.mark.parametrize("decay", [0.25, 0.5, 2])
def test_mask_decay(decay, model, program, photo, agree):
    ours, _ = draw(program, model("sd1"), photo, jump_length=3, jump_repeats=1, mask_decay=decay)
    theirs, _ = official_loop(model("sd1"), photo, 3, 1, decay)
    agree(f"outpainter, mask decay {decay}", ours, theirs)


@pytest.mark.parametrize("repeats", [0, 2])
def test_progress_counts_the_steps_that_are_made(repeats, model, program, photo):
    settings = f"outpainter:picture={program.folder}/photo.png,left={LEFT},top={TOP},jump_repeats={repeats}"
    result = program.run("generate", "an apple", "--model", model("sd1"), "--size", f"{WIDTH}x{HEIGHT}", "--steps", STEPS,
                         "--sampler", "ddim", "-o", program.folder / "out.png", "--plugin", settings)
    assert result.returncode == 0, result.stderr
    told = [tuple(map(int, numbers)) for numbers in re.findall(r"step (\d+) of (\d+)", result.stderr)]
    steps = STEPS + repeats * 3
    assert told[-1] == (steps, steps) and {total for _, total in told} == {steps}
    assert [step for step, _ in told] == sorted({step for step, _ in told})


def test_each_picture_of_a_batch_is_told(model, program, photo):
    both, _ = draw(program, model("sd1-inpainting"), photo, "--batch", 2, "--compat", "a1111", sampler="euler")
    alone, _ = draw(program, model("sd1-inpainting"), photo, "--compat", "a1111", sampler="euler")
    assert (both[:1] - alone).abs().max() < 1e-4 * alone.abs().max()


@pytest.mark.parametrize("feathering", [0, 5])
def test_known_pixels_stay_bit_by_bit(feathering, model, program, photo):
    draw(program, model("sd1"), photo, feathering=feathering)
    drawn = np.asarray(Image.open(program.folder / "picture.png").convert("RGB"))
    inside = np.asarray(photo)[feathering:66 - feathering, feathering:70 - feathering]
    kept = drawn[TOP + feathering:TOP + 66 - feathering, LEFT + feathering:LEFT + 70 - feathering]
    assert (kept == inside).all()
    ring = drawn[TOP:TOP + 66, LEFT:LEFT + 70] != np.asarray(photo)
    assert ring.any() == (feathering > 0)


SAMPLERS = ["euler", "euler_a", "heun", "dpmpp_2m", "dpmpp_2m_sde", "unipc", "lms", "ddim"]


# Beyond ten steps LMS, of fourth order, draws with mask decay as well.
@pytest.mark.parametrize("sampler, decay", [(sampler, 0) for sampler in SAMPLERS] +
                         [(sampler, 0.5) for sampler in SAMPLERS if sampler != "lms"])
def test_every_kind_of_sampler(sampler, decay, program, photo):
    """Going back and putting back give Euler's picture also where a method remembers earlier steps. By a trained model,
    to which it matters what is painted."""
    eulers, _ = draw(program, ROOT / "models/default", photo, sampler="euler", mask_decay=decay)
    plain, once = draw(program, ROOT / "models/default", photo, sampler=sampler, mask_decay=decay, jump_repeats=0)
    ours, often = draw(program, ROOT / "models/default", photo, sampler=sampler, mask_decay=decay)
    assert ours.isfinite().all() and not torch.equal(ours, plain)
    assert abs(ours.std() / eulers.std() - 1) < (0.15 if decay else 0.1)
    assert torch.corrcoef(torch.stack([ours.flatten(), eulers.flatten()]))[0, 1] > 0.85
    assert len(often["step_seconds"]) == len(once["step_seconds"]) + 12


def test_a_batch_is_its_pictures(model, program, photo):
    both, _ = draw(program, model("sd1"), photo, "--batch", 2, "--compat", "a1111", sampler="euler")
    alone, _ = draw(program, model("sd1"), photo, "--compat", "a1111", sampler="euler")
    assert (both[:1] - alone).abs().max() < 1e-4 * alone.abs().max()


@pytest.mark.parametrize("settings, words", [
    ("left=90", ["160 pixels wide", "128", "size of 160"]), ("top=31", ["97 pixels high", "96", "size of 104"]),
    ("left=20,right=20", ["110 pixels wide", "128", "size of 112"]), ("mask={folder}/small.png", ["mask", "8x8"]),
    ("picture={folder}/tiny.png", ["8x8 pixels"]), ("picture={folder}/large.png", ["covers the canvas"]),
    ("picture={folder}/wide.png", ["200", "128"]), ("picture={folder}/clear.png", ["transparent"]),
    ("picture=", ["picture"]), ("feathering=-1", ["feathering", "0"])])
def test_bad_input(settings, words, model, program, photo):
    for name, size in (("small", (8, 8)), ("tiny", (7, 7)), ("large", (WIDTH, HEIGHT)), ("wide", (200, 8))):
        Image.new("RGB", size, "red").save(program.folder / f"{name}.png")
    Image.new("RGBA", (32, 32)).save(program.folder / "clear.png")
    text = settings.format(folder=program.folder)
    given = text if "picture" in text else f"picture={program.folder}/photo.png,{text}"
    result = program.run("generate", "an apple", "--model", model("sd1"), "--size", f"{WIDTH}x{HEIGHT}", "--steps", 2,
                         "-o", program.folder / "out.png", "--plugin", f"outpainter:{given}")
    assert result.returncode in (1, 2)
    assert all(word in result.stderr for word in words), result.stderr
    assert not (program.folder / "out.png").exists()


def test_a_second_pass_draws_over_everything(model, program, photo):
    _, first = draw(program, model("sd1"), photo, sampler="euler")
    twice, both = draw(program, model("sd1"), photo, "--hires", "192x144", sampler="euler")
    assert twice.shape[2:] == (18, 24) and twice.isfinite().all()
    assert len(both["step_seconds"]) > len(first["step_seconds"])
