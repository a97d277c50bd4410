"""`patchbay convert`: what torch.save() writes becomes a safetensors file, and nothing of it is run."""

from __future__ import annotations

import collections
import io
import os
import pickle
import zipfile

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file


@pytest.fixture
def convert(program, tmp_path):
    """convert(object or path) is the tensors; convert.message(object or path) the refusal."""

    def run(given, suffix=".pt"):
        path = given if isinstance(given, os.PathLike) else tmp_path / f"file{suffix}"
        if path is not given:
            torch.save(given, path)
        return path, program.run("convert", path, "-o", tmp_path / "out.safetensors")

    def tensors(given, suffix=".pt"):
        _, result = run(given, suffix)
        assert result.returncode == 0, result.stderr
        return load_file(tmp_path / "out.safetensors")

    def message(given) -> str:
        path, result = run(given)
        assert result.returncode == 1 and path.name in result.stderr, result.stderr
        assert len(result.stderr.splitlines()) == 1
        assert not (tmp_path / "out.safetensors").exists()
        return result.stderr

    tensors.message = message
    return tensors


def moma_file() -> dict:
    attentions = collections.OrderedDict()
    for index in range(4):
        for what in ("to_k_ip", "to_v_ip"):
            attentions[f"{index}.{what}.weight"] = torch.randn(8, 6 if index % 2 else 8).half()
        if index % 2 == 0:
            attentions[f"{index}.scale_learnable"] = torch.randn(1)
    return {"projectors": {"proj.weight": torch.randn(24, 5), "proj.bias": torch.randn(24),
                           "norm.weight": torch.randn(6), "norm.bias": torch.randn(6)},
            "self_cross_attentions": attentions,
            "llm_mapping": {"mapping.gate_proj.weight": torch.randn(5, 7), "mapping.up_proj.weight": torch.randn(5, 7),
                            "mapping.down_proj.weight": torch.randn(5, 5)}}


def test_every_kind_of_tensor(convert):
    storage = torch.arange(24.0)
    given = collections.OrderedDict(
        whole=storage.view(4, 6), turned=storage.view(4, 6).t(), part=storage[3:7], every_second=storage[::2],
        empty=torch.zeros(0, 3), one=torch.tensor(3.5), **{
            str(kind): torch.arange(6).to(kind).view(2, 3) for kind in (
                torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
                torch.bool)})
    given["parameter"] = torch.nn.Parameter(torch.randn(3, 2))
    ours = convert(given)
    assert ours.keys() == given.keys()
    for name, tensor in given.items():
        assert ours[name].dtype == tensor.dtype and torch.equal(ours[name], tensor), name


def test_a_modules_state_dict(convert):
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4))
    state = module.state_dict()
    assert hasattr(state, "_metadata")
    ours = convert(state, ".ckpt")
    assert all(torch.equal(ours[name], tensor) for name, tensor in state.items()) and len(ours) == len(state)
    assert convert({"state_dict": state, "global_step": 7}, ".ckpt").keys() == state.keys()


def test_an_ip_adapter(convert):
    given = {"image_proj": {"proj.weight": torch.randn(2, 3)}, "ip_adapter": {"1.to_k_ip.weight": torch.randn(4, 2)}}
    ours = convert(given, ".bin")
    assert ours.keys() == {"image_proj.proj.weight", "ip_adapter.1.to_k_ip.weight"}
    assert torch.equal(ours["ip_adapter.1.to_k_ip.weight"], given["ip_adapter"]["1.to_k_ip.weight"])


def test_moma(convert, tmp_path):
    given = moma_file()
    ours = convert(given, ".th")
    assert len(ours) == 4 + 8 + 2 + 3
    assert torch.equal(ours["moma.attn.2.scale"], given["self_cross_attentions"]["2.scale_learnable"])
    assert torch.equal(ours["moma.llm_mapping.up_proj.weight"], given["llm_mapping"]["mapping.up_proj.weight"])
    with safe_open(tmp_path / "out.safetensors", "pt") as file:
        assert file.metadata() == {"format": "moma", "version": "1"}
    (tmp_path / "out.safetensors").unlink()
    del given["self_cross_attentions"]["2.scale_learnable"]
    assert "moma.attn.2.scale" in convert.message(given)


