"""What the web UI's page asks for, as generations of the host."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from modules import images, shared
from patchbay_client import Host, HostError, api, plugin_choice, png_of
from PIL import Image, ImageOps

from .controls import Wish

_LEAST_STRENGTH = 0.001


@dataclass(frozen=True)
class Part:
    """Pictures of a batch that one generation draws: they differ in their seeds alone."""

    prompt: str
    negative_prompt: str
    start: Image.Image | None
    seed: int
    count: int


def parts_of(p, batch_number: int) -> list[Part]:
    """The generations of one of the batches (0 to p.n_iter - 1)."""
    first = batch_number * p.batch_size
    starts = getattr(p, "init_images", None) or [None]
    numbers = range(first, min(first + p.batch_size, len(p.all_prompts)))
    alike = itertools.groupby(numbers, lambda number: (p.all_prompts[number], p.all_negative_prompts[number],
                                                       number % len(starts)))
    parts = []
    for (prompt, negative_prompt, start), group in alike:
        members = list(group)
        parts.append(Part(prompt, negative_prompt, starts[start], p.all_seeds[members[0]], len(members)))
    return parts


def settings_of(p, part: Part, wish: Wish, host: Host, plugins: dict):
    """The GenerationSettings; `plugins` are the host's PluginEntry by id."""
    settings = api.GenerationSettings(
        model=wish.model, prompt=part.prompt, negative_prompt=part.negative_prompt, compat=api.COMPAT_PROFILE_A1111,
        steps=p.steps, guidance_scale=p.cfg_scale, seed=part.seed, batch=part.count,
        size={"width": p.width, "height": p.height})
    if p.sampler_name:
        settings.sampler = p.sampler_name
    if getattr(p, "scheduler", None) not in (None, "", "Automatic"):
        settings.schedule = p.scheduler
    if getattr(p, "eta", None) is not None:
        settings.eta = p.eta
    if shared.opts.CLIP_stop_at_last_layers > 1:
        settings.clip_skip = shared.opts.CLIP_stop_at_last_layers
    for plugin, values in wish.plugins.items():
        if plugin not in plugins:
            raise HostError(f"The Patchbay host has no plugin \"{plugin}\"; it has {', '.join(plugins) or 'none'}.")
        settings.plugins.append(plugin_choice(host, plugin, plugins[plugin].fields, values))
    if getattr(p, "enable_hr", False):
        width, height = _second_size(p)
        settings.hires.CopyFrom(api.HiresPass(size={"width": width, "height": height}, strength=p.denoising_strength,
                                              steps=p.hr_second_pass_steps))
    if part.start is not None:
        _add_start(p, part.start, host, settings)
    return settings


def _second_size(p) -> tuple[int, int]:
    wide, high = p.hr_resize_x, p.hr_resize_y
    if not wide and not high:
        wide, high = p.width * p.hr_scale, p.height * p.hr_scale
    return (_whole(wide or high * p.width / p.height), _whole(high or wide * p.height / p.width))


def _whole(size: float) -> int:
    """Whole latent pixels."""
    return int(size) // 8 * 8


def _add_start(p, start: Image.Image, host: Host, settings) -> None:
    def fitted(picture: Image.Image) -> str:
        return host.upload(png_of(images.resize_image(p.resize_mode, picture, p.width, p.height)))

    settings.strength = max(_LEAST_STRENGTH, p.denoising_strength)
    settings.image_artifact_id = fitted(_flattened(start))
    mask = getattr(p, "image_mask", None)
    if mask is not None:
        mask = _grey(mask)
        settings.mask_artifact_id = fitted(ImageOps.invert(mask) if p.inpainting_mask_invert else mask)


def _flattened(picture: Image.Image) -> Image.Image:
    """Over white, the web UI's default background."""
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def _grey(mask: Image.Image) -> Image.Image:
    """A mask that the page drew with transparency counts by its opacity."""
    if mask.mode == "RGBA" and mask.getextrema()[-1] != (255, 255):
        mask = mask.getchannel("A")
    return mask.convert("L").point(lambda level: 255 if level > 128 else 0)


def ignored(p) -> Iterator[str]:
    """What the page offers and the host does not do, as sentences."""
    if getattr(p, "image_mask", None) is not None and p.inpaint_full_res:
        yield 'Patchbay draws the whole picture; "Only masked" is ignored.'
    if getattr(p, "subseed_strength", 0):
        yield "Patchbay ignores variation seeds."
    if getattr(p, "restore_faces", False):
        yield "Patchbay does not restore faces."
    if getattr(p, "tiling", False):
        yield "Patchbay draws no tiles."
