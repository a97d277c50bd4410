"""Actions that plugins offer outside of generations."""

from __future__ import annotations

import time

import grpc
import pytest

from service.conftest import error_info, reason
from service.plugin_action_calls import watch, watch_once
from service.plugin_calls import BUILT, activate, draw, install, picture, pixels

ACTION = BUILT / "service_plugins/test-action"
STUDY = BUILT / "service_plugins/test-study"


@pytest.fixture
def acting(server, api):
    install(server, api, ACTION)
    return server


def start(server, api, request_id: str = "", plugin: str = "test-action", action: str = "count", **settings: str):
    values = {field: api.ParameterValue(typed_value=value) for field, value in settings.items()}
    return server.plugins.StartPluginAction(api.StartPluginActionRequest(
        plugin_id=plugin, action_id=action, settings=values, request_id=request_id)).run


def study(server, api, action: str, **settings: str) -> str:
    """Runs an action of test-study; the text that it makes."""
    last = watch(server, api, start(server, api, plugin="test-study", action=action, **settings).id)[-1]
    assert last.state == api.PLUGIN_ACTION_STATE_SUCCEEDED, last.error
    return server.download(last.results[0].artifact_id).decode()


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


def test_jobs_go_on_beside_an_action(acting, api):
    run = start(acting, api, steps="1000")
    while not watch_once(acting, api, run.id).fraction:
        time.sleep(0.02)
    for _ in range(3):
        draw(acting, api)
    assert watch_once(acting, api, run.id).state == api.PLUGIN_ACTION_STATE_RUNNING
    acting.plugins.CancelPluginAction(api.CancelPluginActionRequest(run_id=run.id))


def test_an_action_records_while_it_draws(server, api):
    install(server, api, STUDY)
    plain = pixels(server, draw(server, api))
    sites, times = (int(word) for word in study(server, api, "record", steps="5", pictures="2").split()[0:3:2])
    # The keys and values of a prompt are computed once for each of the two.
    assert sites > 30 and times >= 2
    # The same plugin does nothing in jobs, and what the action did is not seen in them.
    assert pixels(server, draw(server, api, plugins=[{"plugin_id": "test-study"}])) == plain


def test_jobs_and_an_actions_drawing_take_turns(server, api):
    install(server, api, STUDY)
    expected = picture(draw(server, api, steps=5))
    run = start(server, api, plugin="test-study", action="record", steps="1000", pictures="8")
    while watch_once(server, api, run.id).state == api.PLUGIN_ACTION_STATE_QUEUED:
        time.sleep(0.02)
    for _ in range(4):
        assert picture(draw(server, api, steps=5)) == expected
    assert watch_once(server, api, run.id).state == api.PLUGIN_ACTION_STATE_RUNNING
    # A drawing ends within a step.
    begin = time.monotonic()
    server.plugins.CancelPluginAction(api.CancelPluginActionRequest(run_id=run.id))
    assert watch(server, api, run.id)[-1].state == api.PLUGIN_ACTION_STATE_CANCELLED
    assert time.monotonic() - begin < 5


def test_a_model_stays_for_the_action_that_uses_it(server, api):
    install(server, api, STUDY)
    run = start(server, api, plugin="test-study", action="record", steps="300", pictures="1")
    while watch_once(server, api, run.id).state == api.PLUGIN_ACTION_STATE_QUEUED:
        time.sleep(0.02)
    server.models_stub.UnloadModel(api.UnloadModelRequest(name="sd1"))
    draw(server, api)
    assert watch(server, api, run.id)[-1].state == api.PLUGIN_ACTION_STATE_SUCCEEDED


def test_an_action_trains_through_the_model(server, api):
    install(server, api, STUDY)
    losses = [float(line) for line in study(server, api, "train", steps="8").split()]
    assert len(losses) == 8 and losses == sorted(losses, reverse=True) and losses[-1] < 0.996 * losses[0]


def test_an_action_asks_the_model(server, api):
    install(server, api, STUDY)
    assert study(server, api, "ask") == "[2, 3, 64, 64]"
    last = watch(server, api, start(server, api, plugin="test-study", action="ask", with_prompts="false").id)[-1]
    assert last.state == api.PLUGIN_ACTION_STATE_FAILED and "set_prompts" in last.error.message
