"""Actions that plugins offer outside of generations."""

from __future__ import annotations

import time

import grpc
import pytest

from service.conftest import error_info, reason
from service.plugin_calls import BUILT, activate, install

ACTION = BUILT / "service_plugins/test-action"


@pytest.fixture
def acting(server, api):
    install(server, api, ACTION)
    return server


def start(server, api, request_id: str = "", **settings: str):
    values = {field: api.ParameterValue(typed_value=value) for field, value in settings.items()}
    return server.plugins.StartPluginAction(api.StartPluginActionRequest(
        plugin_id="test-action", action_id="count", settings=values, request_id=request_id)).run


def watch(server, api, run: str) -> list:
    return [response.run for response in server.plugins.WatchPluginAction(api.WatchPluginActionRequest(run_id=run))]


def test_an_action_reports_and_leaves_its_results(acting, api):
    schema = acting.plugins.GetPluginSchema(api.GetPluginSchemaRequest(plugin_id="test-action"))
    assert [(action.id, [field.id for field in action.parameters]) for action in schema.actions] == [
        ("count", ["steps", "name"])]
    activate(acting, api, "test-action", factor="2.5")
    run = start(acting, api, steps="20")
    assert run.state in (api.PLUGIN_ACTION_STATE_QUEUED, api.PLUGIN_ACTION_STATE_RUNNING)
    seen = watch(acting, api, run.id)
    fractions = [state.fraction for state in seen]
    assert len(seen) > 3 and fractions == sorted(fractions)
    assert any(state.activity.startswith("counting") for state in seen)
    last = seen[-1]
    assert last.state == api.PLUGIN_ACTION_STATE_SUCCEEDED and last.fraction == 1
    assert [result.name for result in last.results] == ["count.txt"]
    assert acting.download(last.results[0].artifact_id) == b"20 steps, factor 2.5, family 1"
    # Whoever comes late is told the end.
    assert [state.state for state in watch(acting, api, run.id)] == [api.PLUGIN_ACTION_STATE_SUCCEEDED]


def test_cancel(acting, api):
    running, waiting = start(acting, api, steps="5000"), start(acting, api, steps="5000")
    while not watch_once(acting, api, running.id).fraction:
        time.sleep(0.02)
    for run in (waiting, running):
        acting.plugins.CancelPluginAction(api.CancelPluginActionRequest(run_id=run.id))
        assert watch(acting, api, run.id)[-1].state == api.PLUGIN_ACTION_STATE_CANCELLED
    acting.plugins.CancelPluginAction(api.CancelPluginActionRequest(run_id=running.id))
    assert acting.finish(acting.create().id).state == api.GENERATION_STATE_SUCCEEDED


def watch_once(server, api, run: str):
    call = server.plugins.WatchPluginAction(api.WatchPluginActionRequest(run_id=run))
    state = next(call).run
    call.cancel()
    return state


def test_a_failed_action_says_why(acting, api):
    last = watch(acting, api, start(acting, api, name="../outside").id)[-1]
    assert last.state == api.PLUGIN_ACTION_STATE_FAILED and "no plain file name" in last.error.message
    assert error_info(api, last.error)[1]["plugin"] == "test-action"


def test_request_ids_and_bad_requests(acting, api):
    assert start(acting, api, "once").id == start(acting, api, "once").id
    for settings, code in [({"plugin_id": "test-action", "action_id": "cuont"}, "NOT_FOUND"),
                           ({"plugin_id": "test-axtion", "action_id": "count"}, "NOT_FOUND"),
                           ({"plugin_id": "test-action", "action_id": "count", "model": "nothing"}, "NOT_FOUND"),
                           ({"plugin_id": "test-action", "action_id": "count",
                             "settings": {"steps": {"int_value": -1}}}, "INVALID_ARGUMENT"),
                           ({"plugin_id": "test-action", "action_id": "count",
                             "settings": {"stops": {"int_value": 1}}}, "INVALID_ARGUMENT")]:
        with pytest.raises(grpc.RpcError) as error:
            acting.plugins.StartPluginAction(api.StartPluginActionRequest(**settings))
        assert error.value.code().name == code, error.value
    with pytest.raises(grpc.RpcError) as error:
        watch(acting, api, "action-nothing")
    assert reason(api, error.value)[0] == "ACTION_RUN_NOT_FOUND"


def test_a_server_ends_in_the_middle_of_an_action(acting, api):
    run = start(acting, api, steps="5000")
    while not watch_once(acting, api, run.id).fraction:
        time.sleep(0.02)
    begin = time.monotonic()
    assert acting.end() == 0
    assert time.monotonic() - begin < 20
