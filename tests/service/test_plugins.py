"""Plugins on a server: installing, activating, swapping, going back, and what a request gets."""

from __future__ import annotations

import hashlib
import json
import time

import grpc
import pytest

from service.conftest import reason
from service.plugin_calls import BUILT, FAULTY, SWAP, activate, build_of, draw, install, listed, picture, state

@pytest.fixture
def swap(server, api):
    """A server with the first two builds of test-swap installed."""
    for number in (1, 2):
        install(server, api, SWAP[number])
    return server


def test_built_in_plugins_are_installed_and_not_active(server, api):
    plugins = {plugin.id: plugin for plugin in server.plugins.ListPlugins(api.ListPluginsRequest()).plugins}
    assert {"cfgpp", "cfg-rescale", "deep-shrink", "hidiffusion", "pag"} <= set(plugins)
    assert {plugin.state for plugin in plugins.values()} == {api.PLUGIN_STATE_INSTALLED}
    assert draw(server, api).report.plugins == ""
    used = draw(server, api, plugins=[{"plugin_id": "pag"}])
    assert plugins["pag"].build[:12] in used.report.plugins
    assert "patchbay.hook.guidance/1" in listed(server, api)["pag", plugins["pag"].build].hooks


def test_schema(server, api):
    schema = server.plugins.GetPluginSchema(api.GetPluginSchemaRequest(plugin_id="hidiffusion"))
    fields = {field.id: field for field in schema.parameters}
    assert fields["min_scale"].type == api.PARAMETER_TYPE_DOUBLE
    assert (fields["min_scale"].minimum, fields["min_scale"].maximum) == (0, 64)
    assert fields["min_scale"].default_value.double_value == 1.5
    assert fields["raunet"].default_value.bool_value
    assert [choice.id for choice in fields["aggressive"].choices] == ["auto", "on", "off"]
    assert all(field.help for field in schema.parameters)
    with pytest.raises(grpc.RpcError) as error:
        server.plugins.GetPluginSchema(api.GetPluginSchemaRequest(plugin_id="hidifusion"))
    assert error.value.code() == grpc.StatusCode.NOT_FOUND and "did you mean hidiffusion?" in error.value.details()
    assert reason(api, error.value)[0] == "PLUGIN_NOT_FOUND"


def test_an_active_plugin_is_in_every_generation(swap, api):
    plain = picture(draw(swap, api))
    assert state(swap, api, SWAP[1]) == api.PLUGIN_STATE_INSTALLED
    active = activate(swap, api, "test-swap", build_of(SWAP[1])[:8])
    assert active.state == api.PLUGIN_STATE_ACTIVE and active.build == build_of(SWAP[1])
    generation = draw(swap, api)
    assert generation.report.plugins == f"test-swap 1.0.0 {build_of(SWAP[1])[:12]}"
    assert picture(generation) != plain
    assert picture(draw(swap, api, without_default_plugins=True)) == plain
    # A request adds to the settings that it is active with, and other plugins beside it.
    both = draw(swap, api, plugins=[{"plugin_id": "test-swap", "settings": {"strength": {"double_value": 0.5}}},
                                    {"plugin_id": "pag"}])
    assert "test-swap 1.0.0 (strength=0.5)" in both.report.plugins and "pag" in both.report.plugins
    swap.plugins.RetirePlugin(api.RetirePluginRequest(plugin_id="test-swap"))
    assert picture(draw(swap, api)) == plain
    assert state(swap, api, SWAP[1]) == api.PLUGIN_STATE_RETIRED
    with pytest.raises(grpc.RpcError) as error:
        swap.plugins.RetirePlugin(api.RetirePluginRequest(plugin_id="test-swap"))
    assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_a_request_can_name_a_build(swap, api):
    pictures = {}
    for number in (1, 2):
        build = build_of(SWAP[number])
        generation = draw(swap, api, plugins=[{"plugin_id": "test-swap", "build": build}])
        assert build[:12] in generation.report.plugins
        pictures[number] = picture(generation)
    assert pictures[1] != pictures[2]
    # Without a build: the newest, as long as none was active.
    assert picture(draw(swap, api, plugins=[{"plugin_id": "test-swap"}])) == pictures[2]
    with pytest.raises(grpc.RpcError) as error:
        swap.create(plugins=[{"plugin_id": "test-swap", "build": "0123456789"}])
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


