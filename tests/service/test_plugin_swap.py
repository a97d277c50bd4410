"""Swapping plugins under load and on save, and killing a server that has some."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import threading
import time

import grpc
import pytest
from PIL import Image
from plugins.ip_adapter_files import write_files as write_ip_adapter
from plugins.moma_files import write_adapter as write_moma

from service.plugin_calls import SWAP, activate, build_of, create_when_there_is_room, draw, install, listed, picture, state

# PATCHBAY_SWAPS=1000 is the full soak; so is PATCHBAY_KILLS=50.
SWAPS = int(os.environ.get("PATCHBAY_SWAPS", "150"))
KILLS = int(os.environ.get("PATCHBAY_KILLS", "5"))
CONNECTIONS = 4


@contextlib.contextmanager
def drawing(server, api):
    """Draws in several connections meanwhile; gives the list of chains as reports name them, each with its picture."""
    over = threading.Event()
    drawn: list[tuple[str, str]] = []
    failed: list[object] = []

    def draw_on() -> None:
        with grpc.insecure_channel(server.address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = api.GenerationServiceStub(channel)
            request = api.CreateAndWatchGenerationRequest(settings=api.GenerationSettings(
                prompt="an apple", steps=2, seed=7, sampler="euler", size={"width": 64, "height": 64}))
            while not over.is_set():
                last = None
                for response in stub.CreateAndWatchGeneration(request):
                    if response.event.HasField("state_changed"):
                        last = response.event.state_changed
                if last is None or last.state != api.GENERATION_STATE_SUCCEEDED:
                    failed.append(last)
                else:
                    drawn.append((last.report.plugins, picture(last)))

    threads = [threading.Thread(target=draw_on) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    try:
        yield drawn
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failed, failed[0]


def test_swap_soak(new_server, api):
    server = new_server().start("--queue", 1000)
    expected = {}
    for number in (1, 2):
        install(server, api, SWAP[number])
        activate(server, api, "test-swap", build_of(SWAP[number]))
        expected[build_of(SWAP[number])[:12]] = picture(draw(server, api))
    assert len(set(expected.values())) == 2
    memory = 0
    with drawing(server, api) as drawn:
        for swap in range(SWAPS):
            active = activate(server, api, "test-swap", build_of(SWAP[swap % 2 + 1]))
            assert active.state == api.PLUGIN_STATE_ACTIVE
            time.sleep(0.05)  # a swap alone takes less than a picture
            if swap == SWAPS // 3:
                memory = server.resident_bytes(with_files=True)
    # Each picture is wholly the work of the build that its report names.
    assert {chain.split()[-1] for chain, _ in drawn} == set(expected)
    assert all(expected[chain.split()[-1]] == made for chain, made in drawn)
    grown = server.resident_bytes(with_files=True) - memory
    assert grown < 48 << 20, f"{grown} bytes more after {SWAPS} swaps"
    print(f"{SWAPS} swaps, {len(drawn)} generations, {grown} bytes more")


# Settings that draw apart, of plugins that hold more than a few numbers: integer weights, adapters with their pictures.
HEAVY = {
    "quantizer": [{"scheme": "w8a8"}, {"scheme": "w4a8"}],
    "moma": [{"image": "photo.png", "adapter": "moma.safetensors", "strength": strength} for strength in ("1", "0.4")],
    "ip-adapter": [{"image": "photo.png", "adapter": "adapter.safetensors", "encoder": "encoder.safetensors",
                    "weight": weight} for weight in ("1", "0.5")],
}


@pytest.mark.parametrize("plugin", HEAVY)
def test_heavy_plugins_in_the_rotation(plugin, new_server, api, tmp_path):
    """They come and go between other jobs' steps, and leave nothing behind."""
    folder = tmp_path / "plugin-files"
    folder.mkdir()
    Image.linear_gradient("L").resize((40, 30)).save(folder / "photo.png")
    write_moma(folder)
    write_ip_adapter(folder)
    server = new_server().start("--queue", 1000, "--plugin-files", folder)

    def choose(settings: dict) -> None:
        if settings:
            activate(server, api, plugin, **settings)
        elif any(name == plugin and listing.state == api.PLUGIN_STATE_ACTIVE
                 for (name, _), listing in listed(server, api).items()):
            server.plugins.RetirePlugin(api.RetirePluginRequest(plugin_id=plugin))

    chains = [(settings, number) for settings in (*HEAVY[plugin], {}) for number in (1, 2)]
    for number in (1, 2):
        install(server, api, SWAP[number])
    expected = {}
    for settings, number in chains:
        choose(settings)
        activate(server, api, "test-swap", build_of(SWAP[number]))
        alone = draw(server, api)
        expected[alone.report.plugins] = picture(alone)
    assert len(expected) == len(set(expected.values())) == len(chains)
    randomness, memory = random.Random(20261122), 0
    with drawing(server, api) as drawn:
        for swap in range(SWAPS // 3):
            settings, number = randomness.choice(chains)
            choose(settings)
            activate(server, api, "test-swap", build_of(SWAP[number]))
            time.sleep(0.1)
            if swap == SWAPS // 9:
                memory = server.resident_bytes(with_files=True)
    assert {chain for chain, _ in drawn} == set(expected)
    assert all(expected[chain] == made for chain, made in drawn)
    grown = server.resident_bytes(with_files=True) - memory
    assert grown < 48 << 20, f"{grown} bytes more"
    print(f"{SWAPS // 3} swaps, {len(drawn)} generations, {grown} bytes more")


def test_kills_with_plugins_lose_nothing(new_server, api):
    randomness = random.Random(20240802)
    server = new_server().start("--job-attempts", 1000, "--queue", 100)
    for number in (1, 2):
        install(server, api, SWAP[number])
    accepted = []
    for _ in range(KILLS):
        timer = threading.Timer(randomness.uniform(0.05, 1.5), server.process.kill)
        timer.start()
        try:
            while True:
                activate(server, api, "test-swap", build_of(SWAP[randomness.randint(1, 2)]))
                accepted.append(create_when_there_is_room(server, seed=len(accepted),
                                                          steps=randomness.randint(1, 20)).id)
        except grpc.RpcError as error:
            assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED), error
        timer.join()
        server.process.wait()
        server.start()
    for identifier in accepted:
        generation = server.finish(identifier)
        assert generation.state == api.GENERATION_STATE_SUCCEEDED, generation
        assert generation.report.plugins.startswith("test-swap ")
    store = server.folder / "data/plugins"
    assert not list(store.glob(".installing-*"))
    assert {path.name for path in (store / "test-swap").iterdir()} == {build_of(SWAP[1]), build_of(SWAP[2])}


