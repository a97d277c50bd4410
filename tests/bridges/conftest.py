"""A Patchbay server on random weights, and the bridges in front of it, as a user starts them.

Environment: PATCHBAY_BUILD (build folder), PATCHBAY_BRIDGES (another patchbay-bridges than the build's).
"""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
from service.conftest import Server, api  # noqa: F401

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release")


class Bridges:
    """`patchbay-bridges` in a process of its own."""

    def __init__(self, folder: pathlib.Path, grpc_address: str, *arguments: object):
        program = os.environ.get("PATCHBAY_BRIDGES", str(BUILD / "bin/patchbay-bridges"))
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        command = [program, "--grpc", grpc_address, "--data", folder / "data", *arguments]
        for option in ("--webui", "--comfyui"):
            if option not in arguments:
                command += [option, "127.0.0.1:0"]
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True,
                                        stderr=(folder / "stderr.txt").open("a"))
        line = self.process.stdout.readline()
        found = re.match(r"A1111 API at http://([\d.]+):(\d+)", line)
        assert found, (line, (folder / "stderr.txt").read_text())
        self.host, self.webui_port = found[1], int(found[2])
        self.webui = f"http://{self.host}:{self.webui_port}"
        found = re.match(r"ComfyUI at http://([\d.]+:\d+)", self.process.stdout.readline())
        assert found, (folder / "stderr.txt").read_text()
        self.comfyui_address = found[1]
        self.comfyui = f"http://{found[1]}"

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@pytest.fixture(scope="session")
def host(model, tmp_path_factory, api):  # noqa: F811
    """One server for all tests, with the models "sd1" and "other" (the same weights) and a LoRA folder."""
    folder = tmp_path_factory.mktemp("host")
    (folder / "models").mkdir()
    (folder / "loras").mkdir()
    for name in ("sd1", "other"):
        (folder / "models" / name).symlink_to(model("sd1"))
    server = Server(BUILD / "bin/patchbay", folder, folder / "models", api)
    server.start("--model", "sd1", "--loras", folder / "loras")
    yield server
    assert server.end() == 0


@pytest.fixture(scope="session")
def bridges(host, tmp_path_factory):
    """The bridges without credentials."""
    started = Bridges(tmp_path_factory.mktemp("bridges"), host.address)
    yield started
    assert started.end() == 0


@pytest.fixture
def new_bridges(host, tmp_path):
    """new_bridges(options...) starts bridges of the test's own."""
    made: list[Bridges] = []

    def make(*arguments: object) -> Bridges:
        made.append(Bridges(tmp_path / f"bridges{len(made)}", host.address, *arguments))
        return made[-1]

    yield make
    for started in made:
        assert started.end() == 0


@pytest.fixture(scope="session")
def client_package(tmp_path_factory):
    """The package patchbay_client, installed as users install it, and importable."""
    folder = tmp_path_factory.mktemp("client")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps",
                    "--no-build-isolation", "--target", folder, ROOT / "bridges/python_client"], check=True)
    sys.path.insert(0, str(folder))
    import patchbay_client
    assert pathlib.Path(patchbay_client.__file__).is_relative_to(folder)
    return patchbay_client
