"""Interrupt, Skip, and hosts that are absent, busy or die, as the web UI's user meets them."""

from __future__ import annotations

import signal
import threading
import time

import pytest
from bridges.webui_extension.test_extension import direct, pixels
from bridges.webui_extension.webui import Processing
from service.conftest import new_server  # noqa: F401

LONG = 1000


def newest(host, api):
    return host.generations.ListGenerations(api.ListGenerationsRequest(page_size=1)).generations[0]


def at_step(webui, job: int, step: int, action) -> list[float]:
    """Does `action` once, when the given batch has done the given step."""
    done: list[float] = []

    def look() -> None:
        if not done and webui.state.job_no == job and webui.state.sampling_step >= step:
            done.append(time.monotonic())
            action()

    webui.state.on_step = look
    return done


@pytest.mark.parametrize("button", ["interrupted", "skipped"])
def test_buttons_end_the_batch(page, webui, host, api, button):
    pressed = at_step(webui, 0, 2, lambda: setattr(webui.state, button, True))
    p = Processing(steps=LONG, n_iter=2)
    if button == "skipped":
        # The second batch is short enough to be waited for: the same p, read anew for each batch.
        webui.state.nextjob = lambda: (setattr(p, "steps", 3), type(webui.state).nextjob(webui.state))[1]
    processed = page.run(p)
    assert pressed
    if button == "interrupted":
        assert processed.images == [] and time.monotonic() - pressed[0] < 1
        generation = newest(host, api)
        while generation.state == api.GENERATION_STATE_RUNNING:
            generation = host.get(generation.id)
        assert generation.state == api.GENERATION_STATE_CANCELLED and generation.progress.step < LONG / 2
    else:
        assert pixels(processed.images) == pixels(direct(host, api, seed=8)) and not webui.state.skipped


def test_earlier_batches_are_kept(page, webui, host, api):
    at_step(webui, 1, 1, lambda: setattr(webui.state, "interrupted", True))
    processed = page.run(Processing(n_iter=3))
    assert pixels(processed.images) == pixels(direct(host, api))
    webui.state.interrupted, webui.state.job_no = False, 0
    at_step(webui, 0, 1, lambda: setattr(webui.state, "stopping_generation", True))
    assert pixels(page.run(Processing(n_iter=3)).images) == pixels(direct(host, api))


def test_absent_and_busy_hosts(new_page, new_server):  # noqa: F811
    with pytest.raises(Exception, match="No Patchbay host answers at 127.0.0.1:1. Start it with `patchbay serve`"):
        new_page("127.0.0.1:1").run(Processing())
    server = new_server().start("--queue", 1)
    running = server.create(steps=LONG)
    server.wait_until_running(running.id)
    server.create(steps=LONG)
    with pytest.raises(Exception, match=r"is busy: .*Try again in \d+ s"):
        new_page(server.address).run(Processing())


def test_a_killed_host(new_page, new_server, webui):  # noqa: F811
    server = new_server().start()
    page = new_page(server.address)
    at_step(webui, 0, 2, lambda: threading.Thread(target=server.end, args=(signal.SIGKILL,)).start())
    with pytest.raises(Exception, match="was lost while it was drawing"):
        page.run(Processing(steps=LONG))
