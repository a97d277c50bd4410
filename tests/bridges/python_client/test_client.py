"""The Python package that the nodes for ComfyUI and the extension for A1111 share."""

from __future__ import annotations

import inspect
import io
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from bridges.conftest import ROOT
from PIL import Image
from service.conftest import new_server  # noqa: F401
from service.test_security import certificates  # noqa: F401

SMALL = {"prompt": "an apple", "steps": 2, "seed": 7, "sampler": "euler", "size": {"width": 64, "height": 64}}


@pytest.fixture
def client(client_package, host):
    made = client_package.Host(host.address)
    yield made
    made.close()


def test_the_api_is_the_one_of_the_proto_files(client_package, api):
    """What protoc makes of the files now: messages with their fields, enum values, services with their calls."""
    generated = {name: value for name, value in vars(api).items() if not name.endswith(("_pb2", "_pb2_grpc"))}
    messages = {name for name, value in generated.items() if hasattr(value, "DESCRIPTOR") and inspect.isclass(value)
                and value.DESCRIPTOR.full_name.startswith("patchbay.v1.")}
    assert len(messages) > 60
    for name in messages:
        ours, theirs = getattr(client_package.api, name).DESCRIPTOR, generated[name].DESCRIPTOR
        assert [(field.name, field.number, field.type) for field in ours.fields] == [
            (field.name, field.number, field.type) for field in theirs.fields]
    numbers = {name: value for name, value in generated.items() if isinstance(value, int) and name.isupper()}
    assert len(numbers) > 40 and numbers == {name: getattr(client_package.api, name) for name in numbers}
    stubs = [name for name in generated if name.endswith("Stub")]
    assert "PluginServiceStub" in stubs and all(hasattr(client_package.api, name) for name in stubs)


def test_a_copied_folder_says_how_to_install(tmp_path):
    shutil.copytree(ROOT / "bridges/python_client/patchbay_client", tmp_path / "patchbay_client",
                    ignore=shutil.ignore_patterns("*.binpb"))
    result = subprocess.run([sys.executable, "-c", "import patchbay_client"], cwd=tmp_path, capture_output=True,
                            text=True, check=False)
    assert result.returncode == 1 and "pip install REPOSITORY/bridges/python_client" in result.stderr


def parameter(api, kind: str, **fields: object):
    return api.Parameter(id="size", number=1, label="Size", type=getattr(api, f"PARAMETER_TYPE_{kind}"), **fields)


@pytest.mark.parametrize(("kind", "given", "field", "value"), [
    ("BOOL", True, "bool_value", True), ("BOOL", 0, "bool_value", False), ("INT", 3, "int_value", 3),
    ("INT", 4.0, "int_value", 4), ("DOUBLE", 1, "double_value", 1.0), ("STRING", "a", "string_value", "a"),
    ("FILE", "a", "string_value", "a"), ("CHOICE", "low", "string_value", "low"), ("CHOICE", "Low", "string_value", "low"),
    ("INT_LIST", "1/2", "typed_value", "1/2"), ("DOUBLE_LIST", [0.5, 2], "typed_value", "0.5/2"),
    ("PICTURE", "id", "artifact_id", "id"),
])
def test_values(client_package, kind, given, field, value):
    api = client_package.api
    fields = client_package.fields_of([parameter(api, kind, choices=[api.ParameterChoice(id="low", label="Low")])])
    made = fields[0].value(given)
    assert made.WhichOneof("kind") == field and getattr(made, field) == value


@pytest.mark.parametrize(("kind", "given"), [
    ("BOOL", "yes"), ("BOOL", 2), ("INT", 1.5), ("INT", True), ("INT", "1"), ("INT", float("nan")), ("DOUBLE", "1"),
    ("DOUBLE", False), ("STRING", 1), ("CHOICE", "high"), ("PICTURE", 5),
])
def test_values_that_do_not_fit(client_package, kind, given):
    fields = client_package.fields_of([parameter(client_package.api, kind)])
    with pytest.raises(client_package.FieldError, match=r'"Size" \(size\) takes'):
        fields[0].value(given)


def test_fields(client_package):
    api = client_package.api
    first = parameter(api, "INT_LIST", default_value=api.ParameterValue(list_value=api.ParameterValueList(
        values=[api.ParameterValue(int_value=1), api.ParameterValue(int_value=2)])))
    second = api.Parameter(id="x", number=2, type=api.PARAMETER_TYPE_DOUBLE, minimum=-1, maximum=9, soft_maximum=3,
                           default_value=api.ParameterValue(double_value=0.5), deprecated=True)
    fields = client_package.fields_of([second, first])
    assert [field.id for field in fields] == ["size", "x"]
    assert fields[0].default == "1/2" and fields[0].slider is None and not fields[0].advanced
    assert fields[1].slider == (-1, 3) and fields[1].maximum == 9 and fields[1].label == "x" and fields[1].advanced