def test_the_name_of_the_result(program, tmp_path):
    torch.save({"w": torch.ones(1), "step": 3}, tmp_path / "a.bin")
    result = program.run("convert", tmp_path / "a.bin")
    assert result.stdout.strip() == str(tmp_path / "a.safetensors") and "step" in result.stderr
    assert load_file(tmp_path / "a.safetensors")["w"] == 1
    # Files of both kinds lie side by side: none is written over unless it is named.
    torch.save({"w": torch.zeros(1)}, tmp_path / "a.bin")
    result = program.run("convert", tmp_path / "a.bin")
    assert result.returncode == 1 and "a.safetensors is there already" in result.stderr
    assert load_file(tmp_path / "a.safetensors")["w"] == 1
    assert program.run("convert", tmp_path / "a.bin", "-o", tmp_path / "a.safetensors").returncode == 0
    assert load_file(tmp_path / "a.safetensors")["w"] == 0
    result = program.run("convert", tmp_path / "a.safetensors")
    assert result.returncode == 1 and "a.safetensors" in result.stderr
    result = program.run("convert", tmp_path / "none.bin")
    assert result.returncode == 1 and "none.bin" in result.stderr


class Evil:
    def __init__(self, call, *arguments) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


@pytest.mark.parametrize("call, arguments, name", [
    (os.system, ("touch ran",), "posix.system"), (eval, ("open('ran', 'w')",), "eval"), (print, ("ran",), "print"),
    (io.open, ("ran", "w"), "open"), (torch.load, ("ran",), "torch"), (pickle.loads, (b"",), "pickle.loads")])
def test_code_is_refused_by_name(call, arguments, name, convert, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = convert.message({"w": torch.ones(2), "x": Evil(call, *arguments)})
    assert name in message and "nothing of it has been run" in message
    assert not (tmp_path / "ran").exists()


def test_whole_modules_are_refused(convert):
    assert "torch.nn.modules.linear.Linear" in convert.message(torch.nn.Linear(2, 2))


def test_other_formats(convert, tmp_path):
    torch.save({"w": torch.ones(2)}, tmp_path / "legacy.pt", _use_new_zipfile_serialization=False)
    assert "before PyTorch 1.6" in convert.message(tmp_path / "legacy.pt")
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "script.pt")
    assert "TorchScript" in convert.message(tmp_path / "script.pt")
    torch.save({"w": torch.ones(2)}, tmp_path / "late.pt", pickle_protocol=4)
    assert "protocol 4" in convert.message(tmp_path / "late.pt")
    assert "contiguous()" in convert.message({"w": torch.ones(1).expand(4)})
    (tmp_path / "page.bin").write_text("<!DOCTYPE html>")
    assert "web page" in convert.message(tmp_path / "page.bin")
    (tmp_path / "empty.bin").write_bytes(b"")
    convert.message(tmp_path / "empty.bin")


def test_damage(convert, tmp_path):
    torch.save({"w": torch.arange(1000.0)}, tmp_path / "good.pt")
    content = (tmp_path / "good.pt").read_bytes()
    bad = tmp_path / "bad.pt"
    for share in (0.1, 0.5, 0.9, 0.999):
        bad.write_bytes(content[:int(share * len(content))])
        convert.message(bad)
    middle = content.index(torch.arange(500.0, 501).numpy().tobytes())
    bad.write_bytes(content[:middle] + b"\xff" + content[middle + 1:])
    assert "damaged" in convert.message(bad)


def test_compressed_members_are_refused(convert, tmp_path):
    """A few bytes that would become gigabytes."""
    torch.save({"w": torch.zeros(1 << 20)}, tmp_path / "plain.pt")
    with zipfile.ZipFile(tmp_path / "plain.pt") as plain, \
            zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as bomb:
        for name in plain.namelist():
            bomb.writestr(name, plain.read(name))
    assert "compressed" in convert.message(tmp_path / "bomb.pt")


def test_shared_storages_do_not_multiply(convert):
    whole = torch.zeros(1 << 18)
    assert "many times" in convert.message({str(number): whole for number in range(50)})