def test_swap_in_the_middle_of_a_generation(swap, api):
    activate(swap, api, "test-swap", build_of(SWAP[1]))
    alone = draw(swap, api, steps=60)
    running = swap.create(steps=60)
    watch = swap.watch(running.id)
    assert any(event.HasField("progress") for event in watch)
    activate(swap, api, "test-swap", build_of(SWAP[2]))
    assert swap.get(running.id).state == api.GENERATION_STATE_RUNNING
    assert state(swap, api, SWAP[1]) == api.PLUGIN_STATE_RETIRING
    following = swap.create(steps=60)
    ended = swap.finish(running.id)
    assert build_of(SWAP[1])[:12] in ended.report.plugins and picture(ended) == picture(alone)
    assert build_of(SWAP[2])[:12] in swap.finish(following.id).report.plugins
    assert state(swap, api, SWAP[1]) == api.PLUGIN_STATE_RETIRED


def test_settings_carry_over_and_roll_back(swap, api):
    first, second = build_of(SWAP[1]), build_of(SWAP[2])
    activate(swap, api, "test-swap", first, strength="1.5")
    active = activate(swap, api, "test-swap", second, extra="3")
    assert {field: value.typed_value for field, value in active.settings.items()} == {"strength": "1.5", "extra": "3"}
    back = swap.plugins.RollBackPlugin(api.RollBackPluginRequest(plugin_id="test-swap")).plugin
    assert back.build == first and back.state == api.PLUGIN_STATE_ACTIVE
    assert "(strength=1.5)" in draw(swap, api).report.plugins
    # The third build accepts less: the value moves to the end of its range.
    install(swap, api, SWAP[3])
    third = activate(swap, api, "test-swap")
    assert third.build == build_of(SWAP[3])
    assert "strength" not in third.settings or float(third.settings["strength"].typed_value) == 1.0
    with pytest.raises(grpc.RpcError) as error:
        swap.plugins.RollBackPlugin(api.RollBackPluginRequest(plugin_id="pag"))
    assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_what_is_active_outlives_the_process(swap, api):
    activate(swap, api, "test-swap", build_of(SWAP[1]), strength="0.5")
    before = picture(draw(swap, api))
    swap.end()
    swap.start()
    assert state(swap, api, SWAP[1]) == api.PLUGIN_STATE_ACTIVE
    assert picture(draw(swap, api)) == before


def test_request_ids_make_changes_safe_to_repeat(swap, api):
    activate(swap, api, "test-swap", build_of(SWAP[1]))
    activate(swap, api, "test-swap", build_of(SWAP[2]))
    request = api.RollBackPluginRequest(plugin_id="test-swap", request_id="once")
    builds = {swap.plugins.RollBackPlugin(request).plugin.build for _ in range(3)}
    assert builds == {build_of(SWAP[1])}
    with pytest.raises(grpc.RpcError) as error:
        swap.plugins.RetirePlugin(api.RetirePluginRequest(plugin_id="test-swap", request_id="once"))
    assert reason(api, error.value)[0] == "REQUEST_ID_REUSED"


def bad_library(server, api, bad: str):
    """Tries to install a plugin that must be refused, under the manifest of a good one."""
    library = (BUILT / f"plugins/{bad}/{bad}.so").read_bytes()
    manifest = json.loads((BUILT / "plugins/test-plain/plugin.json").read_text())
    manifest.update(id=bad, title="Bad", summary="", library=f"{bad}.so", phase="normal", required_hooks=[],
                    families=[], fields=[], sha256=hashlib.sha256(library).hexdigest())
    server.plugins.InstallPlugin(api.InstallPluginRequest(
        manifest_artifact_id=server.upload(json.dumps(manifest).encode()).id,
        library_artifact_id=server.upload(library).id))


@pytest.mark.parametrize("bad, says", [("bad-crash", "crashed when it was loaded"), ("bad-version", "version"),
                                       ("bad-magic", "magic number"), ("bad-symbol", "exports no patchbay_plugin"),
                                       ("bad-exit", "ended the process")])
