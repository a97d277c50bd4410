"""Installs patchbay_client from the repository that this folder belongs to. The web UI runs it at each start."""

from __future__ import annotations

import pathlib

import launch

CLIENT = pathlib.Path(__file__).resolve().parents[2] / "python_client"

if not launch.is_installed("patchbay_client"):
    if (CLIENT / "pyproject.toml").exists():
        launch.run_pip(f'install "{CLIENT}"', "patchbay_client")
    else:
        print("Patchbay: this folder was copied out of its repository. Link to it instead, or run: python -m pip install "
              "REPOSITORY/bridges/python_client")
