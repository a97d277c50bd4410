"""What CMake allows and refuses: the build without the service, and the folder rules."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release")


def cached(name: str) -> str:
    """A variable of the build that is being tested."""
    found = re.search(rf"^{name}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.MULTILINE)
    assert found, name
    return found.group(1)


def configure(source: pathlib.Path, build: pathlib.Path, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(["cmake", "-G", "Ninja", "-S", source, "-B", build, *options], capture_output=True, text=True,
                          check=False)


def test_without_the_service(tmp_path):
    """Needs neither gRPC nor protobuf, and nothing that is built links them."""
    hidden = [f"-DCMAKE_DISABLE_FIND_PACKAGE_{package}=ON" for package in ("gRPC", "Protobuf")]
    result = configure(ROOT, tmp_path, "-DPATCHBAY_SERVICE=OFF", "-DCMAKE_BUILD_TYPE=Release",
                       f"-DTorch_DIR={cached('Torch_DIR')}", *hidden)
    assert result.returncode == 0, result.stderr
    rules = (tmp_path / "build.ninja").read_text()
    assert "bin/patchbay" in rules
    assert "libgrpc" not in rules and "libprotobuf" not in rules


def test_without_videos(tmp_path):
    """Needs no libav, and only the program that reads videos would link it."""
    for option, is_there in (("OFF", False), ("ON", True)):
        result = configure(ROOT, tmp_path / option, f"-DPATCHBAY_VIDEO={option}", "-DPATCHBAY_SERVICE=OFF",
                           f"-DTorch_DIR={cached('Torch_DIR')}")
        assert result.returncode == 0, result.stderr
        rules = (tmp_path / option / "build.ninja").read_text().replace(" ", "\n")
        assert ("bin/patchbay-video" in rules) == ("libavformat.so" in rules) == is_there
        assert rules.count("/libavformat.so") <= 2  # one program's dependency and its link


PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(LayerTest LANGUAGES CXX)
set(PATCHBAY_TESTS OFF)
include({rules})
file(WRITE "${{CMAKE_BINARY_DIR}}/empty.cc" "")
patchbay_add_library(engine_part LAYER engine SOURCES "${{CMAKE_BINARY_DIR}}/empty.cc")
patchbay_add_library(other_part LAYER {layer} SOURCES "${{CMAKE_BINARY_DIR}}/empty.cc" DEPS engine_part)
"""


@pytest.mark.parametrize(("layer", "allowed"), [("cli", True), ("service", True), ("runtime", False), ("formats", False)])
def test_layers(layer, allowed, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "CMakeLists.txt").write_text(PROJECT.format(rules=ROOT / "cmake/PatchbayTargets.cmake", layer=layer))
    result = configure(source, tmp_path / "build")
    assert (result.returncode == 0) == allowed, result.stderr
    if not allowed:
        assert f"(layer {layer}) may not use engine_part (layer engine)" in " ".join(result.stderr.split())
