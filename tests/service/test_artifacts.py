"""Files that travel to and from the server."""

from __future__ import annotations

import hashlib
import os

import grpc
import pytest

from service.conftest import reason


def test_there_and_back(server, api):
    content = os.urandom(3_000_001)
    artifact = server.upload(content, sha256=hashlib.sha256(content).hexdigest())
    assert (artifact.id, artifact.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert server.download(artifact.id) == content
    assert server.download(artifact.id, 2_999_999) == content[2_999_999:]
    assert server.download(artifact.id, len(content)) == b""
    assert server.artifacts.GetArtifact(api.GetArtifactRequest(id=artifact.id)).artifact == artifact
    assert server.upload(content, part=1 << 20) == artifact


def test_refused(new_server, api):
    server = new_server().start("--artifact-gib", 0.001, "--store-gib", 0.0015)

    def upload(*messages) -> grpc.RpcError:
        with pytest.raises(grpc.RpcError) as error:
            server.artifacts.UploadArtifact(iter(messages))
        return error.value

    def header(size, **more):
        return api.UploadArtifactRequest(header={"size_bytes": size, **more})

    part = api.UploadArtifactRequest(chunk=b"abc")
    for messages in [[], [part], [header(0)], [header(4), part], [header(2), part], [header(3), header(3)],
                     [header(3), api.UploadArtifactRequest(chunk=b"x" * (1 << 20) + b"x")]]:
        assert upload(*messages).code() == grpc.StatusCode.INVALID_ARGUMENT, messages
    assert reason(api, upload(header(3, sha256="0" * 64), part))[0] == "ARTIFACT_DAMAGED"
    for size in (2 << 20, 2**64 - 1):
        assert reason(api, upload(header(size)))[0] == "ARTIFACT_TOO_LARGE"
    server.upload(b"x" * 1_000_000)
    assert reason(api, upload(header(1_000_000)))[0] == "STORE_FULL"
    data = server.folder / "data/artifacts"
    assert [path.stat().st_size for path in data.rglob("*") if path.is_file()] == [1_000_000]
    for identifier in ("", "x", "../../jobs.sqlite", "A" * 64):
        with pytest.raises(grpc.RpcError) as error:
            server.download(identifier)
        assert error.value.code() == grpc.StatusCode.NOT_FOUND
    with pytest.raises(grpc.RpcError) as error:
        server.download(hashlib.sha256(b"x" * 1_000_000).hexdigest(), 1_000_001)
    assert error.value.code() == grpc.StatusCode.OUT_OF_RANGE


def test_idle_uploads_keep_nobody_out(new_server, api):
    import threading
    server = new_server().start("--artifact-gib", 0.001, "--store-gib", 0.0015)
    gate = threading.Event()

    def idle():
        yield api.UploadArtifactRequest(header={"size_bytes": 1_000_000})
        gate.wait(60)

    calls = [server.artifacts.UploadArtifact.future(idle()) for _ in range(3)]
    unfinished = server.folder / "data/artifacts/unfinished"
    for _ in range(500):
        if len(list(unfinished.iterdir())) == 3:
            break
        gate.wait(0.02)
    else:
        pytest.fail("the idle uploads never began")
    server.upload(b"x" * 1_000_000)
    gate.set()
    for call in calls:
        assert call.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_broken_upload_leaves_nothing(server, api):
    import threading
    gate = threading.Event()

    def parts():
        yield api.UploadArtifactRequest(header={"size_bytes": 10})
        yield api.UploadArtifactRequest(chunk=b"abc")
        gate.wait(10)

    call = server.artifacts.UploadArtifact.future(parts())
    data = server.folder / "data/artifacts"
    for _ in range(200):
        if any(path.is_file() for path in data.rglob("*")):
            break
        gate.wait(0.02)
    else:
        pytest.fail("the upload never began")
    call.cancel()
    gate.set()
    for _ in range(200):
        if not any(path.is_file() for path in data.rglob("*")):
            return
        threading.Event().wait(0.02)
    pytest.fail("the unfinished file is still there")
