"""Nodes that say what draws: a host's model, and LoRAs on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from patchbay_client import HostError

from .connection import connection

CATEGORY = "patchbay"
DEFAULT_MODEL = "(the host's default)"


@dataclass(frozen=True)
class LoraChoice:
    name: str
    unet_weight: float
    text_weight: float


@dataclass(frozen=True)
class ModelChoice:
    """What travels along PATCHBAY_MODEL links: names. Weights stay on the host."""

    address: str
    model: str
    loras: tuple[LoraChoice, ...] = ()


class ModelNode:
    CATEGORY = CATEGORY
    DESCRIPTION = "A model of a Patchbay host. Its weights stay there."
    FUNCTION = "choose"
    RETURN_TYPES = ("PATCHBAY_MODEL",)
    RETURN_NAMES = ("model",)

    @classmethod
    def INPUT_TYPES(cls) -> dict:
        return {
            "required": {"model": ([DEFAULT_MODEL, *connection().catalogue.models], {
                "default": DEFAULT_MODEL, "tooltip": "One of the models in the host's folder."})},
            "optional": {"host": ("STRING", {
                "default": "", "tooltip": "address:port of another host than the configured one."})},
        }

    @classmethod
    def VALIDATE_INPUTS(cls, model: str | None = None, host: str | None = None) -> bool | str:
        """Instead of ComfyUI's own check, which would only say that the model is not in its list."""
        offered = connection(host or "").catalogue
        models = offered.refresh().models
        if offered.error is not None:
            return str(offered.error)
        if model not in (None, "", DEFAULT_MODEL) and model not in models:
            return f"the Patchbay host has no model \"{model}\"; it has {', '.join(models) or 'none'}"
        return True

    @classmethod
    def IS_CHANGED(cls, model: str | None = None, host: str | None = None) -> str:
        """A swap of what acts in every generation makes the nodes after this one run again."""
        offered = connection(host or "").catalogue
        return f"{offered.active} {offered.default_model}"

    def choose(self, model: str, host: str = "") -> tuple[ModelChoice]:
        return (ModelChoice(host.strip(), "" if model == DEFAULT_MODEL else model),)


class LoraNode:
    CATEGORY = CATEGORY
    DESCRIPTION = "A LoRA of the host's folder (`patchbay serve --loras`)."
    FUNCTION = "add"
    RETURN_TYPES = ("PATCHBAY_MODEL",)
    RETURN_NAMES = ("model",)

    @classmethod
    def INPUT_TYPES(cls) -> dict:
        weight = {"default": 1.0, "min": -10.0, "max": 10.0, "step": 0.01, "round": False}
        return {"required": {
            "model": ("PATCHBAY_MODEL",),
            "name": ("STRING", {"default": "", "tooltip": "Its file's name, without suffix."}),
            "unet_weight": ("FLOAT", dict(weight, tooltip="1 is the author's strength.")),
            "text_weight": ("FLOAT", dict(weight, tooltip="Its weight in the text encoders.")),
        }}

    def add(self, model: ModelChoice, name: str, unet_weight: float, text_weight: float) -> tuple[ModelChoice]:
        if not name.strip():
            raise HostError("Patchbay LoRA: the name is empty; give the name of a file in the host's folder of LoRAs.")
        return (replace(model, loras=(*model.loras, LoraChoice(name.strip(), unet_weight, text_weight))),)
