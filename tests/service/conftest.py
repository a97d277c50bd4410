"""A server of the test's own, and a client made from the .proto files."""

from __future__ import annotations

import hashlib
import os
import pathlib
import signal
import subprocess
import time
import types
from collections.abc import Iterator

import grpc
import pytest
from service.stubs import make_stubs

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def api(tmp_path_factory) -> types.SimpleNamespace:
    """The generated messages and stubs, all in one namespace."""
    return make_stubs(tmp_path_factory.mktemp("stubs"))


class Server:
    """`patchbay serve` in a process of its own, and stubs that call it."""

    def __init__(self, program: pathlib.Path, folder: pathlib.Path, models: pathlib.Path, api: types.SimpleNamespace):
        self.program, self.folder, self.models, self.api = program, folder, models, api
        self.process: subprocess.Popen | None = None
        self.address = ""
        self.arguments: list[str] = []

    def start(self, *arguments: object) -> "Server":
        self.arguments = [str(argument) for argument in arguments] or self.arguments
        command = [self.program, "serve", "--data", self.folder / "data", "--models", self.models, "--threads", "1",
                   "--precision", "fp32", *self.arguments]
        if "--grpc" not in self.arguments:
            command += ["--grpc", "127.0.0.1:0"]
        self.process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True,
                                        stderr=(self.folder / "stderr.txt").open("a"))
        line = self.process.stdout.readline()
        assert line.startswith("serving at "), (self.folder / "stderr.txt").read_text()
        self.address = line.removeprefix("serving at ").strip()
        self.connect(grpc.insecure_channel(self.address))
        return self

    def connect(self, channel: grpc.Channel) -> None:
        self.channel = channel
        self.generations = self.api.GenerationServiceStub(channel)
        self.artifacts = self.api.ArtifactServiceStub(channel)
        self.models_stub = self.api.ModelServiceStub(channel)
        self.admin = self.api.AdminServiceStub(channel)
        self.plugins = self.api.PluginServiceStub(channel)

    def end(self, with_signal: int = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(with_signal)
        code = self.process.wait(60)
        self.process = None
        self.channel.close()
        return code

    def resident_bytes(self, with_files: bool = False) -> int:
        """The process's memory, without or with what files back, such as libraries."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return (int(fields[1]) - (0 if with_files else int(fields[2]))) * os.sysconf("SC_PAGE_SIZE")

    def run(self, *arguments: object) -> subprocess.CompletedProcess:
        """A client command against this server."""
        return subprocess.run([str(self.program), "--host", self.address, *map(str, arguments)], capture_output=True,
                              text=True, check=False, timeout=300)

    def create(self, prompt: str = "an apple", request_id: str = "", priority: int = 0, **settings: object):
        wanted = {"steps": 2, "seed": 7, "sampler": "euler", "size": {"width": 64, "height": 64}, **settings}
        return self.generations.CreateGeneration(self.api.CreateGenerationRequest(
            settings=self.api.GenerationSettings(prompt=prompt, **wanted), request_id=request_id,
            priority=priority)).generation

    def get(self, identifier: str):
        return self.generations.GetGeneration(self.api.GetGenerationRequest(id=identifier)).generation

    def watch(self, identifier: str, after: int = 0, previews: bool = False) -> Iterator:
        for response in self.generations.WatchGeneration(self.api.WatchGenerationRequest(
                id=identifier, after_sequence=after, previews=previews)):
            yield response.event

    def finish(self, identifier: str):
        """Waits for the end and returns the generation as it is then."""
        for _ in self.watch(identifier):
            pass
        return self.get(identifier)

    def wait_until_running(self, identifier: str) -> None:
        deadline = time.monotonic() + 60
        while self.get(identifier).state == self.api.GENERATION_STATE_QUEUED:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def upload(self, content: bytes, part: int = 100_000, **header: object):
        def parts():
            yield self.api.UploadArtifactRequest(header={"size_bytes": len(content), **header})
            for start in range(0, len(content), part):
                yield self.api.UploadArtifactRequest(chunk=content[start:start + part])
        return self.artifacts.UploadArtifact(parts()).artifact

    def download(self, identifier: str, offset: int = 0) -> bytes:
        content = b"".join(response.chunk for response in self.artifacts.DownloadArtifact(
            self.api.DownloadArtifactRequest(id=identifier, offset=offset)))
        if offset == 0:
            assert hashlib.sha256(content).hexdigest() == identifier
        return content


def error_info(api: types.SimpleNamespace, status) -> tuple[str, dict[str, str]]:
    """Reason and variables out of an ErrorStatus, such as a failed generation's error."""
    for detail in status.details:
        if detail.type_url == "type.googleapis.com/google.rpc.ErrorInfo":
            info = api.ErrorInfo.FromString(detail.value)
            return info.reason, dict(info.metadata)
    return "", {}


def reason(api: types.SimpleNamespace, error: grpc.RpcError) -> tuple[str, dict[str, str], float | None]:
    """Reason, variables and retry delay in seconds out of a failed call's details."""
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    status = api.ErrorStatus.FromString(details)
    assert status.message == error.details() and status.code == error.code().value[0]
    name, variables, delay = "", {}, None
    for detail in status.details:
        if detail.type_url == "type.googleapis.com/google.rpc.ErrorInfo":
            info = api.ErrorInfo.FromString(detail.value)
            assert info.domain == "patchbay"
            name, variables = info.reason, dict(info.metadata)
        if detail.type_url == "type.googleapis.com/google.rpc.RetryInfo":
            retry = api.RetryInfo.FromString(detail.value).retry_delay
            delay = retry.seconds + retry.nanos / 1e9
    return name, variables, delay


@pytest.fixture
def new_server(program, model, tmp_path, api):
    """new_server() is a server that is not started yet; with the model "sd1" alone."""
    made: list[Server] = []

    def make() -> Server:
        folder = tmp_path / f"server{len(made)}"
        (folder / "models").mkdir(parents=True)
        (folder / "models/sd1").symlink_to(model("sd1"))
        made.append(Server(program.path, folder, folder / "models", api))
        return made[-1]

    yield make
    for server in made:
        if server.process is not None:
            server.end(signal.SIGKILL)


@pytest.fixture
def server(new_server) -> Server:
    return new_server().start()
