"""Checks what the compiler cannot: who may include whom, how long files are, what headers must not do.

The rules are those of CONTRIBUTING.md; CMake checks the same layers on link dependencies.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

MAX_LINES = 600

# What each folder's files may include from this project. The longest matching folder counts.
ALLOWED = {
    "plugin_api/abi": ["plugin_api/abi"],
    "plugin_api/sdk": ["plugin_api/abi", "plugin_api/sdk"],
    "plugins": ["plugins", "plugin_api/sdk", "plugin_api/abi"],
    "host/base": ["host/base"],
    "host/formats": ["host/base", "host/formats"],
    "host/runtime": ["host/base", "host/formats", "host/runtime", "plugin_api/abi"],
    "host/plugins": ["host/base", "host/formats", "host/runtime", "host/plugins", "plugin_api/abi"],
    "host/validator": ["host/base", "host/formats", "host/runtime", "host/plugins", "host/validator",
                       "plugin_api"],
    "host/engine": ["host/base", "host/formats", "host/runtime", "host/plugins", "host/engine"],
    "host/service": ["host/base", "host/formats", "host/engine", "host/service"],
    "host/cli": ["host/base", "host/formats", "host/validator", "host/engine", "host/service", "host/cli"],
    "bridges": ["bridges"],
}

TORCH = re.compile(r"^(ATen|c10|torch)/")
# Folders whose headers and sources never see LibTorch, and folders whose headers do not.
WITHOUT_TORCH = ["host/base", "host/formats", "host/runtime/prompt", "host/service", "host/cli", "bridges"]
HEADERS_WITHOUT_TORCH = ["host/engine"]
PROTOBUF_ONLY_IN = ["host/service", "host/cli", "bridges", "tests"]

INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^">]+)[">]')


def tracked(*patterns: str) -> list[str]:
    """The repository's files, those included that are not committed yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    return [name for name in subprocess.check_output(command, text=True).splitlines()
            if pathlib.Path(name).exists()]


def inside(path: str, folders: list[str]) -> bool:
    return any(path.startswith(folder + "/") for folder in folders)


def folder_rule(path: str) -> tuple[str, list[str]] | None:
    matches = [folder for folder in ALLOWED if path.startswith(folder + "/")]
    return (max(matches, key=len), ALLOWED[max(matches, key=len)]) if matches else None


def check_includes(path: str, text: str) -> list[str]:
    complaints = []
    rule = folder_rule(path)
    is_test = path.endswith("_test.cc")
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        included, where = found.group(1), f"{path}:{number}"
        ours = included.startswith(("host/", "plugin_api/", "plugins/", "bridges/"))
        if ours and rule and not inside(included, rule[1]):
            complaints.append(f"{where}: {rule[0]} may not include {included}")
        if included == "torch/torch.h":
            complaints.append(f"{where}: torch/torch.h costs 13 s a file; include ATen/ATen.h")
        if TORCH.match(included):
            if inside(path, WITHOUT_TORCH):
                complaints.append(f"{where}: LibTorch does not belong here")
            if inside(path, HEADERS_WITHOUT_TORCH) and path.endswith(".h"):
                complaints.append(f"{where}: the engine's headers hold value types only")
        if included.endswith(".pb.h") and not inside(path, PROTOBUF_ONLY_IN) and not is_test:
            complaints.append(f"{where}: protobuf stays in the service")
    return complaints


def check_file(path: str) -> list[str]:
    text = pathlib.Path(path).read_text(encoding="utf-8")
    complaints = []
    lines = text.count("\n")
    if lines > MAX_LINES:
        complaints.append(f"{path}: {lines} lines, more than {MAX_LINES}; split it")
    if path.endswith((".cc", ".h")):
        complaints += check_includes(path, text)
    if path.endswith(".h"):
        guard = "PATCHBAY_" + re.sub(r"[/.\-]", "_", path).upper() + "_"
        if not path.startswith("plugin_api/") and f"#ifndef {guard}" not in text:
            complaints.append(f"{path}: its include guard should be {guard}")
    return complaints


def main() -> int:
    sources = tracked("*.cc", "*.h", "*.c", "*.py", "*.cmake", "**/CMakeLists.txt", "CMakeLists.txt", "dev")
    complaints = [complaint for path in sources for complaint in check_file(path)]
    for complaint in complaints:
        print(complaint)
    print(f"{len(sources)} files checked, {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
