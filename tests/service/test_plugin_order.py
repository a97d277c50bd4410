"""An operator's order of the plugins that act, over gRPC and from the command line."""

from __future__ import annotations

import json

import grpc
import pytest

from service.conftest import reason
from service.plugin_calls import activate, draw

DECLARED = ["cfgpp", "pag", "cfg-rescale"]  # early, normal, late
WISHED = ["cfg-rescale", "cfgpp", "pag"]


@pytest.fixture
def three(server, api):
    """A server on which three plugins act."""
    for plugin in DECLARED:
        activate(server, api, plugin)
    return server


def acting(server, api) -> list[str]:
    """Ids by their place, as the list of plugins says."""
    listed = server.plugins.ListPlugins(api.ListPluginsRequest()).plugins
    return [plugin.id for plugin in sorted(listed, key=lambda plugin: plugin.place) if plugin.place > 0]


def planned(server, api, **settings) -> list[str]:
    request = api.PlanChainRequest(settings=api.GenerationSettings(prompt="x", **settings))
    return [link.plugin_id for link in server.plugins.PlanChain(request).chain.links]


def order(server, api, *ids):
    return [plugin.id for plugin in server.plugins.OrderPlugins(api.OrderPluginsRequest(plugin_ids=ids)).plugins]


def test_generations_follow_it(three, api):
    assert acting(three, api) == planned(three, api) == DECLARED
    assert order(three, api, *WISHED) == acting(three, api) == planned(three, api) == WISHED
    report = draw(three, api).report.plugins
    assert [report.index(plugin) for plugin in WISHED] == sorted(report.index(plugin) for plugin in WISHED)
    # A request that chooses one of them itself, or gives an order of its own.
    assert planned(three, api, plugins=[{"plugin_id": "pag"}]) == WISHED
    assert planned(three, api, plugins_in_given_order=True, without_default_plugins=True,
                   plugins=[{"plugin_id": plugin} for plugin in DECLARED]) == DECLARED
    assert order(three, api) == DECLARED


def test_plugins_that_are_not_named_keep_their_places(three, api):
    assert order(three, api, "cfg-rescale", "cfgpp") == ["cfg-rescale", "pag", "cfgpp"]


def test_plugins_that_do_not_act_keep_their_places(three, api):
    order(three, api, *WISHED)
    three.plugins.RetirePlugin(api.RetirePluginRequest(plugin_id="cfgpp"))
    assert order(three, api, "pag", "cfg-rescale") == ["pag", "cfg-rescale"]
    activate(three, api, "cfgpp")
    assert acting(three, api) == ["pag", "cfgpp", "cfg-rescale"]


def test_what_cannot_be_kept_does_not_act(three, api):
    """A disk that takes no more: what acts is what would act after a restart."""
    records = three.folder / "data/plugins/records.json"
    kept = records.read_bytes()
    records.unlink()
    records.mkdir()
    for change in [lambda: order(three, api, *WISHED),
                   lambda: three.plugins.RetirePlugin(api.RetirePluginRequest(plugin_id="pag")),
                   lambda: activate(three, api, "deep-shrink")]:
        with pytest.raises(grpc.RpcError) as error:
            change()
        assert error.value.details().startswith(("nothing was changed", "plugin deep-shrink: nothing was changed"))
        assert "field" not in reason(api, error.value)[1]
        assert acting(three, api) == planned(three, api) == DECLARED
    records.rmdir()
    records.write_bytes(kept)
    assert order(three, api, *WISHED) == WISHED


def test_plugins_that_cannot_act_together_are_not_active_together(three, api):
    activate(three, api, "deep-shrink")
    with pytest.raises(grpc.RpcError) as error:
        activate(three, api, "hidiffusion")
    assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert "plugins hidiffusion and deep-shrink cannot be used together" in error.value.details()
    draw(three, api)
    three.plugins.RetirePlugin(api.RetirePluginRequest(plugin_id="deep-shrink"))
    activate(three, api, "hidiffusion")
    draw(three, api)


def test_it_outlives_the_process(three, api):
    order(three, api, *WISHED)
    three.end()
    three.start()
    assert acting(three, api) == planned(three, api) == WISHED


@pytest.mark.parametrize(("ids", "words"), [(["pag", "pag"], "twice"), (["pag", "pagg"], "did you mean pag?"),
                                            ([""], "there is no plugin")])
def test_refused(ids, words, three, api):
    with pytest.raises(grpc.RpcError) as error:
        order(three, api, *ids)
    assert words in error.value.details()
    assert reason(api, error.value)[1]["field"] == "plugin_ids"
    assert acting(three, api) == DECLARED


def test_command(three, api):
    assert three.run("plugin", "order", *WISHED).stdout.split()[1::3] == WISHED
    listed = json.loads(three.run("plugin", "list", "--json").stdout)
    assert {plugin["id"]: plugin["place"] for plugin in listed if "place" in plugin} == {
        plugin: place for place, plugin in enumerate(WISHED, 1)}
    ordered = json.loads(three.run("plugin", "order", "--json", *WISHED).stdout)
    assert [(plugin["id"], plugin["place"]) for plugin in ordered] == [
        (plugin, place) for place, plugin in enumerate(WISHED, 1)]
    rows = [line.split() for line in three.run("plugin", "list").stdout.splitlines()]
    place = rows[0].index("PLACE")
    assert {row[0]: row[place] for row in rows if row[0] in (*WISHED, "hidiffusion")} == {
        "cfg-rescale": "1", "cfgpp": "2", "pag": "3", "hidiffusion": "-"}
    failed = three.run("plugin", "order", "pag", "pag")
    assert failed.returncode == 1 and "twice" in failed.stderr
