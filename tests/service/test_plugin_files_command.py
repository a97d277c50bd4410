"""Files and pictures for plugins, as a user types them: paths here, and names in a server's folder."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from PIL import Image

from service.plugin_calls import BUILT, install, program_with

FILES = BUILT / "service_plugins/test-files"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "plugin-files"
    made.mkdir()
    (made / "servers.txt").write_text("3")
    return made


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The program with a folder of plugins that holds test-files alone."""
    return program_with(FILES, tmp_path_factory.mktemp("home"))


@pytest.fixture(params=["server", "alone"])
def run(request, new_server, api, folder, model, tmp_path):
    """Runs the client in a folder with files, against a server and without one."""
    files = tmp_path / "here"
    (files / "other").mkdir(parents=True)
    (files / "three.txt").write_text("3")
    (files / "other/three.txt").write_text("4")
    (files / "a, b.txt").write_text("3")
    Image.new("L", (8, 6), 255).save(files / "white.png")
    Image.new("L", (8, 6), 0).save(files / "black.png")
    if request.param == "server":
        server = new_server().start("--plugin-files", folder)
        install(server, api, FILES)
        first = [server.program, "--host", server.address]
    else:
        first = [request.getfixturevalue("alone")]

    def command(*arguments: object) -> subprocess.CompletedProcess:
        words = [*first, *arguments]
        if request.param == "alone" and "--model" not in arguments:
            words += ["--model", model("sd1")]
        if request.param == "alone" and arguments[0] == "generate":
            words += ["--precision", "fp32", "--threads", 1]
        return subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, cwd=files, timeout=300)

    command.kind = request.param
    command.files = files
    return command


def generate(run, *plugins: str) -> tuple[bytes, str]:
    """Pixels, and what the picture says of its plugins."""
    words = [word for plugin in plugins for word in ("--plugin", plugin)]
    done = run("generate", "an apple", "--steps", 2, "--seed", 7, "--sampler", "euler", "--size", "64x64", "-o",
               "drawn.png", *words)
    assert done.returncode == 0, done.stderr
    picture = Image.open(run.files / "drawn.png")
    return picture.tobytes(), picture.info["parameters"]


def test_paths_become_names(run):
    plain, _ = generate(run)
    three, said = generate(run, "test-files:number=three.txt")
    assert three != plain and "(number=three.txt)" in said
    assert generate(run, f"test-files:number={run.files}/three.txt")[0] == three
    assert generate(run, 'test-files:number="a, b.txt"')[0] == three
    four, said = generate(run, "test-files:number=other/three.txt")
    assert four not in (plain, three) and "(number=three.txt)" in said
    both, said = generate(run, "test-files:number=other/three.txt,picture=white.png,mask=other/../white.png")
    assert "(number=three.txt,picture=white.png,mask=white.png)" in said
    assert both != generate(run, "test-files:number=other/three.txt,picture=white.png,mask=black.png")[0]
    assert generate(run, "test-files:number=")[0] == plain


def test_different_files_of_one_name(run):
    shutil.copy(run.files / "black.png", run.files / "other/white.png")
    drawn, said = generate(run, "test-files:picture=white.png,mask=other/white.png")
    assert "(picture=white.png,mask=white-2.png)" in said
    assert drawn == generate(run, "test-files:picture=white.png,mask=black.png")[0]
    odd = run.files / b"..\xffodd\\name".decode(errors="surrogateescape")
    odd.write_text("3")
    assert generate(run, f"test-files:number={odd}")[0] == generate(run, "test-files:number=three.txt")[0]


def test_what_is_wrong_is_said_before_anything_is_loaded(run):
    (run.files / "no.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for plugin, says in [("test-files:number=./gone.txt", "--plugin test-files:number: there is no file ./gone.txt"),
                         ("test-files:number=other/", "not a file: other/"),
                         ("test-files:number=gone.txt", "there is no file"),
                         ("test-files:picture=no.png", 'setting "picture": "no.png": '),
                         ("test-files:nunber=three.txt", "did you mean \"number\"")]:
        # Fields are checked when the plugin is made, files before the model is even looked for.
        model = ("--model", "/nonexistent") if run.kind == "alone" and "nunber" not in plugin else ()
        wrong = run("generate", "an apple", "--plugin", plugin, *model)
        assert wrong.returncode == 1 and says in wrong.stderr, wrong.stderr


def test_names_of_the_servers_folder(run):
    if run.kind == "alone":
        assert run("generate", "an apple", "--plugin", "test-files:number=servers.txt").returncode == 1
        return
    three, _ = generate(run, "test-files:number=three.txt")
    assert generate(run, "test-files:number=servers.txt")[0] == three
    # A file from here does not hide the server's, of which the same command speaks.
    (run.files / "other/servers.txt").write_text("4")
    Image.new("L", (4, 4), 0).save(run.files / "other/servers.txt", "PNG")
    drawn, said = generate(run, "test-files:number=servers.txt,picture=other/servers.txt")
    assert "(number=servers.txt,picture=servers-2.txt)" in said
    assert drawn == generate(run, "test-files:number=three.txt,picture=black.png")[0]


def test_an_action_takes_paths(run):
    done = run("plugin", "action", "test-files", "echo", "--text", "other/three.txt", "--picture=white.png", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert (run.files / "out/echo.txt").read_text() == "own 0\nthree.txt: 4\n[1, 4, 6, 8] mean 1\n"
    wrong = run("plugin", "action", "test-files", "echo", "--text", "./gone", "-o", "out")
    assert wrong.returncode == 1 and "action echo:text: there is no file ./gone" in wrong.stderr
    if run.kind == "alone":
        done = run("plugin", "action", "test-files:number=three.txt", "echo", "-o", "out")
        assert done.returncode == 0 and (run.files / "out/echo.txt").read_text() == "own 3\n"
    else:
        done = run("plugin", "action", "test-files", "echo", "--text", "servers.txt", "-o", "out")
        assert done.returncode == 0 and (run.files / "out/echo.txt").read_text() == "own 0\nservers.txt: 3\n"


def test_other_commands(run):
    if run.kind == "alone":
        return
    planned = run("plugin", "plan", "--plugin", "test-files:number=other/three.txt")
    assert planned.returncode == 0 and "number=three.txt" in planned.stdout, planned.stderr
    assert "three.txt" in run("plugin", "activate", "test-files:number=three.txt").stderr
    active = run("plugin", "activate", "test-files:number=servers.txt")
    assert active.returncode == 0, active.stderr
    three = generate(run)[0]
    assert run("plugin", "retire", "test-files").returncode == 0
    assert generate(run, "test-files:number=three.txt")[0] == three


def test_a_folder_that_is_not_there(program, tmp_path):
    result = program.run("serve", "--data", tmp_path / "data", "--plugin-files", tmp_path / "gone")
    assert result.returncode == 1 and "no folder of plugins' files" in result.stderr
