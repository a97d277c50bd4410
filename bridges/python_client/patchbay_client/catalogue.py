"""What a host offers, remembered for a moment, so that a UI may ask as often as it likes."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass

from .errors import HostError
from .fields import Field, fields_of
from .host import Host
from .messages import api

_FRESH_SECONDS = 2.0
_CALL_SECONDS = 3.0


@dataclass(frozen=True)
class PluginEntry:
    """One plugin, in the build that generations get which name none."""

    id: str
    name: str
    description: str
    build: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class _Content:
    models: tuple[str, ...] = ()
    default_model: str = ""
    plugins: tuple[PluginEntry, ...] = ()
    active: str = ""


class Catalogue:
    """The models and plugins of a host. Any thread may call.

    While the host does not answer, what it last said stays, and `error` says what is wrong.
    """

    def __init__(self, host: Host):
        self._host = host
        self._lock = threading.Lock()
        self._content = _Content()
        self._asked_at = -_FRESH_SECONDS
        self.error: HostError | None = None

    @property
    def models(self) -> tuple[str, ...]:
        return self.refresh()._content.models

    @property
    def default_model(self) -> str:
        return self.refresh()._content.default_model

    @property
    def plugins(self) -> tuple[PluginEntry, ...]:
        """By id."""
        return self.refresh()._content.plugins

    @property
    def active(self) -> str:
        """Names the builds and settings that act in every generation; another text after each swap."""
        return self.refresh()._content.active

    def plugin(self, identifier: str) -> PluginEntry | None:
        return next((plugin for plugin in self.plugins if plugin.id == identifier), None)

    def refresh(self, now: bool = False) -> Catalogue:
        """Asks the host again, at once or when the last answer is 2 s old."""
        with self._lock:
            if now or time.monotonic() - self._asked_at >= _FRESH_SECONDS:
                try:
                    self._content, self.error = self._read(), None
                except HostError as error:
                    self.error = error
                self._asked_at = time.monotonic()
        return self

    def _read(self) -> _Content:
        models = self._host.models(_CALL_SECONDS)
        builds = self._host.plugins(_CALL_SECONDS)
        active = sorted(build.SerializeToString(deterministic=True) for build in map(_acting, builds) if build is not None)
        return _Content(
            models=tuple(model.name for model in models),
            default_model=next((model.name for model in models if model.is_default), ""),
            plugins=tuple(filter(None, (self._entry(identifier) for identifier in sorted({build.id for build in builds})))),
            active=hashlib.sha256(b"\0".join(active)).hexdigest() if active else "")

    def _entry(self, identifier: str) -> PluginEntry | None:
        try:
            schema = self._host.plugin_schema(identifier, _CALL_SECONDS)
        except HostError as error:
            if error.reason == "UNREACHABLE":
                raise
            return None  # it went between the two calls
        plugin = schema.plugin
        return PluginEntry(plugin.id, plugin.name or plugin.id, plugin.description, plugin.build,
                           fields_of(schema.parameters))


def _acting(build):
    """What of an active build decides about pictures; None for one that is not active."""
    if build.state != api.PLUGIN_STATE_ACTIVE:
        return None
    return api.Plugin(id=build.id, build=build.build, settings=build.settings)
