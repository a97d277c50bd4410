"""Measure the subject adapter: ``python -m models.evaluate_adapter --work DIR``.

40 drawings that no training saw, each on five backgrounds by the prompt "a thing on a COLOUR
background". Reports how like the subject the pictures are (cosine in the feature space of
``models.classifier`` and intersection of the colour histograms, both against the drawing pasted
onto that background; and how often that drawing is the nearest of the 40) and how often the
background is right: for the model alone, the tokens alone (IP-Adapter), and both branches (MoMA)
at two strengths. Draws with diffusers' network, or with ``--program`` by Patchbay and its plugins.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from models.classifier import Classifier, shrink, train
from models.data.captions import COLOUR_NAMES, article, background_phrase
from models.data.compose import Scene, Sprites, compose
from models.data.pairs import (LATENT, REFERENCE_SIDE, SUBJECT, Pair, Recoloured, held_out_sprites,
                               subject_mask, vision_picture)
from models.evaluate import border_colours, share
from models.training.adapter_networks import Adapter
from models.training.addition import load_denoiser
from models.training.clips import encode
from models.training.common import save_sheet
from models.training.subject_sampling import Painter, References

SIZE = 128
BACKGROUNDS = 5
# Name, strength of the self-attentions' branch, strength of the tokens; none: the model alone.
SETTINGS: tuple[tuple[str, tuple[float, float] | None], ...] = (
    ("model alone", None), ("ip-adapter alone", (0.0, 1.0)), ("moma, strength 0.4", (0.4, 1.0)),
    ("moma, strength 1.0", (1.0, 1.0)))


@dataclass(frozen=True)
class Case:
    """One picture to draw: a subject and a background's colour."""

    pair: Pair  # the reference
    wanted: Scene  # the drawing itself in the prompted place

    @property
    def prompt(self) -> str:
        """What is asked for."""
        return f"{article(SUBJECT)} {background_phrase('plain', COLOUR_NAMES[self.wanted.colours[0]], '')}"


def draw_cases(sprites: Sprites, subjects: int, backgrounds: int) -> list[Case]:
    """The subjects, each on other backgrounds than its reference's."""
    rng = np.random.default_rng(18)
    cases = []
    for index in held_out_sprites(sprites)[:subjects]:
        colours = [int(c) for c in rng.choice(len(COLOUR_NAMES), backgrounds + 1, replace=False)]
        own = (0, (colours[0], colours[0]))
        for colour in colours[1:]:
            wanted = Scene(((int(index), 0.5, 0.5, 0.75),), 0, (colour, colour))
            cases.append(Case(Pair(int(index), 0, False, REFERENCE_SIDE, own, wanted), wanted))
    return cases


def read_adapter(painter_unet: torch.nn.Module, file: Path) -> Adapter:
    """The adapter of a published file, attached."""
    adapter = Adapter(painter_unet)
    weights = {}
    for name, value in load_file(file).items():
        _, part, rest = name.split(".", 2)
        weights[{"attn": "branches", "image_encoder": "encoder"}.get(part, part) + "." + rest] = value
    missing = adapter.load_state_dict({k: v.float() for k, v in weights.items()}, strict=False)
    assert not missing.unexpected_keys and all("position_ids" in k for k in missing.missing_keys)
    return adapter


class DiffusersArtist:
    """Draws with diffusers' network."""

    def __init__(self, args: argparse.Namespace, sprites: Sprites) -> None:
        self.args, self.drawn = args, Recoloured(sprites)
        unet, text = load_denoiser(args.work, SIZE)
        self.vae = AutoencoderKL.from_pretrained(args.work / "vae")
        unet = unet.bfloat16()
        self.painter = Painter(unet, text, CLIPTokenizer.from_pretrained(args.work / "tokenizer"),
                               self.vae, read_adapter(unet, args.adapter / "moma.safetensors"))

    def _references(self, cases: list[Case]) -> References:
        pairs = [case.pair for case in cases]
        pictures = torch.stack([self.drawn.draw(p, p.reference(), SIZE) for p in pairs])
        step = SIZE // LATENT
        masks = [subject_mask(self.drawn.sprites, p, p.reference(), SIZE)[::step, ::step]
                 for p in pairs]
        return References(torch.stack([vision_picture(self.drawn, p) for p in pairs]),
                          encode(self.vae, pictures).float(), (torch.stack(masks) >= 0.5).float())

    def draw(self, cases: list[Case], seeds: list[int],
             setting: tuple[float, float] | None) -> torch.Tensor:
        """Pictures of the cases."""
        references = self._references(cases) if setting else None
        strength, content = setting or (0.0, 0.0)
        return self.painter.draw([case.prompt for case in cases], references, seeds, strength,
                                 content, self.args.steps, self.args.guidance)


