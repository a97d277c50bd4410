"""Render every concept in every style to one array: ``python -m models.data.render --work DIR``.

Output: ``sprites.npz`` with premultiplied RGBA at 256 px, cropped to the drawing and centred, so
that the composer alone decides size and position; and ``sheet.png`` to look at.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

from models.data.fetch import fetch, package_dir
from models.data.sources import SOURCES, STYLES, Concept, load_concepts

SIZE = 256


class IconSet:
    """An Iconify JSON file: SVG bodies by name."""

    def __init__(self, folder: Path) -> None:
        self.data = json.loads((folder / "icons.json").read_text())

    def svg(self, name: str) -> str | None:
        """The icon as a complete SVG document, following aliases."""
        alias = self.data.get("aliases", {}).get(name)
        icon = self.data["icons"].get(alias["parent"] if alias else name)
        if icon is None:
            return None
        width = icon.get("width", self.data.get("width", 16))
        height = icon.get("height", self.data.get("height", 16))
        left, top = icon.get("left", 0), icon.get("top", 0)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" '
                f'xmlns:xlink="http://www.w3.org/1999/xlink" width="512" height="512" '
                f'viewBox="{left} {top} {width} {height}">{icon["body"]}</svg>')


def rasterise(svg: str) -> Image.Image:
    """Draw an SVG at 512 px with librsvg; twice the final size, so that edges are filtered."""
    png = subprocess.run(["rsvg-convert", "-w", "512", "-h", "512", "--keep-aspect-ratio"],
                         input=svg.encode(), capture_output=True, check=True).stdout
    return Image.open(io.BytesIO(png)).convert("RGBA")


def normalise(image: Image.Image) -> np.ndarray:
    """Crop to the visible part, fit it into a square and premultiply the colours by alpha."""
    box = image.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox()
    image = image.crop(box)
    side = max(image.size)
    square = Image.new("RGBA", (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    pixels = np.asarray(square, dtype=np.float32) / 255
    pixels[..., :3] *= pixels[..., 3:]
    # Resampling must see premultiplied colours, or dark fringes appear around the drawing.
    channels = [Image.fromarray(pixels[..., c]).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
                for c in range(4)]
    return np.clip(np.stack(channels, -1) * 255 + 0.5, 0, 255).astype(np.uint8)


def icon_name(concept: Concept, style: str, codes: dict[str, str]) -> str:
    """The name of a concept in one Iconify set; noto v1 uses the names of noto."""
    return concept.fxemoji if style == "fx" else codes.get(concept.code, "")


def render(work: Path) -> None:
    """Render all sprites; a concept that a set does not have is left out for that style."""
    folders = {source.style: package_dir(work, source.package) for source in SOURCES}
    sets = {style: IconSet(folders[style]) for style in STYLES if style != "3d"}
    codes = {}
    for style in ("noto", "flat"):
        table = json.loads((folders[style] / "chars.json").read_text())
        codes[style] = {re.sub("-fe0f", "", code): name for code, name in table.items()}
    codes["blob"] = codes["noto"]
    drawings_3d = {path.stem.replace("-fe0f", ""): path
                   for path in (folders["3d"] / "assets").glob("*.webp")}
    concepts = load_concepts()
    pixels, owners, styles = [], [], []
    sheet = Image.new("RGB", (64 * len(STYLES) * 4, 64 * -(-len(concepts) // 4)), "white")
    for c, concept in enumerate(concepts):
        for s, style in enumerate(STYLES):
            if style == "3d":
                path = drawings_3d.get(concept.code)
                image = Image.open(path).convert("RGBA") if path else None
            else:
                svg = sets[style].svg(icon_name(concept, style, codes.get(style, {})))
                image = rasterise(svg) if svg else None
            if image is None:
                print(f"{concept.name}: not in {style}")
                continue
            sprite = normalise(image)
            pixels.append(sprite)
            owners.append(c)
            styles.append(s)
            rgb = sprite[..., :3] + (255 - sprite[..., 3:])
            tile = Image.fromarray(rgb).resize((60, 60), Image.Resampling.LANCZOS)
            sheet.paste(tile, (64 * (s + len(STYLES) * (c % 4)), 64 * (c // 4)))
    np.savez(work / "sprites.npz", pixels=np.stack(pixels), concept=np.array(owners),
             style=np.array(styles))
    sheet.save(work / "sheet.png")
    print(f"{len(concepts)} concepts, {len(pixels)} sprites")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    work = parser.parse_args().work
    fetch(work)
    render(work)


if __name__ == "__main__":
    main()
