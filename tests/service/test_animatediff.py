"""Clips from a server, and the action that adapts to one: its result, cancelling, going on, and what it refuses."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import time

import grpc
import numpy
import pytest
import torch
from parity.pipeline import reference
from parity.plugins.animatediff import in_animatediff_names, make_module, metadata_of, spelling
from PIL import Image
from safetensors.torch import load, load_file, save, save_file

from service.plugin_action_calls import finished, metadata_in, results, start_action, watch, watch_once

TRAINING = {"rank": "4", "frames_at_once": "3", "learning_rate": "0.01", "prompt": "a cat"}


def clip(frames: int = 5, size: tuple[int, int] = (48, 32), first: int = 0) -> bytes:
    """A square that moves over a gradient, as an animated WebP file."""
    pictures = []
    for i in range(first, first + frames):
        ground = numpy.linspace(0, 200, size[0])[None, :, None] * numpy.ones((size[1], 1, 3))
        ground[8:20, 4 + 5 * i:14 + 5 * i] = (250, 40, 40)
        pictures.append(Image.fromarray(ground.astype(numpy.uint8)))
    stream = io.BytesIO()
    pictures[0].save(stream, "WEBP", save_all=True, append_images=pictures[1:], lossless=True)
    return stream.getvalue()


@pytest.fixture(scope="session")
def files(model, tmp_path_factory):
    """A motion module in AnimateDiff's names."""
    folder = tmp_path_factory.mktemp("motion")
    return in_animatediff_names(make_module(model("sd1"), folder / "diffusers"), folder / "motion.safetensors")


@pytest.fixture
def folder(files, tmp_path):
    """The server's folder of plugins' files, with the motion module."""
    made = tmp_path / "plugin-files"
    made.mkdir()
    shutil.copy(files, made)
    return made


@pytest.fixture
def moving(new_server, folder):
    return new_server().start("--plugin-files", folder)


def adapt(server, api, model: str = "", **settings: object):
    given = {"module": "motion.safetensors", "frames": clip(), **TRAINING, **settings}
    return start_action(server, api, "animatediff", "adapt", model, **given)


def refusal(server, api, **settings: object) -> str:
    try:
        last = watch(server, api, adapt(server, api, **settings).id)[-1]
    except grpc.RpcError as error:
        return error.details()
    assert last.state == api.PLUGIN_ACTION_STATE_FAILED and not last.results
    return last.error.message


def test_it_makes_an_adaptation_and_changes_nothing_else(moving, api, folder, tmp_path):
    before = (folder / "motion.safetensors").read_bytes()
    run = adapt(moving, api, steps=8)
    seen = watch(moving, api, run.id)
    assert seen[-1].state == api.PLUGIN_ACTION_STATE_SUCCEEDED, seen[-1].error
    fractions = [state.fraction for state in seen]
    assert fractions == sorted(fractions)
    assert seen[-1].activity.startswith("step 8 of 8, loss ")
    made = results(moving, seen[-1])
    assert sorted(made) == ["adaptation.safetensors", "state.safetensors"]
    (tmp_path / "a.safetensors").write_bytes(made["adaptation.safetensors"])
    facts = metadata_of(tmp_path / "a.safetensors")
    assert (facts["rank"], facts["multiplier"], facts["steps"], facts["groupnorm_over_frames"]) == ("4", "8", "8", "false")
    assert float(facts["mask_most"]) == 0.4 and facts["clip"] and facts["module"] and facts["base_model"]
    tensors = load(made["adaptation.safetensors"])
    assert len(tensors) == 2 * 7 * 21 and all(tensor.abs().max() > 0 for tensor in tensors.values())
    layers = {name.partition(".transformer_blocks.0.")[2].rpartition(".weight")[0].rpartition(".")[0] for name in tensors}
    assert layers == {f"attention_blocks.{a}.to_{what}" for a in (0, 1) for what in "qkv"} | {"ff.net.2"}
    assert (folder / "motion.safetensors").read_bytes() == before


def mean_loss(server, api, state: bytes | None, steps: int) -> float:
    """Over the steps that end with this one, from the state or from the beginning."""
    seen = watch(server, api, adapt(server, api, resume=state, steps=steps, learning_rate=0.01).id)
    assert seen[-1].state == api.PLUGIN_ACTION_STATE_SUCCEEDED, seen[-1].error
    return float(seen[-1].activity.rpartition(" ")[2])


