"""Clips outpainted on a server: the frames of one process, and jobs that are cancelled, killed and run again."""

from __future__ import annotations

import io
import json
import signal
import subprocess

import numpy as np
import pytest
from clips import read_folder, scene, write_folder, write_video
from parity.plugins.animatediff import in_animatediff_names, make_module
from PIL import Image

QUICK = ["--steps", "4", "--seed", "7", "--guidance", "1", "--sampler", "euler", "--margins", "16,0,8,0"]


@pytest.fixture
def clip(tmp_path):
    return write_folder(tmp_path / "clip", scene(7))


def test_the_server_paints_what_one_process_does(new_server, program, model, clip, tmp_path):
    server = new_server().start()
    arguments = ["outpaint", clip, "a garden", *QUICK, "--frames-at-once", 3, "--overlap", 1, "--json"]
    there = server.run(*arguments, "--request-id", "one", "-o", tmp_path / "there")
    assert there.returncode == 0, there.stderr
    here = program.run(*arguments, "--model", model("sd1"), "--precision", "fp32", "--threads", 1, "-o", tmp_path / "here")
    assert here.returncode == 0, here.stderr
    assert np.array_equal(read_folder(tmp_path / "here"), read_folder(tmp_path / "there"))
    assert np.array_equal(read_folder(tmp_path / "there")[:, :, 16:80], scene(7))
    reports = [json.loads(result.stdout) for result in (here, there)]
    assert all(report["frames"] == 7 and report["jobs"] == 3 and report["peak_bytes"] > 0 for report in reports)


def upload_clip(host, folder, frames):
    path = write_video(folder / "clip.mp4", scene(frames))
    return host.upload(path.read_bytes()).id


def request(host, api, artifact, frames, **settings):
    choice = api.PluginChoice(plugin_id="outpainter", settings={
        "picture": api.ParameterValue(artifact_id=artifact), "left": api.ParameterValue(int_value=16)})
    return dict({"prompt": "a garden", "model": "sd1", "seed": 7, "sampler": "euler", "steps": 8, "guidance_scale": 1,
                 "size": {"width": 80, "height": 48}, "batch": frames, "plugins": [choice]}, **settings)


def pictures_of(host, generation) -> list[bytes]:
    return [Image.open(io.BytesIO(host.download(picture.artifact_id))).tobytes() for picture in generation.pictures]


def test_a_clip_with_regret_survives_a_kill(new_server, api, tmp_path):
    """The job runs again from the start, with the clip that was sent, and comes out as if nothing had been."""
    server = new_server().start()
    wanted = request(server, api, upload_clip(server, tmp_path, 3), 3)
    undisturbed = server.finish(server.create(**wanted).id)
    assert undisturbed.state == api.GENERATION_STATE_SUCCEEDED, undisturbed.error
    job = server.create(**wanted)
    for event in server.watch(job.id):
        if event.WhichOneof("event") == "progress":
            break
    server.process.kill()
    server.process.wait()
    server.start()
    again = server.finish(job.id)
    assert again.state == api.GENERATION_STATE_SUCCEEDED, again.error
    assert pictures_of(server, again) == pictures_of(server, undisturbed)


@pytest.mark.parametrize(("frames", "batch", "words"), [(3, 2, "ask for a batch of 3"), (3, 1, "ask for a batch of 3")])
def test_batches_that_do_not_fit(new_server, api, tmp_path, frames, batch, words):
    server = new_server().start()
    ended = server.finish(server.create(**request(server, api, upload_clip(server, tmp_path, frames), batch)).id)
    assert ended.state == api.GENERATION_STATE_FAILED and words in ended.error.message


def test_ctrl_c_cancels_the_job_there(new_server, api, clip, tmp_path):
    server = new_server().start()
    process = subprocess.Popen(
        [str(word) for word in (server.program, "--host", server.address, "outpaint", clip, *QUICK[2:], "--steps", 60, "-o",
                                tmp_path / "wide.mp4")], stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "step" in line:
            break
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert sorted(path.name for path in tmp_path.iterdir() if "wide" in path.name or "partial" in path.name) == []


def test_adapting_on_the_server(new_server, program, model, clip, tmp_path):
    """The motion module and the clip are sent; the adapter is made there and used there, and is that of one process."""
    module = in_animatediff_names(make_module(model("sd1"), tmp_path / "diffusers"), tmp_path / "motion.safetensors")
    server = new_server().start()
    arguments = ["outpaint", clip, "a garden", *QUICK, "--motion-module", module, "--adapt", 2]
    there = server.run(*arguments, "--save-adapter", tmp_path / "there.safetensors", "-o", tmp_path / "there")
    assert there.returncode == 0, there.stderr
    here = program.run(*arguments, "--model", model("sd1"), "--precision", "fp32", "--threads", 1, "--save-adapter",
                       tmp_path / "here.safetensors", "-o", tmp_path / "here")
    assert here.returncode == 0, here.stderr
    assert np.array_equal(read_folder(tmp_path / "there")[:, :, 16:80], scene(7))
    assert np.abs(read_folder(tmp_path / "there").astype(int) - read_folder(tmp_path / "here")).max() <= 2
