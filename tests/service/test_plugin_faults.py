"""What becomes of a server and its generations when a plugin misbehaves."""

from __future__ import annotations

import signal

import grpc
import pytest

from service.conftest import error_info, reason
from service.plugin_calls import FAULTY, activate, build_of, draw, install, listed, picture, state

WAYS = {"throw": "thrown on purpose", "nan": "not finite", "shape": "gave a tensor [1, 1, 8, 8]", "slow": "of the 400 ms that a hook may take"}


def faulty(way: str, **settings: object) -> list[dict]:
    return [{"plugin_id": "test-faulty", "settings": {"way": {"string_value": way}, **settings}}]


@pytest.fixture
def server(new_server, api):
    """A server with test-faulty installed, whose hooks may take 400 ms."""
    server = new_server().start("--hook-seconds", 0.4)
    install(server, api, FAULTY)
    return server


@pytest.mark.parametrize("way", WAYS)
def test_faults_fail_the_generation_and_name_the_plugin(server, api, way):
    failed = server.finish(server.create(plugins=faulty(way)).id)
    assert failed.state == api.GENERATION_STATE_FAILED
    assert WAYS[way] in failed.error.message and "test-faulty" in failed.error.message
    assert error_info(api, failed.error) == ("PLUGIN_FAILED", {
        "plugin": "test-faulty", "build": build_of(FAULTY), "hook": "patchbay.hook.guidance/1"})
    plugin = listed(server, api)["test-faulty", build_of(FAULTY)]
    assert plugin.fault_count == 1 and WAYS[way] in plugin.fault.message
    assert plugin.state == api.PLUGIN_STATE_INSTALLED
    draw(server, api, plugins=faulty("none"))


@pytest.mark.parametrize("way", WAYS)
def test_faults_can_be_skipped(server, api, way):
    plain = draw(server, api)
    skipped = draw(server, api, plugins=faulty(way, step={"int_value": 1}),
                   plugin_failure_policy=api.PLUGIN_FAILURE_POLICY_SKIP)
    assert picture(skipped) == picture(plain) and skipped.report.plugins == ""
    assert [warning for warning in skipped.report.warnings if WAYS[way] in warning and "drawn without it" in warning]


def test_repeated_faults_suspend(server, api):
    for way in ("throw", "nan", "shape"):
        assert server.finish(server.create(plugins=faulty(way)).id).state == api.GENERATION_STATE_FAILED
    assert state(server, api, FAULTY) == api.PLUGIN_STATE_SUSPENDED
    with pytest.raises(grpc.RpcError) as error:
        server.create(plugins=faulty("none"))
    assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert reason(api, error.value)[0] == "PLUGIN_SUSPENDED"
    skipped = draw(server, api, plugins=faulty("none"), plugin_failure_policy=api.PLUGIN_FAILURE_POLICY_SKIP)
    assert "left out" in skipped.report.warnings[-1]
    activate(server, api, "test-faulty")
    assert state(server, api, FAULTY) == api.PLUGIN_STATE_ACTIVE
    draw(server, api, plugins=faulty("none"))


def test_a_success_between_faults_keeps_a_plugin_in(server, api):
    for _ in range(4):
        server.finish(server.create(plugins=faulty("throw")).id)
        draw(server, api, plugins=faulty("none"))
    assert state(server, api, FAULTY) == api.PLUGIN_STATE_INSTALLED
    assert listed(server, api)["test-faulty", build_of(FAULTY)].fault_count == 4


def test_a_suspended_plugin_leaves_the_default_chain(server, api):
    plain = picture(draw(server, api))
    activate(server, api, "test-faulty", way="throw")
    for _ in range(3):
        assert server.finish(server.create().id).state == api.GENERATION_STATE_FAILED
    generation = draw(server, api)
    assert picture(generation) == plain and "suspended" in generation.report.warnings[-1]


def test_a_crash_quarantines_the_plugin(server, api):
    plain = draw(server, api)
    server.create(steps=50)  # while it is drawn all others come into the queue
    doomed = server.create(plugins=faulty("crash", step={"int_value": 1}))
    skipping = server.create(plugins=faulty("crash"), plugin_failure_policy=api.PLUGIN_FAILURE_POLICY_SKIP)
    waiting = server.create(seed=8)
    assert server.process.wait(60) == -signal.SIGSEGV
    server.start()
    failed = server.finish(doomed.id)
    assert failed.state == api.GENERATION_STATE_FAILED
    name, variables = error_info(api, failed.error)
    assert name == "PLUGIN_QUARANTINED" and variables["plugin"] == "test-faulty"
    assert "patchbay.hook.guidance/1, step 1: Segmentation fault" in failed.error.message
    finished = server.finish(skipping.id)
    assert picture(finished) == picture(plain) and "quarantined" in finished.report.warnings[-1]
    assert server.finish(waiting.id).state == api.GENERATION_STATE_SUCCEEDED
    # It stays so, until somebody lets it act by hand.
    server.end()
    server.start()
    assert state(server, api, FAULTY) == api.PLUGIN_STATE_QUARANTINED
    with pytest.raises(grpc.RpcError) as error:
        server.create(plugins=faulty("none"))
    assert reason(api, error.value)[0] == "PLUGIN_QUARANTINED"
    activate(server, api, "test-faulty", way="none")
    draw(server, api)


def test_a_stack_overflow_is_a_crash_like_any_other(server, api):
    doomed = server.create(plugins=faulty("overflow", step={"int_value": 1}))
    assert server.process.wait(60) == -signal.SIGSEGV
    server.start()
    failed = server.finish(doomed.id)
    assert error_info(api, failed.error)[0] == "PLUGIN_QUARANTINED"
    assert "patchbay.hook.guidance/1, step 1: Segmentation fault" in failed.error.message
    draw(server, api)


def test_ends_without_a_signal_count_against_a_plugin(server, api):
    """SIGKILL in a hook may come from anywhere: only the third one in a row is the plugin's."""
    generation = server.create(plugins=faulty("kill"))
    for attempt in range(3):
        assert server.process.wait(60) == -signal.SIGKILL, attempt
        server.start()
    assert error_info(api, server.finish(generation.id).error)[0] == "PLUGIN_QUARANTINED"
    assert state(server, api, FAULTY) == api.PLUGIN_STATE_QUARANTINED


def test_ends_within_the_host_are_not_counted(server, api):
    """What the process dies of while the host computes for a plugin is no fault of the plugin's."""
    generation = server.create(plugins=faulty("end-in-host"))
    for attempt in range(10):
        assert server.process.wait(60) == -signal.SIGKILL, attempt
        server.start()
    assert error_info(api, server.finish(generation.id).error)[0] == "HOST_ENDED_TOO_OFTEN"
    assert state(server, api, FAULTY) == api.PLUGIN_STATE_INSTALLED


def test_a_refusal_is_no_fault(server, api):
    refused = server.finish(server.create(plugins=faulty("none", refuses={"bool_value": True})).id)
    assert error_info(api, refused.error)[0] == "PLUGIN_REFUSED"
    assert listed(server, api)["test-faulty", build_of(FAULTY)].fault_count == 0
