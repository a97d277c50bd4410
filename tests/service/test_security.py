"""Who may connect, and who may do what."""

from __future__ import annotations

import socket
import subprocess
import urllib.request

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from service.conftest import reason


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """An authority (ca), and what it has signed: server, client; and a stranger's certificate."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "stranger"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    (folder / "san.cnf").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days",
                "2", "-extfile", "san.cnf", "-out", f"{name}.pem")
    return folder


def channel(server, folder, client: str = "") -> grpc.Channel:
    keys = {}
    if client:
        keys = {"private_key": (folder / f"{client}.key").read_bytes(),
                "certificate_chain": (folder / f"{client}.pem").read_bytes()}
    credentials = grpc.ssl_channel_credentials((folder / "ca.pem").read_bytes(), **keys)
    return grpc.secure_channel(server.address, credentials, options=[("grpc.use_local_subchannel_pool", 1)])


def is_administrator(server, api, metadata=()) -> bool:
    try:
        server.admin.GetServerStatus(api.GetServerStatusRequest(), metadata=metadata, timeout=20)
        return True
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.PERMISSION_DENIED, error
        assert reason(api, error)[0] == "ADMINISTRATOR_ONLY"
        return False


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "127.0.0.1.example.org:1", "example.org:1", ":0"])
def test_other_machines_only_with_tls(new_server, address):
    server = new_server()
    result = subprocess.run([server.program, "serve", "--grpc", address, "--data", server.folder / "data", "--models",
                             server.models], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1 and "--tls-cert" in result.stderr and "--insecure" in result.stderr


def test_insecure_if_asked_for(new_server, api):
    server = new_server().start("--grpc", "0.0.0.0:0", "--insecure")
    assert server.finish(server.create().id).state == api.GENERATION_STATE_SUCCEEDED


def test_token(new_server, api, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    server = new_server().start("--admin-token-file", token)
    assert not is_administrator(server, api)
    for wrong in ("Bearer s3cre", "Bearer s3cret2", "s3cret", "Bearer ", "bearer s3cret"):
        assert not is_administrator(server, api, [("authorization", wrong)])
    assert is_administrator(server, api, [("authorization", "Bearer s3cret")])
    for call, request in [(server.models_stub.LoadModel, api.LoadModelRequest(name="sd1")),
                          (server.models_stub.UnloadModel, api.UnloadModelRequest(name="sd1")),
                          (server.admin.DrainServer, api.DrainServerRequest()),
                          (server.admin.ResumeServer, api.ResumeServerRequest())]:
        with pytest.raises(grpc.RpcError) as error:
            call(request)
        assert error.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert server.finish(server.create().id).state == api.GENERATION_STATE_SUCCEEDED
    assert server.run("model", "load", "sd1").returncode == 1
    assert server.run("model", "load", "sd1", "--token-file", token).returncode == 0


def test_tls_and_client_certificates(new_server, api, certificates):
    server = new_server().start("--tls-cert", certificates / "server.pem", "--tls-key", certificates / "server.key",
                                "--tls-client-ca", certificates / "ca.pem")
    with pytest.raises(grpc.RpcError) as error:
        server.create()
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    server.connect(channel(server, certificates))
    assert server.finish(server.create().id).state == api.GENERATION_STATE_SUCCEEDED
    assert not is_administrator(server, api)
    server.connect(channel(server, certificates, "client"))
    assert is_administrator(server, api)
    server.connect(channel(server, certificates, "stranger"))
    with pytest.raises(grpc.RpcError) as error:
        server.admin.GetServerStatus(api.GetServerStatusRequest(), timeout=5)
    assert error.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert server.run("job", "list", "--tls-ca", certificates / "ca.pem").returncode == 0
    assert server.run("job", "list").returncode == 1
    assert server.run("job", "list", "--tls-ca", certificates / "stranger.pem").returncode == 1
    keys = ["--tls-ca", certificates / "ca.pem", "--tls-cert", certificates / "client.pem", "--tls-key",
            certificates / "client.key"]
    assert server.run("model", "load", "sd1", *keys).returncode == 0
    assert server.run("model", "load", "sd1", *keys[:2]).returncode == 1


@pytest.mark.parametrize("arguments", [["--tls-cert", "x"], ["--tls-key", "x"], ["--tls-client-ca", "x"],
                                       ["--tls-cert", "x", "--tls-key", "x"], ["--admin-token-file", "x"],
                                       ["--models", "nowhere"], ["--model", "nothing"], ["--loras", "nowhere"]])
def test_wrong_options(new_server, arguments):
    server = new_server()
    result = subprocess.run([server.program, "serve", "--grpc", "127.0.0.1:0", "--data", server.folder / "data",
                             *([] if "--models" in arguments else ["--models", server.models]), *arguments],
                            capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1 and result.stderr.startswith("patchbay: ")


def test_one_process_for_one_folder(server):
    result = subprocess.run([server.program, "serve", "--grpc", "127.0.0.1:0", "--data", server.folder / "data",
                             "--models", server.models], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1 and "in use by another process" in result.stderr


def test_one_server_for_one_address(server, new_server):
    other = new_server()
    result = subprocess.run([other.program, "serve", "--grpc", server.address, "--data", other.folder / "data",
                             "--models", other.models], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1 and "cannot listen" in result.stderr


def test_metrics(new_server, api):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        taken.listen()
        server = new_server()
        result = subprocess.run([server.program, "serve", "--grpc", "127.0.0.1:0", "--metrics", address, "--data",
                                 server.folder / "data", "--models", server.models], capture_output=True, text=True,
                                check=False, timeout=60)
        assert result.returncode == 1 and "metrics" in result.stderr
    server.start("--metrics", address)
    server.finish(server.create().id)
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    assert 'patchbay_generations_total{outcome="succeeded"} 1' in lines
    assert "patchbay_queue_length 0" in lines and "patchbay_models_loaded 1" in lines


def test_unix_socket(new_server, api, tmp_path):
    server = new_server().start("--grpc", f"unix:{tmp_path}/s")
    assert is_administrator(server, api)
    assert server.run("job", "list").returncode == 0


def test_health_drain_and_reflection(server, api):
    health = health_pb2_grpc.HealthStub(server.channel)
    assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING
    status = server.admin.DrainServer(api.DrainServerRequest()).status
    assert status.draining
    assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.NOT_SERVING
    with pytest.raises(grpc.RpcError) as error:
        server.create()
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert reason(api, error.value)[0] == "DRAINING" and reason(api, error.value)[2] > 0
    server.admin.ResumeServer(api.ResumeServerRequest())
    assert server.finish(server.create().id).state == api.GENERATION_STATE_SUCCEEDED
    assert server.admin.GetServerStatus(api.GetServerStatusRequest()).status.succeeded == 1

    stub = reflection_pb2_grpc.ServerReflectionStub(server.channel)
    answers = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    names = {service.name for service in next(answers).list_services_response.service}
    assert {"patchbay.v1.GenerationService", "patchbay.v1.ArtifactService", "patchbay.v1.ModelService",
            "patchbay.v1.AdminService", "grpc.health.v1.Health"} <= names


def test_errors_do_not_say_where_files_lie(server, api):
    bad = server.upload(b"no safetensors file").id
    named = [{"name": "bad", "artifact_id": bad}]
    told = []
    for settings in ({"initial_latent_artifact_id": bad}, {"image_artifact_id": bad}, {"loras": [{"artifact_id": bad}]},
                     {"embeddings": named, "prompt": "bad"}, {"prompt_loras": named, "prompt": "<lora:bad:1>",
                                                              "compat": api.COMPAT_PROFILE_A1111}):
        try:
            generation = server.finish(server.create(**settings).id)
            told.append(generation.error.message or " ".join(generation.report.warnings))
        except grpc.RpcError as error:
            told.append(error.details())
    assert all(told), told
    for message in told:
        assert str(server.folder) not in message and "artifacts/" not in message, message
    assert any(bad in message for message in told)
