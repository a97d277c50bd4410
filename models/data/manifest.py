"""Write the data manifest: ``python -m models.data.manifest --work DIR``.

One row per drawing: thing, style, package, version, licence and the start of the SHA-256 of the rendered
pixels, so that a reader can tell what is in the weights and whether their own rendering agrees.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from pathlib import Path

import numpy as np

from models.data.sources import SOURCES, load_concepts


def write(work: Path, out: Path) -> None:
    """Describe every sprite of ``sprites.npz``."""
    stored = np.load(work / "sprites.npz")
    concepts = load_concepts()
    with out.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["thing", "style", "package", "version", "licence", "denoiser",
                       "pixels_sha256"])
        for pixels, concept, style in zip(stored["pixels"], stored["concept"], stored["style"]):
            source, thing = SOURCES[style], concepts[concept]
            rows.writerow([thing.name, source.style, source.package, source.version,
                           source.licence, int(thing.core),
                           hashlib.sha256(pixels.tobytes()).hexdigest()[:16]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("models/.work"))
    parser.add_argument("--out", type=Path, default=Path("models/manifest.csv"))
    args = parser.parse_args()
    write(args.work, args.out)


if __name__ == "__main__":
    main()