class ProgramArtist:
    """Draws with Patchbay and its plugins `moma` and `ip-adapter`."""

    def __init__(self, args: argparse.Namespace, sprites: Sprites) -> None:
        self.args, self.drawn = args, Recoloured(sprites)

    def _plugin(self, case: Case, folder: Path, setting: tuple[float, float]) -> str:
        pair = case.pair
        picture = self.drawn.draw(pair, pair.reference(), SIZE)
        pixels = ((picture + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
        mask = subject_mask(self.drawn.sprites, pair, pair.reference(), SIZE)
        Image.fromarray(((mask >= 0.5).numpy() * 255).astype(np.uint8)).save(folder / "mask.png")
        strength, content = setting
        if strength == 0:
            shown = vision_picture(self.drawn, pair).permute(1, 2, 0).numpy()
            Image.fromarray(shown).save(folder / "reference.png")
            return (f"ip-adapter:image={folder}/reference.png,weight={content},"
                    f"adapter={self.args.adapter}/ip-adapter.safetensors")
        Image.fromarray(pixels).save(folder / "reference.png")
        return (f"moma:image={folder}/reference.png,mask={folder}/mask.png,subject={SUBJECT},"
                f"adapter={self.args.adapter}/moma.safetensors,strength={strength},ip_scale={content}")

    def draw(self, cases: list[Case], seeds: list[int],
             setting: tuple[float, float] | None) -> torch.Tensor:
        """Pictures of the cases."""
        pictures = []
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for case, seed in zip(cases, seeds):
                command = [self.args.program, "generate", case.prompt, "--model", self.args.model, "--seed", seed,
                           "--steps", self.args.steps, "--guidance", self.args.guidance, "-o", folder / "drawn.png"]
                if setting:
                    command += ["--plugin", self._plugin(case, folder, setting)]
                subprocess.run([str(word) for word in command], check=True, capture_output=True)
                pixels = np.asarray(Image.open(folder / "drawn.png").convert("RGB"), dtype=np.float32)
                pictures.append(torch.from_numpy(pixels).permute(2, 0, 1) / 127.5 - 1)
        return torch.stack(pictures)


def histograms(pictures: torch.Tensor) -> torch.Tensor:
    """Colours, in 4 x 4 x 4 bins, of what is not the border's colour."""
    pixels = (pictures + 1) / 2
    rim = torch.cat([pixels[:, :, :8].flatten(2), pixels[:, :, -8:].flatten(2)], -1).median(-1).values
    rows = []
    for picture, background in zip(pixels, rim):
        flat = picture.flatten(1)
        chosen = flat[:, (flat - background[:, None]).norm(dim=0) > 0.2]
        bins = (chosen * 4).long().clamp(0, 3)
        counts = torch.bincount(bins[0] * 16 + bins[1] * 4 + bins[2], minlength=64).float()
        rows.append(counts / counts.sum().clamp(min=1))
    return torch.stack(rows)


@torch.no_grad()
def features(judge: Classifier, pictures: torch.Tensor) -> torch.Tensor:
    """Unit vectors in the judge's feature space."""
    rows = judge.body(shrink(pictures)).flatten(1)
    return rows / rows.norm(dim=1, keepdim=True)


def measure(judge: Classifier, sprites: Sprites, cases: list[Case],
            pictures: torch.Tensor) -> dict[str, float]:
    """The figures of one setting."""
    subjects = sorted({case.pair.sprite for case in cases})
    wanted = compose(sprites, [case.wanted for case in cases], SIZE)
    near = (features(judge, pictures) * features(judge, wanted)).sum(1)
    colours = torch.minimum(histograms(pictures), histograms(wanted)).sum(1)
    found = []
    for case, row in zip(cases, features(judge, pictures)):
        background = case.wanted.colours
        all_of_them = compose(sprites, [Scene(((s, 0.5, 0.5, 0.75),), 0, background)
                                        for s in subjects], SIZE)
        found.append(subjects[int((features(judge, all_of_them) @ row).argmax())])
    right = border_colours(pictures) == torch.tensor([c.wanted.colours[0] for c in cases])
    return {"feature_similarity": round(near.mean().item(), 3),
            "colour_similarity": round(colours.mean().item(), 3),
            "nearest_of_the_subjects": share(torch.tensor(
                [f == c.pair.sprite for f, c in zip(found, cases)])),
            "background_right": share(right)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--adapter", type=Path, default=Path("models/default-adapter"))
    parser.add_argument("--model", type=Path, default=Path("models/default"))
    parser.add_argument("--program", type=Path, default=None, help="draw with this build of Patchbay")
    parser.add_argument("--sheet", type=Path, default=Path("models/adapter_sheet.png"))
    parser.add_argument("--subjects", type=int, default=40)
    parser.add_argument("--backgrounds", type=int, default=BACKGROUNDS)
    parser.add_argument("--shown", type=int, default=12, help="subjects on the sheet")
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    sprites = Sprites(args.work, SIZE)
    judge = train(sprites, args.work / "classifier.pt")
    cases = draw_cases(sprites, args.subjects, args.backgrounds)
    artist = (ProgramArtist if args.program else DiffusersArtist)(args, sprites)
    shown = [i for i, case in enumerate(cases) if i % args.backgrounds == 0]
    shown = [shown[i] for i in np.linspace(0, len(shown) - 1, min(args.shown, len(shown))).astype(int)]
    drawn = Recoloured(sprites)
    columns = [torch.stack([drawn.draw(cases[i].pair, cases[i].pair.reference(), SIZE) for i in shown])]
    report: dict[str, object] = {"pictures": len(cases), "steps": args.steps,
                                 "guidance": args.guidance, "by": "program" if args.program else "diffusers"}
    for name, setting in SETTINGS:
        pictures = torch.cat([artist.draw(cases[i:i + args.batch],
                                          list(range(len(cases)))[i:i + args.batch], setting)
                              for i in range(0, len(cases), args.batch)])
        report[name] = measure(judge, sprites, cases, pictures)
        columns.append(pictures[shown])
        print(name, json.dumps(report[name]), flush=True)
    save_sheet(shrink(torch.stack(columns, 1).flatten(0, 1)), args.sheet, 2 * len(columns))
    text = json.dumps(report, indent=2)
    (args.work / "adapter" / "evaluation.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
