"""What plugins change in the pictures of the model that comes along: repeated subjects and oversaturation, counted.

Runs beside nothing else: the figures depend on seeds, not on the machine's speed. fp32, so that they repeat.
"""

import csv
import pathlib
import subprocess
import tempfile

import numpy
from PIL import Image
from scipy import ndimage

CONCEPTS = pathlib.Path("models/data/concepts.csv")
STYLES = ["noto", "blob", "flat", "3d"]
BACKGROUNDS = ["blue", "white", "green", "gray", "turquoise"]

# Twice the side of the model's own pictures, where a network repeats its subject.
TWICE = ["--size", "256x256", "--sampler", "ddim", "--steps", "30", "--guidance", "4"]
REPETITION = {
    "without": [],
    "hidiffusion": ["--plugin", "hidiffusion"],
    "deep-shrink": ["--plugin", "deep-shrink"],
}

OWN_SIZE = ["--sampler", "ddim", "--steps", "20"]
SATURATION = {
    "guidance 4": ["--guidance", "4"],
    "guidance 12": ["--guidance", "12"],
    "guidance 12, cfg-rescale 0.7": ["--guidance", "12", "--plugin", "cfg-rescale:factor=0.7"],
    "cfgpp 0.4": ["--plugin", "cfgpp:scale=0.4"],
    "cfgpp 0.8": ["--plugin", "cfgpp:scale=0.8"],
}


def prompts(count):
    """Single things of the model's own list, its styles and backgrounds in turn."""
    with CONCEPTS.open() as file:
        names = [row["name"] for row in csv.DictReader(file) if row["core"] == "1"]
    return [f"a {names[i * len(names) // count]}, {STYLES[i % len(STYLES)]} style, "
            f"on a {BACKGROUNDS[i % len(BACKGROUNDS)]} background" for i in range(count)]


def draw(build, prompt, seed, arguments):
    """A picture as an array [H, W, 3] in 0..1."""
    with tempfile.TemporaryDirectory() as folder:
        target = pathlib.Path(folder) / "picture.png"
        subprocess.run([str(build / "bin/patchbay"), "generate", prompt, "--seed", str(seed), "--precision", "fp32",
                        "-o", str(target), *arguments], check=True, capture_output=True)
        return numpy.asarray(Image.open(target).convert("RGB"), dtype=numpy.float64) / 255


def foreground(picture):
    """How far each pixel is from the border's colour, smoothed, 0..1."""
    border = numpy.concatenate([picture[:4].reshape(-1, 3), picture[-4:].reshape(-1, 3),
                                picture[:, :4].reshape(-1, 3), picture[:, -4:].reshape(-1, 3)])
    return ndimage.gaussian_filter(numpy.abs(picture - numpy.median(border, axis=0)).max(axis=2), 2)


def subjects(picture):
    """How many separate areas of at least 2 % of the picture differ from the background."""
    mask = ndimage.binary_opening(foreground(picture) > 0.15, iterations=2)
    areas, count = ndimage.label(mask)
    sizes = ndimage.sum_labels(mask, areas, range(1, count + 1))
    return int((numpy.asarray(sizes) >= 0.02 * mask.size).sum())


def likeness_of_halves(picture):
    """Correlation of the left half with the right one and of the upper with the lower one, the mean of both: near 1
    where everything is there twice, also where the copies touch; below 0 for one thing in the middle."""
    shape = foreground(picture)
    height, width = shape.shape
    pairs = [(shape[:, :width // 2], shape[:, width // 2:]), (shape[:height // 2], shape[height // 2:])]
    return numpy.mean([numpy.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in pairs])


def saturation(picture):
    """Mean saturation (HSV) and the share of channel values at the end of their range."""
    highest, lowest = picture.max(axis=2), picture.min(axis=2)
    part = (highest - lowest) / numpy.maximum(highest, 1e-6)
    clipped = (picture <= 1 / 255) | (picture >= 254 / 255)
    return part.mean(), clipped.mean()


def bench_effects(build, count):
    wanted = prompts(count)
    print(f"\nmodels/default at 256x256, twice its own size, {count} prompts for one thing each")
    print(f"{'':32} {'repeated':>9} {'halves alike':>13}")
    for name, arguments in REPETITION.items():
        pictures = [draw(build, prompt, seed, TWICE + arguments) for seed, prompt in enumerate(wanted)]
        print(f"{name:32} {numpy.mean([subjects(picture) > 1 for picture in pictures]):9.0%} "
              f"{numpy.mean([likeness_of_halves(picture) for picture in pictures]):13.2f}", flush=True)
    print(f"\nmodels/default at 128x128, DDIM, the same {count} prompts")
    print(f"{'':32} {'saturation':>11} {'clipped':>9}")
    for name, arguments in SATURATION.items():
        figures = numpy.array([saturation(draw(build, prompt, seed, OWN_SIZE + arguments))
                               for seed, prompt in enumerate(wanted)])
        mean, clipped = figures.mean(axis=0)
        print(f"{name:32} {mean:11.3f} {clipped:9.1%}", flush=True)
