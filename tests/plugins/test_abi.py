"""Holds plugin_api/COMPATIBILITY.md: what was released stays as it was."""

import os
import pathlib
import re
import shutil

import pytest

from .abi_layout import breaks, layout

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release")
ABI = ROOT / "plugin_api/abi"
RELEASES = sorted(path.stem.removeprefix("abi-") for path in ABI.glob("abi-*.txt"))


@pytest.mark.parametrize("release", RELEASES)
def test_headers_still_hold_what_was_released(release):
    released = (ABI / f"abi-{release}.txt").read_text().splitlines()
    assert len(released) > 250
    assert breaks(released, layout(ABI)) == []


@pytest.mark.parametrize("release", RELEASES)
def test_released_headers_are_what_was_released(release):
    assert layout(ABI / "released" / release) == (ABI / f"abi-{release}.txt").read_text().splitlines()


@pytest.mark.parametrize("release", RELEASES)
def test_a_plugin_of_that_release_still_runs(program, release):
    kept = BUILD / "tests/plugins" / f"kept-{release.replace('.', '-')}"
    result = program.run("plugin", "validate", kept)
    assert result.returncode == 0, result.stdout
    assert "pass.runs" in result.stdout and "patchbay.hook.guidance/1 3 times" in result.stdout


def edited(folder: pathlib.Path, header: str, pattern: str, replacement: str) -> list[str]:
    """What a change to a header breaks."""
    shutil.copytree(ABI / "patchbay", folder / "patchbay")
    path = folder / "patchbay/abi" / header
    text, count = re.subn(pattern, replacement, path.read_text())
    assert count == 1
    path.write_text(text)
    return breaks((ABI / "abi-1.0.txt").read_text().splitlines(), layout(folder))


def test_breaking_changes_are_found(tmp_path):
    assert edited(tmp_path / "a", "step.h", r"  int32_t index;\n", "  int64_t added;\n  int32_t index;\n")
    assert edited(tmp_path / "b", "step.h", r"  const char\* sampler;\n", "")[-1] == "field patchbay_step.sampler is gone"
    assert edited(tmp_path / "c", "status.h", r"PATCHBAY_CANCELLED = 1", "PATCHBAY_CANCELLED = 21")
    assert edited(tmp_path / "d", "hooks.h", r"hook\.guidance/1", "hook.guidance/2")


def test_growing_at_the_end_is_allowed(tmp_path):
    assert edited(tmp_path, "step.h", r"(  const char\* sampler;\n)", r"\1  int64_t added;\n") == []
