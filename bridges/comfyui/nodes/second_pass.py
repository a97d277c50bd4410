"""A node for the second, larger pass."""

from __future__ import annotations

from dataclasses import dataclass

from .model import CATEGORY


@dataclass(frozen=True)
class HiresChoice:
    """What travels along PATCHBAY_HIRES links."""

    width: int
    height: int
    strength: float
    steps: int


class HiresNode:
    CATEGORY = CATEGORY
    DESCRIPTION = "Draws over the first pass's result again at a larger size."
    FUNCTION = "choose"
    RETURN_TYPES = ("PATCHBAY_HIRES",)
    RETURN_NAMES = ("hires",)

    @classmethod
    def INPUT_TYPES(cls) -> dict:
        size = {"default": 1024, "min": 64, "max": 16384, "step": 8}
        return {"required": {
            "width": ("INT", size), "height": ("INT", size),
            "strength": ("FLOAT", {"default": 0.7, "min": 0.01, "max": 1.0, "step": 0.01, "round": False,
                                   "tooltip": "How much is drawn anew."}),
            "steps": ("INT", {"default": 0, "min": 0, "max": 1000, "tooltip": "0: as many as in the first pass."}),
        }}

    def choose(self, width: int, height: int, strength: float, steps: int) -> tuple[HiresChoice]:
        return (HiresChoice(width, height, strength, steps),)
