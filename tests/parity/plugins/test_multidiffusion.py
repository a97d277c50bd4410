"""MultiDiffusion against diffusers' panorama pipeline, run on the same files and the same noise."""

from __future__ import annotations

import functools

import diffusers
import numpy
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from ..pipeline import reference

STEPS = 4
# Latent pixels of the random-weight models' own pictures.
NATIVE = 16


def panorama(folder, size, window, stride, *, sampler="ddim", views=None, **arguments):
    """Final latents, or pictures for output_type="np". Sizes in pixels; views: other ones than the pipeline's own."""
    pipeline = diffusers.StableDiffusionPanoramaPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    reference.set_scheduler(pipeline, folder, sampler, {})
    pipeline.get_views = functools.partial(pipeline.get_views, window_size=window // 8, stride=stride // 8)
    if views:
        pipeline.get_views = lambda *_, **__: views
    return pipeline(reference.PROMPT, **{"width": size[0], "height": size[1], "num_inference_steps": STEPS,
                                         "guidance_scale": 7.5, "generator": torch.Generator().manual_seed(7),
                                         "output_type": "latent", **arguments}).images


def draw(program, folder, size, settings, *more, sampler="ddim"):
    plugin = ["--plugin", f"multidiffusion:{settings}"] if settings is not None else []
    return program.generate(folder, reference.PROMPT, "--size", f"{size[0]}x{size[1]}", "--seed", 7, "--sampler",
                            sampler, "--steps", STEPS, *plugin, *more)[0]


def far(a, b):
    return (a - b).abs().max() > 1e-2 * b.abs().max()


# Wide, in both directions, lower than a window, and with windows that are smaller than the model's own.
CASES = [("sd1", (320, 128), 128, 32), ("sd1", (256, 192), 128, 64), ("sd1", (192, 96), 128, 16),
         ("sd1", (160, 64), 64, 32), ("sd2", (128, 256), 128, 32)]


@pytest.mark.parametrize("family, size, window, stride", CASES)
def test_panorama(family, size, window, stride, model, program, agree):
    folder = model(family)
    ours = draw(program, folder, size, f"window={window},stride={stride}")
    agree(f"{family} {size[0]}x{size[1]} MultiDiffusion {window}/{stride}", ours,
          panorama(folder, size, window, stride))
    assert far(ours, draw(program, folder, size, None))


def test_defaults_follow_the_model(model, program):
    """Its own size, and a quarter of that."""
    folder = model("sd1")
    assert torch.equal(draw(program, folder, (160, 128), "window=0"),
                       draw(program, folder, (160, 128), "window=128,stride=32"))


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "lms"])
def test_averaged_predictions_are_averaged_steps(sampler, model, program, agree):
    """diffusers averages what each window's own sampler, with its own history, has stepped to."""
    folder = model("sd1")
    ours = draw(program, folder, (256, 128), "stride=64", sampler=sampler)
    agree(f"sd1 MultiDiffusion {sampler}", ours, panorama(folder, (256, 128), 128, 64, sampler=sampler))


def test_the_last_window_ends_at_the_border(model, program, agree):
    """Where diffusers' own views leave a strip out, which then stays black."""
    folder = model("sd1")
    size = (216, 152)  # 27 x 19 latent pixels
    views = [(top, top + NATIVE, left, left + NATIVE) for top in (0, 3) for left in (0, 8, 11)]
    ours = draw(program, folder, size, "stride=64")
    agree("sd1 216x152 MultiDiffusion, clamped views", ours, panorama(folder, size, 128, 64, views=views))
    theirs = panorama(folder, size, 128, 64)
    assert (theirs[..., 24:] == 0).all() and (ours[..., 24:] != 0).all()


def test_gaussian_weights(model, program, agree):
    folder = model("sd1")
    ours = draw(program, folder, (256, 128), "stride=64,weights=gaussian")
    agree("sd1 MultiDiffusion, Gaussian weights", ours, weighted_panorama(folder, (256, 128), 64))
    assert far(ours, draw(program, folder, (256, 128), "stride=64"))


