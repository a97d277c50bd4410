"""Draw the model card's sheet with Patchbay itself: ``python -m models.sheet``.

Picture i of the 24 is drawn from seed i, with 20 steps and guidance 4.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from models.training.sampling import SHEET_PROMPTS

COLUMNS = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, default=Path("build/release/bin/patchbay"))
    parser.add_argument("--model", type=Path, default=Path("models/default"))
    parser.add_argument("--out", type=Path, default=Path("models/sheet.png"))
    args = parser.parse_args()
    sheet = None
    with tempfile.TemporaryDirectory() as folder:
        for number, prompt in enumerate(SHEET_PROMPTS):
            file = Path(folder) / f"{number}.png"
            subprocess.run([args.program, "generate", prompt, "--model", args.model, "--seed", str(number),
                            "--steps", "20", "--guidance", "4", "-o", file], check=True, capture_output=True)
            picture = Image.open(file).convert("RGB")
            width, height = picture.size
            sheet = sheet or Image.new("RGB", (COLUMNS * width, -(-len(SHEET_PROMPTS) // COLUMNS) * height))
            sheet.paste(picture, (number % COLUMNS * width, number // COLUMNS * height))
    sheet.save(args.out, optimize=True)


if __name__ == "__main__":
    main()
