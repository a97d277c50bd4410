"""Draws with a Patchbay host over gRPC: what the packages inside the real ComfyUI and A1111 share."""

from __future__ import annotations

from .catalogue import Catalogue, PluginEntry
from .choices import plugin_choice
from .errors import FieldError, HostError, Interrupted
from .fields import Field, fields_of
from .host import DEFAULT_ADDRESS, Drawn, Host
from .messages import api
from .pictures import clip_of, infotext_of, picture_of, png_of

__all__ = ["DEFAULT_ADDRESS", "Catalogue", "Drawn", "Field", "FieldError", "Host", "HostError", "Interrupted",
           "PluginEntry", "api", "clip_of", "fields_of", "infotext_of", "picture_of", "plugin_choice", "png_of"]