def test_the_loss_falls(moving, api):
    """The same steps' random numbers, with what was learnt before them and without."""
    trained = finished(moving, api, adapt(moving, api, steps=40))["state.safetensors"]
    with_training = mean_loss(moving, api, trained, 52)
    # The untrained: the same state with all changes taken out.
    tensors = {name: torch.zeros_like(tensor) if ".up." in name or "moment" in name else tensor
               for name, tensor in load(trained).items()}
    # With such second moments Adam's steps change nothing.
    untrained = save({name: tensor + (1e12 if name.startswith("second") else 0) for name, tensor in tensors.items()},
                     metadata=metadata_in(trained))
    without = mean_loss(moving, api, untrained, 52)
    print(f"mean loss over 12 steps: {with_training:.4f}, without training {without:.4f}")
    assert with_training < 0.97 * without


def test_training_goes_on_as_if_it_had_not_been_left(moving, api):
    whole = finished(moving, api, adapt(moving, api, steps=6))
    again = finished(moving, api, adapt(moving, api, steps=6))
    assert again == whole
    half = finished(moving, api, adapt(moving, api, steps=3))
    on = finished(moving, api, adapt(moving, api, steps=6, resume=half["state.safetensors"]))
    assert on == whole
    other = finished(moving, api, adapt(moving, api, steps=6, seed=43))
    assert other["adaptation.safetensors"] != whole["adaptation.safetensors"]


def test_cancelled_in_the_middle(moving, api):
    run = adapt(moving, api, steps=100000)
    while watch_once(moving, api, run.id).fraction < 3e-5:
        time.sleep(0.02)
    begin = time.monotonic()
    moving.plugins.CancelPluginAction(api.CancelPluginActionRequest(run_id=run.id))
    last = watch(moving, api, run.id)[-1]
    assert last.state == api.PLUGIN_ACTION_STATE_CANCELLED and time.monotonic() - begin < 10
    state = results(moving, last)
    assert list(state) == ["state.safetensors"]
    made = int(metadata_in(state["state.safetensors"])["steps"])
    assert made >= 3
    # What it had made is what an uninterrupted run makes.
    cut = finished(moving, api, adapt(moving, api, steps=made + 2, resume=state["state.safetensors"]))
    assert cut == finished(moving, api, adapt(moving, api, steps=made + 2))
    assert moving.finish(moving.create().id).state == api.GENERATION_STATE_SUCCEEDED


