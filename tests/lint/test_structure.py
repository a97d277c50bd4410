"""The structural rules accept this repository and refuse what breaks them."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

LINT = pathlib.Path(__file__).resolve().parent / "structure.py"
ROOT = LINT.parents[2]


def run(folder: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, LINT], cwd=folder, capture_output=True, text=True, check=False)


def test_this_repository():
    result = run(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("path", "text", "complaint"), [
    ("host/base/a.cc", '#include "host/engine/engine.h"\n', "host/base may not include host/engine/engine.h"),
    ("host/runtime/a.cc", '#include "host/cli/progress.h"\n', "host/runtime may not include"),
    ("host/cli/a.cc", "#include <ATen/ATen.h>\n", "LibTorch does not belong here"),
    ("host/engine/a.cc", "#include <torch/torch.h>\n", "include ATen/ATen.h"),
    ("host/runtime/a.cc", '#include "sum.pb.h"\n', "protobuf stays in the service"),
    ("host/base/a.h", "#pragma once\n", "its include guard should be PATCHBAY_HOST_BASE_A_H_"),
    ("host/base/a.cc", "\n" * 601, "601 lines, more than 600"),
])
def test_refuses(path, text, complaint, tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    result = run(tmp_path)
    assert result.returncode == 1
    assert complaint in result.stdout
