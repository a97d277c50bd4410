"""What tests do with a server's plugins."""

from __future__ import annotations

import io
import json
import os
import pathlib
import shutil
import time

import grpc
from PIL import Image

from service.conftest import ROOT

BUILT = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release") / "tests"
# Builds of one plugin, each of which leaves its own mark on pictures.
SWAP = {number: BUILT / f"service_plugins/{number}/test-swap" for number in (1, 2, 3)}
# Fails in the way that its setting `way` says, at the step that `step` says.
FAULTY = BUILT / "service_plugins/test-faulty"


def program_with(plugin: pathlib.Path, home: pathlib.Path) -> pathlib.Path:
    """The program in the empty folder `home`, with a folder of plugins that holds this one alone."""
    (home / "bin").mkdir()
    shutil.copy(BUILT.parent / "bin/patchbay", home / "bin/patchbay")
    (home / "share").symlink_to(BUILT.parent / "share")
    shutil.copytree(plugin, home / "lib/patchbay/plugins" / plugin.name)
    return home / "bin/patchbay"


def build_of(folder: pathlib.Path) -> str:
    return json.loads((folder / "plugin.json").read_text())["sha256"]


def install(server, api, folder: pathlib.Path):
    manifest = server.upload((folder / "plugin.json").read_bytes())
    library = server.upload((folder / f"{folder.name}.so").read_bytes())
    return server.plugins.InstallPlugin(api.InstallPluginRequest(
        manifest_artifact_id=manifest.id, library_artifact_id=library.id)).plugin


def activate(server, api, plugin: str, build: str = "", **settings: str):
    values = {field: api.ParameterValue(typed_value=value) for field, value in settings.items()}
    return server.plugins.ActivatePlugin(
        api.ActivatePluginRequest(plugin_id=plugin, build=build, settings=values)).plugin


def listed(server, api) -> dict[tuple[str, str], object]:
    return {(plugin.id, plugin.build): plugin
            for plugin in server.plugins.ListPlugins(api.ListPluginsRequest()).plugins}


def state(server, api, folder: pathlib.Path) -> int:
    return listed(server, api)[folder.name, build_of(folder)].state


def create_when_there_is_room(server, **settings):
    while True:
        try:
            return server.create(**settings)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
        time.sleep(0.05)


def draw(server, api, **settings):
    generation = server.finish(server.create(**settings).id)
    assert generation.state == api.GENERATION_STATE_SUCCEEDED, generation.error
    return generation


def picture(generation) -> str:
    return generation.pictures[0].artifact_id


def pixels(server, generation) -> bytes:
    """Of the picture, without what its file says of the plugins."""
    return Image.open(io.BytesIO(server.download(picture(generation)))).tobytes()
