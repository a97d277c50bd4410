"""The settings page's section "Patchbay", and the connection that it describes."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

from modules import shared
from patchbay_client import DEFAULT_ADDRESS, Catalogue, Host

_SECTION = ("patchbay", "Patchbay")
_lock = threading.Lock()
_connections: dict[tuple[str, str], Connection] = {}


@dataclass(frozen=True)
class Connection:
    """A host and what it offers."""

    host: Host
    catalogue: Catalogue


def declare() -> None:
    """Called when the settings page is built."""
    shared.opts.add_option("patchbay_host", shared.OptionInfo(
        DEFAULT_ADDRESS, "Address of the Patchbay host", section=_SECTION).info("address:port; models and plugins are "
                                                                                "listed anew by Reload UI"))
    shared.opts.add_option("patchbay_certificate", shared.OptionInfo(
        "", "PEM file of the authority that signed the host's certificate", section=_SECTION).info("empty: no TLS"))


def _option(name: str, otherwise: str) -> str:
    return str(getattr(shared.opts, name, None) or otherwise).strip()


def connection() -> Connection:
    """The connection to the host of the settings, one for each address."""
    key = (os.environ.get("PATCHBAY_HOST") or _option("patchbay_host", DEFAULT_ADDRESS),
           _option("patchbay_certificate", ""))
    with _lock:
        if key not in _connections:
            host = Host(*key, patience=float(os.environ.get("PATCHBAY_PATIENCE", "10")))
            _connections[key] = Connection(host, Catalogue(host))
        return _connections[key]
