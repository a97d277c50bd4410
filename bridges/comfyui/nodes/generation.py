"""The nodes that draw."""

from __future__ import annotations

from patchbay_client import HostError, api, infotext_of

from .connection import Connection, connection
from .feedback import Feedback
from .model import CATEGORY, ModelChoice
from .pictures import files_of, mask_files_of, tensor_of
from .plugin_nodes import PluginUse
from .second_pass import HiresChoice

# ComfyUI's names; the host understands them.
SAMPLERS = ["euler", "euler_ancestral", "heun", "dpm_2", "dpm_2_ancestral", "lms", "dpmpp_2s_ancestral", "dpmpp_sde",
            "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde", "ddpm", "lcm", "ddim", "uni_pc", "uni_pc_bh2"]
SCHEDULERS = ["normal", "karras", "exponential", "sgm_uniform", "simple", "ddim_uniform", "beta", "linear_quadratic",
              "kl_optimal"]
PROFILES = {"comfyui": api.COMPAT_PROFILE_COMFYUI, "diffusers": api.COMPAT_PROFILE_DIFFUSERS,
            "a1111": api.COMPAT_PROFILE_A1111}

_SEEDS = 1 << 64


def _inputs_to_draw() -> dict:
    return {
        "model": ("PATCHBAY_MODEL",),
        "positive": ("STRING", {"multiline": True, "dynamicPrompts": True, "default": ""}),
        "negative": ("STRING", {"multiline": True, "dynamicPrompts": True, "default": ""}),
        "seed": ("INT", {"default": 0, "min": 0, "max": _SEEDS - 1, "control_after_generate": True}),
        "steps": ("INT", {"default": 20, "min": 1, "max": 1000}),
        "cfg": ("FLOAT", {"default": 7.5, "min": 0.0, "max": 100.0, "step": 0.1, "round": False}),
        "sampler_name": (SAMPLERS,),
        "scheduler": (SCHEDULERS,),
    }


def _optional_inputs() -> dict:
    return {
        "plugins": ("PATCHBAY_PLUGINS", {"tooltip": "Plugins that take part, besides those that always act."}),
        "hires": ("PATCHBAY_HIRES", {"tooltip": "A second, larger pass."}),
        "conventions": (list(PROFILES), {"default": "comfyui", "advanced": True, "tooltip":
                        "Whose noise, levels and prompt weights to follow."}),
    }


class _Drawing:
    """What both nodes share."""

    CATEGORY = CATEGORY
    FUNCTION = "draw"
    RETURN_TYPES = ("IMAGE", "STRING")
    RETURN_NAMES = ("images", "parameters")
    OUTPUT_IS_LIST = (False, True)
    OUTPUT_TOOLTIPS = ("The pictures.", "For each picture, what made it, as AUTOMATIC1111's web UI writes it.")


def _settings(to: Connection, model: ModelChoice, plugins: tuple[PluginUse, ...] | None, hires: HiresChoice | None,
              positive: str, negative: str, seed: int, steps: int, cfg: float, sampler_name: str, scheduler: str,
              conventions: str = "comfyui"):
    settings = api.GenerationSettings(
        model=model.model, prompt=positive, negative_prompt=negative, compat=PROFILES[conventions], steps=steps,
        guidance_scale=cfg, sampler=sampler_name, schedule=scheduler, seed=seed)
    for lora in model.loras:
        settings.loras.add(name=lora.name, unet_weight=lora.unet_weight, text_weight=lora.text_weight)
    for use in plugins or ():
        settings.plugins.append(use.choice(to))
    if hires is not None:
        settings.hires.CopyFrom(api.HiresPass(size={"width": hires.width, "height": hires.height},
                                              strength=hires.strength, steps=hires.steps))
    return settings


def _draw(to: Connection, settings, feedback: Feedback) -> list[bytes]:
    files = to.host.draw(settings, feedback.on_progress, feedback.on_preview, feedback.check).files
    feedback.finish_picture()
    return files


def _result(files: list[bytes]) -> tuple:
    return tensor_of(files), [infotext_of(file) for file in files]


class TextToImage(_Drawing):
    DESCRIPTION = "Draws pictures from a text on a Patchbay host."

    @classmethod
    def INPUT_TYPES(cls) -> dict:
        return {"required": {
            **_inputs_to_draw(),
            "width": ("INT", {"default": 512, "min": 64, "max": 16384, "step": 8}),
            "height": ("INT", {"default": 512, "min": 64, "max": 16384, "step": 8}),
            "batch_size": ("INT", {"default": 1, "min": 1, "max": 64}),
        }, "optional": _optional_inputs()}

    def draw(self, model: ModelChoice, width: int, height: int, batch_size: int,
             plugins: tuple[PluginUse, ...] | None = None, hires: HiresChoice | None = None, **common: object) -> tuple:
        to = connection(model.address)
        settings = _settings(to, model, plugins, hires, **common)
        settings.size.width, settings.size.height, settings.batch = width, height, batch_size
        return _result(_draw(to, settings, Feedback()))


class ImageToImage(_Drawing):
    DESCRIPTION = ("Draws from pictures on a Patchbay host; with a mask only where the mask is white. Each picture of "
                   "a batch is drawn with the next seed.")

    @classmethod
    def INPUT_TYPES(cls) -> dict:
        return {"required": {
            **_inputs_to_draw(),
            "image": ("IMAGE",),
            "strength": ("FLOAT", {"default": 0.75, "min": 0.01, "max": 1.0, "step": 0.01, "round": False,
                                   "tooltip": "How far from the start picture."}),
        }, "optional": {"mask": ("MASK",), **_optional_inputs()}}

    def draw(self, model: ModelChoice, image, strength: float, mask=None, plugins: tuple[PluginUse, ...] | None = None,
             hires: HiresChoice | None = None, **common: object) -> tuple:
        to = connection(model.address)
        settings = _settings(to, model, plugins, hires, **common)
        settings.strength = strength
        # As ComfyUI's VAE Encode: whole latent pixels.
        height, width = (size // 8 * 8 for size in image.shape[1:3])
        if not height or not width:
            raise HostError(f"The start picture is {image.shape[2]}x{image.shape[1]}; at least 8x8 pixels are needed.")
        top, left = (image.shape[1] - height) // 2, (image.shape[2] - width) // 2
        image = image[:, top:top + height, left:left + width, :3]
        starts = files_of(image)
        masks = [] if mask is None else mask_files_of(mask[..., top:top + height, left:left + width]
                                                      if mask.shape[-2:] == image.shape[1:3] else mask, width, height)
        feedback, files, first_seed = Feedback(len(starts)), [], settings.seed
        for number, start in enumerate(starts):
            settings.seed = (first_seed + number) % _SEEDS
            settings.image_artifact_id = to.host.upload(start)
            if masks:
                settings.mask_artifact_id = to.host.upload(masks[number % len(masks)])
            files += _draw(to, settings, feedback)
        return _result(files)

