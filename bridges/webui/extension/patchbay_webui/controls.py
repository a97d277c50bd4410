"""The script's controls, made from the host's schemas, and what their values ask for.

Arguments, in this order: the model; settings by name, a JSON object of plugins and their settings; and for each plugin
that the host had when the page was built, whether it is on, and its settings in the order of their numbers. Settings by
name, if there are any, stand in place of all that comes after them: programs that call the API need no places.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import gradio as gr
from patchbay_client import Catalogue, Field, FieldError, PluginEntry, png_of

DEFAULT_MODEL = "(the host's default)"
SETTINGS_KEY = "Patchbay plugins"
MODEL_KEY = "Patchbay model"


@dataclass(frozen=True)
class Wish:
    """What the user has chosen: a model's name, empty for the default, and plugins' settings by name. A picture is a
    file's bytes."""

    model: str = ""
    plugins: dict[str, dict[str, object]] = field(default_factory=dict)


class Controls:
    """Controls for the plugins that the host has now."""

    def __init__(self, catalogue: Catalogue):
        self._catalogue = catalogue
        self._plugins: tuple[PluginEntry, ...] = catalogue.plugins
        self.infotext_fields: list[tuple[object, str]] = []

    def build(self, elem_id: Callable[[str], str]) -> list:
        """The components, in the order of the arguments."""
        if self._catalogue.error is not None:
            gr.Markdown(f"{self._catalogue.error} Models and plugins are listed by Reload UI.")
        model = gr.Dropdown(label="Model", choices=self._models(), value=DEFAULT_MODEL, elem_id=elem_id("model"))
        refresh = gr.Button("Refresh models", elem_id=elem_id("refresh"))
        refresh.click(fn=lambda: gr.update(choices=self._models()), inputs=[], outputs=[model])
        named = gr.Textbox(label="Settings by name", value="", elem_id=elem_id("named"), placeholder=(
            'such as {"cfgpp": {"scale": 0.6}}; in place of what is chosen below'))
        components = [model, named]
        for plugin in self._plugins:
            with gr.Accordion(label=plugin.name, open=False, elem_id=elem_id(plugin.id)):
                if plugin.description:
                    gr.Markdown(plugin.description)
                components.append(gr.Checkbox(label=f"Use {plugin.name}", value=False,
                                              elem_id=elem_id(f"{plugin.id}_on")))
                components += [component_of(setting, elem_id(f"{plugin.id}_{setting.id}"))
                               for setting in plugin.fields]
        self.infotext_fields = [(model, MODEL_KEY), (named, SETTINGS_KEY)]
        return components

    def read(self, arguments: tuple) -> Wish:
        """What the arguments ask for; FieldError when they cannot be understood."""
        model = arguments[0] if arguments else None
        model = "" if model in (None, DEFAULT_MODEL) else str(model)
        named = arguments[1] if len(arguments) > 1 else None
        if named is not None and str(named).strip():
            return Wish(model, self._read_named(named))
        plugins, place = {}, 2
        for plugin in self._plugins:
            values = arguments[place + 1:place + 1 + len(plugin.fields)]
            if place < len(arguments) and arguments[place] in (True, "true"):
                plugins[plugin.id] = {setting.id: _argument(setting, value)
                                      for setting, value in zip(plugin.fields, values, strict=False)}
            place += 1 + len(plugin.fields)
        return Wish(model, plugins)

    def _models(self) -> list[str]:
        return [DEFAULT_MODEL, *self._catalogue.models]

    def _read_named(self, named: object) -> dict[str, dict[str, object]]:
        try:
            plugins = named if isinstance(named, dict) else json.loads(str(named))
        except json.JSONDecodeError as error:
            raise FieldError(f"Patchbay: the settings by name are no JSON ({error}).") from error
        if not isinstance(plugins, dict) or not all(isinstance(settings, dict) for settings in plugins.values()):
            raise FieldError('Patchbay: the settings by name must be an object of objects, such as {"cfgpp": {"scale": '
                             "0.6}}.")
        kinds = {(plugin.id, setting.id): setting for plugin in self._catalogue.plugins for setting in plugin.fields}
        return {plugin: {name: _argument(kinds[plugin, name], value) if (plugin, name) in kinds else value
                         for name, value in settings.items()} for plugin, settings in plugins.items()}


def _argument(setting: Field, value: object) -> object:
    """A component's or a request's value: pictures as files, the empty as not given."""
    if setting.kind != "picture" or value is None:
        return None if value == "" and setting.kind != "text" else value
    if isinstance(value, bytes):
        return value or None
    if not isinstance(value, str):
        return png_of(value)
    try:
        return base64.b64decode(value.rsplit(",", 1)[-1], validate=True) or None
    except binascii.Error as error:
        raise FieldError(f'"{setting.label}" ({setting.id}) takes a picture in base64.') from error


def component_of(setting: Field, elem_id: str) -> object:
    """The component that fits a setting."""
    shown = {"label": setting.label, "value": setting.default, "elem_id": elem_id}
    if setting.kind == "bool":
        return gr.Checkbox(**shown, info=setting.help)
    if setting.kind == "choice":
        return gr.Dropdown(**shown, choices=[identifier for identifier, _ in setting.choices], info=setting.help)
    if setting.kind == "picture" and setting.frames:
        # A file, since the web UI's own pictures are stills.
        return gr.File(label=setting.label, type="binary", elem_id=elem_id)
    if setting.kind == "picture":
        return gr.Image(label=setting.label, type="pil", elem_id=elem_id)
    if setting.kind in ("int", "float"):
        step = setting.step or (1 if setting.kind == "int" else 0.01)
        if setting.slider is not None:
            return gr.Slider(**shown, minimum=setting.slider[0], maximum=setting.slider[1], step=step, info=setting.help)
        return gr.Number(**shown, precision=0 if setting.kind == "int" else None, info=setting.help)
    return gr.Textbox(**shown, lines=3 if setting.multiline else 1, info=setting.help)
