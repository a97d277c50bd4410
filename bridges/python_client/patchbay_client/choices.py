"""A plugin with settings, as a generation wants it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .errors import FieldError
from .fields import Field
from .host import Host
from .messages import api


def plugin_choice(host: Host, plugin: str, fields: Iterable[Field], values: Mapping[str, object]):
    """The PluginChoice for `values`, by field id. A picture is given as its file's bytes, and is uploaded; what is
    None is left to the host. FieldError for a field that there is not, or a value that it cannot take."""
    known = {field.id: field for field in fields}
    choice = api.PluginChoice(plugin_id=plugin)
    for identifier, value in values.items():
        if identifier not in known:
            raise FieldError(f'The plugin {plugin} has no setting "{identifier}"; it has {", ".join(known)}.')
        if value is None:
            continue
        if isinstance(value, bytes):
            value = host.upload(value)
        choice.settings[identifier].CopyFrom(known[identifier].value(value))
    return choice
