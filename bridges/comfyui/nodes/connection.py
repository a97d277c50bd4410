"""Which hosts the nodes call.

The configured host is the one whose models and plugins ComfyUI's page offers: the environment's PATCHBAY_HOST, else
the page's setting "Patchbay host", else 127.0.0.1:50051. PATCHBAY_CA names a PEM file when it speaks TLS.
"""

from __future__ import annotations

import json
import os
import pathlib
import threading
from dataclasses import dataclass

from patchbay_client import DEFAULT_ADDRESS, Catalogue, Host

_lock = threading.Lock()
_connections: dict[tuple[str, str], Connection] = {}


@dataclass(frozen=True)
class Connection:
    """A host and what it offers."""

    host: Host
    catalogue: Catalogue


def configured_address() -> str:
    return os.environ.get("PATCHBAY_HOST") or _setting() or DEFAULT_ADDRESS


def connection(address: str = "") -> Connection:
    """The connection to a host, one for each address; empty: the configured host."""
    key = (address.strip() or configured_address(), os.environ.get("PATCHBAY_CA", ""))
    with _lock:
        if key not in _connections:
            host = Host(*key, patience=float(os.environ.get("PATCHBAY_PATIENCE", "10")))
            _connections[key] = Connection(host, Catalogue(host))
        return _connections[key]


def _setting() -> str:
    """What the page's user has typed; ComfyUI keeps it in a file."""
    try:
        import folder_paths
        file = pathlib.Path(folder_paths.get_user_directory()) / "default/comfy.settings.json"
        return str(json.loads(file.read_text(encoding="utf-8")).get("patchbay.host", "")).strip()
    except (ImportError, OSError, ValueError, AttributeError):
        return ""
