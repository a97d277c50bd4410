"""The plugin ABI as data: sizes, offsets, constants and ids, as a C compiler sees the headers.

    python3 tests/plugins/abi_layout.py plugin_api/abi > plugin_api/abi/abi-1.0.txt

What is marked as draft is left out; see plugin_api/COMPATIBILITY.md.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import tempfile

DRAFT_HEADERS = {"action.h"}
DRAFT_SECTION = "/* ---- Draft:"
# A constant, and a member, with the comment above it that says so. No comment's end within the comment.
DRAFT_CONSTANT = re.compile(r"/\* Draft\.(?:(?!\*/).)*\*/\s*PATCHBAY_\w+ = [^,\n]*,?", re.DOTALL)
DRAFT_MEMBER = re.compile(r"/\* Draft\..*?\*/[^;]*;", re.DOTALL)
STRUCT = re.compile(r"struct (patchbay_\w+) \{(.*?)\n\}", re.DOTALL)
ENUM = re.compile(r"enum \{(.*?)\}", re.DOTALL)
TEXT = re.compile(r'^#define (PATCHBAY_\w+) "', re.MULTILINE)
NUMBER = re.compile(r"^#define (PATCHBAY_\w+) \(?(?:0x)?\d\w*\)?$", re.MULTILINE)
# Minor versions grow; everything else stays.
GROWING = "PATCHBAY_ABI_MINOR"


def stable_text(header: pathlib.Path) -> str:
    text = header.read_text(encoding="utf-8").split(DRAFT_SECTION)[0]
    text = DRAFT_MEMBER.sub("", DRAFT_CONSTANT.sub("", text))
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def members(body: str) -> list[str]:
    names = []
    for declaration in body.split(";"):
        pointer = re.search(r"\(\*(\w+)\)", declaration)
        plain = re.search(r"(\w+)\s*(?:\[\w+\])?\s*$", declaration)
        if declaration.strip():
            names.append((pointer or plain).group(1))
    return names


def probe(headers: list[pathlib.Path]) -> list[str]:
    """The statements of a program that prints the layout."""
    lines = []
    for header in headers:
        text = stable_text(header)
        for name, body in STRUCT.findall(text):
            lines.append(f'printf("struct {name} %zu\\n", sizeof(struct {name}));')
            lines += [f'printf("field {name}.{member} %zu\\n", offsetof(struct {name}, {member}));'
                      for member in members(body)]
        constants = [entry.split("=")[0].strip() for body in ENUM.findall(text) for entry in body.split(",")]
        lines += [f'printf("constant {name} %lld\\n", (long long){name});'
                  for name in filter(None, constants + NUMBER.findall(text)) if name != GROWING]
        lines += [f'printf("text {name} %s\\n", {name});' for name in TEXT.findall(text)]
    return lines


def layout(include: pathlib.Path) -> list[str]:
    """Of the headers in include/patchbay/abi, one line for each fact."""
    headers = [path for path in sorted((include / "patchbay/abi").glob("*.h")) if path.name not in DRAFT_HEADERS]
    includes = "".join(f'#include "patchbay/abi/{path.name}"\n' for path in headers)
    program = f"#include <stddef.h>\n#include <stdio.h>\n{includes}int main(void) {{\n" + "\n".join(probe(headers)) + "\n}\n"
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "layout.c"
        source.write_text(program)
        subprocess.run(["cc", "-std=c11", f"-I{include}", source, "-o", source.with_suffix("")], check=True)
        return subprocess.check_output([source.with_suffix("")], text=True).splitlines()


def breaks(released: list[str], current: list[str]) -> list[str]:
    """What plugins built for `released` would stumble over in `current`."""
    now = dict(line.rsplit(" ", 1) for line in current)
    complaints = []
    for line in released:
        fact, value = line.rsplit(" ", 1)
        if fact not in now:
            complaints.append(f"{fact} is gone")
        elif fact.startswith("struct "):
            if int(now[fact]) < int(value):
                complaints.append(f"{fact} shrank from {value} to {now[fact]} bytes")
        elif now[fact] != value:
            complaints.append(f"{fact} was {value} and is {now[fact]}")
    return complaints


if __name__ == "__main__":
    print("\n".join(layout(pathlib.Path(sys.argv[1]))))