def test_files_travel_once_and_arrive_whole(client, client_package, host):
    content = bytes(range(256)) * 5000
    identifier = client.upload(content)
    assert host.download(identifier) == content == client.download(identifier)
    assert client.upload(content) == identifier
    with pytest.raises(client_package.HostError, match="0" * 64):
        client.download("0" * 64)


def test_what_the_callbacks_raise_ends_the_generation(client, client_package, host, api):
    def stop(progress) -> None:
        raise KeyError(progress.step)

    with pytest.raises(KeyError):
        client.draw(client_package.api.GenerationSettings(**{**SMALL, "steps": 1000}), on_progress=stop)
    generation = host.generations.ListGenerations(api.ListGenerationsRequest(page_size=1)).generations[0]
    assert host.finish(generation.id).state == api.GENERATION_STATE_CANCELLED


def test_somebody_else_cancels(client, client_package, host, api):
    def cancel(_) -> None:
        generation = host.generations.ListGenerations(api.ListGenerationsRequest(page_size=1)).generations[0]
        host.generations.CancelGeneration(api.CancelGenerationRequest(id=generation.id))

    with pytest.raises(client_package.Interrupted, match="cancelled on the Patchbay host"):
        client.draw(client_package.api.GenerationSettings(**{**SMALL, "steps": 1000}), on_progress=cancel)


def test_refusals_are_the_hosts_own_words(client, client_package):
    with pytest.raises(client_package.HostError, match="nowhere") as caught:
        client.draw(client_package.api.GenerationSettings(model="nowhere"))
    assert caught.value.reason == "MODEL_NOT_FOUND" and caught.value.retry_seconds is None


def test_a_draining_host_is_not_an_absent_one(client_package, new_server, api):  # noqa: F811
    server = new_server().start()
    server.admin.DrainServer(api.DrainServerRequest())
    with pytest.raises(client_package.HostError) as caught:
        client_package.Host(server.address).draw(client_package.api.GenerationSettings(**SMALL))
    assert caught.value.reason == "DRAINING" and "takes no new generations" in str(caught.value)


def test_tls(client_package, new_server, certificates, tmp_path):  # noqa: F811
    server = new_server().start("--tls-cert", certificates / "server.pem", "--tls-key", certificates / "server.key")
    trusted = client_package.Host(server.address, str(certificates / "ca.pem"))
    assert [model.name for model in trusted.models()] == ["sd1"]
    for wrong in ("", str(certificates / "stranger.pem")):
        with pytest.raises(client_package.HostError, match="No Patchbay host answers"):
            client_package.Host(server.address, wrong).models(timeout=5)
    with pytest.raises(client_package.HostError, match="certificate cannot be read"):
        client_package.Host(server.address, str(tmp_path / "missing.pem"))


def test_the_catalogue_keeps_what_an_absent_host_said(client_package, new_server):  # noqa: F811
    server = new_server().start()
    catalogue = client_package.Catalogue(client_package.Host(server.address))
    assert catalogue.models == ("sd1",) and catalogue.default_model == "sd1" and catalogue.active == ""
    assert catalogue.plugin("cfgpp").fields and catalogue.plugin("nothing") is None and catalogue.error is None
    server.end(signal.SIGKILL)
    assert catalogue.refresh(now=True).models == ("sd1",)
    assert catalogue.error.reason == "UNREACHABLE" and catalogue.plugin("cfgpp")


def test_several_threads_draw_at_once(client, client_package, host, api):
    drawn: dict[int, list[bytes]] = {}

    def draw(seed: int) -> None:
        drawn[seed] = client.draw(client_package.api.GenerationSettings(**{**SMALL, "seed": seed})).files

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len({files[0] for files in drawn.values()}) == 4
    assert drawn[2] == [host.download(host.finish(host.create(seed=2).id).pictures[0].artifact_id)]


def test_clips_keep_every_frame(client_package):
    """Also frames that are alike, and the colours of what is transparent."""
    rng = np.random.default_rng(5)
    frames = rng.integers(0, 256, (3, 21, 34, 4), dtype=np.uint8)
    frames[..., 3] = 255
    frames[1], frames[2, :10, :, 3] = frames[0], 0
    clip = Image.open(io.BytesIO(client_package.clip_of([Image.fromarray(frame) for frame in frames])))
    assert (clip.format, clip.n_frames, clip.size) == ("WEBP", 3, (34, 21))
    for number, frame in enumerate(frames):
        clip.seek(number)
        assert np.array_equal(np.asarray(clip.convert("RGBA")), frame)
    with pytest.raises(ValueError, match="one size"):
        client_package.clip_of([Image.new("RGB", (4, 4)), Image.new("RGB", (4, 5))])
