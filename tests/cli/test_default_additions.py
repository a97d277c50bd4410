"""What comes with the default model beside it: motion modules and the subject adapter, as the READMEs use them."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
from PIL import Image

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"
QUICK = ("--seed", 7, "--guidance", 4, "--precision", "fp32", "--threads", 1)


@pytest.fixture
def draw(program, tmp_path):
    """draw(prompt, arguments...): the picture's numbers."""

    def run(prompt: str, *arguments: object) -> np.ndarray:
        output = tmp_path / "drawn.png"
        result = program.run("generate", prompt, "--model", MODELS / "default", *QUICK, *arguments, "-o", output)
        assert result.returncode == 0, result.stderr
        drawn = sorted(path for path in tmp_path.iterdir() if path.name.startswith("drawn"))
        pictures = np.stack([np.asarray(Image.open(path).convert("RGB"), dtype=int) for path in drawn])
        for path in drawn:
            path.unlink()
        return pictures

    return run


def test_motion_modules_tie_frames(draw):
    """What a frame shows depends on how many others there are, as it does not without."""
    given = ["--plugin", f"animatediff:module={MODELS / 'default-motion/motion_module.safetensors'}"]
    prompt = "an orange, flat style, on a white background"
    for more, tied in (([], False), (given, True)):
        few, many = (draw(prompt, "--steps", 6, "--batch", count, *more) for count in (2, 4))
        assert few.shape == (2, 128, 128, 3)
        assert (np.abs(few - many[:2]).mean() > 2) == tied


@pytest.mark.parametrize("plugin", ["moma:subject=thing,adapter={adapters}/moma.safetensors",
                                    "ip-adapter:adapter={adapters}/ip-adapter.safetensors"])
def test_a_picture_takes_its_subjects_colours_from_another(draw, tmp_path, plugin):
    """An apple makes it redder than a whale does, and the background is the prompt's."""
    reds = []
    for name, thing in (("apple", "a red apple"), ("whale", "a whale")):
        shown = draw(f"{thing}, noto style, on a white background", "--steps", 20)[0]
        Image.fromarray(shown.astype(np.uint8)).save(tmp_path / f"{name}.png")
        given = plugin.format(adapters=MODELS / "default-adapter").replace(":", f":image={tmp_path}/{name}.png,", 1)
        picture = draw("a thing on a yellow background", "--steps", 20, "--plugin", given)[0]
        corners = picture[[4, 4, -5, -5], [4, -5, 4, -5]]
        assert (corners[:, 0] > 180).all() and (corners[:, 2] < 120).all()
        middle = picture[40:88, 40:88].reshape(-1, 3).mean(0)
        reds.append(middle[0] - middle[2])
    assert reds[0] > reds[1] + 30, reds
