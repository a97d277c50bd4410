"""A connection to a Patchbay host: files up and down, and generations with progress, previews and interrupts."""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import grpc

from .errors import HostError, Interrupted, error_of_call, error_of_status, is_unreachable, unreachable
from .events import EventStream
from .messages import api

DEFAULT_ADDRESS = "127.0.0.1:50051"

_CHUNK_BYTES = 256 * 1024
_CALL_SECONDS = 30.0
_POLL_SECONDS = 0.05
_OPTIONS = [
    # A loopback or LAN address is never meant to go through the proxy that http_proxy names.
    ("grpc.enable_http_proxy", 0),
    # A host that was started a moment ago is found at once.
    ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_receive_message_length", 64 << 20),
]


@dataclass(frozen=True)
class Drawn:
    """Finished pictures: their files, as the host wrote them, and the generation as it ended."""

    files: list[bytes]
    generation: object


def _channel(address: str, certificate_file: str) -> grpc.Channel:
    if not certificate_file:
        return grpc.insecure_channel(address, options=_OPTIONS)
    try:
        certificate = pathlib.Path(certificate_file).read_bytes()
    except OSError as error:
        raise HostError(f"The Patchbay host's certificate cannot be read: {error}") from error
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(certificate), options=_OPTIONS)


class Host:
    """Calls one host. Any thread may call; connecting is left to the first call.

    `certificate_file`: PEM file of the authority that signed the host's certificate; empty: a connection without TLS.
    `patience` is how many seconds a generation waits for a host that went away before it gives up.
    """

    def __init__(self, address: str = DEFAULT_ADDRESS, certificate_file: str = "", patience: float = 10.0):
        self.address, self.patience = address, patience
        self._channel = _channel(address, certificate_file)
        self._generations = api.GenerationServiceStub(self._channel)
        self._artifacts = api.ArtifactServiceStub(self._channel)
        self._models = api.ModelServiceStub(self._channel)
        self._plugins = api.PluginServiceStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def models(self, timeout: float = _CALL_SECONDS) -> list:
        """The models, by name."""
        return list(self._call(self._models.ListModels, api.ListModelsRequest(), timeout).models)

    def plugins(self, timeout: float = _CALL_SECONDS) -> list:
        """All builds of all plugins."""
        return list(self._call(self._plugins.ListPlugins, api.ListPluginsRequest(), timeout).plugins)

    def plugin_schema(self, plugin: str, timeout: float = _CALL_SECONDS):
        """Parameters of a plugin's active build, else of its newest."""
        return self._call(self._plugins.GetPluginSchema, api.GetPluginSchemaRequest(plugin_id=plugin), timeout)

    def load_model(self, name: str) -> None:
        """Reads a model into memory before it is needed; reserved for administrators."""
        self._call(self._models.LoadModel, api.LoadModelRequest(name=name), 600)

    def upload(self, content: bytes) -> str:
        """Stores a file and returns its id; one that the host has already is not sent."""
        digest = hashlib.sha256(content).hexdigest()
        try:
            self._artifacts.GetArtifact(api.GetArtifactRequest(id=digest), timeout=_CALL_SECONDS)
            return digest
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise error_of_call(error, self.address) from error

        def parts() -> Iterator:
            yield api.UploadArtifactRequest(header={"size_bytes": len(content), "sha256": digest})
            for start in range(0, len(content), _CHUNK_BYTES):
                yield api.UploadArtifactRequest(chunk=content[start:start + _CHUNK_BYTES])

        return self._call(self._artifacts.UploadArtifact, parts(), 600).artifact.id

    def download(self, artifact: str) -> bytes:
        """A stored file's content."""
        try:
            content = b"".join(part.chunk for part in self._artifacts.DownloadArtifact(
                api.DownloadArtifactRequest(id=artifact), timeout=600))
        except grpc.RpcError as error:
            raise error_of_call(error, self.address) from error
        if hashlib.sha256(content).hexdigest() != artifact:
            raise HostError(f"A picture arrived damaged from the Patchbay host at {self.address}.")
        return content

    def draw(self, settings, on_progress: Callable[[object], None] | None = None,
             on_preview: Callable[[object], None] | None = None,
             check: Callable[[], None] | None = None) -> Drawn:
        """Draws and waits for the pictures.

        `settings` is a GenerationSettings. `on_progress` gets each StepProgress, `on_preview` each Preview. `check` is
        called 20 times a second and raises, in whatever way its UI wants, once the user interrupts; the generation is
        then cancelled on the host. The same holds for whatever else is raised here. A connection that breaks is taken
        up again, also to a host that was started anew: it goes on with its jobs.
        """
        request = api.CreateAndWatchGenerationRequest(settings=settings, request_id=str(uuid.uuid4()),
                                                      previews=on_preview is not None)
        stream = EventStream(self._generations.CreateAndWatchGeneration(request))
        generation, sequence, lost_at = None, 0, None
        try:
            while True:
                if check is not None:
                    check()
                event = stream.next(_POLL_SECONDS)
                if event is None:
                    continue
                if isinstance(event, grpc.RpcError):
                    lost_at = lost_at or time.monotonic()
                    self._give_up_or_wait(event, generation, lost_at)
                    stream = EventStream(self._generations.WatchGeneration(api.WatchGenerationRequest(
                        id=generation.id, after_sequence=sequence, previews=on_preview is not None)))
                    continue
                lost_at, sequence = None, event.sequence
                kind = event.WhichOneof("event")
                if kind == "progress" and on_progress is not None:
                    on_progress(event.progress)
                elif kind == "preview" and on_preview is not None:
                    on_preview(event.preview)
                elif kind == "state_changed":
                    generation = event.state_changed
                    if generation.state >= api.GENERATION_STATE_SUCCEEDED:
                        return self._finished(generation)
        except BaseException as error:
            stream.cancel()
            if not isinstance(error, HostError):
                self._cancel(generation, request)
            raise

    def _give_up_or_wait(self, error: grpc.RpcError, generation, lost_at: float) -> None:
        if not is_unreachable(error):
            raise error_of_call(error, self.address) from error
        if generation is None:
            raise unreachable(self.address, error.details() or "") from error
        if time.monotonic() - lost_at > self.patience:
            raise HostError(f"The connection to the Patchbay host at {self.address} was lost while it was drawing, and "
                            f"the host has not come back for {self.patience:g} s. Start it again with `patchbay "
                            "serve`: it goes on with the jobs that it had accepted.", "UNREACHABLE") from error
        time.sleep(4 * _POLL_SECONDS)

    def _cancel(self, generation, request) -> None:
        with contextlib.suppress(grpc.RpcError):
            if generation is None:
                # Accepted or not: the same request again answers with the same generation.
                generation = self._generations.CreateGeneration(api.CreateGenerationRequest(
                    settings=request.settings, request_id=request.request_id), timeout=5).generation
            self._generations.CancelGeneration(api.CancelGenerationRequest(id=generation.id), timeout=5)

    def _finished(self, generation) -> Drawn:
        if generation.state == api.GENERATION_STATE_CANCELLED:
            raise Interrupted("The generation was cancelled on the Patchbay host.")
        if generation.state != api.GENERATION_STATE_SUCCEEDED:
            raise error_of_status(generation.error, self.address)
        return Drawn([self.download(picture.artifact_id) for picture in generation.pictures], generation)

    def _call(self, method, request, timeout: float):
        try:
            return method(request, timeout=timeout)
        except grpc.RpcError as error:
            raise error_of_call(error, self.address) from error
