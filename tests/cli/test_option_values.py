"""What values options take, and what is said about the others."""

from __future__ import annotations

import os
import subprocess

import pytest

MOST_THREADS = 4 * len(os.sched_getaffinity(0))


def ended(program, *arguments) -> subprocess.CompletedProcess:
    """Wrong usage shows at once, long before a server would run or a picture be drawn."""
    return program.run(*arguments, timeout=20)


# Just above the limit only: a program without it would start as many.
@pytest.mark.parametrize("threads", ["0", "-1", "-99999999999", "", "many", "1.5", str(MOST_THREADS + 1)])
@pytest.mark.parametrize("command", [["generate", "x"], ["serve"]])
def test_threads_that_are_refused(command, threads, program, tmp_path):
    data = ["--data", tmp_path] if command == ["serve"] else ["-o", tmp_path / "x.png"]
    result = ended(program, *command, *data, "--threads", threads)
    assert result.returncode == 2 and "--threads" in result.stderr
    assert f"1 to {MOST_THREADS}" in result.stderr
    assert not list(tmp_path.iterdir())


def test_most_threads(program, model, tmp_path):
    result = program.run("generate", "x", "--model", model("sd1"), "--threads", MOST_THREADS, "--steps", 1,
                         "--size", "64x64", "-o", tmp_path / "x.png")
    assert result.returncode == 0, result.stderr
