"""Settings of plugins that name files and pictures: which are found, which are refused, and what they do."""

from __future__ import annotations

import io
import os
import signal

import grpc
import pytest
from PIL import Image

from service.conftest import error_info, reason
from service.plugin_calls import BUILT, activate, draw, install, pixels

FILES = BUILT / "service_plugins/test-files"
LONG = 1000  # steps


def png(grey: int = 0, mode: str = "L", size: tuple[int, int] = (8, 6), **options: object) -> bytes:
    stream = io.BytesIO()
    picture = Image.new("L", size, grey)
    picture.convert(mode).save(stream, "PNG", **options)
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path):
    """The server's folder of plugins' files, and around it what no request may reach."""
    made = tmp_path / "plugin-files"
    (made / "inner").mkdir(parents=True)
    (made / "three.txt").write_text("3")
    (made / "inner/deep.txt").write_text("5")
    (tmp_path / "secret.txt").write_text("7")
    (made / "link.txt").symlink_to(tmp_path / "secret.txt")
    (made / "up").symlink_to(tmp_path)
    (made / ".hidden").write_text("9")
    return made


@pytest.fixture
def filed(new_server, api, folder):
    """A server with test-files and the folder."""
    made = new_server().start("--plugin-files", folder)
    install(made, api, FILES)
    return made


def choice(**settings: object) -> dict:
    """The plugin with settings: a text, or {"artifact_id": ...}."""
    return {"plugin_id": "test-files", "settings": {
        field: value if isinstance(value, dict) else {"string_value": value} for field, value in settings.items()}}


def named(server, **files: bytes) -> list[dict]:
    """plugin_files; "_" in a keyword stands for the dot."""
    return [{"name": name.replace("_", "."), "artifact_id": server.upload(content).id}
            for name, content in files.items()]


def refused(server, api, **settings: object) -> tuple[str, dict[str, str], str]:
    """Code, variables and sentence of a generation that is not accepted."""
    with pytest.raises(grpc.RpcError) as error:
        server.create(**settings)
    return error.value.code().name, reason(api, error.value)[1], error.value.details()


def test_files_come_with_the_request_or_from_the_folder(filed, api):
    plain = pixels(filed, draw(filed, api))
    assert pixels(filed, draw(filed, api, plugins=[choice()])) == plain
    three = pixels(filed, draw(filed, api, plugins=[choice(number="three.txt")]))
    assert three != plain
    assert pixels(filed, draw(filed, api, plugins=[choice(number="mine.dat")],
                              plugin_files=named(filed, mine_dat=b"3\n"))) == three
    assert pixels(filed, draw(filed, api, plugins=[choice(number={"artifact_id": filed.upload(b"3").id})])) == three
    # The request's own file hides the one in the folder.
    four = draw(filed, api, plugins=[choice(number="three.txt")], plugin_files=named(filed, three_txt=b"4"))
    assert pixels(filed, four) not in (three, plain)


def test_equal_names_of_different_contents(filed, api):
    def drawn(content: bytes) -> bytes:
        return pixels(filed, draw(filed, api, plugins=[choice(picture="p.png")],
                                  plugin_files=named(filed, p_png=content)))
    black, white = drawn(png(0)), drawn(png(255))
    assert black != white
    assert drawn(png(0)) == black and drawn(png(255)) == white
    # What counts is what is seen, not the file: a palette, 16 bits, colours, another size.
    for same in (png(255, "P"), png(255, "RGB"), png(255, "RGBA"), png(255, size=(99, 3))):
        assert drawn(same) == white
    deep = io.BytesIO()
    Image.new("I;16", (5, 5), 65535).save(deep, "PNG")
    assert drawn(deep.getvalue()) == white


def test_a_file_of_the_folder_may_change(filed, api, folder):
    def drawn() -> bytes:
        return pixels(filed, draw(filed, api, plugins=[choice(number="three.txt")]))
    three = drawn()
    time = (folder / "three.txt").stat().st_mtime_ns
    (folder / "new").write_text("4")
    (folder / "new").replace(folder / "three.txt")
    os.utime(folder / "three.txt", ns=(time, time))
    four = drawn()
    assert four != three
    (folder / "three.txt").write_text("3")
    assert drawn() == three


