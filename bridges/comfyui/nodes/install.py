"""Installs patchbay_client from the repository that this folder belongs to. ComfyUI-Manager runs it; so may you."""

from __future__ import annotations

import pathlib
import subprocess
import sys

CLIENT = pathlib.Path(__file__).resolve().parents[2] / "python_client"

if __name__ == "__main__":
    if not (CLIENT / "pyproject.toml").exists():
        sys.exit("This folder was copied out of Patchbay's repository. Link to it instead, or run: python -m pip install "
                 "REPOSITORY/bridges/python_client")
    sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", str(CLIENT)]))
