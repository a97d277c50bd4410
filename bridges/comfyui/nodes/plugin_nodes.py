"""A node for each plugin of the configured host, made from its schema."""

from __future__ import annotations

from dataclasses import dataclass

from patchbay_client import Field, PluginEntry, plugin_choice

from .connection import Connection, connection
from .model import CATEGORY
from .pictures import clip_file_of, files_of

_LARGEST = 1e9


@dataclass(frozen=True)
class PluginUse:
    """What travels along PATCHBAY_PLUGINS links, in a tuple: a plugin and its settings, pictures as PNG files, the
    frames of clips as one WebP file."""

    plugin: PluginEntry
    values: dict[str, object]

    def choice(self, to: Connection):
        """As a request wants it, its pictures uploaded."""
        return plugin_choice(to.host, self.plugin.id, self.plugin.fields, self.values)


def input_of(field: Field) -> tuple:
    """The field as ComfyUI declares inputs."""
    options: dict[str, object] = {} if field.default is None or field.kind == "picture" else {"default": field.default}
    if field.help:
        options["tooltip"] = field.help
    if field.advanced:
        options["advanced"] = True
    if field.kind == "bool":
        return "BOOLEAN", options
    if field.kind == "choice":
        return [identifier for identifier, _ in field.choices], options
    if field.kind == "picture":
        return "IMAGE", options
    if field.kind in ("int", "float"):
        whole = field.kind == "int"
        number = int if whole else float
        options["min"] = number(-_LARGEST if field.minimum is None else field.minimum)
        options["max"] = number(_LARGEST if field.maximum is None else field.maximum)
        options["step"] = max(1, int(field.step or 1)) if whole else field.step or 0.01
        if not whole:
            options["round"] = False
        return number.__name__.upper(), options
    return "STRING", dict(options, multiline=field.multiline)


class _PluginNode:
    """The plugin is looked up whenever it is needed: a swapped build may have other fields."""

    CATEGORY = CATEGORY + "/plugins"
    FUNCTION = "add"
    RETURN_TYPES = ("PATCHBAY_PLUGINS",)
    RETURN_NAMES = ("plugins",)
    known: PluginEntry

    @classmethod
    def plugin(cls) -> PluginEntry:
        cls.known = connection().catalogue.plugin(cls.known.id) or cls.known
        return cls.known

    @classmethod
    def INPUT_TYPES(cls) -> dict:
        # All optional, so that graphs stay valid when a swapped build has a setting more.
        return {"required": {}, "optional": {
            "plugins": ("PATCHBAY_PLUGINS", {"tooltip": "Further plugins; the host finds their order."}),
            **{field.id: input_of(field) for field in cls.plugin().fields}}}

    @classmethod
    def IS_CHANGED(cls, **values: object) -> str:
        return cls.plugin().build

    def add(self, plugins: tuple[PluginUse, ...] | None = None, **values: object) -> tuple[tuple[PluginUse, ...]]:
        plugin = self.plugin()
        for field in plugin.fields:
            if field.kind != "picture" or values.get(field.id) is None:
                continue
            images = values[field.id]
            values[field.id] = clip_file_of(images) if field.frames else files_of(images[:1])[0]
        return ((*(plugins or ()), PluginUse(plugin, values)),)


def class_name(plugin: str) -> str:
    return f"PatchbayPlugin_{plugin}"


class PluginNodes:
    """The nodes of the configured host's plugins. While it does not answer they stay as they were."""

    def __init__(self) -> None:
        self.classes: dict[str, type] = {}
        self.titles: dict[str, str] = {}
        self._state: tuple = ()

    def update(self) -> bool:
        """Makes the nodes that are missing and forgets those of plugins that are gone; returns whether models, plugins
        or builds have changed."""
        catalogue = connection().catalogue
        entries = {class_name(entry.id): entry for entry in catalogue.plugins}
        for name, entry in entries.items():
            if name not in self.classes:
                self.classes[name] = type(name, (_PluginNode,), {"known": entry, "DESCRIPTION": entry.description})
            self.titles[name] = entry.name
        for name in self.classes.keys() - entries.keys():
            del self.classes[name], self.titles[name]
        state = (catalogue.models, catalogue.active, catalogue.plugins)
        changed, self._state = state != self._state, state
        return changed
