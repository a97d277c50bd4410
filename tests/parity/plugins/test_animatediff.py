"""Clips beside diffusers' AnimateDiffPipeline, with random weights."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from ..pipeline import reference
from . import ip_adapter
from .animatediff import (LONGEST, SIZE, WithLora, clip, in_animatediff_names, make_module, metadata_of, pipeline,
                          spelling, windowed)
from .lora import write_lora


@pytest.fixture(scope="session")
def module(model, tmp_path_factory):
    """module("sd1") is a motion module as diffusers saves it."""
    made = {}

    def get(family: str, middle: bool = True):
        if (family, middle) not in made:
            made[family, middle] = make_module(model(family), tmp_path_factory.mktemp("motion"), middle)
        return made[family, middle]

    return get


def draw(program, folder, frames, *more, **settings):
    latents, _ = program.generate(folder, reference.PROMPT, *SIZE, "--batch", frames, *more,
                                  *(spelling(**settings) if settings else []))
    return latents


def far(a, b):
    return (a - b).abs().max() > 1e-2 * b.abs().max()


@pytest.mark.parametrize("family, frames, guidance", [
    ("sd1", 1, 7.5), ("sd1", 16, 7.5), ("sd1", 5, 1), ("sd2", 3, 7.5)])
def test_a_clip(family, frames, guidance, model, module, program, agree):
    folder, file = model(family), module(family)
    ours = draw(program, folder, frames, "--guidance", guidance, module=file)
    agree(f"{family} clip of {frames}, guidance {guidance}", ours, clip(pipeline(folder, file), frames, guidance))
    assert far(ours, draw(program, folder, frames, "--guidance", guidance))


def test_without_the_middle_block(model, module, program, agree):
    folder, file = model("sd1"), module("sd1", middle=False)
    agree("sd1 clip of 4, no module in the middle", draw(program, folder, 4, module=file),
          clip(pipeline(folder, file), 4))


def test_animatediff_normalises_each_frame(model, module, program, agree, tmp_path):
    folder, file = model("sd1"), module("sd1")
    own = in_animatediff_names(file, tmp_path / "motion.safetensors")
    each = clip(pipeline(folder, file, each_frame=True), 4)
    agree("sd1 clip of 4, norm over each frame", draw(program, folder, 4, module=own), each)
    agree("sd1 clip of 4, norm over each frame by choice",
          draw(program, folder, 4, module=file, module_norm="frame"), each)
    together = clip(pipeline(folder, file), 4)
    assert far(each, together)
    agree("sd1 clip of 4, norm over all frames by choice", draw(program, folder, 4, module=own, module_norm="clip"),
          together)
    said = in_animatediff_names(file, tmp_path / "said.safetensors", norm_over_frames="true")
    agree("sd1 clip of 4, norm over all frames by metadata", draw(program, folder, 4, module=said), together)


def test_the_models_norms_over_frames(model, module, program, agree):
    folder, file = model("sd1"), module("sd1")
    ours = draw(program, folder, 4, module=file, groupnorm_over_frames="true")
    agree("sd1 clip of 4, resnets' norms over all frames", ours, clip(pipeline(folder, file, over_frames=True), 4))
    assert far(ours, draw(program, folder, 4, module=file))


def test_scale(model, module, program, agree):
    folder, file = model("sd1"), module("sd1")
    agree("sd1 clip of 3, scale 0.6", draw(program, folder, 3, module=file, scale=0.6),
          clip(pipeline(folder, file, scale=0.6), 3))
    assert torch.equal(draw(program, folder, 3, module=file, scale=0), draw(program, folder, 3))


@pytest.mark.parametrize("frames, window, stride, starts, triangular", [
    (11, 4, 2, [0, 2, 4, 6, 7], False), (9, 4, 3, [0, 3, 5], True), (20, 0, 0, [0, 4], False)])
def test_windows_over_a_long_clip(frames, window, stride, starts, triangular, model, module, program, agree):
    folder, file = model("sd1"), module("sd1")
    made = pipeline(folder, file)
    length = window or LONGEST
    place = torch.arange(length)
    weights = torch.minimum(place + 1, length - place) / ((length + 1) // 2) if triangular else torch.ones(length)
    windowed(made.unet, starts, length, weights)
    ours = draw(program, folder, frames, module=file, window=window, stride=stride,
                window_weights="triangular" if triangular else "uniform")
    agree(f"sd1 clip of {frames}, windows of {length}", ours, clip(made, frames))


@pytest.fixture(scope="session")
def adaptation(model, module, tmp_path_factory):
    """A file as the action makes it, with random numbers."""
    folder = tmp_path_factory.mktemp("adaptation")

    def make(program):
        path = folder / "adaptation.safetensors"
        if not path.exists():
            frames = [Image.effect_noise((32, 32), 90).convert("RGB") for _ in range(3)]
            frames[0].save(folder / "clip.webp", save_all=True, append_images=frames[1:], lossless=True)
            done = program.run("plugin", "action", "animatediff", "adapt", "--model", model("sd1"), "-o", folder,
                               "--module", module("sd1"), "--frames", folder / "clip.webp", "--steps", 1, "--rank", 4)
            assert done.returncode == 0, done.stderr
            torch.manual_seed(3)
            tensors = {name: torch.randn(tensor.shape) * 0.3 / tensor.shape[1]**0.5
                       for name, tensor in load_file(path).items()}
            save_file(tensors, path, metadata=metadata_of(path))
        return path

    return make


def with_lora(made, path, decay=None, strength=1.0, in_feed_forward=False):
    """Puts the file's changes into diffusers' modules."""
    tensors = load_file(path)
    multiplier = float(metadata_of(path)["multiplier"]) * strength
    names = {name.removesuffix(".down.weight") for name in tensors if name.endswith(".down.weight")}
    assert names and len(tensors) == 2 * len(names)
    for name in names:
        theirs = name.removeprefix("lora.").replace(".temporal_transformer", "")
        theirs = theirs.replace("attention_blocks.0", "attn1").replace("attention_blocks.1", "attn2")
        parent, _, child = theirs.rpartition(".")
        owner = made.unet.get_submodule(parent)
        layer = owner[int(child)] if child.isdigit() else getattr(owner, child)
        faded = decay if in_feed_forward or not theirs.endswith("ff.net.2") else None
        changed = WithLora(layer, tensors[f"{name}.down.weight"], tensors[f"{name}.up.weight"], multiplier, faded)
        if child.isdigit():
            owner[int(child)] = changed
        else:
            setattr(owner, child, changed)
    return made


def test_an_adaptation(model, module, adaptation, program, agree):
    folder, file, lora = model("sd1"), module("sd1"), adaptation(program)
    plain = draw(program, folder, 4, module=file)
    ours = draw(program, folder, 4, module=file, lora=lora)
    agree("sd1 clip of 4, adaptation", ours, clip(with_lora(pipeline(folder, file), lora), 4))
    assert far(ours, plain)
    agree("sd1 clip of 4, adaptation at 0.5", draw(program, folder, 4, module=file, lora=lora, lora_scale=0.5),
          clip(with_lora(pipeline(folder, file), lora, strength=0.5), 4))
    assert torch.equal(draw(program, folder, 4, module=file, lora=lora, lora_scale=0), plain)


@pytest.mark.parametrize("in_feed_forward", [False, True])
def test_an_adaptation_that_fades(in_feed_forward, model, module, adaptation, program, agree):
    """On a canvas of 64 x 48 pixels of which the clip shows 24 x 32 from (16, 8) on; maps of 8 x 6, 4 x 3, 2 x 2, 1 x 1."""
    folder, file, lora = model("sd1"), module("sd1"), adaptation(program)
    left, top, right, bottom, k = 16, 8, 24, 8, 0.5
    rows = torch.arange(48).view(-1, 1)
    columns = torch.arange(64).view(1, -1)
    down = torch.maximum(top - rows, rows - (48 - bottom - 1)).clamp(min=0)
    across = torch.maximum(left - columns, columns - (64 - right - 1)).clamp(min=0)
    nearer, farther = torch.minimum(down, across), torch.maximum(down, across)
    distance = torch.where(nearer > 0, nearer, farther)
    alpha = torch.exp(-distance / (k * max(left, top, right, bottom)))

    def decay(positions):
        # Two clips, of the negative prompt and of the prompt.
        height, width = {2 * 48: (6, 8), 2 * 12: (3, 4), 2 * 4: (2, 2), 2 * 1: (1, 1)}[positions]
        return torch.nn.functional.interpolate(alpha[None, None], (height, width)).flatten().repeat(2)

    made = with_lora(pipeline(folder, file), lora, decay, in_feed_forward=in_feed_forward)
    settings = {"lora_decay": k, "left": left, "top": top, "right": right, "bottom": bottom,
                "decay_feed_forward": str(in_feed_forward).lower()}
    ours = draw(program, folder, 4, module=file, lora=lora, **settings)
    agree(f"sd1 clip of 4, adaptation that fades{' in all layers' if in_feed_forward else ''}", ours, clip(made, 4))
    assert far(ours, draw(program, folder, 4, module=file, lora=lora))


OTHERS = ["hidiffusion:min_scale=0", "deep-shrink:block=3,end=1", "cfgpp:scale=0.6", "cfg-rescale:factor=0.5", "pag:scale=2",
          "quantizer", "multidiffusion:window=32,stride=16"]


@pytest.mark.parametrize("other", OTHERS)
def test_beside_other_plugins(other, model, module, program):
    """The frames still act on each other, and the other plugin still acts; in one window and in several."""
    folder, file = model("sd1"), module("sd1")
    for window in (0, 3):
        if other.startswith("pag") and window == 0:
            continue
        both = draw(program, folder, 5, "--plugin", other, module=file, window=window)
        assert both.isfinite().all()
        assert far(both, draw(program, folder, 5, "--plugin", other))
        alone = draw(program, folder, 5, module=file, window=window)
        assert (both - alone).abs().max() > 1e-4 * alone.abs().max()


def test_beside_ip_adapter_and_a_lora(model, module, adapter, photos, program, tmp_path):
    """Whichever is left out, the clip is another one; with the reference picture at no weight it is as without."""
    parts = {"animatediff": spelling(module=module("sd1")),
             "ip-adapter": ip_adapter.spelling(image=photos[0], adapter=adapter("sd1")),
             "LoRA": ["--lora", write_lora(tmp_path / "lora.safetensors")]}

    def drawn(missing="", *more):
        words = [word for part, spelled in parts.items() if part != missing for word in spelled]
        return draw(program, model("sd1"), 4, *words, *more)

    whole = drawn()
    assert whole.isfinite().all()
    clips = {missing: drawn(missing) for missing in parts}
    for missing, clip_without in clips.items():
        assert far(clip_without, whole), missing
    at_rest = ip_adapter.spelling(image=photos[0], adapter=adapter("sd1"), weight=0)
    assert torch.equal(drawn("ip-adapter", *at_rest), clips["ip-adapter"])


def test_what_asks_about_the_whole_clip_is_refused(model, module, adaptation, program):
    folder, file, lora = model("sd1"), module("sd1"), adaptation(program)

    def refused(frames, *more, **settings):
        done = program.run("generate", reference.PROMPT, "--model", folder, *SIZE, "--batch", frames, "-o",
                           program.folder / "x.png", *more, *spelling(module=file, **settings))
        assert done.returncode != 0
        return done.stderr

    error = refused(LONGEST + 1, "--plugin", "pag:scale=2")
    assert "asked about 17 frames at once" in error and "positions for 16" in error
    error = refused(2, "--plugin", "multidiffusion:window=32,stride=16", lora=lora, lora_decay=0.5, left=8)
    assert "shows the network parts of the canvas" in error
    assert "margins are those of the first pass" in refused(2, "--hires", "96x80", lora=lora, lora_decay=0.5, left=8)
