"""A plugin from the template, built outside of this tree against an installed SDK, as its author would."""

import os
import pathlib
import re
import subprocess

import pytest
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release")
TORCH = pathlib.Path(torch.__file__).parent / "share/cmake/Torch"


def run(*arguments, **options):
    result = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True, check=False,
                            **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def sdk(tmp_path_factory):
    """The SDK where `cmake --install` puts it."""
    folder = tmp_path_factory.mktemp("sdk")
    run("cmake", "--install", BUILD, "--component", "sdk", "--prefix", folder)
    return folder


def test_sdk_is_complete_and_private(sdk):
    headers = {path.name for path in (sdk / "include/patchbay").glob("*.h")}
    assert {"aten.h", "stable.h", "plugin.h", "dlpack.h"} <= headers
    assert {path.name for path in (sdk / "include/patchbay/abi").glob("*.h")} >= {"plugin.h", "hooks.h", "version.h"}
    assert (sdk / "bin/patchbay-plugin-manifest").stat().st_mode & 0o111
    for file in (sdk / "lib/cmake/Patchbay").iterdir():
        assert str(ROOT) not in file.read_text(), f"{file} knows where it was built"


@pytest.mark.parametrize("tier", ["exact", "stable", "c"])
def test_new_plugin_builds_and_passes(program, sdk, tmp_path, tier):
    project = tmp_path / "project"
    result = program.run("plugin", "new", "my-idea", "--tier", tier, "-o", project)
    assert result.returncode == 0, result.stderr
    assert not re.search(r"@[A-Z_]+@", "".join(path.read_text() for path in project.rglob("*") if path.is_file()))
    run("cmake", "-S", project, "-B", project / "build", f"-DPatchbay_DIR={sdk}/lib/cmake/Patchbay",
        *([] if tier == "c" else [f"-DTorch_DIR={TORCH}"]))
    run("cmake", "--build", project / "build")
    plugin = project / "build/plugins/my-idea"
    result = program.run("plugin", "validate", plugin)
    assert result.returncode == 0, result.stdout
    docs = program.run("plugin", "docs", plugin).stdout
    assert "| `strength` | double | `0.1` | -1..1 |" in docs and "`patchbay.hook.guidance/1`" in docs


def test_new_plugin_says_what_is_wrong(program, tmp_path):
    result = program.run("plugin", "new", "My Idea", "-o", tmp_path / "a")
    assert result.returncode == 1 and "is no name for a plugin" in result.stderr
    assert not (tmp_path / "a").exists()
    (tmp_path / "b").mkdir()
    (tmp_path / "b/file").write_text("")
    result = program.run("plugin", "new", "idea", "-o", tmp_path / "b")
    assert result.returncode == 1 and "not empty" in result.stderr
    assert program.run("plugin", "new", "idea", "--tier", "rust", "-o", tmp_path / "c").returncode == 2
