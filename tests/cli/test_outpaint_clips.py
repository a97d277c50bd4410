"""`patchbay outpaint` on clips: what is kept, how jobs follow each other, sound, memory, and what is refused."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess

import numpy as np
import pytest
from clips import psnr, read_folder, read_video, scene, sound_packets, write_folder, write_video
from PIL import Image

QUICK = ("--steps", 2, "--seed", 7, "--precision", "fp32", "--threads", 1, "--guidance", 1, "--sampler", "euler")
PLAIN = ("--plugin", "outpainter:jump_repeats=0")


@pytest.fixture
def outpaint(program, model, tmp_path):
    """outpaint(clip, arguments..., to=name): the program's result, and the output's path."""

    def run(clip, *arguments: object, to: str = "wide"):
        plain = () if "--plugin" in arguments else PLAIN
        result = program.run("outpaint", clip, "a garden", *arguments, "--model", model("sd1"), "-o", tmp_path / to,
                             *QUICK, *plain)
        return result, tmp_path / to

    return run


def painted(outpaint, clip, *arguments, to="wide"):
    result, path = outpaint(clip, *arguments, to=to)
    assert result.returncode == 0, result.stderr
    return read_folder(path), result


@pytest.mark.parametrize(("margins", "arguments"), [
    ("8,0,16,4", ()), ("3,5,0,7", ("--frames-at-once", 2)), ("16", ("--frames-at-once", 3, "--overlap", 2)),
    ("0,0,9,0", ("--frames-at-once", 1))])
def test_known_pixels_stay_bit_by_bit(outpaint, tmp_path, margins, arguments):
    clip = scene(5)
    given = [int(margin) for margin in margins.split(",")]
    left, top, right, bottom = given * 4 if len(given) == 1 else given
    drawn, _ = painted(outpaint, write_folder(tmp_path / "clip", clip), "--margins", margins, *arguments)
    assert drawn.shape == (5, 48 + top + bottom, 64 + left + right, 3)
    assert np.array_equal(drawn[:, top:top + 48, left:left + 64], clip)
    drawn[:, top:top + 48, left:left + 64] = 0
    assert drawn.any() and sorted(path.name for path in tmp_path.iterdir()) == ["clip", "wide"]


def test_names_are_counted_as_numbers(outpaint, tmp_path):
    clip = scene(11)
    drawn, _ = painted(outpaint, write_folder(tmp_path / "clip", clip), "--margins", "8,0,0,0")
    assert np.array_equal(drawn[:, :, 8:], clip)


def test_jobs_without_overlap_draw_each_frame_as_alone(outpaint, tmp_path):
    """The same noise in all frames: it does not matter which are drawn together."""
    folder = write_folder(tmp_path / "clip", scene(5))
    together, _ = painted(outpaint, folder, "--margins", "16,0,0,0", to="one")
    apart, _ = painted(outpaint, folder, "--margins", "16,0,0,0", "--frames-at-once", 2, to="other")
    assert np.abs(together.astype(int) - apart).max() <= 2
    still = np.repeat(scene(1), 4, 0)
    same, _ = painted(outpaint, write_folder(tmp_path / "still", still), "--margins", "16,0,0,0", to="same")
    assert np.abs(same.astype(int) - same[0]).max() <= 2


def test_frames_have_noise_of_their_own_when_asked(outpaint, tmp_path):
    still = np.repeat(scene(1), 3, 0)
    drawn, _ = painted(outpaint, write_folder(tmp_path / "still", still), "--margins", "16,0,0,0", "--plugin",
                       "outpainter:shared_noise=false,jump_repeats=0")
    assert np.abs(drawn[:, :, :16].astype(int) - drawn[0, :, :16]).max() > 20


def test_overlapping_frames_are_known(outpaint, tmp_path):
    """What a job has painted is what the next begins with, and is written once."""
    clip = scene(7)
    result, path = outpaint(write_folder(tmp_path / "clip", clip), "--margins", "16,0,0,0", "--frames-at-once", 3,
                            "--overlap", 1, "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["frames"], report["jobs"], report["size"]) == (7, 3, [80, 48])
    assert report["seconds_per_frame"] > 0 and report["peak_bytes"] > 0 and report["seed"] == 7
    assert report["files"] == [str(path)] and "outpainter" in report["plugins"]
    assert np.array_equal(read_folder(path)[:, :, 16:], clip)


def test_masks_and_transparency(outpaint, tmp_path):
    clip = scene(4)
    folder = write_folder(tmp_path / "clip", clip)
    mask = np.zeros((48, 64), dtype=np.uint8)
    mask[:, 40:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    drawn, _ = painted(outpaint, folder, "--mask", tmp_path / "mask.png", to="one")
    assert np.array_equal(drawn[:, :, :40], clip[:, :, :40]) and (drawn[:, :, 40:] != clip[:, :, 40:]).any()
    masks = np.zeros((4, 48, 64, 3), dtype=np.uint8)
    masks[2:, :, :24] = 255
    drawn, _ = painted(outpaint, folder, "--mask", write_folder(tmp_path / "masks", masks), to="two")
    assert np.array_equal(drawn[:2], clip[:2]) and np.array_equal(drawn[2:, :, 24:], clip[2:, :, 24:])
    assert (drawn[2:, :, :24] != clip[2:, :, :24]).any()
    result, _ = outpaint(folder, "--mask", write_folder(tmp_path / "few", masks[:3]), to="three")
    assert result.returncode == 1 and "--mask has 3 frames, and the clip more" in result.stderr


@pytest.mark.parametrize(("source", "codec", "sound", "target", "least"), [
    ("clip.mp4", "libx264", "aac", "wide.mp4", 30), ("clip.webm", "libvpx-vp9", "libopus", "wide.webm", 30),
    ("clip.mp4", "mpeg4", None, "wide.webm", 30), ("clip.gif", "gif", None, "wide.gif", 28),
    ("clip.webm", "libvpx", "libopus", "wide.mp4", 30), ("clip.png", "apng", None, "wide.webp", 60),
    ("clip.mp4", "libx265", "aac", "wide.mp4", 30), ("clip.mp4", "libsvtav1", None, "wide.webm", 30),
    ("clip.webm", "libsvtav1", "libopus", "wide.webm", 30)])
def test_videos(outpaint, tmp_path, source, codec, sound, target, least):
    """What comes out is what went in, with margins: frames, their time, and the sound as it was."""
    write_video(tmp_path / source, scene(12), codec, sound)
    known, rate = read_video(tmp_path / source)
    result, path = outpaint(tmp_path / source, "--margins", "8,0,8,0", to=target)
    assert result.returncode == 0 and "warning" not in result.stderr, result.stderr
    if target.endswith(".webp"):
        animation = Image.open(path)
        drawn = np.stack([np.asarray((animation.seek(i), animation.convert("RGB"))[1])
                          for i in range(animation.n_frames)])
    else:
        drawn, new_rate = read_video(path)
        assert abs(new_rate - rate) < 1.5
    assert drawn.shape == (12, 48, 80, 3)
    assert psnr(drawn[:, :, 8:72], known) > least
    assert sound_packets(path) == sound_packets(tmp_path / source) if sound else True


@pytest.mark.parametrize(("sound", "target", "words"), [
    ("aac", "wide.webm", "the sound is left out: a webm file cannot hold aac"), ("aac", "wide.gif", "the sound is left out"),
    ("aac", "wide", "the sound is left out")])
def test_sound_that_is_dropped(outpaint, tmp_path, sound, target, words):
    write_video(tmp_path / "clip.mp4", scene(6), sound=sound)
    result, path = outpaint(tmp_path / "clip.mp4", "--margins", "8,0,8,0", to=target)
    assert result.returncode == 0 and words in result.stderr and path.exists()


def test_turned_videos_stand_upright(outpaint, tmp_path):
    """As telephones record them: the frames lie on their side, and the file says so."""
    import av
    clip = scene(4)
    plain = write_video(tmp_path / "plain.mp4", clip)
    with av.open(str(plain)) as source, av.open(str(tmp_path / "clip.mp4"), "w") as turned:
        stream = turned.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                turned.mux(packet)
    bytes_of = bytearray((tmp_path / "clip.mp4").read_bytes())
    header = bytes_of.index(b"tkhd")
    one = (1 << 16).to_bytes(4, "big")
    minus = (-(1 << 16)).to_bytes(4, "big", signed=True)
    zero, unit = bytes(4), (1 << 30).to_bytes(4, "big")
    # The matrix of a quarter turn clockwise.
    bytes_of[header + 44:header + 80] = zero + one + zero + minus + zero + zero + zero + zero + unit
    (tmp_path / "clip.mp4").write_bytes(bytes_of)
    drawn, _ = painted(outpaint, tmp_path / "clip.mp4", "--margins", "8,0,0,0")
    assert drawn.shape == (4, 64, 56, 3)
    assert psnr(drawn[:, :, 8:], np.rot90(clip, -1, axes=(1, 2))) > 28


def test_memory_does_not_grow_with_the_clip(outpaint, tmp_path):
    peaks = []
    for frames in (8, 48):
        write_video(tmp_path / f"{frames}.mp4", scene(frames))
        result, _ = outpaint(tmp_path / f"{frames}.mp4", "--margins", "8,0,8,0", "--frames-at-once", 4, "--json",
                             to=f"wide-{frames}.mp4")
        assert result.returncode == 0, result.stderr
        peaks.append(json.loads(result.stdout)["peak_bytes"])
    assert peaks[1] < 1.05 * peaks[0]


def start(program, model, clip, output, *arguments):
    return subprocess.Popen(
        [str(word) for word in (program.path, "outpaint", clip, "--margins", "8", "--model", model("sd1"), "-o", output,
                                *QUICK, *PLAIN, "--frames-at-once", 2, *arguments)],
        stderr=subprocess.PIPE, text=True, env=dict(os.environ, TMPDIR=str(output.parent / "temporary")))


@pytest.mark.parametrize("name", ["wide.mp4", "wide.webp", "wide"])
def test_an_interrupt_leaves_nothing(program, model, tmp_path, name):
    folder = write_folder(tmp_path / "clip", scene(40))
    output = tmp_path / "out"
    (output / "temporary").mkdir(parents=True)
    process = start(program, model, folder, output / name)
    for line in process.stderr:
        if line.startswith("step 12 of 40"):
            break
    assert len(list(output.iterdir())) == 2  # what grows, under another name
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert [path.name for path in output.iterdir()] == ["temporary"] and not list((output / "temporary").iterdir())


def broken_in_the_middle(tmp_path):
    """A frame of a later group of pictures is damaged."""
    path = write_video(tmp_path / "clip.mp4", scene(40, 128, 96), options={"g": "10", "bf": "0"})
    data = bytearray(path.read_bytes())
    begin, end = data.index(b"mdat") + 4, data.index(b"moov")
    place = begin + (end - begin) * 6 // 10
    for i in range(place, place + 40):
        data[i] ^= 0x5A
    path.write_bytes(data)
    return path


def changing_size(tmp_path):
    """A WebM stream whose key frames say another size from the fifth frame on."""
    import av
    write_video(tmp_path / "one.webm", scene(4), "libvpx")
    write_video(tmp_path / "two.webm", scene(4, 80, 48), "libvpx")
    with av.open(str(tmp_path / "one.webm")) as one, av.open(str(tmp_path / "two.webm")) as two, \
            av.open(str(tmp_path / "clip.webm"), "w") as joined:
        stream = joined.add_stream_from_template(one.streams.video[0])
        for number, packet in enumerate([*one.demux(video=0), *two.demux(video=0)]):
            if packet.size:
                packet.pts = packet.dts = number * 83
                packet.stream = stream
                joined.mux(packet)
    return tmp_path / "clip.webm"


def cut_off(tmp_path, name, codec):
    path = write_video(tmp_path / name, scene(30), codec)
    path.write_bytes(path.read_bytes()[:-600])
    return path


def text_file(tmp_path, text):
    (tmp_path / "clip.mp4").write_text(text)
    return tmp_path / "clip.mp4"


REFUSED = {
    "a damaged frame": (broken_in_the_middle, r"frame \d+ is damaged"),
    "sound only": (lambda folder: write_video(folder / "clip.mp4", None, sound="aac"), "sound only, and no pictures"),
    "sound only, webm": (lambda folder: write_video(folder / "clip.webm", None, sound="libopus"), "sound only"),
    "a changing size": (changing_size, "frame 5 is 80x48, and those before it 64x48"),
    "a truncated mp4": (lambda folder: cut_off(folder, "clip.mp4", "libx264"), "the file is truncated"),
    "a truncated webm": (lambda folder: cut_off(folder, "clip.webm", "libvpx"), "the file is truncated"),
    "a truncated gif": (lambda folder: cut_off(folder, "clip.gif", "gif"), "truncated: it ends within frame"),
    "a truncated png": (lambda folder: cut_off(folder, "clip.png", "apng"), "truncated|damaged"),
    "a large one": (lambda folder: write_video(folder / "clip.mp4", np.zeros((1, 10000, 10000, 3), np.uint8), "mjpeg"),
                    "10000x10000"),
    "another format": (lambda folder: write_video(folder / "clip.avi", scene(3), "mpeg4"), "an AVI video"),
    "another codec": (lambda folder: write_video(folder / "clip.mkv", scene(3), "ffv1"), '"ffv1", which is not read'),
    "a playlist": (lambda folder: text_file(folder, "#EXTM3U\n#EXT-X-VERSION:3\nhttp://127.0.0.1:1/a.ts\n"), "a playlist"),
    "no file": (lambda folder: folder / "nosuch.mp4", r"nosuch\.mp4: No such file"),
    "an empty folder": (lambda folder: write_folder(folder / "clip", scene(0)), "no PNG, JPEG or WebP files")}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_clips(outpaint, tmp_path, case):
    make, words = REFUSED[case]
    source = make(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    result, path = outpaint(source, "--margins", "8", "--frames-at-once", 4, to="wide.webm")
    assert result.returncode == 1, result.stdout
    assert re.search(words, result.stderr), result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize(("arguments", "to", "words"), [
    ((), "wide.mp4", "give a margin on one side at least"),
    (("--margins", "8"), "wide.png", "a clip's name ends in .mp4"),
    (("--margins", "8", "--batch", 2), "wide.mp4", "--frames-at-once"),
    (("--margins", "8", "--rounds", 2), "wide.mp4", "in one round"),
    (("--margins", "8", "--overlap", 16), "wide.mp4", "--overlap must be less"),
    (("--margins", "1,0,0,0"), "wide.mp4", "even sizes only"),
    (("--margins", "8", "--adapt", 5), "wide.mp4", "--motion-module"),
    (("--margins", "8", "--adapt-with", "rank=2"), "wide.mp4", "--adapt-with is for what --adapt trains"),
    (("--margins", "8", "--save-latent", "x"), "wide.mp4", "--save-latent"),
    (("--margins", "8"), "clip", "is there already|is the clip that is read"),
    (("--margins", "8"), "nowhere/wide.mp4", "no folder"),
    (("--margins", "8"), "nowhere/wide", "nowhere")])
def test_refused_options(outpaint, tmp_path, arguments, to, words):
    folder = write_folder(tmp_path / "clip", scene(2))
    result, _ = outpaint(folder, *arguments, to=to)
    assert result.returncode == 1 and re.search(words, result.stderr), result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]


def test_options_of_clips_are_refused_for_pictures(outpaint, tmp_path):
    Image.fromarray(scene(1)[0]).save(tmp_path / "photo.png")
    result, _ = outpaint(tmp_path / "photo.png", "--margins", "8", "--overlap", 2, to="wide.png")
    assert result.returncode == 1 and "--overlap is for clips" in result.stderr


def test_the_plugin_says_how_large_a_batch_must_be(program, model, tmp_path):
    write_video(tmp_path / "clip.gif", scene(3), "gif")
    arguments = ("generate", "a garden", "--model", model("sd1"), "--size", "80x48", "--plugin",
                 f"outpainter:picture={tmp_path}/clip.gif,left=16,jump_repeats=0", *QUICK)
    result = program.run(*arguments, "-o", tmp_path / "frame.png")
    assert result.returncode == 1 and "ask for a batch of 3" in result.stderr
    result = program.run(*arguments, "--batch", 3, "-o", tmp_path / "frame.png")
    assert result.returncode == 0, result.stderr
    known, _ = read_video(tmp_path / "clip.gif")
    for i in range(3):
        assert np.array_equal(np.asarray(Image.open(tmp_path / f"frame-{i + 1}.png"))[:, 16:], known[i])


def test_a_full_disk(program, model, tmp_path):
    (tmp_path / "temporary").mkdir()
    folder = write_folder(tmp_path / "clip", scene(3))
    for name in ("wide.mp4", "wide.webp", "wide"):
        result = program.run("outpaint", folder, "--margins", "32", "--model", model("sd1"), "-o", tmp_path / name, *QUICK, *PLAIN,
                             under=["env", f"TMPDIR={tmp_path}/temporary", "prlimit", "--fsize=1000"])
        assert result.returncode == 1 and "write" in result.stderr, result.stderr
        assert not list(tmp_path.glob("*wide*")) and not list(tmp_path.glob(".*"))
        assert not list((tmp_path / "temporary").iterdir())
