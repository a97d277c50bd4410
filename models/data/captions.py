"""The caption grammar: what users may type and what the model was trained on.

    [a|an] THING [and a THING], STYLE style, on a COLOUR background
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.data.sources import STYLES

# Words without an article.
PLAIN = {"grapes", "cherries", "french fries", "sunglasses", "scissors", "corn", "bread", "cheese",
         "fire"}

COLOURS = {
    "red": (229, 57, 53), "orange": (251, 140, 0), "yellow": (253, 216, 53),
    "green": (67, 160, 71), "turquoise": (38, 198, 218), "blue": (30, 136, 229),
    "purple": (142, 36, 170), "pink": (244, 143, 177), "brown": (121, 85, 72),
    "white": (255, 255, 255), "gray": (158, 158, 158), "black": (17, 17, 17),
}
COLOUR_NAMES = tuple(COLOURS)
BACKGROUNDS = ("plain", "gradient", "stripes", "dots")


@dataclass(frozen=True)
class Parts:
    """What a caption may say about a picture."""

    things: tuple[str, ...]
    style: int
    background: int  # index into BACKGROUNDS
    colours: tuple[int, int]  # indices into COLOUR_NAMES; the second one is unused when plain


def article(word: str) -> str:
    """The word with "a" or "an" where it needs one."""
    if word in PLAIN:
        return word
    return ("an " if word[0] in "aeiou" and not word.startswith("uni") else "a ") + word


def background_phrase(kind: str, first: str, second: str) -> str:
    """The words for a background."""
    if kind == "gradient":
        return f"on {article(first)} to {second} gradient background"
    if kind == "stripes":
        return f"on {article(first)} and {second} striped background"
    if kind == "dots":
        return f"on {article(first)} background with {second} dots"
    return f"on {article(first)} background"


def full_caption(parts: Parts) -> str:
    """The complete caption."""
    first, second = (COLOUR_NAMES[c] for c in parts.colours)
    things = " and ".join(article(thing) for thing in parts.things)
    return (f"{things}, {STYLES[parts.style]} style, "
            f"{background_phrase(BACKGROUNDS[parts.background], first, second)}")


def draw_caption(parts: Parts, rng: np.random.Generator) -> str:
    """A training caption: sometimes empty (for guidance), sometimes without style or background.

    The reduced forms teach the model that unnamed properties are free, so that short prompts work.
    """
    choice = rng.random()
    if choice < 0.10:
        return ""
    caption = full_caption(parts)
    if choice < 0.80:
        return caption
    things, style, background = caption.split(", ")
    if choice < 0.88:
        return f"{things} {background}"
    if choice < 0.96:
        return f"{things}, {style}"
    return things
