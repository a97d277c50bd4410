"""What the outpainter makes of clips cut to 60 % of their width, with and without a motion module and adaptation.

The clips are made here: moving scenes of the default model's world, and a window that pans over one; with drawings and
paths from seeds that no training draws from; and a window that pans over photographs, of which the model's world has
none. fp32, so that the figures depend on seeds alone.
"""

import importlib.util
import itertools
import json
import pathlib
import subprocess
import tempfile

import numpy
from models.data.captions import full_caption
from models.data.compose import Scene, compose
from models.data.motion import REACH
from outpainter_bench import LEFT, RIGHT, SIZE, as_pixels, held_out_scenes, psnr, read_sprites
from PIL import Image

STEPS = 20
DRAWING = ["--guidance", 2, "--precision", "fp32", "--threads", 1]
LEARNING_RATE = 2e-4
# In the public domain, as scikit-image brings them along; and what the model is told that they show.
PHOTOGRAPHS = {"chelsea.png": "a cat", "coffee.png": "a cup of coffee on a wooden table",
               "astronaut.png": "a woman before a flag", "rocket.jpg": "a rocket before a cloudy sky"}
# Of what a frame shows of them: its side in those of the photograph, and how far it moves in its own.
FRAME_SIDE, FRAME_WAY = 0.66, 0.45
PAINTED = numpy.r_[0:LEFT, SIZE - RIGHT:SIZE]


def moving(scene, frames, rng):
    """A scene for each frame, whose things follow a line; and the windows that frames show, the same for all."""
    angle, reach = rng.uniform(0, 2 * numpy.pi), rng.uniform(0.05, REACH)
    way = numpy.linspace(-reach, reach, frames)[:, None] * [numpy.cos(angle), numpy.sin(angle)]
    return [Scene(tuple((index, x + dx, y + dy, 0.9 * side) for index, x, y, side in scene.sprites), scene.background,
                  scene.colours) for dx, dy in way], numpy.tile([0.0, 0.0, 1.0], (frames, 1))


def panning(scene, frames, rng):
    """A window that moves over a scene that stands still."""
    way = numpy.linspace(-REACH, REACH, frames) * rng.choice([-1, 1])
    return [scene] * frames, numpy.stack([way, numpy.zeros(frames), numpy.ones(frames)], 1)


def photograph_clips(count, frames):
    """Names, prompts and frames: from the left to the right and back in turns, at half height."""
    folder = pathlib.Path(importlib.util.find_spec("skimage").submodule_search_locations[0]) / "data"
    for number, (name, prompt) in enumerate(list(PHOTOGRAPHS.items())[:count]):
        picture = Image.open(folder / name).convert("RGB")
        side = FRAME_SIDE * min(picture.size)
        left, top = (picture.width - (1 + FRAME_WAY) * side) / 2, (picture.height - side) / 2
        way = left + numpy.linspace(0, FRAME_WAY * side, frames)[::1 if number % 2 == 0 else -1]
        yield "panning over a photograph", prompt, numpy.stack([
            numpy.asarray(picture.resize((SIZE, SIZE), Image.LANCZOS, box=(x, top, x + side, top + side))) for x in way])


def make_clips(sprites, count, frames):
    """Names, prompts and frames [F, H, W, 3], moving and panning in turns."""
    scenes, _ = held_out_scenes(sprites, count)
    rng = numpy.random.default_rng(77)
    for number, scene in enumerate(scenes):
        kind = panning if number % 2 else moving
        scenes_of_frames, windows = kind(scene, frames, rng)
        clip = compose(sprites, scenes_of_frames, SIZE, windows)
        yield kind.__name__, full_caption(scene.parts(sprites)), as_pixels(clip)


def methods(module, adapt_steps):
    """The arguments of each, by name."""
    ways = {"shared noise": [], "noise of their own": ["--plugin", "outpainter:shared_noise=false"]}
    if module:
        ways["motion module"] = ["--motion-module", module]
        adapted = ["--motion-module", module, "--adapt", adapt_steps, "--adapt-with", f"learning_rate={LEARNING_RATE}"]
        ways[f"motion module, adapted in {adapt_steps} steps"] = adapted
        ways["the same, to shared noise"] = [*adapted, "--adapt-with", "shared_noise=true"]
    return ways


def outpaint(build, folder, prompt, seed, arguments):
    """The frames, and what the program reported."""
    target = pathlib.Path(tempfile.mkdtemp(dir=folder)) / "wide"
    command = [build / "bin/patchbay", "outpaint", folder / "known", prompt, "--seed", seed, "--steps", STEPS, "--margins",
               f"{LEFT},0,{RIGHT},0", "--json", "-o", target, *DRAWING, *arguments]
    result = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    frames = numpy.stack([numpy.asarray(Image.open(path)) for path in sorted(target.iterdir())])
    return frames, json.loads(result.stdout)


def flicker(drawn, truth):
    """How much neighbouring frames differ in the painted parts (mean of the absolute differences, of 255), beyond what
    they differ by in the clip itself."""
    def change(clip):
        return numpy.abs(numpy.diff(clip.astype(float), axis=0))[:, :, PAINTED].mean()
    return change(drawn) - change(truth)


def quality(drawn, truth):
    pairs = zip(drawn.astype(float) / 255, truth.astype(float) / 255, strict=True)
    return numpy.mean([psnr(one, other, PAINTED) for one, other in pairs])


def bench_clips(build, count, work, module, adapt_steps, frames=16):
    sprites = read_sprites(work)
    rows = {}
    clips = itertools.chain(make_clips(sprites, count, frames), photograph_clips(count // 2, frames))
    for seed, (kind, prompt, truth) in enumerate(clips):
        with tempfile.TemporaryDirectory() as folder:
            known = pathlib.Path(folder) / "known"
            known.mkdir()
            for number, frame in enumerate(truth):
                Image.fromarray(frame[:, LEFT:-RIGHT]).save(known / f"{number:06}.png")
            for name, arguments in methods(module, adapt_steps).items():
                drawn, report = outpaint(build, pathlib.Path(folder), prompt, seed, arguments)
                assert numpy.array_equal(drawn[:, :, LEFT:-RIGHT], truth[:, :, LEFT:-RIGHT])
                rows.setdefault(name, {}).setdefault(kind, []).append(
                    (quality(drawn, truth), flicker(drawn, truth), report["seconds_per_frame"],
                     report["adapt_seconds"], report["peak_bytes"] / 2 ** 20))
    for kind in dict.fromkeys(kind for kinds in rows.values() for kind in kinds):
        print_table(kind, {name: kinds[kind] for name, kinds in rows.items()}, frames)


def print_table(kind, rows, frames):
    print(f"\n{kind}, {frames} frames\n{'':42} {'PSNR':>7} {'flicker':>8} {'s a frame':>10} {'adapting s':>11} {'MiB':>6}")
    for name, values in rows.items():
        alike, unrest, seconds, adapting, memory = numpy.array(values).mean(axis=0)
        print(f"{name:42} {alike:7.2f} {unrest:8.2f} {seconds:10.2f} {adapting:11.1f} {memory:6.0f}", flush=True)
