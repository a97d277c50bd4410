"""`patchbay plugin validate`: what is ours passes; what is bad fails the check that is about its fault."""

import json
import os
import pathlib
import shutil

import pytest
from PIL import Image

from .ip_adapter_files import write_files
from .moma_files import write_adapter
from .motion_files import write_module

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("PATCHBAY_BUILD", "build/release")

OURS = sorted(path.parent.name for path in (BUILD / "plugins").glob("*/plugin.json"))
EXAMPLES = ["latent-limit", "prediction-norm", "rising-guidance"]

# Which check must fail, and what it must say.
FAULTS = {
    "throws": ("pass.runs", "nobody catches this"),
    "crashes": ("pass.runs", "crashed (Segmentation fault) in patchbay.hook.guidance/1 at step 0"),
    "hangs": ("pass.runs", "did not end within 8 s in patchbay.hook.guidance/1 at step 0"),
    "leaks": ("instance.growth", "bytes stay behind each time"),
    "writes-outside": ("tensor.bounds", "patchbay.hook.guidance/1"),
    "changes-inputs": ("tensor.inputs", "patchbay.hook.guidance/1"),
    "remembers": ("pass.repeatable", "another picture"),
    "starts-threads": ("thread.none_left", "threads behind"),
    "ignores-refusals": ("fault.attach", "refused it something"),
}


def settings_for(plugin, folder):
    """What those need that do nothing without a picture or a file of weights."""
    if plugin == "animatediff":
        return ["--settings", f"module={write_module(folder)}"]
    if plugin not in ("outpainter", "ip-adapter", "moma"):
        return []
    picture = folder / "picture.png"
    Image.linear_gradient("L").resize((24, 20)).save(picture)
    if plugin == "outpainter":
        return ["--settings", f"picture={picture}"]
    if plugin == "moma":
        return ["--settings", f"image={picture},subject=lighthouse,adapter={write_adapter(folder)}"]
    adapter, encoder = write_files(folder)
    return ["--settings", f"image={picture},adapter={adapter},encoder={encoder}"]


def validate(program, folder, *arguments):
    arguments = (*settings_for(folder.name, program.folder), *arguments)
    result = program.run("plugin", "validate", folder, "--json", *arguments)
    report = json.loads(result.stdout)
    assert result.returncode == (0 if report["passed"] else 1), result.stderr
    return {check["id"]: check for check in report["checks"]}


def failures(checks):
    return {name: check["reason"] for name, check in checks.items() if check["result"] == "FAIL"}


@pytest.mark.parametrize("plugin", [BUILD / "plugins" / name for name in OURS] +
                         [BUILD / "examples" / name for name in EXAMPLES], ids=lambda path: path.name)
def test_ours_pass(program, plugin):
    checks = validate(program, plugin)
    assert failures(checks) == {}
    assert len(checks) > 50
    assert checks["pass.runs"]["result"] == "PASS" and checks["thread.two_jobs"]["result"] == "PASS"


@pytest.mark.parametrize("plugin", OURS)
def test_ours_serve_every_structure(program, plugin):
    checks = validate(program, BUILD / "plugins" / plugin, "--only", "family")
    for family in ("sd1", "sd2", "sdxl"):
        assert checks[f"family.{family}"]["result"] == "PASS"
        # The file is for one structure; tests/parity has them for others.
        is_other = plugin in ("animatediff", "ip-adapter", "moma") and family == "sdxl"
        assert ("refuses" in checks[f"family.{family}"]["reason"]) == is_other


def test_a_plugin_for_one_family_is_tried_on_that(program):
    checks = validate(program, BUILD / "tests/service_plugins/test-family")
    assert failures(checks) == {}
    assert checks["pass.runs"]["result"] == "PASS" and checks["family.sdxl"]["reason"] == ""
    for family in ("sd1", "sd2"):
        assert checks[f"family.{family}"]["result"] == "PASS"
        assert "refuses it: plugin test-family is for models of the family sdxl" in checks[f"family.{family}"]["reason"]


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(program, fault):
    check, reason = FAULTS[fault]
    checks = validate(program, BUILD / "tests/plugins" / f"faulty-{fault}", "--only", check, "--time-limit", 8)
    assert list(failures(checks)) == [check]
    assert reason in checks[check]["reason"]
    assert checks[check]["advice"]


def test_a_lie_in_the_manifest_is_found(program, tmp_path):
    folder = tmp_path / "liar"
    shutil.copytree(BUILD / "examples/prediction-norm", folder)
    manifest = json.loads((folder / "plugin.json").read_text())
    manifest["version"] = "9.9.9"
    (folder / "plugin.json").write_text(json.dumps(manifest))
    checks = validate(program, folder, "--only", "library")
    assert list(failures(checks)) == ["library.matches_manifest"]
    assert "9.9.9" in checks["library.matches_manifest"]["reason"]
    assert checks["library.unloads"]["result"] == "SKIP"


def test_a_damaged_library_is_found_without_running_it(program, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(BUILD / "examples/prediction-norm", folder)
    library = folder / "prediction-norm.so"
    library.write_bytes(library.read_bytes()[:2000])
    found = failures(validate(program, folder, "--only", "manifest"))
    assert list(found) == ["manifest.hash"]
    found = failures(validate(program, folder, "--only", "binary"))
    assert "binary.kind" in found


def test_renumbered_parameters_are_found(program, tmp_path):
    manifest = json.loads((BUILD / "examples/prediction-norm/plugin.json").read_text())
    manifest["fields"][0]["number"] = 7
    previous = tmp_path / "previous.json"
    previous.write_text(json.dumps(manifest))
    checks = validate(program, BUILD / "examples/prediction-norm", "--only", "schema.stable", "--previous", previous)
    assert failures(checks) == {"schema.stable": "parameter every had number 7 and has 1"}


def test_usage(program, tmp_path):
    result = program.run("plugin", "validate", tmp_path / "nowhere")
    assert result.returncode == 1 and "FAIL  manifest.present" in result.stdout
    result = program.run("plugin", "validate", tmp_path, "--only", "no.such.check")
    assert result.returncode == 1 and "no check begins with" in result.stderr
