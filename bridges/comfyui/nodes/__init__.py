"""Patchbay's nodes for ComfyUI: what is drawn here is drawn by a Patchbay host."""

from __future__ import annotations

try:
    import patchbay_client  # noqa: F401
except ImportError as error:
    raise ImportError(f"Patchbay's nodes need the package patchbay_client ({error}). Install it with the Python that "
                      "runs ComfyUI: python -m pip install REPOSITORY/bridges/python_client") from error

from . import server_hooks
from .generation import ImageToImage, TextToImage
from .model import LoraNode, ModelNode
from .plugin_nodes import PluginNodes
from .saving import SaveNode
from .second_pass import HiresNode

_plugin_nodes = PluginNodes()
_plugin_nodes.update()

NODE_CLASS_MAPPINGS = {
    "PatchbayModel": ModelNode,
    "PatchbayLora": LoraNode,
    "PatchbayTextToImage": TextToImage,
    "PatchbayImageToImage": ImageToImage,
    "PatchbayHires": HiresNode,
    "PatchbaySaveImage": SaveNode,
    **_plugin_nodes.classes,
}
NODE_DISPLAY_NAME_MAPPINGS = {
    "PatchbayModel": "Patchbay Model",
    "PatchbayLora": "Patchbay LoRA",
    "PatchbayTextToImage": "Patchbay Text to Image",
    "PatchbayImageToImage": "Patchbay Image to Image / Inpaint",
    "PatchbayHires": "Patchbay Hires Pass",
    "PatchbaySaveImage": "Patchbay Save Image",
    **_plugin_nodes.titles,
}
WEB_DIRECTORY = "./web"

server_hooks.install(_plugin_nodes)

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS", "WEB_DIRECTORY"]
