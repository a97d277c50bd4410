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
    failed = three.run("plugin", "order", "pag", "pag")
    assert failed.returncode == 1 and "twice" in failed.stderr
