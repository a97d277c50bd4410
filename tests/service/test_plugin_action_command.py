"""`patchbay plugin actions` and `patchbay plugin action`, as a user types them."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from service.plugin_calls import BUILT, activate, install, program_with

ACTION = BUILT / "service_plugins/test-action"


@pytest.fixture
def acting(server, api):
    install(server, api, ACTION)
    return server


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The program with a folder of plugins that holds test-action alone."""
    return program_with(ACTION, tmp_path_factory.mktemp("home"))


@pytest.fixture(params=["server", "alone"])
def run(request, model):
    """Runs the client against a server, and without one."""
    if request.param == "server":
        yield request.getfixturevalue("acting").run
        return
    program = request.getfixturevalue("alone")

    def alone_run(*arguments: object) -> subprocess.CompletedProcess:
        words = [str(argument) for argument in arguments]
        if words[:2] == ["plugin", "action"]:
            words += ["--model", str(model("sd1"))]
        return subprocess.run([program, *words], capture_output=True, text=True, check=False, timeout=300)

    yield alone_run


def test_actions_are_listed(run):
    listed = run("plugin", "actions", "test-action")
    assert listed.returncode == 0, listed.stderr
    assert "action count: Counts." in listed.stdout
    assert "steps" in listed.stdout and "How far to count" in listed.stdout
    assert "How far to count" in run("plugin", "show", "test-action").stdout
    missing = run("plugin", "actions", "test-axtion")
    assert missing.returncode == 1 and "test-action" in missing.stderr


def test_an_action_saves_what_it_makes(run, tmp_path):
    folder = tmp_path / "made/here"
    done = run("plugin", "action", "test-action", "count", "--steps", "30", "--name=twice.txt", "-o", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder}/twice.txt\n"
    assert (folder / "twice.txt").read_text() == "30 steps, factor 1.0, family 1"
    assert [path.name for path in folder.iterdir()] == ["twice.txt"]
    lines = done.stderr.splitlines()
    assert lines[-1].startswith("100 %") and any("counting" in line for line in lines) and len(lines) <= 11


def test_what_is_wrong_is_said(run, tmp_path):
    for arguments, says in [(("count", "--stops", "3"), "stops"), (("count", "--steps", "-3"), "steps"),
                            (("cuont",), "no action \"cuont\""), (("count", "--steps"), "--steps needs a value"),
                            (("count", "more"), "\"more\" is not expected here"),
                            (("count", "--name", "../outside"), "no plain file name")]:
        wrong = run("plugin", "action", "test-action", *arguments, "-o", tmp_path / "wrong")
        assert wrong.returncode == 1 and says in wrong.stderr, wrong.stderr
        assert not list((tmp_path / "wrong").iterdir())


@pytest.mark.parametrize("where", ["server", "alone"])
def test_an_interrupt_ends_the_action(where, request, model, tmp_path):
    if where == "server":
        server = request.getfixturevalue("acting")
        command = [server.program, "--host", server.address, "plugin", "action", "test-action", "count"]
    else:
        command = [request.getfixturevalue("alone"), "plugin", "action", "test-action", "count", "--model", model("sd1")]
    process = subprocess.Popen([*map(str, command), "--steps", "3000", "-o", str(tmp_path / "made")], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stderr.readline()
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert time.monotonic() - begin < 10
    assert "cancelled" in process.stderr.read() and process.stdout.read() == ""
    assert not os.listdir(tmp_path / "made")
    if where == "server":
        # The server is not left with it.
        done = server.run("plugin", "action", "test-action", "count", "--steps", "1", "-o", tmp_path)
        assert done.returncode == 0, done.stderr


def test_settings_of_the_plugin(acting, alone, api, model, tmp_path):
    activate(acting, api, "test-action", factor="2.5")
    assert acting.run("plugin", "action", "test-action", "count", "-o", tmp_path).returncode == 0
    assert "factor 2.5" in (tmp_path / "count.txt").read_text()
    refused = acting.run("plugin", "action", "test-action:factor=3", "count", "-o", tmp_path)
    assert refused.returncode == 1 and "plugin activate" in refused.stderr
    here = subprocess.run([alone, "plugin", "action", "test-action:factor=3", "count", "--model", model("sd1"), "-o",
                           tmp_path], capture_output=True, text=True, check=False)
    assert here.returncode == 0, here.stderr
    assert "factor 3.0" in (tmp_path / "count.txt").read_text()
