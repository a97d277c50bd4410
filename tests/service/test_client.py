"""The client commands draw what the embedded ones draw, bit for bit."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

QUICK = ["--steps", "3", "--seed", "11", "--size", "64x64"]
ENGINE = ["--threads", "1", "--precision", "fp32"]


@pytest.fixture
def files(tmp_path):
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "start.png")
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:48] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    save_file({"latent": torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))},
              tmp_path / "noise.safetensors")
    (tmp_path / "wildcards/colours").mkdir(parents=True)
    (tmp_path / "wildcards/colours/dark.txt").write_text("brown\ngrey\n")
    (tmp_path / "wildcards/thing.txt").write_text("a __colours/dark__ apple\na pear\n")
    return tmp_path


@pytest.fixture
def adapters(model, files):
    """A LoRA of the text encoder in loras/warm.safetensors and a textual inversion in token.safetensors."""
    config = json.loads((model("sd1") / "text_encoder/config.json").read_text())
    width = config["hidden_size"]
    generator = torch.Generator().manual_seed(4)
    (files / "loras").mkdir()
    name = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
    save_file({f"{name}.lora_down.weight": torch.randn(2, width, generator=generator),
               f"{name}.lora_up.weight": torch.randn(width, 2, generator=generator),
               f"{name}.alpha": torch.tensor(2.0)}, files / "loras/warm.safetensors")
    save_file({"emb_params": torch.randn(2, width, generator=generator)}, files / "token.safetensors")
    return files


def test_adapters_by_file_and_by_name(new_server, adapters, model):
    server = new_server().start("--loras", adapters / "loras")
    plain = ["generate", "a token apple", *QUICK, "-o"]
    assert server.run(*plain, adapters / "plain.png").returncode == 0
    seen = {(adapters / "plain.png").read_bytes()}
    tag = "a <lora:warm:0.7> apple"
    for number, (prompt, arguments, remote_only) in enumerate([
            ("a token apple", ["--lora", f"{adapters}/loras/warm.safetensors:0.7"], False),
            ("a token apple", ["--embedding", f"{adapters}/token.safetensors"], False),
            (tag, ["--compat", "a1111", "--lora-folder", f"{adapters}/loras"], False),
            (tag, ["--compat", "a1111"], True)]):
        remote = server.run("generate", prompt, *QUICK, *arguments, "-o", adapters / f"r{number}.png")
        assert remote.returncode == 0, remote.stderr
        picture = (adapters / f"r{number}.png").read_bytes()
        if remote_only:
            assert picture == (adapters / f"r{number - 1}.png").read_bytes()
            continue
        here = subprocess.run([server.program, "generate", prompt, "--model", model("sd1"), *QUICK, *ENGINE, *arguments,
                               "-o", adapters / "here.png"], capture_output=True, text=True, check=False)
        assert here.returncode == 0, here.stderr
        assert picture == (adapters / "here.png").read_bytes()
        assert picture not in seen
        seen.add(picture)


@pytest.mark.parametrize(("suffix", "arguments"), [
    ("png", []),
    ("jpg", ["--batch", "2", "--negative", "blur", "--guidance", "4", "--sampler", "dpmpp_2m", "--schedule", "karras"]),
    ("webp", ["--compat", "a1111", "--sampler", "euler_a", "--eta", "0.5", "--clip-skip", "2"]),
    ("png", ["--compat", "comfyui", "--image", "start.png", "--strength", "0.6"]),
    ("png", ["--image", "start.png", "--mask", "mask.png", "--hires", "96x96", "--hires-strength", "0.5"]),
    ("png", ["--initial-latent", "noise.safetensors"]),
    ("png", ["--wildcards", "wildcards", "--batch", "3"]),
])
def test_same_pictures_as_embedded(server, model, files, suffix, arguments):
    arguments = [str(files / argument) if (files / argument).exists() else argument for argument in arguments]
    prompt = "__thing__" if "--wildcards" in arguments else "an apple"
    latent = ["--save-latent", files / "latent-remote.safetensors"]
    remote = server.run("generate", prompt, *QUICK, *arguments, *latent, "-o", files / f"remote.{suffix}", "--json")
    assert remote.returncode == 0, remote.stderr
    latent = ["--save-latent", files / "latent-here.safetensors"]
    here = subprocess.run([server.program, "generate", prompt, "--model", model("sd1"), *QUICK, *ENGINE, *arguments,
                           *latent, "-o", files / f"here.{suffix}", "--json"], capture_output=True, text=True,
                          check=False)
    assert here.returncode == 0, here.stderr
    reports = [json.loads(result.stdout) for result in (remote, here)]
    assert reports[0].keys() == reports[1].keys()
    assert [reports[0][key] == reports[1][key] for key in ("seed", "size", "sampler", "schedule", "warnings")]
    assert len(reports[0]["files"]) == len(reports[1]["files"]) > 0
    for one, other in zip(reports[0]["files"], reports[1]["files"]):
        with open(one, "rb") as first, open(other, "rb") as second:
            assert first.read() == second.read()
    assert (files / "latent-remote.safetensors").read_bytes() == (files / "latent-here.safetensors").read_bytes()


def test_job_commands(server, files):
    identifier = server.run("generate", "an apple", *QUICK, "--detach", "--request-id", "one").stdout.strip()
    assert re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]{8}", identifier)
    again = server.run("generate", "an apple", *QUICK, "--detach", "--request-id", "one")
    assert again.stdout.strip() == identifier
    watched = server.run("job", "watch", identifier, "-o", files / "watched.png")
    assert watched.returncode == 0 and (files / "watched.png").exists(), watched.stderr
    got = json.loads(server.run("job", "get", identifier, "--json").stdout)
    assert (got["state"], got["seed"], len(got["pictures"])) == ("succeeded", 11, 1)
    assert [job["id"] for job in json.loads(server.run("job", "list", "--json").stdout)] == [identifier]
    assert server.run("job", "list", "--state", "failed").stdout == ""
    long = server.run("generate", "x", "--steps", 1000, "--size", "64x64", "--detach").stdout.strip()
    assert long in server.run("job", "cancel", long).stdout
    assert server.run("job", "watch", long).returncode == 130
    missing = server.run("job", "get", "nothing")
    assert missing.returncode == 1 and "nothing" in missing.stderr


def test_interrupt_cancels_the_job(server, files):
    process = subprocess.Popen([server.program, "--host", server.address, "generate", "x", "--steps", "1000", "--size",
                                "64x64", "-o", files / "x.png"], stderr=subprocess.PIPE, text=True)
    while "step" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    process.stderr.close()
    for _ in range(100):
        (job,) = json.loads(server.run("job", "list", "--json").stdout)
        if job["state"] == "cancelled":
            break
        time.sleep(0.05)
    assert job["state"] == "cancelled" and not (files / "x.png").exists()


def test_generate_outlives_a_restart_of_the_server(server, files):
    process = subprocess.Popen([server.program, "--host", server.address, "generate", "x", "--steps", "400", "--size",
                                "64x64", "-o", files / "x.png"], stderr=subprocess.PIPE, text=True)
    while "step" not in process.stderr.readline():
        pass
    address = server.address
    server.end(signal.SIGKILL)
    server.start("--grpc", address)
    process.stderr.read()
    assert process.wait(120) == 0 and (files / "x.png").exists()


def test_model_commands(server):
    (model,) = json.loads(server.run("model", "list", "--json").stdout)
    assert (model["name"], model["loaded"], model["default"]) == ("sd1", False, True)
    assert "loaded" in server.run("model", "load", "sd1").stdout
    assert json.loads(server.run("model", "list", "--json").stdout)[0]["loaded"]
    assert "loaded" not in server.run("model", "unload", "sd1").stdout
    assert json.loads(server.run("model", "inspect", "sd1", "--json").stdout)["family"] == "sd1"
    assert server.run("model", "inspect").stdout == server.run("model", "inspect", "sd1").stdout
    assert server.run("model", "load", "sd9").returncode == 1


def test_preview(server, files):
    result = server.run("generate", "an apple", "--steps", 100, "--size", "64x64", "--preview", files / "preview.png",
                        "-o", files / "out.png")
    assert result.returncode == 0 and Image.open(files / "preview.png").format == "PNG", result.stderr


@pytest.mark.parametrize(("arguments", "words"), [
    (["--precision", "fp32"], "serve"), (["--threads", "2"], "serve"), (["-o", "x.bmp"], ".png"),
    (["-o", "/nowhere/x.png"], "no folder"), (["--image", "/nowhere.png"], "--image"), (["--model", "sd7"], "sd1"),
    (["--guidance", "1e9"], "guidance"), (["--priority", "500"], "priority")])
def test_refused(server, tmp_path, arguments, words):
    result = server.run("generate", "x", "--size", "64x64", "--seed", 1,
                        *(["-o", tmp_path / "x.png"] if "-o" not in arguments else []), *arguments)
    assert result.returncode == 1 and words in result.stderr, result.stderr
    assert not (tmp_path / "x.png").exists()


def test_no_server(program, tmp_path):
    started = time.monotonic()
    result = program.run("--host", "127.0.0.1:1", "generate", "x", "-o", tmp_path / "x.png")
    assert result.returncode == 1 and result.stderr and time.monotonic() - started < 30
    result = program.run("generate", "x", "--detach")
    assert result.returncode == 1 and "--host" in result.stderr
