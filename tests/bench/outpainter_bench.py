"""What the outpainter makes of pictures cut to 60 % of their width, beside plain inpainting of the latent.

The pictures are of the default model's world and were in no training: scenes from a seed of their own, with all
drawings that neither the autoencoder nor the denoiser saw, and others that both saw elsewhere. fp32, so that the
figures depend on seeds alone.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from PIL import Image
from scipy import ndimage

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2]))

from models.classifier import shrink, train  # noqa: E402
from models.data.captions import full_caption  # noqa: E402
from models.data.compose import Scene, Sprites, compose, draw_scene  # noqa: E402

SIZE = 128
SHARE = 0.6
WIDTH = round(SHARE * SIZE)
LEFT = (SIZE - WIDTH) // 2
RIGHT = SIZE - WIDTH - LEFT
# Training draws its scenes from seeds that begin with 1 to 9.
SEED = 31

STEPS = 20
REFERENCES = 3
DRAWING = ["--guidance", 4, "--precision", "fp32", "--threads", 1]
PLAIN = ["--size", f"{SIZE}x{SIZE}", "--strength", 1]


def held_out_scenes(sprites, count):
    """Scenes and how many of them, the first ones, show drawings that no training has seen."""
    rng = numpy.random.default_rng(SEED)
    unseen = numpy.setdiff1d(sprites.held_out, sprites.core)[:count]
    first = [*unseen, *rng.choice(sprites.core, count - len(unseen), replace=False)]
    choices = [numpy.asarray([drawing]) if drawing in unseen else sprites.core for drawing in first]
    return [draw_scene(sprites, choice, rng, int(drawing))
            for drawing, choice in zip(first, choices, strict=True)], len(unseen)


def as_pixels(pictures):
    """[N, 3, H, W] in -1..1 as bytes [N, H, W, 3]."""
    return ((pictures + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()


class Methods:
    """Each paints the same picture's sides."""

    def __init__(self, build, folder):
        self.program, self.folder = build / "bin/patchbay", pathlib.Path(folder)
        mask = numpy.full((SIZE, SIZE), 255, dtype=numpy.uint8)
        mask[:, LEFT:-RIGHT] = 0
        Image.fromarray(mask).save(self.folder / "mask.png")

    def begin(self, picture):
        """Takes the picture to be cut, [H, W, 3]."""
        known = picture[:, LEFT:-RIGHT]
        Image.fromarray(known).save(self.folder / "known.png")
        canvas = numpy.full_like(picture, 128)
        canvas[:, LEFT:-RIGHT] = known
        Image.fromarray(canvas).save(self.folder / "canvas.png")

    def draw(self, *arguments):
        target = self.folder / "drawn.png"
        command = [self.program, *arguments, *DRAWING, "-o", target]
        subprocess.run([str(word) for word in command], check=True, capture_output=True)
        return numpy.asarray(Image.open(target).convert("RGB"))

    def outpainted(self, prompt, seed, *arguments):
        return self.draw("outpaint", self.folder / "known.png", prompt, "--seed", seed, "--steps", STEPS, "--margins",
                         f"{LEFT},0,{RIGHT},0", *arguments)

    def inpainted(self, prompt, seed, *arguments, steps=STEPS):
        return self.draw("generate", prompt, "--seed", seed, "--steps", steps, *PLAIN, "--image",
                         self.folder / "canvas.png", "--mask", self.folder / "mask.png", *arguments)


def methods(tools):
    """By name. Noise regret takes the outpainter more evaluations than it has steps, so plain inpainting is also
    given as many steps as those."""
    evaluations = STEPS + 4 * 3 * len([step for step in range(3, STEPS, 3) if step < int(0.6 * STEPS)])
    return {
        "mask_decay=0.5": lambda prompt, seed: tools.outpainted(prompt, seed, "--plugin", "outpainter:mask_decay=0.5"),
        "mask_decay=0.5, jump_repeats=0": lambda prompt, seed: tools.outpainted(
            prompt, seed, "--plugin", "outpainter:mask_decay=0.5,jump_repeats=0"),
        "mask_decay=0": lambda prompt, seed: tools.outpainted(prompt, seed, "--plugin", "outpainter:mask_decay=0"),
        "inpainting": lambda prompt, seed: tools.inpainted(prompt, seed),
        "inpainting, --overlay": lambda prompt, seed: tools.inpainted(prompt, seed, "--overlay"),
        f"inpainting, --overlay, {evaluations} steps": lambda prompt, seed: tools.inpainted(
            prompt, seed, "--overlay", steps=evaluations),
    }


def similarity(one, other):
    """SSIM's map (Wang et al. 2004: Gaussian window of 11 pixels, sigma 1.5), the mean of the colours."""
    def mean(values):
        return ndimage.gaussian_filter(values, (1.5, 1.5, 0), truncate=3.4)

    mean_one, mean_other = mean(one), mean(other)
    variance_one, variance_other = mean(one * one) - mean_one ** 2, mean(other * other) - mean_other ** 2
    covariance = mean(one * other) - mean_one * mean_other
    alike = (2 * mean_one * mean_other + 0.01 ** 2) / (mean_one ** 2 + mean_other ** 2 + 0.01 ** 2)
    return (alike * (2 * covariance + 0.03 ** 2) / (variance_one + variance_other + 0.03 ** 2)).mean(axis=2)


