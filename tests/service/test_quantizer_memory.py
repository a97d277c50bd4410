"""What the quantizer saves, as the process's memory shows it, and what is left when it goes."""

from __future__ import annotations

import pathlib
import statistics
import subprocess
import time

import pytest

from service.plugin_calls import activate, draw, pixels
from service.test_quantizer_actions import all_quantised_layers
from service.wide_model import make_wide_model

FP32 = 4  # bytes


def quantizer(**settings: str) -> list[dict]:
    return [{"plugin_id": "quantizer",
             "settings": {field: {"string_value": value} for field, value in settings.items()}}]


@pytest.fixture
def wide(new_server):
    """A server with a U-Net wide enough for its weights to be seen, and how many of them are quantised."""
    server = new_server()
    unet = make_wide_model(server.models / "wide")
    return server.start("--model", "wide"), sum(layer.weight.numel() for layer in all_quantised_layers(unet).values())


def medians(server, api, *jobs: dict, rounds: int = 3) -> list[int]:
    """The memory after each of the jobs, which are drawn in turns. The allocator keeps some of what is freed."""
    seen: list[list[int]] = [[] for _ in jobs]
    for _ in range(rounds):
        for job, memory in zip(jobs, seen):
            draw(server, api, **job)
            memory.append(server.resident_bytes())
    return [statistics.median(memory) for memory in seen]


def test_memory_falls_by_what_is_saved_and_comes_back(wide, api):
    server, weights = wide
    first = draw(server, api)
    assert set(first.report.weight_bytes) == {"fp32"}
    plain = pixels(server, first)
    before = server.resident_bytes()
    whole, eight, again, four = medians(server, api, {}, {"plugins": quantizer()}, {},
                                        {"plugins": quantizer(scheme="w4a8")})
    print(f"{weights} weights in fp32; memory falls by {(whole - eight) / weights:.2f} bytes for each of them with 8 bits, by "
          f"{(whole - four) / weights:.2f} with 4; {(again - before) / weights:.2f} more when they are back")
    # Gaps that the allocator keeps blur an eighth of it.
    assert whole - eight == pytest.approx((FP32 - 1) * weights, rel=0.2)
    assert whole - four == pytest.approx((FP32 - 0.52) * weights, rel=0.2)
    assert abs(again - whole) < 0.3 * weights and abs(again - before) < 0.5 * weights
    assert pixels(server, draw(server, api)) == plain


def test_changing_bits_leaves_nothing_of_the_old_ones(wide, api):
    server, weights = wide
    draw(server, api)
    eight, four = medians(server, api, {"plugins": quantizer()}, {"plugins": quantizer(scheme="w4a8")})
    # Both at once would take the same after each of the jobs.
    assert eight - four == pytest.approx(0.48 * weights, abs=0.25 * weights)


def peak_bytes(server) -> int:
    """The most memory that the server has taken so far, mapped files included."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return next(1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.parametrize("stored", [True, False], ids=["integers", "floating-point"])
def test_floating_point_is_never_in_memory_as_a_whole(stored, new_server, api, program):
    """Neither of a file of integers nor where the plugin is there from the first job on."""
    server = new_server()
    unet = make_wide_model(server.models / "wide")
    weights = sum(layer.weight.numel() for layer in all_quantised_layers(unet).values())
    result = program.run("model", "quantize", server.models / "wide")
    assert result.returncode == 0, result.stderr
    server.start("--model", "wide-w8a8" if stored else "wide")
    before = peak_bytes(server)
    drawn = draw(server, api, **({} if stored else {"plugins": quantizer()}))
    peak = drawn.report.peak_memory_bytes - before
    print(f"{weights} weights in fp32: the peak rises by {peak / weights:.2f} bytes for each of them")
    assert "quantizer" in drawn.report.plugins
    # The server goes on living after the job.
    assert drawn.report.peak_memory_bytes == pytest.approx(peak_bytes(server), rel=0.02)
    held = dict(drawn.report.weight_bytes)
    assert set(held) == {"int8", "fp32"} and held["int8"] == pytest.approx(weights, rel=0.02)
    assert held["fp32"] == FP32 * (sum(weight.numel() for weight in unet.parameters()) - weights)
    # One byte for each, those of one layer in floating point, and what a picture takes.
    assert weights < peak < 2 * weights


def peak_anonymous_bytes(process) -> int:
    """The most memory that is not a mapped file's, while the process runs."""
    peak = 0
    while process.poll() is None:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        peak = max([peak, *(1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))])
        time.sleep(0.005)
    return peak


def test_a_file_of_integers_is_made_layer_by_layer(program, tmp_path):
    unet = make_wide_model(tmp_path / "wide")
    weights = sum(layer.weight.numel() for layer in all_quantised_layers(unet).values())
    inspect = subprocess.Popen([program.path, "generate", "a", "--model", tmp_path / "wide", "--size", "64x64", "--steps", "1",
                                "--plugin", "quantizer", "-o", tmp_path / "a.png"], stdout=subprocess.DEVNULL)
    drawing = peak_anonymous_bytes(inspect)
    process = subprocess.Popen([program.path, "model", "quantize", tmp_path / "wide"], stdout=subprocess.DEVNULL)
    peak = peak_anonymous_bytes(process)
    assert inspect.returncode == 0 and process.returncode == 0
    print(f"{weights} weights: {peak / weights:.2f} bytes for each of them, {drawing / weights:.2f} to draw with them")
    assert peak < drawing + weights


@pytest.mark.parametrize("change", ["settings", "retire"])
def test_a_running_job_keeps_its_weights(change, wide, api):
    server, weights = wide
    settings = {"steps": 12}
    plain = pixels(server, draw(server, api, **settings))
    whole = server.resident_bytes()
    assert activate(server, api, "quantizer").state == api.PLUGIN_STATE_ACTIVE
    eight = pixels(server, draw(server, api, **settings))
    activate(server, api, "quantizer", scheme="w4a8")
    four = pixels(server, draw(server, api, **settings))
    assert len({plain, eight, four}) == 3
    activate(server, api, "quantizer", scheme="w8a8")
    running = server.create(**settings)
    # By then it has its chain: it begins to run before the plugin's layers are packed.
    assert any(event.HasField("progress") for event in server.watch(running.id))
    if change == "settings":
        activate(server, api, "quantizer", scheme="w4a8")
    else:
        server.plugins.RetirePlugin(api.RetirePluginRequest(plugin_id="quantizer"))
    following = server.create(**settings)
    done = server.finish(running.id)
    assert "quantizer" in done.report.plugins and pixels(server, done) == eight
    assert pixels(server, server.finish(following.id)) == (four if change == "settings" else plain)
    if change == "settings":
        server.plugins.RetirePlugin(api.RetirePluginRequest(plugin_id="quantizer"))
    assert pixels(server, draw(server, api, **settings)) == plain
    # Of the old weights nothing is left.
    assert abs(server.resident_bytes() - whole) < 0.5 * weights
