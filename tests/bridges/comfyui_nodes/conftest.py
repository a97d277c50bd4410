"""Our nodes as ComfyUI has them, and stand-ins for the modules of ComfyUI that they call."""

from __future__ import annotations

import itertools
import os
import sys
import types

import pytest
from bridges.comfyui_nodes.runner import Runner, load_package
from bridges.conftest import ROOT

_numbers = itertools.count()


class InterruptProcessingException(Exception):
    """ComfyUI's own."""


class Comfy:
    """What the stand-ins have seen, and whether the user has pressed Interrupt."""

    def __init__(self, folder):
        self.folder, self.interrupted = folder, False
        self.progress: list[tuple[int, int]] = []
        self.previews: list[object] = []
        self.on_progress = lambda: None

    def modules(self) -> dict[str, types.ModuleType]:
        comfy = self

        class ProgressBar:
            def __init__(self, total, node_id=None):
                self.total = total

            def update_absolute(self, value, total=None, preview=None):
                comfy.progress.append((value, total or self.total))
                if preview is not None:
                    comfy.previews.append(preview)
                comfy.on_progress()

        def throw_exception_if_processing_interrupted():
            if comfy.interrupted:
                comfy.interrupted = False
                raise InterruptProcessingException

        def get_save_image_path(prefix, folder, width, height):
            target = os.path.join(folder, os.path.dirname(prefix))
            os.makedirs(target, exist_ok=True)
            return target, os.path.basename(prefix), 1, os.path.dirname(prefix), prefix

        contents = {
            "comfy": {}, "comfy.utils": {"ProgressBar": ProgressBar},
            "comfy.model_management": {
                "throw_exception_if_processing_interrupted": throw_exception_if_processing_interrupted},
            "comfy.cli_args": {"args": types.SimpleNamespace(disable_metadata=False)},
            "folder_paths": {"get_save_image_path": get_save_image_path,
                             "get_output_directory": lambda: str(self.folder / "output"),
                             "get_user_directory": lambda: str(self.folder / "user")},
        }
        modules = {}
        for name, members in contents.items():
            modules[name] = types.ModuleType(name)
            vars(modules[name]).update(members)
        return modules


@pytest.fixture
def comfy(tmp_path, monkeypatch) -> Comfy:
    made = Comfy(tmp_path)
    for name, module in made.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return made


@pytest.fixture
def new_nodes(client_package, comfy, monkeypatch):
    """new_nodes(address) imports the package afresh, as ComfyUI does when it starts."""

    def make(address: str):
        monkeypatch.setenv("PATCHBAY_HOST", address)
        monkeypatch.setenv("PATCHBAY_PATIENCE", "2")
        return load_package(ROOT / "bridges/comfyui/nodes", f"/custom_nodes/patchbay-{next(_numbers)}".replace(".", "_x_"))

    return make


@pytest.fixture
def nodes(new_nodes, host):
    return new_nodes(host.address)


@pytest.fixture
def runner(nodes) -> Runner:
    return Runner(nodes.NODE_CLASS_MAPPINGS)