def test_bad_builds_are_refused_without_harm(server, api, bad, says):
    with pytest.raises(grpc.RpcError) as error:
        bad_library(server, api, bad)
    assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION and says in error.value.details(), error.value
    assert reason(api, error.value)[:2] == ("PLUGIN_REFUSED", {"plugin": bad})
    assert bad not in {plugin for plugin, _ in listed(server, api)}


def test_a_verdict_is_about_library_and_manifest(server, api):
    good = json.loads((SWAP[1] / "plugin.json").read_text())
    wrong = {"version": {**good, "version": "9.9.9"}, "tier": {**good, "tier": "plain", "fingerprint": ""}}
    library = server.upload((SWAP[1] / "test-swap.so").read_bytes()).id

    def install_with(manifest: dict):
        return server.plugins.InstallPlugin(api.InstallPluginRequest(
            manifest_artifact_id=server.upload(json.dumps(manifest).encode()).id, library_artifact_id=library)).plugin

    def refused() -> None:
        for difference, manifest in wrong.items():
            with pytest.raises(grpc.RpcError) as error:
                install_with(manifest)
            assert f"differs from its manifest in: {difference}" in error.value.details()

    refused()
    assert install_with(good).version == good["version"]
    refused()
    # What was refused has not touched what is there, nor does the next process mistake the one for the other.
    assert picture(draw(server, api, plugins=[{"plugin_id": "test-swap"}]))
    server.end()
    server.start()
    refused()
    assert install_with(good).version == good["version"]
    assert listed(server, api)["test-swap", build_of(SWAP[1])].version == good["version"]


def test_a_build_that_hangs_when_it_is_loaded_is_given_up(server, api):
    before = time.monotonic()
    with pytest.raises(grpc.RpcError) as error:
        bad_library(server, api, "bad-hang")
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - before < 40


def test_plugins_that_cannot_be_together_are_refused_at_once(server, api):
    def refused(says: str, **settings: object) -> None:
        with pytest.raises(grpc.RpcError) as error:
            server.create(**settings)
        assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT and says in error.value.details()
        assert reason(api, error.value)[0] == "INVALID_SETTINGS"

    refused("pag is asked for twice", plugins=[{"plugin_id": "pag"}, {"plugin_id": "pag"}])
    refused("cannot be used together", plugins=[{"plugin_id": "deep-shrink"}, {"plugin_id": "hidiffusion"}])
    # Beside one that is active as well.
    activate(server, api, "hidiffusion")
    refused("cannot be used together", plugins=[{"plugin_id": "deep-shrink"}])
    server.create(plugins=[{"plugin_id": "deep-shrink"}], without_default_plugins=True)
    files = [{"name": "same.png", "artifact_id": server.upload(content).id} for content in (b"a", b"b")]
    refused("the name of two different files", plugin_files=files)


def test_refused_changes_leave_what_is_active(swap, api):
    activate(swap, api, "test-swap", build_of(SWAP[1]))
    before = picture(draw(swap, api))
    manifest = swap.upload((SWAP[3] / "plugin.json").read_bytes()).id
    library = swap.upload((SWAP[2] / "test-swap.so").read_bytes()).id
    for call, request, code in [
            (swap.plugins.InstallPlugin, api.InstallPluginRequest(manifest_artifact_id=manifest,
                                                                  library_artifact_id=library), "DATA_LOSS"),
            (swap.plugins.InstallPlugin, api.InstallPluginRequest(manifest_artifact_id=library,
                                                                  library_artifact_id=library), "INVALID_ARGUMENT"),
            (swap.plugins.InstallPlugin, api.InstallPluginRequest(), "INVALID_ARGUMENT"),
            (swap.plugins.ActivatePlugin, api.ActivatePluginRequest(
                plugin_id="test-swap", settings={"strength": {"double_value": 7}}), "INVALID_ARGUMENT"),
            (swap.plugins.ActivatePlugin, api.ActivatePluginRequest(
                plugin_id="test-swap", settings={"strenght": {"double_value": 1}}), "INVALID_ARGUMENT"),
            (swap.plugins.ActivatePlugin, api.ActivatePluginRequest(plugin_id="test-swop"), "NOT_FOUND")]:
        with pytest.raises(grpc.RpcError) as error:
            call(request)
        assert error.value.code().name == code, error.value
    assert picture(draw(swap, api)) == before