def test_watch_swaps_on_save(server, api, tmp_path):
    source, built = tmp_path / "source", tmp_path / "built"
    source.mkdir()
    (source / "number").write_text("1")
    command = f"rm -rf {built} && cp -r {SWAP[1].parent.parent}/$(cat number)/test-swap {built}"
    watch = subprocess.Popen([str(server.program), "--host", server.address, "plugin", "watch", str(source), "--build",
                              command, "--built", str(built)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert build_of(SWAP[1])[:12] in watch.stdout.readline()
        assert state(server, api, SWAP[1]) == api.PLUGIN_STATE_ACTIVE
        running = server.create(steps=60)
        server.wait_until_running(running.id)
        start = time.monotonic()
        (source / "number").write_text("2")
        line = watch.stdout.readline()
        assert build_of(SWAP[2])[:12] in line and ": active after" in line
        assert time.monotonic() - start < 10
        assert state(server, api, SWAP[2]) == api.PLUGIN_STATE_ACTIVE
        assert build_of(SWAP[1])[:12] in server.finish(running.id).report.plugins
        # A build that fails changes nothing, and the next one counts again.
        (source / "number").write_text("nothing")
        assert "the build failed" in "".join(iter_until(watch.stderr, "the build failed"))
        assert state(server, api, SWAP[2]) == api.PLUGIN_STATE_ACTIVE
        (source / "number").write_text("3")
        assert build_of(SWAP[3])[:12] in watch.stdout.readline()
    finally:
        watch.send_signal(signal.SIGINT)
        assert watch.wait(20) == 0
    shutil.rmtree(source)


def test_watch_builds_what_was_saved_during_a_build(server, api, tmp_path):
    """As make and Ninja see it: the object, written after the save, is newer than the source."""
    source, built = tmp_path / "source", tmp_path / "built"
    source.mkdir()
    (source / "number.txt").write_text("1")
    (source / "Makefile").write_text(
        f"stamp: number.txt\n\tn=$$(cat number.txt); touch reading; sleep 2; rm -rf {built}; "
        f"cp -r {SWAP[1].parent.parent}/$$n/test-swap {built}; touch stamp\n")
    watch = subprocess.Popen([str(server.program), "--host", server.address, "plugin", "watch", str(source), "--build",
                              "make -s stamp", "--built", str(built)], stdout=subprocess.PIPE, text=True)
    too_long = threading.Timer(60, watch.kill)
    too_long.start()
    try:
        deadline = time.monotonic() + 20
        while not (source / "reading").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (source / "number.txt").write_text("2")
        assert build_of(SWAP[1])[:12] in watch.stdout.readline()
        assert build_of(SWAP[2])[:12] in watch.stdout.readline()
    finally:
        too_long.cancel()
        watch.send_signal(signal.SIGINT)
        assert watch.wait(20) == 0


def iter_until(stream, text: str):
    for line in stream:
        yield line
        if text in line:
            return
