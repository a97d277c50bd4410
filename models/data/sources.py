"""The art sets the model is trained on, and where they come from.

Only Apache-2.0 and MIT sets are listed: share-alike or copyleft art must not enter weights that
we give away under Apache-2.0.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One npm package with one drawing per concept."""

    style: str  # the word used in captions
    package: str
    version: str
    licence: str
    author: str
    url: str


SOURCES = (
    Source("noto", "@iconify-json/noto", "1.2.9", "Apache-2.0", "Google Inc.",
           "https://github.com/googlefonts/noto-emoji"),
    Source("blob", "@iconify-json/noto-v1", "1.2.5", "Apache-2.0", "Google Inc.",
           "https://github.com/googlefonts/noto-emoji"),
    Source("flat", "@iconify-json/fluent-emoji-flat", "1.2.6", "MIT", "Microsoft Corporation",
           "https://github.com/microsoft/fluentui-emoji"),
    Source("3d", "@lobehub/fluent-emoji-3d", "1.1.0", "MIT", "Microsoft Corporation, LobeHub",
           "https://github.com/lobehub/fluent-emoji"),
    Source("fx", "@iconify-json/fxemoji", "1.2.2", "Apache-2.0", "Mozilla",
           "https://github.com/mozilla/fxemoji"),
)
STYLES = tuple(source.style for source in SOURCES)


@dataclass(frozen=True)
class Concept:
    """A thing the model can draw: its name in captions and its key in each art set."""

    name: str
    code: str  # Unicode code point, lower-case hexadecimal
    fxemoji: str  # fxemoji's own icon name; empty where the set has no such drawing
    core: bool  # whether the denoiser learns it; the others only widen the autoencoder's data


def load_concepts() -> list[Concept]:
    """Read concepts.csv. The order is part of the data: it fixes the caption and shard streams."""
    with (Path(__file__).parent / "concepts.csv").open(newline="") as file:
        return [Concept(row["name"], row["code"], row["fxemoji"], row["core"] == "1")
                for row in csv.DictReader(file)]