def test_the_parameters_show_the_name(filed, api):
    drawn = draw(filed, api, plugins=[choice(number="mine.txt", picture={"artifact_id": filed.upload(png()).id})],
                 plugin_files=named(filed, mine_txt=b"1"))
    picture = Image.open(io.BytesIO(filed.download(drawn.pictures[0].artifact_id)))
    identifier = filed.upload(png()).id
    assert f"(number=mine.txt,picture={identifier[:12]})" in picture.info["parameters"]
    assert {file.name for file in drawn.settings.plugin_files} == {"mine.txt", identifier[:12]}
    # As it is given back, the request draws the same.
    again = filed.finish(filed.generations.CreateGeneration(
        api.CreateGenerationRequest(settings=drawn.settings)).generation.id)
    assert pixels(filed, again) == pixels(filed, drawn)


@pytest.mark.parametrize("name", ["four.txt", "link.txt", "up", "inner", "up/secret.txt", "inner/deep.txt",
                                  "../secret.txt", "/etc/passwd", ".hidden", "..", "inner\\deep.txt", "x" * 300])
def test_names_that_lead_nowhere_are_refused_at_once(filed, api, name):
    code, variables, sentence = refused(filed, api, plugins=[choice(number=name)])
    assert code == "INVALID_ARGUMENT" and variables["plugin"] == "test-files"
    assert sentence.startswith('plugin test-files: setting "number"')
    assert "secret" not in sentence.replace(name, "")


def test_bad_files_are_refused_at_once(filed, api, folder):
    (folder / "no.png").write_bytes(png()[:40])
    code, variables, sentence = refused(filed, api, plugins=[choice(picture="no.png")])
    assert (code, variables["field"]) == ("INVALID_ARGUMENT", "picture") and '"no.png"' in sentence
    code, variables, _ = refused(filed, api, plugins=[choice(picture={"artifact_id": filed.upload(b"GIF89a").id})])
    assert (code, variables["field"]) == ("INVALID_ARGUMENT", "picture")
    for files, wanted in [([{"name": "a", "artifact_id": "0" * 64}], "NOT_FOUND"),
                          ([{"name": "a", "artifact_id": "../../secret"}], "NOT_FOUND"),
                          ([{"name": "../a", "artifact_id": filed.upload(b"1").id}], "INVALID_ARGUMENT"),
                          ([{"name": "", "artifact_id": filed.upload(b"1").id}], "INVALID_ARGUMENT"),
                          ([{"name": "a", "artifact_id": filed.upload(b"1").id},
                            {"name": "a", "artifact_id": filed.upload(b"2").id}], "INVALID_ARGUMENT")]:
        code, variables, sentence = refused(filed, api, plugins=[choice(number="a")], plugin_files=files)
        assert code == wanted and variables["field"].startswith("plugin_files."), sentence
    # What the plugin makes of a file's content shows when it is made.
    failed = filed.finish(filed.create(plugins=[choice(number="a")], plugin_files=named(filed, a=b"none")).id)
    assert failed.state == api.GENERATION_STATE_FAILED and "must begin with a number" in failed.error.message


def test_without_a_folder_the_error_says_what_to_do(server, api):
    install(server, api, FILES)
    _, _, sentence = refused(server, api, plugins=[choice(number="three.txt")])
    assert "send it with the request" in sentence and "--plugin-files" in sentence