def weighted_panorama(folder, size, stride):
    """Algorithm 1 over diffusers' network and scheduler, with weights that fall from the middle of a window."""
    pipeline = reference.pipeline(folder)
    reference.set_scheduler(pipeline, folder, "ddim", {})
    positive, negative = pipeline.encode_prompt(reference.PROMPT, "cpu", 1, True)
    text = torch.cat([negative, positive])
    away = (torch.arange(NATIVE) - (NATIVE - 1) / 2) / NATIVE
    along = torch.exp(-away ** 2 / (2 * 0.01))
    weights = along[:, None] * along[None, :]
    width, height = size[0] // 8, size[1] // 8
    x = torch.randn((1, 4, height, width), generator=torch.Generator().manual_seed(7))
    pipeline.scheduler.set_timesteps(STEPS)
    for t in pipeline.scheduler.timesteps:
        value, count = torch.zeros_like(x), torch.zeros_like(x)
        for left in range(0, width - NATIVE + 1, stride // 8):
            window = slice(left, left + NATIVE)
            with torch.no_grad():
                noise = pipeline.unet(x[..., window].repeat(2, 1, 1, 1), t, encoder_hidden_states=text).sample
            noise = noise[:1] + 7.5 * (noise[1:] - noise[:1])
            value[..., window] += weights * pipeline.scheduler.step(noise, t, x[..., window]).prev_sample
            count[..., window] += weights
        x = value / count
    return x


@pytest.mark.parametrize("family", ["sd1", "sd2", "sdxl"])
def test_one_window_is_the_plain_picture(family, model, program, agree):
    folder = model(family)
    for size in ((128, 128), (96, 64)):
        agree(f"{family} {size[0]}x{size[1]} MultiDiffusion, one window", draw(program, folder, size, "window=128"),
              draw(program, folder, size, None))


def test_sdxl_in_windows(model, program):
    """All windows are told the whole picture's size, which they would be as a picture of their own."""
    folder = model("sdxl")
    ours = draw(program, folder, (192, 128), "stride=64")
    assert ours.isfinite().all() and far(ours, draw(program, folder, (192, 128), None))


def test_a_batch_is_its_pictures(model, program):
    folder = model("sd1")
    arguments = ["--compat", "a1111", "--size", "192x128", "--steps", STEPS, "--sampler", "euler", "--plugin",
                 "multidiffusion:stride=32"]
    batch, _ = program.generate(folder, reference.PROMPT, *arguments, "--seed", 7, "--batch", 2)
    for index in range(2):
        alone, _ = program.generate(folder, reference.PROMPT, *arguments, "--seed", 7 + index)
        assert (batch[index:index + 1] - alone).abs().max() < 1e-4 * alone.abs().max()


@pytest.mark.parametrize("sampler", ["euler_a", "dpmpp_2m_sde", "heun", "unipc"])
def test_other_samplers(sampler, model, program):
    """Noise is drawn for the canvas: windows that see the same would otherwise disagree."""
    ours = draw(program, model("sd1"), (192, 128), "stride=64", sampler=sampler)
    plain = draw(program, model("sd1"), (192, 128), None, sampler=sampler)
    assert ours.isfinite().all() and far(ours, plain)


def test_cfg_plus_plus_moves_by_the_averages(model, program, agree):
    """DDIM with CFG++, x' = D + sigma' / sigma (x - D_u): both predictions are averages over the windows."""
    folder = model("sd1")
    size = (192, 128)
    ours = draw(program, folder, size, "stride=32", "--plugin", "cfgpp:scale=0.6")
    agree("sd1 MultiDiffusion and CFG++", ours, cfg_plus_plus_panorama(folder, size, 32))


def cfg_plus_plus_panorama(folder, size, stride):
    """arXiv:2406.08070, Algorithm 2, whose two predictions are arXiv:2302.08113's averages."""
    pipeline = reference.pipeline(folder)
    reference.set_scheduler(pipeline, folder, "ddim", {})
    scheduler = pipeline.scheduler
    positive, negative = pipeline.encode_prompt(reference.PROMPT, "cpu", 1, True)
    text = torch.cat([negative, positive])
    width, height = size[0] // 8, size[1] // 8
    x = torch.randn((1, 4, height, width), generator=torch.Generator().manual_seed(7))
    scheduler.set_timesteps(STEPS)
    for t in scheduler.timesteps:
        value, count = torch.zeros(2, *x.shape[1:]), torch.zeros(width)
        for left in range(0, width - NATIVE + 1, stride // 8):
            window = slice(left, left + NATIVE)
            with torch.no_grad():
                value[..., window] += pipeline.unet(x[..., window].repeat(2, 1, 1, 1), t,
                                                    encoder_hidden_states=text).sample
            count[window] += 1
        plain, prompted = (value / count).chunk(2)
        kept = scheduler.alphas_cumprod[t]
        before = t - scheduler.config.num_train_timesteps // STEPS
        kept_next = scheduler.alphas_cumprod[before] if before >= 0 else scheduler.final_alpha_cumprod
        clean = (x - (1 - kept).sqrt() * (plain + 0.6 * (prompted - plain))) / kept.sqrt()
        x = kept_next.sqrt() * clean + (1 - kept_next).sqrt() * plain
    return x


def test_hidiffusion_in_windows_of_its_own_size(model, program):
    """Windows of twice the model's size are what HiDiffusion is for."""
    folder = model("sd1")
    both = draw(program, folder, (384, 256), "window=256,stride=128", "--plugin", "hidiffusion")
    alone = draw(program, folder, (384, 256), "window=256,stride=128")
    assert both.isfinite().all() and far(both, alone)


def test_the_second_pass_in_windows(model, program):
    folder = model("sd1")
    arguments = ["--hires", "256x192"]
    ours = draw(program, folder, (128, 96), "stride=64", *arguments)
    assert ours.shape[2:] == (24, 32) and far(ours, draw(program, folder, (128, 96), None, *arguments))


@pytest.mark.parametrize("family, settings, size, words", [
    ("sd1", "window=100", "192x128", ["window", "100", "8"]),
    ("sd1", "stride=20", "192x128", ["stride", "20", "8"]),
    ("sd1", "window=64,stride=128", "192x128", ["stride", "128", "64"]),
    ("sd1", "window=8,stride=8", "1024x1024", ["16384 windows", "4096"]),
    ("sd1-inpainting", "window=0", "192x128", ["inpainting"])])
def test_what_cannot_be_done(family, settings, size, words, model, program, tmp_path):
    result = program.run("generate", "an apple", "--model", model(family), "--size", size, "-o",
                         tmp_path / "picture.png", "--plugin", f"multidiffusion:{settings}")
    assert result.returncode == 1
    assert all(word in result.stderr for word in words), result.stderr
    assert not list(tmp_path.glob("*.png"))


def test_guidance_by_the_whole_canvas_is_refused_beside_it(model, program, tmp_path):
    result = program.run("generate", "an apple", "--model", model("sd1"), "-o", tmp_path / "picture.png", "--plugin",
                         "multidiffusion", "--plugin", "pag")
    assert result.returncode == 1
    assert "multidiffusion" in result.stderr and "pag" in result.stderr


# ---- Circular canvases ----


def bends(picture):
    """At each border of two latent cells, how far the change of colour across it is from the changes beside it.

    The last one's is that across the seam. An outline that runs along a border is no seam: it changes beside it too.
    """
    change = (picture.roll(-1, 1) - picture).float()
    beside = (change.roll(1, 1) + change.roll(-1, 1)) / 2
    return (change - beside).abs().mean((0, 2))[7::8]


def pixels(path):
    return torch.from_numpy(numpy.asarray(Image.open(path).convert("RGB")).astype("int64"))


@pytest.mark.parametrize("size, stride", [((256, 128), 32), ((160, 96), 16)])
def test_circular_panorama(size, stride, model, program, agree):
    folder = model("sd1")
    ours = draw(program, folder, size, f"stride={stride},circular=true")
    agree(f"sd1 {size[0]}x{size[1]} MultiDiffusion, circular", ours,
          panorama(folder, size, 128, stride, circular_padding=True))
    assert far(ours, draw(program, folder, size, f"stride={stride}"))


def test_circular_decoding(model, program):
    """diffusers decodes with the same margin. Its picture and ours are rounded to bytes."""
    folder = model("sd1")
    draw(program, folder, (256, 128), "stride=32,circular=true")
    ours = pixels(program.folder / "picture.png")
    theirs = torch.from_numpy(panorama(folder, (256, 128), 128, 32, circular_padding=True, output_type="np")[0])
    assert (ours - 255 * theirs).abs().max() <= 1
    plain = reference.pipeline(folder).vae.decode(
        load_file(program.folder / "latent.safetensors")["latent"] / 0.18215, return_dict=False)[0]
    assert (ours - 255 * (plain[0].permute(1, 2, 0) / 2 + 0.5).clamp(0, 1)).abs().max() > 4


@pytest.mark.parametrize("settings, width, turn", [
    ("stride=32", 256, 12), ("stride=32,weights=gaussian", 256, 12), ("stride=32", 96, 4),
    ("window=64,stride=24", 216, 6)])
def test_turning_the_noise_turns_the_latent(settings, width, turn, model, program, agree, tmp_path):
    """By whole strides, a canvas without ends looks alike everywhere. Also one narrower than a window."""
    folder = model("sd1")
    noise = torch.randn((1, 4, 16, width // 8), generator=torch.Generator().manual_seed(7))
    drawn = []
    for start in (noise, noise.roll(turn, 3).contiguous()):
        save_file({"latent": start}, tmp_path / "noise.safetensors")
        drawn.append(draw(program, folder, (width, 128), f"{settings},circular=true", "--initial-latent",
                          tmp_path / "noise.safetensors"))
    assert far(drawn[1], drawn[0])
    agree(f"sd1 {width}x128 MultiDiffusion {settings}, turned", drawn[1], drawn[0].roll(turn, 3))


def draw_apple(program, width, settings, *more):
    """With the model that comes with the program: random weights draw nothing that could tear."""
    picture = program.folder / "apple.png"
    result = program.run("generate", "a red apple, noto style, on a blue background", "--size", f"{width}x128",
                         "--seed", 3, "--steps", 8, "--guidance", 4, "--precision", "fp32", "--plugin",
                         f"multidiffusion:stride=32,{settings}", "-o", picture, *more)
    assert result.returncode == 0, result.stderr
    return pixels(picture)


@pytest.mark.parametrize("width", [256, 128])
def test_there_is_no_seam(width, program):
    *inside, across = bends(draw_apple(program, width, "circular=true"))
    assert across <= max(inside) and across < 2 * sum(inside) / len(inside)
    *inside, across = bends(draw_apple(program, width, "circular=false"))
    assert across > 2 * sum(inside) / len(inside)


def test_turning_the_noise_turns_the_decoded_picture(program, tmp_path):
    """Not to the last bit: the autoencoder sees the margin twice."""
    noise = torch.randn((1, 4, 16, 32), generator=torch.Generator().manual_seed(3))
    drawn = []
    for turn in (0, 12):
        save_file({"latent": noise.roll(turn, 3).contiguous()}, tmp_path / "noise.safetensors")
        drawn.append(draw_apple(program, 256, "circular=true", "--initial-latent", tmp_path / "noise.safetensors"))
    assert (drawn[1] - drawn[0].roll(8 * 12, 1)).abs().max() <= 8
    assert (drawn[1] - drawn[0]).abs().max() > 80
