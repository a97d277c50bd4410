"""How a server ends, and what the next one takes up."""

from __future__ import annotations

import signal
import time

import pytest

from service.plugin_calls import FAULTY, install, state

HANGS = {"in a step": {"way": {"string_value": "hang"}, "step": {"int_value": 1}},
         "in attach": {"hangs": {"bool_value": True}}}


def hanging(settings: dict) -> list[dict]:
    return [{"plugin_id": "test-faulty", "settings": settings}]


def end_by_force(server) -> str:
    """Asks the server to end while something hangs; returns what it says."""
    before = time.monotonic()
    assert server.end(signal.SIGTERM) == 1
    assert 1 < time.monotonic() - before < 15
    return (server.folder / "stderr.txt").read_text()


@pytest.mark.parametrize("where", HANGS)
def test_a_hanging_plugin_does_not_keep_the_process(new_server, api, where):
    server = new_server().start("--drain-seconds", 1)
    install(server, api, FAULTY)
    hangs = server.create(plugins=hanging(HANGS[where]))
    waits = server.create(seed=8)
    server.wait_until_running(hangs.id)
    time.sleep(1)  # into the plugin
    # Acknowledged although the plugin will never notice.
    server.generations.CancelGeneration(api.CancelGenerationRequest(id=hangs.id))
    assert "ended by force" in end_by_force(server)
    server.start()
    assert server.finish(hangs.id).state == api.GENERATION_STATE_CANCELLED
    assert server.finish(waits.id).state == api.GENERATION_STATE_SUCCEEDED
    assert state(server, api, FAULTY) == api.PLUGIN_STATE_INSTALLED


def test_a_server_that_can_end_is_not_forced(new_server, api):
    server = new_server().start("--drain-seconds", 20)
    generation = server.create()
    assert server.end(signal.SIGTERM) == 0
    assert "by force" not in (server.folder / "stderr.txt").read_text()
    server.start()
    assert server.finish(generation.id).state == api.GENERATION_STATE_SUCCEEDED


def test_a_cancel_outlives_a_kill(new_server, api):
    """SIGKILL right after the answer, while a step is under way that takes no notice."""
    server = new_server().start()
    install(server, api, FAULTY)
    generation = server.create(plugins=hanging(HANGS["in a step"]))
    server.wait_until_running(generation.id)
    server.generations.CancelGeneration(api.CancelGenerationRequest(id=generation.id))
    server.end(signal.SIGKILL)
    server.start()
    assert server.finish(generation.id).state == api.GENERATION_STATE_CANCELLED