def test_plan(swap, api):
    activate(swap, api, "test-swap", build_of(SWAP[1]))
    settings = api.GenerationSettings(plugins=[{"plugin_id": "pag"}])
    plan = swap.plugins.PlanChain(api.PlanChainRequest(settings=settings))
    links = {link.plugin_id: link for link in plan.chain.links}
    assert set(links) == {"pag", "test-swap"}
    assert links["test-swap"].build == build_of(SWAP[1]) and not links["test-swap"].sites
    assert list(links["pag"].sites) == ["unet.mid.attn.0.block.0.self"]
    assert links["pag"].settings["scale"].typed_value == "3"
    again = swap.plugins.PlanChain(api.PlanChainRequest(settings=settings))
    assert again.chain.digest == plan.chain.digest
    settings.plugins[0].settings["scale"].double_value = 2
    assert swap.plugins.PlanChain(api.PlanChainRequest(settings=settings)).chain.digest != plan.chain.digest
    install(swap, api, FAULTY)
    settings.plugins.add(plugin_id="test-faulty").settings["refuses"].bool_value = True
    with pytest.raises(grpc.RpcError) as error:
        swap.plugins.PlanChain(api.PlanChainRequest(settings=settings))
    assert "refuses to be attached" in error.value.details()
    assert reason(api, error.value)[0] == "PLUGIN_REFUSED"


def test_commands(server, api):
    def run(*arguments: object) -> str:
        done = server.run("plugin", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert f"test-swap 1.0.0, build {build_of(SWAP[1])[:12]}: installed" in run("install", SWAP[1])
    assert ": active" in run("activate", "test-swap:strength=0.5")
    run("install", SWAP[2])
    assert build_of(SWAP[2])[:12] in run("activate", "test-swap")
    table = run("list")
    assert [line.split()[3] for line in table.splitlines() if line.startswith("test-swap")] == ["active", "retired"]
    assert "strength=0.5" in run("show", "test-swap")
    assert {plugin["id"] for plugin in json.loads(run("list", "--json"))} >= {"pag", "test-swap"}
    assert build_of(SWAP[1])[:12] in run("rollback", "test-swap")
    assert "unet.mid" in run("plan", "--plugin", "pag")
    assert ": retired" in run("retire", "test-swap")
    failed = server.run("plugin", "install", server.folder)
    assert failed.returncode == 1 and "plugin.json" in failed.stderr
    assert server.run("plugin", "activate", "nothing").returncode == 1


def test_only_administrators_change_plugins(new_server, api, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret\n")
    server = new_server().start("--admin-token-file", token)
    assert server.plugins.ListPlugins(api.ListPluginsRequest()).plugins
    for call, request in [(server.plugins.InstallPlugin, api.InstallPluginRequest()),
                          (server.plugins.ActivatePlugin, api.ActivatePluginRequest(plugin_id="pag")),
                          (server.plugins.RollBackPlugin, api.RollBackPluginRequest(plugin_id="pag")),
                          (server.plugins.RetirePlugin, api.RetirePluginRequest(plugin_id="pag")),
                          (server.plugins.OrderPlugins, api.OrderPluginsRequest(plugin_ids=["pag"]))]:
        with pytest.raises(grpc.RpcError) as error:
            call(request)
        assert error.value.code() == grpc.StatusCode.PERMISSION_DENIED
    metadata = [("authorization", "Bearer secret")]
    assert server.plugins.ActivatePlugin(api.ActivatePluginRequest(plugin_id="pag"), metadata=metadata).plugin.id == "pag"


def test_a_plugin_for_another_family_is_refused(server, api):
    family = install(server, api, BUILT / "service_plugins/test-family")
    assert list(family.families) == ["sdxl", "sdxl-refiner"]
    refused = server.finish(server.create(plugins=[{"plugin_id": "test-family"}]).id)
    assert refused.state == api.GENERATION_STATE_FAILED
    assert "plugin test-family is for models of the family sdxl, sdxl-refiner; sd1 is of the family sd1" in (
        refused.error.message)
    shown = server.run("plugin", "show", "test-family").stdout
    assert "for models of the family sdxl, sdxl-refiner" in shown
    assert "sdxl,sdxl-refiner" in server.run("plugin", "list").stdout
