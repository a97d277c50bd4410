"""`patchbay outpaint` on clips with a motion module, and adapted to the clip first."""

from __future__ import annotations

import json
import signal
import subprocess

import numpy as np
import pytest
from clips import clip_file, read_folder, scene, write_folder
from parity.plugins.animatediff import in_animatediff_names, make_module
from PIL import Image
from service.plugin_action_calls import metadata_in

QUICK = ("--steps", 2, "--seed", 7, "--precision", "fp32", "--threads", 1, "--guidance", 1, "--sampler", "euler")
PLAIN = ("--plugin", "outpainter:jump_repeats=0")


@pytest.fixture(scope="module")
def module(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("motion")
    return in_animatediff_names(make_module(model("sd1"), folder / "diffusers"), folder / "motion.safetensors")


@pytest.fixture
def outpaint(program, model, tmp_path):
    """outpaint(clip, arguments...): the frames, and the report."""
    def run(clip, *arguments: object, to: str = "wide"):
        result = program.run("outpaint", clip, "a garden", "--margins", "16,0,5,0", *arguments, "--model", model("sd1"),
                             "-o", tmp_path / to, "--json", *QUICK, *PLAIN)
        assert result.returncode == 0, result.stderr
        return read_folder(tmp_path / to), json.loads(result.stdout)

    return run


def test_frames_act_on_each_other(outpaint, module, tmp_path):
    clip = scene(12)
    folder = write_folder(tmp_path / "clip", clip)
    drawn, report = outpaint(folder, "--motion-module", module, "--frames-at-once", 8)
    assert report["jobs"] == 2 and report["frames"] == 12 and "animatediff" in report["plugins"]
    assert np.array_equal(drawn[:, :, 16:80], clip)
    changed = clip.copy()
    changed[7] = 255 - clip[7]
    other, _ = outpaint(write_folder(tmp_path / "changed", changed), "--motion-module", module, "--frames-at-once", 8,
                        to="other")
    assert not np.array_equal(drawn[0, :, :16], other[0, :, :16])
    # The last frames of the first job lead on the second.
    assert not np.array_equal(drawn[9, :, :16], other[9, :, :16])


def test_it_is_generate_with_both_plugins(outpaint, program, model, module, tmp_path):
    clip = scene(3)
    drawn, _ = outpaint(write_folder(tmp_path / "clip", clip), "--motion-module", module)
    (tmp_path / "clip.png").write_bytes(clip_file(clip))
    result = program.run(
        "generate", "a garden", "--model", model("sd1"), "--size", "88x48", "--batch", 3, *QUICK, "--plugin",
        f"animatediff:module={module}", "--plugin",
        f"outpainter:picture={tmp_path}/clip.png,left=16,top=0,right=5,bottom=0,jump_repeats=0,shared_noise=false",
        "-o", tmp_path / "frame.png")
    assert result.returncode == 0, result.stderr
    assert np.array_equal(drawn, np.stack([np.asarray(Image.open(tmp_path / f"frame-{i}.png")) for i in (1, 2, 3)]))


def test_adapting_first_is_adapting_before(outpaint, module, tmp_path):
    folder = write_folder(tmp_path / "clip", scene(4))
    without, _ = outpaint(folder, "--motion-module", module, to="without")
    kept = tmp_path / "kept.safetensors"
    first, report = outpaint(folder, "--motion-module", module, "--adapt", 3, "--save-adapter", kept, to="first")
    assert report["adapt_seconds"] > 0 and kept.stat().st_size > 1000
    again, _ = outpaint(folder, "--motion-module", module, "--adapter", kept, to="again")
    assert np.array_equal(first, again) and not np.array_equal(first, without)
    assert np.array_equal(first[:, :, 16:80], scene(4))
    slower, _ = outpaint(folder, "--motion-module", module, "--adapt", 3, "--adapt-with", "learning_rate=1e-6", to="slower")
    assert not np.array_equal(slower, first)


def test_an_adaptation_to_shared_noise_is_drawn_with_it(outpaint, program, model, module, tmp_path):
    clip = scene(3)
    folder = write_folder(tmp_path / "clip", clip)
    kept = tmp_path / "kept.safetensors"
    shared, _ = outpaint(folder, "--motion-module", module, "--adapt", 2, "--adapt-with", "shared_noise=true",
                         "--save-adapter", kept, to="shared")
    (tmp_path / "clip.png").write_bytes(clip_file(clip))

    def generate(of_outpainter: str) -> np.ndarray:
        result = program.run(
            "generate", "a garden", "--model", model("sd1"), "--size", "88x48", "--batch", 3, *QUICK, "--plugin",
            f"animatediff:module={module},lora={kept},left=16,right=8", "--plugin",
            f"outpainter:picture={tmp_path}/clip.png,left=16,top=0,right=5,bottom=0,jump_repeats=0,{of_outpainter}",
            "-o", tmp_path / "frame.png")
        assert result.returncode == 0, result.stderr
        return np.stack([np.asarray(Image.open(tmp_path / f"frame-{i}.png")) for i in (1, 2, 3)])

    assert np.array_equal(shared, generate("shared_noise=true"))
    again, _ = outpaint(folder, "--motion-module", module, "--adapter", kept, to="again")
    assert np.array_equal(shared, again)
    # Nothing goes back here and nothing is drawn anew: the first noise is animatediff's to share.
    assert np.array_equal(shared, generate("shared_noise=false"))
    own, _ = outpaint(folder, "--motion-module", module, "--adapt", 2, to="own")
    assert not np.array_equal(own, shared)


def refusal(program, model, clip, module, *arguments: object, margins: str = "16,0,5,0") -> str:
    result = program.run("outpaint", clip, "a garden", "--margins", margins, "--motion-module", module, *arguments,
                         "--model", model("sd1"), *QUICK)
    assert result.returncode == 1
    assert "step" not in result.stderr, "it has trained or painted before it said so"
    return result.stderr


def test_what_cannot_be_written_is_said_before_anything_is_trained(program, model, module, tmp_path):
    clip = write_folder(tmp_path / "clip", scene(3))
    adapt, out = ("--adapt", 2), ("-o", tmp_path / "wide.webp")
    copy = tmp_path / "module.safetensors"
    copy.write_bytes(module.read_bytes())
    for kept, says in [(copy, "would write over"), (tmp_path / "wide.webp", "would write over"),
                       (tmp_path / "none/kept.safetensors", "there is no folder"), (tmp_path, "folder")]:
        said = refusal(program, model, clip, copy, *adapt, "--save-adapter", kept, *out)
        assert "--save-adapter" in said and says in said
    assert copy.read_bytes() == module.read_bytes()
    said = refusal(program, model, clip, module, *adapt, "-o", tmp_path / "wide.mp4")
    assert "even sizes" in said
    said = refusal(program, model, clip, module, *adapt, *out, margins="3900")
    assert "say --frames-at-once 1" in said
    assert "scale" in refusal(program, model, clip, module, *adapt, "--plugin", "animatediff:scale=0", *out)
    for what, says in [(("--plugin", "nonsense"), "nonsense"), (("--lora", "missing.safetensors"), "missing.safetensors"),
                       (("--plugin", "outpainter:nothing=1"), 'there is no setting "nothing"')]:
        assert says in refusal(program, model, clip, module, *adapt, *what, *out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip", "module.safetensors"]


def test_it_trains_with_the_settings_that_it_draws_with(outpaint, module, tmp_path):
    folder = write_folder(tmp_path / "clip", scene(3))
    over_frames = ("--plugin", "animatediff:groupnorm_over_frames=true")
    drawn, _ = outpaint(folder, "--motion-module", module, "--adapt", 2, *over_frames)
    assert np.array_equal(drawn[:, :, 16:80], scene(3))


def test_an_interrupted_training_is_taken_up_again(program, model, module, tmp_path):
    clip = write_folder(tmp_path / "clip", scene(3))
    kept, state = tmp_path / "kept.safetensors", tmp_path / "kept.state.safetensors"
    words = [program.path, "outpaint", clip, "a garden", "--margins", "16,0,5,0", "--motion-module", module, "--model",
             model("sd1"), "--save-adapter", kept, *QUICK]

    def run(folder: str, *more: object) -> subprocess.Popen:
        return subprocess.Popen([str(word) for word in (*words, *more, "-o", tmp_path / folder)], text=True,
                                stderr=subprocess.PIPE)

    process = run("cut", "--adapt", 400)
    while not process.stderr.readline().startswith("1"):  # 10 %
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130 and f"--adapt-with resume={state}" in said
    assert state.exists() and not kept.exists() and not (tmp_path / "cut").exists()
    steps = int(metadata_in(state.read_bytes())["steps"]) + 1
    made = []
    for folder, more in (("on", ("--adapt-with", f"resume={state}")), ("whole", ())):
        process = run(folder, "--adapt", steps, *more)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        made.append(kept.read_bytes())
    assert made[0] == made[1]
    # Known before the frames are encoded, which takes as long as a few steps.
    words[words.index("--precision") + 1] = "bf16"
    process = run("other", "--adapt", steps, "--adapt-with", f"resume={state}")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1 and "another precision (fp32, and now it is bf16)" in said
    assert "encoding frame" not in said