@torch.no_grad()
def distance(judge, one, other):
    """LPIPS's form (arXiv:1801.03924) with the features of the default model's judge (models/classifier.py), each
    layer's weight the same: [H, W]."""
    features = [shrink(torch.from_numpy(picture).float().permute(2, 0, 1)[None] * 2 - 1) for picture in (one, other)]
    total = torch.zeros(SIZE, SIZE)
    for layer in judge.body:
        features = [layer(map) for map in features]
        if isinstance(layer, torch.nn.ReLU):
            units = [map / map.norm(dim=1, keepdim=True).clamp_min(1e-6) for map in features]
            apart = (units[0] - units[1]).square().sum(1, keepdim=True)
            total += torch.nn.functional.interpolate(apart, size=(SIZE, SIZE))[0, 0]
    return total.numpy() / 5


def seam(picture):
    """The gradient over the known part's two edges, and beside them: the mean of the three on either side. How much
    the one is above the other is what an edge shows that its surroundings do not."""
    steps = numpy.abs(numpy.diff(picture, axis=1)).mean(axis=2)
    edges = [LEFT - 1, SIZE - RIGHT - 1]
    beside = [edge + k for edge in edges for k in (-3, -2, -1, 1, 2, 3)]
    return steps[:, edges].mean(), steps[:, beside].mean()


def psnr(one, other, columns):
    """At most 60, which stands for the same pixels."""
    return -10 * numpy.log10(max(numpy.square(one - other)[:, columns].mean(), 1e-6))


def figures(judge, drawn, truth):
    one, other = (pixels.astype(numpy.float64) / 255 for pixels in (drawn, truth))
    painted = numpy.r_[0:LEFT, SIZE - RIGHT:SIZE]
    at_edge, beside = seam(one)
    return (psnr(one, other, painted), similarity(one, other)[:, painted].mean(),
            distance(judge, one, other)[:, painted].mean(), at_edge, beside,
            psnr(one, other, slice(LEFT, SIZE - RIGHT)))


def read_sprites(work):
    """The default model's drawings."""
    if not (work / "sprites.npz").exists():
        raise SystemExit(f"{work / 'sprites.npz'} is missing: python -m models.data.render --work {work} makes it")
    return Sprites(work, SIZE)


def bench_outpainter(build, count, work):
    sprites = read_sprites(work)
    judge = train(sprites, work / "classifier.pt")
    scenes, unseen = held_out_scenes(sprites, count)
    prompts = [full_caption(scene.parts(sprites)) for scene in scenes]
    truths = as_pixels(compose(sprites, scenes, SIZE))
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        tools = Methods(build, folder)
        ways = methods(tools)
        for seed, (prompt, truth) in enumerate(zip(prompts, truths, strict=True)):
            tools.begin(truth)
            for name, way in ways.items():
                rows.setdefault(name, []).append(figures(judge, way(prompt, seed), truth))
            rows.setdefault("the pictures themselves", []).append(figures(judge, truth, truth))
    parts = {"all": slice(None), f"{unseen} drawings that no training saw": slice(0, unseen),
             f"{count - unseen} scenes that no training saw": slice(unseen, None)}
    for title, part in parts.items():
        if len(scenes[part]) > 0:
            print_table(title, rows, part)


def references_for(scene, sprites, rng):
    """The same drawing in three other places and sizes, before other backgrounds."""
    drawing = scene.sprites[0][0]
    for _ in range(REFERENCES):
        x, y = 0.5 + rng.uniform(-0.05, 0.05, 2)
        elsewhere = draw_scene(sprites, sprites.core, rng)
        yield Scene(((drawing, x, y, rng.uniform(0.6, 0.85)),), elsewhere.background, elsewhere.colours)


def bench_references(build, count, work, steps):
    sprites = read_sprites(work)
    judge = train(sprites, work / "classifier.pt")
    scenes = [scene for scene in held_out_scenes(sprites, 2 * count)[0] if len(scene.sprites) == 1][:count]
    rng = numpy.random.default_rng(SEED + 1)
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        tools = Methods(build, folder)
        for seed, scene in enumerate(scenes):
            truth = as_pixels(compose(sprites, [scene], SIZE))[0]
            tools.begin(truth)
            given = []
            for number, other in enumerate(references_for(scene, sprites, rng)):
                path = tools.folder / f"reference{number}.png"
                Image.fromarray(as_pixels(compose(sprites, [other], SIZE))[0]).save(path)
                given += ["--reference", path]
            prompt = full_caption(scene.parts(sprites))
            for name, more in (("without references", []), (f"{REFERENCES} references, {steps} steps",
                                                            [*given, "--adapt", steps])):
                rows.setdefault(name, []).append(figures(judge, tools.outpainted(prompt, seed, *more), truth))
            print(prompt, *(f"{values[-1][0]:.2f} dB" for values in rows.values()), flush=True)
    print_table(f"{len(scenes)} pictures", rows, slice(None))


def print_table(title, rows, part):
    print(f"\n{title}\n{'':34} {'PSNR':>7} {'SSIM':>7} {'distance':>9} {'seam':>7} {'kept':>7}")
    for name, values in rows.items():
        painted, alike, apart, at_edge, beside, kept = numpy.array(values)[part].mean(axis=0)
        print(f"{name:34} {painted:7.2f} {alike:7.4f} {apart:9.4f} {at_edge / beside:7.2f} {kept:7.1f}", flush=True)
