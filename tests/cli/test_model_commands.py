"""`model inspect` and `model sites` without a path look into the model that comes with the program."""

import json

import pytest


def test_inspect(program):
    result = program.run("model", "inspect", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["family"] == "sd1"


def test_sites(program):
    result = program.run("model", "sites")
    assert result.returncode == 0, result.stderr
    assert "unet.mid.attn.0.block.0.self" in result.stdout


@pytest.mark.parametrize("command", ["inspect", "sites"])
def test_missing_file(command, program):
    result = program.run("model", command, "/nowhere.safetensors")
    assert result.returncode == 1 and "/nowhere.safetensors" in result.stderr
