"""`patchbay plugin docs`, and the tables in READMEs that must be what it prints."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release")
HEADING = "| parameter | type | default | range | what it does |"
PLUGINS = sorted(path.parent.name for path in (BUILD / "plugins").glob("*/plugin.json"))


def table(text: str) -> list[str]:
    """The lines of the table of parameters in a page; empty where there is none."""
    lines = text.splitlines()
    if HEADING not in lines:
        return []
    start = lines.index(HEADING)
    end = next((i for i in range(start, len(lines)) if not lines[i].startswith("|")), len(lines))
    return lines[start:end]


@pytest.mark.parametrize("plugin", PLUGINS)
def test_readme_tables_are_what_docs_prints(program, plugin):
    printed = program.run("plugin", "docs", "--parameters", BUILD / "plugins" / plugin)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.splitlines()[0] == HEADING
    in_readme = table((ROOT / "plugins" / plugin / "README.md").read_text())
    assert in_readme == printed.stdout.splitlines(), f"run: patchbay plugin docs --parameters {plugin}"


def test_plugins_were_found():
    assert {"cfg-rescale", "cfgpp", "deep-shrink", "hidiffusion", "pag"} <= set(PLUGINS)


def test_docs_of_an_example(program):
    printed = program.run("plugin", "docs", BUILD / "examples/rising-guidance")
    assert printed.returncode == 0, printed.stderr
    assert "| `start` | double, ratio | `0.2` | 0..2 | The share of the guidance at the first step. |" in printed.stdout
    assert "- `patchbay.hook.guidance/1`" in printed.stdout and "- phase: normal" in printed.stdout
    several = "- may be used several times in one chain"
    assert several not in printed.stdout
    assert several in program.run("plugin", "docs", BUILD / "plugins/ip-adapter").stdout


def test_docs_says_what_is_missing(program, tmp_path):
    printed = program.run("plugin", "docs", tmp_path / "nowhere")
    assert printed.returncode == 1 and "nowhere" in printed.stderr