@pytest.mark.parametrize("where", ["server", "alone"])
def test_ctrl_c_leaves_the_state_on_disk(where, request, program, model, files, tmp_path):
    (tmp_path / "clip.webp").write_bytes(clip())
    if where == "server":
        server = request.getfixturevalue("moving")
        words = [server.program, "--host", server.address, "plugin", "action", "animatediff", "adapt"]
    else:
        words = [program.path, "plugin", "action", "animatediff", "adapt", "--model", model("sd1"), "--threads", 1]
    fields = {"module": files, "frames": tmp_path / "clip.webp", **TRAINING}
    words += [word for name, value in fields.items() for word in (f"--{name}", value)]

    def run(folder: str, *more: object) -> subprocess.Popen:
        return subprocess.Popen([str(word) for word in (*words, *more, "-o", tmp_path / folder)], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    process = run("cut", "--steps", 400)
    while not process.stderr.readline().startswith("1"):  # 10 %
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=20)
    assert process.returncode == 130 and "cancelled" in said
    state = tmp_path / "cut/state.safetensors"
    assert printed == f"{state}\n" and os.listdir(state.parent) == [state.name]
    steps = int(metadata_in(state.read_bytes())["steps"]) + 1
    for running in (run("on", "--steps", steps, "--resume", state), run("whole", "--steps", steps)):
        _, said = running.communicate(timeout=60)
        assert running.returncode == 0, said
    for name in ("adaptation.safetensors", "state.safetensors"):
        assert (tmp_path / "on" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_killed_training_leaves_its_last_state(program, model, files, tmp_path):
    (tmp_path / "clip.webp").write_bytes(clip())
    fields = {"module": files, "frames": tmp_path / "clip.webp", **TRAINING, "steps": 100000, "save_every": 2}
    words = [program.path, "plugin", "action", "animatediff", "adapt", "--model", model("sd1"), "-o", tmp_path / "made",
             *(word for name, value in fields.items() for word in (f"--{name}", value))]
    process = subprocess.Popen([str(word) for word in words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    state = tmp_path / "made/state.safetensors"
    end = time.monotonic() + 60
    while not state.exists() and time.monotonic() < end:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    made = int(metadata_in(state.read_bytes())["steps"])
    assert made >= 2 and made % 2 == 0


def test_it_keeps_its_state_on_the_way(moving, api):
    """The last state takes the place of those before it, in what is told and in the store."""
    def stored():
        return {path.name for path in (moving.folder / "data/artifacts").rglob("?" * 64)}

    before = stored()
    last = watch(moving, api, adapt(moving, api, steps=6, save_every=1).id)[-1]
    assert [result.name for result in last.results] == ["state.safetensors", "adaptation.safetensors"]
    assert {result.artifact_id for result in last.results} <= stored()
    assert len(stored() - before) <= 3  # with the clip


def test_an_inpainting_model_is_shown_the_masks(new_server, model, api, folder):
    server = new_server()
    (server.models / "inpainting").symlink_to(model("sd1-inpainting"))
    server.start("--plugin-files", folder)
    told = finished(server, api, adapt(server, api, model="inpainting", steps=2))
    others = finished(server, api, adapt(server, api, model="inpainting", steps=2, mask_most=0))
    tensors = load(others["adaptation.safetensors"])
    # The loss is over the whole frame: only the network can have seen the masks.
    assert any(not torch.equal(tensor, tensors[name]) for name, tensor in load(told["adaptation.safetensors"]).items())


def test_the_loss_over_hidden_parts_alone(moving, api):
    whole = finished(moving, api, adapt(moving, api, steps=2))["adaptation.safetensors"]
    hidden = finished(moving, api, adapt(moving, api, steps=2, loss="unknown"))["adaptation.safetensors"]
    tensors = load(whole)
    assert any(not torch.equal(tensor, tensors[name]) for name, tensor in load(hidden).items())


def on_canvas(colour: str, opacity: int = 255) -> bytes:
    """The clip with transparent margins, in which the colour cannot be seen."""
    frames = Image.open(io.BytesIO(clip()))
    pictures = []
    for number in range(frames.n_frames):
        frames.seek(number)
        canvas = Image.new("RGBA", (64, 32), colour)
        canvas.putalpha(0)
        known = frames.convert("RGBA")
        known.putalpha(opacity)
        canvas.paste(known, (8, 0))
        pictures.append(canvas)
    stream = io.BytesIO()
    pictures[0].save(stream, "WEBP", save_all=True, append_images=pictures[1:], lossless=True, exact=True)
    return stream.getvalue()


def test_what_is_transparent_is_not_learned(moving, api):
    made = [finished(moving, api, adapt(moving, api, steps=2, frames=frames))["adaptation.safetensors"]
            for frames in (on_canvas("red"), on_canvas("blue"), clip())]
    assert made[0] == made[1] != made[2]
    assert "nothing of frame 1 is known" in refusal(moving, api, steps=2, frames=on_canvas("red", 0))


def test_what_it_refuses(moving, api, folder):
    assert "there is no clip to adapt to" in refusal(moving, api, frames=None, steps=1)
    assert "the clip has 5 frames, and 6 are needed" in refusal(moving, api, frames_at_once=6, steps=1)
    assert "the clip has 5 frames, and 9 are needed" in refusal(moving, api, frames_at_once=3, frame_stride=4, steps=1)
    assert "no two that are 9 apart" in refusal(moving, api, frames_at_once=0, frame_stride=9, steps=1)
    assert "17 frames are more than this motion module was made for, which has positions for 16" in refusal(
        moving, api, frames_at_once=17, steps=1)
    assert "smaller than the 8x8" in refusal(moving, api, frames=clip(size=(80, 7)), steps=1)
    assert "mask_least is 0.4, which is more than mask_most, 0.3" in refusal(
        moving, api, mask_least=0.4, mask_most=0.3, steps=1)
    state = finished(moving, api, adapt(moving, api, steps=2))
    assert "has made 2 steps already; ask for more" in refusal(moving, api, steps=2, resume=state["state.safetensors"])
    assert "another seed (42, and now it is 43)" in refusal(
        moving, api, steps=3, seed=43, resume=state["state.safetensors"])
    assert "another clip" in refusal(moving, api, steps=3, frames=clip(first=1), resume=state["state.safetensors"])
    assert "holds no training to go on with" in refusal(moving, api, steps=3, resume=state["adaptation.safetensors"])
    assert "is nothing that the action" in refusal(
        moving, api, steps=3, resume=(folder / "motion.safetensors").read_bytes())


# ---- Drawing ----


def refused(program, model, *arguments, **settings) -> str:
    done = program.run("generate", reference.PROMPT, "--model", model, "--size", "64x64", "--steps", 1, "-o",
                       program.folder / "x.png", *arguments, *spelling(**settings))
    assert done.returncode != 0
    return done.stderr


def changed(path, folder, change, metadata=None):
    """A copy with other tensors."""
    tensors = load_file(path)
    change(tensors)
    made = folder / "changed.safetensors"
    save_file(tensors, made, metadata=metadata or metadata_of(path))
    return made


def test_modules_that_do_not_fit(files, program, model, tmp_path):
    sd1 = model("sd1")
    block = "down_blocks.0.motion_modules.0.temporal_transformer"
    assert "there is no motion module" in refused(program, sd1, scale=1)
    missing = changed(files, tmp_path, lambda t: t.pop(f"{block}.transformer_blocks.0.attention_blocks.1.to_k.weight"))
    assert "attention_blocks.1.to_k.weight" in refused(program, sd1, module=missing)
    narrow = changed(files, tmp_path, lambda t: t.update({f"{block}.norm.weight": torch.ones(16)}))
    error = refused(program, sd1, module=narrow)
    assert "is for another model" in error and "gives 32 channels" in error
    assert "another structure" in refused(program, model("sdxl"), module=files)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(files.read_bytes()[:-100])
    assert "cut.safetensors" in refused(program, sd1, module=cut)
    assert "is no motion module of AnimateDiff" in refused(program, sd1, module=sd1 / "unet/diffusion_pytorch_model.safetensors")
    heads = changed(files, tmp_path, lambda t: None, {"num_attention_heads": "5"})
    assert "cannot have 5 heads" in refused(program, sd1, module=heads)
    assert "window: 17 frames are more" in refused(program, sd1, module=files, window=17)
    assert "stride: windows of 8 frames" in refused(program, sd1, module=files, window=8, stride=9)


def test_adaptations_that_do_not_fit(files, program, model, moving, api, tmp_path):
    sd1 = model("sd1")
    made = finished(moving, api, adapt(moving, api, steps=1))["adaptation.safetensors"]
    lora = tmp_path / "lora.safetensors"
    lora.write_bytes(made)
    # The server's module is the same as this one.
    fits = program.generate(sd1, reference.PROMPT, "--size", "64x64", "--steps", 1, "--batch", 2,
                            *spelling(module=files, lora=lora))[0]
    assert fits.isfinite().all()
    other = changed(files, tmp_path, lambda t: next(iter(t.values())).mul_(1.01))
    assert "was made for another motion module" in refused(program, sd1, module=other, lora=lora)
    facts = metadata_of(lora)
    elsewhere = tmp_path / "elsewhere.safetensors"
    save_file(load_file(lora), elsewhere, metadata={**facts, "base_model": "x"})
    assert "was made for another model" in refused(program, sd1, module=files, lora=elsewhere)
    save_file(load_file(lora), elsewhere, metadata={**facts, "rank": "5"})
    assert "and not 5x32" in refused(program, sd1, module=files, lora=elsewhere)
    save_file(load_file(lora), elsewhere, metadata={**facts, "groupnorm_over_frames": "true"})
    assert "groupnorm_over_frames=true" in refused(program, sd1, module=files, lora=elsewhere)
    assert "is nothing that the action" in refused(program, sd1, module=files, lora=files)
    assert "leave nothing of the canvas" in refused(program, sd1, module=files, lora=lora, lora_decay=0.5, left=40, right=24)


def test_a_clip_from_a_server(moving, api):
    choice = {"plugin_id": "animatediff", "settings": {"module": {"typed_value": "motion.safetensors"}}}
    done = moving.finish(moving.create(batch=3, plugins=[choice]).id)
    assert done.state == api.GENERATION_STATE_SUCCEEDED, done.error