def test_an_active_plugin_takes_files_of_the_folder(filed, api, folder):
    three = pixels(filed, draw(filed, api, plugins=[choice(number="three.txt")]))
    plain = pixels(filed, draw(filed, api))
    for settings in ({"number": {"typed_value": "four.txt"}}, {"number": {"artifact_id": filed.upload(b"4").id}},
                     {"number": {"typed_value": "link.txt"}}):
        with pytest.raises(grpc.RpcError) as error:
            filed.plugins.ActivatePlugin(api.ActivatePluginRequest(plugin_id="test-files", settings=settings))
        assert error.value.code().name == "INVALID_ARGUMENT" and "number" in error.value.details()
    assert pixels(filed, draw(filed, api)) == plain
    activate(filed, api, "test-files", number="three.txt")
    assert pixels(filed, draw(filed, api)) == three
    # A generation adds to the settings that the plugin is active with.
    both = pixels(filed, draw(filed, api, plugins=[choice(picture="w.png")], plugin_files=named(filed, w_png=png(255))))
    assert both != three
    filed.end()
    filed.start("--plugin-files", folder)
    assert pixels(filed, draw(filed, api)) == three
    # Its file goes: nobody's request is to blame, and those that want to can do without.
    (folder / "three.txt").unlink()
    code, variables, sentence = refused(filed, api)
    assert code == "FAILED_PRECONDITION" and variables["plugin"] == "test-files" and "three.txt" in sentence
    skipped = draw(filed, api, plugin_failure_policy=api.PLUGIN_FAILURE_POLICY_SKIP)
    assert pixels(filed, skipped) == plain and "three.txt" in " ".join(skipped.report.warnings)


def test_actions_take_files(filed, api, folder):
    def run(files=(), **settings: object) -> object:
        started = filed.plugins.StartPluginAction(api.StartPluginActionRequest(
            plugin_id="test-files", action_id="echo", settings=choice(**settings)["settings"], plugin_files=files)).run
        *_, last = filed.plugins.WatchPluginAction(api.WatchPluginActionRequest(run_id=started.id))
        assert last.run.state == api.PLUGIN_ACTION_STATE_SUCCEEDED, last.run.error
        return filed.download(last.run.results[0].artifact_id).decode()

    assert run() == "own 0\n"
    assert run(text="three.txt") == "own 0\nthree.txt: 3\n"
    told = run(named(filed, said_txt=b"hello", p_png=png(255)), text="said.txt", picture="p.png")
    assert told == "own 0\nsaid.txt: hello\n[1, 4, 6, 8] mean 1\n"
    activate(filed, api, "test-files", number="three.txt")
    assert run(picture={"artifact_id": filed.upload(png(0, "RGBA")).id}).startswith("own 3\n[1, 4, 6, 8] mean 0.25")
    for settings in ({"text": "four.txt"}, {"picture": "three.txt"}, {"text": "../secret.txt"}):
        with pytest.raises(grpc.RpcError) as error:
            run(**settings)
        assert error.value.code().name == "INVALID_ARGUMENT"
        assert f'setting "{next(iter(settings))}"' in error.value.details()


def test_a_plan_takes_files(filed, api):
    def plan(**settings: object) -> object:
        return filed.plugins.PlanChain(api.PlanChainRequest(settings=api.GenerationSettings(**settings))).chain

    link = plan(plugins=[choice(number="mine.txt")], plugin_files=named(filed, mine_txt=b"1")).links[0]
    assert link.settings["number"].typed_value == "mine.txt"
    with pytest.raises(grpc.RpcError) as error:
        plan(plugins=[choice(number="mine.txt")])
    assert error.value.code().name == "INVALID_ARGUMENT"


def test_a_waiting_generation_keeps_its_files(filed, api, folder):
    three = pixels(filed, draw(filed, api, plugins=[choice(number="three.txt")]))
    running = filed.create(steps=LONG)
    waiting = filed.create(plugins=[choice(number="mine.txt")], plugin_files=named(filed, mine_txt=b"3"))
    unused = filed.upload(b"nobody's")
    filed.wait_until_running(running.id)
    filed.end(signal.SIGKILL)
    filed.start("--plugin-files", folder, "--keep-hours", 0)
    filed.generations.CancelGeneration(api.CancelGenerationRequest(id=running.id))
    done = filed.finish(waiting.id)
    assert done.state == api.GENERATION_STATE_SUCCEEDED, error_info(api, done.error)
    assert pixels(filed, done) == three
    # Files that no generation names are gone; this one's is still there for the next who asks.
    with pytest.raises(grpc.RpcError):
        filed.download(unused.id)
    assert filed.download(done.settings.plugin_files[0].artifact_id) == b"3"
