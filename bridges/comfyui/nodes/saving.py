"""Saving as ComfyUI does, and with the host's account of each picture, so that both worlds' programs read it."""

from __future__ import annotations

import json
import os

from PIL.PngImagePlugin import PngInfo

from .model import CATEGORY
from .pictures import pictures_of


class SaveNode:
    CATEGORY = CATEGORY
    DESCRIPTION = "Saves PNG files that carry the workflow, and the parameters as AUTOMATIC1111's web UI writes them."
    FUNCTION = "save"
    INPUT_IS_LIST = True
    OUTPUT_NODE = True
    RETURN_TYPES = ()

    @classmethod
    def INPUT_TYPES(cls) -> dict:
        return {
            "required": {"images": ("IMAGE",), "filename_prefix": ("STRING", {"default": "Patchbay"})},
            "optional": {"parameters": ("STRING", {"forceInput": True})},
            "hidden": {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"},
        }

    def save(self, images: list, filename_prefix: list[str], parameters: list[str] | None = None,
             prompt: list | None = None, extra_pnginfo: list | None = None) -> dict:
        import folder_paths
        pictures = [picture for batch in images for picture in pictures_of(batch)]
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
            filename_prefix[0], folder_paths.get_output_directory(), *pictures[0].size)
        saved = []
        for number, picture in enumerate(pictures):
            chunks = _chunks(parameters[number] if parameters and number < len(parameters) else "",
                             (prompt or [None])[0], (extra_pnginfo or [None])[0])
            file = f"{name.replace('%batch_num%', str(number))}_{counter + number:05}_.png"
            picture.save(os.path.join(folder, file), pnginfo=chunks, compress_level=4)
            saved.append({"filename": file, "subfolder": subfolder, "type": "output"})
        return {"ui": {"images": saved}}


def _chunks(parameters: str, prompt: object, extra_pnginfo: dict | None) -> PngInfo | None:
    """Nothing of it when ComfyUI's user does not want metadata."""
    try:
        from comfy.cli_args import args
        if args.disable_metadata:
            return None
    except ImportError:
        pass
    chunks = PngInfo()
    if parameters:
        chunks.add_text("parameters", parameters)
    if prompt is not None:
        chunks.add_text("prompt", json.dumps(prompt))
    for key, value in (extra_pnginfo or {}).items():
        chunks.add_text(key, json.dumps(value))
    return chunks
