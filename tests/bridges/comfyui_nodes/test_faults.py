"""Interrupts, and hosts that are absent, busy or die: ComfyUI goes on, and its user reads what happened."""

from __future__ import annotations

import signal
import threading
import time

import pytest
from bridges.comfyui_nodes.conftest import InterruptProcessingException
from bridges.comfyui_nodes.graphs import direct, free_address, pixels, text_to_image
from bridges.comfyui_nodes.runner import Runner
from service.conftest import new_server  # noqa: F401

LONG = 1000


def newest(host, api):
    return host.generations.ListGenerations(api.ListGenerationsRequest(page_size=1)).generations[0]


def test_interrupt_cancels_on_the_host(runner, host, api, comfy):
    pressed = []

    def press() -> None:
        if not pressed and comfy.progress[-1][0] >= 2:
            comfy.interrupted = True
            pressed.append((time.monotonic(), comfy.progress[-1][0]))

    comfy.on_progress = press
    with pytest.raises(InterruptProcessingException):
        runner.run(text_to_image(steps=LONG))
    assert time.monotonic() - pressed[0][0] < 1
    generation = newest(host, api)
    while generation.state == api.GENERATION_STATE_RUNNING:
        generation = host.get(generation.id)
    assert generation.state == api.GENERATION_STATE_CANCELLED
    assert generation.progress.step < LONG / 2
    # And the next graph is drawn as if nothing had been.
    assert pixels(runner.run(text_to_image())["2"][0][0]) == direct(host, api)[0]


def test_interrupt_while_it_waits_in_the_queue(runner, host, api, comfy):
    ahead = host.create(steps=LONG)
    timer = threading.Timer(0.5, lambda: setattr(comfy, "interrupted", True))
    timer.start()
    with pytest.raises(InterruptProcessingException):
        runner.run(text_to_image(steps=2))
    assert newest(host, api).state == api.GENERATION_STATE_CANCELLED
    host.generations.CancelGeneration(api.CancelGenerationRequest(id=ahead.id))


def run_in_thread(runner: Runner, graph: dict) -> tuple[threading.Thread, list]:
    outcome: list = []

    def work() -> None:
        try:
            outcome.append(runner.run(graph))
        except Exception as error:  # noqa: BLE001
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, outcome


def wait_for_progress(comfy) -> None:
    deadline = time.monotonic() + 60
    while not comfy.progress:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_host_is_a_readable_error(new_nodes, new_server, comfy):  # noqa: F811
    server = new_server().start()
    runner = Runner(new_nodes(server.address).NODE_CLASS_MAPPINGS)
    thread, outcome = run_in_thread(runner, text_to_image(steps=LONG))
    wait_for_progress(comfy)
    server.end(signal.SIGKILL)
    killed = time.monotonic()
    thread.join(30)
    assert not thread.is_alive() and time.monotonic() - killed < 10
    assert type(outcome[0]).__name__ == "HostError" and outcome[0].reason == "UNREACHABLE"
    assert f"host at {server.address} was lost while it was drawing" in str(outcome[0])
    assert "patchbay serve" in str(outcome[0])


def test_a_host_that_comes_back_finishes_the_picture(new_nodes, new_server, api, comfy):  # noqa: F811
    address = free_address()
    server = new_server().start("--grpc", address)
    runner = Runner(new_nodes(address).NODE_CLASS_MAPPINGS)
    thread, outcome = run_in_thread(runner, text_to_image(steps=200))
    wait_for_progress(comfy)
    server.end(signal.SIGKILL)
    server.start()
    thread.join(60)
    assert isinstance(outcome[0], dict), outcome
    assert newest(server, api).attempts == 2
    assert pixels(outcome[0]["2"][0][0]) == direct(server, api, steps=200)[0]


def test_a_busy_host_says_when_to_try_again(new_nodes, new_server, api):  # noqa: F811
    server = new_server().start("--queue", 1)
    running = server.create(steps=LONG)
    server.wait_until_running(running.id)
    server.create(steps=LONG)
    runner = Runner(new_nodes(server.address).NODE_CLASS_MAPPINGS)
    with pytest.raises(Exception, match=r"is busy: .*Try again in \d+ s") as caught:
        runner.run(text_to_image())
    assert caught.value.reason == "QUEUE_FULL" and caught.value.retry_seconds > 0


def test_another_server_at_the_address_is_named(new_nodes, bridges):
    nodes = new_nodes(f"{bridges.host}:{bridges.webui_port}")
    with pytest.raises(Exception, match="No Patchbay host answers|another program|failed"):
        Runner(nodes.NODE_CLASS_MAPPINGS).run(text_to_image())
