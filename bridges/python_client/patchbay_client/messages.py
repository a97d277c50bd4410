"""The API's messages, enum values and stubs, made from the descriptors that the package was built with.

`api.GenerationSettings` is a message class, `api.GENERATION_STATE_FAILED` a number, and
`api.GenerationServiceStub(channel)` has a method for each call of the service.
"""

from __future__ import annotations

import pathlib
import types

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FILE = pathlib.Path(__file__).with_name("patchbay_v1.binpb")
_PACKAGE = "patchbay.v1"


def _stub_class(service, message_class) -> type:
    """A class like the ones that grpcio-tools generates."""

    def connect(self, channel: grpc.Channel) -> None:
        for method in service.methods:
            kind = "_".join("stream" if streams else "unary" for streams in (method.client_streaming,
                                                                            method.server_streaming))
            setattr(self, method.name, getattr(channel, kind)(
                f"/{service.full_name}/{method.name}",
                request_serializer=message_class(method.input_type).SerializeToString,
                response_deserializer=message_class(method.output_type).FromString))

    return type(service.name + "Stub", (), {"__init__": connect})


def _load() -> types.SimpleNamespace:
    if not _FILE.exists():
        raise ImportError("patchbay_client was copied, not installed, so it lacks its description of the API. Run: "
                          "python -m pip install REPOSITORY/bridges/python_client")
    files = descriptor_pb2.FileDescriptorSet.FromString(_FILE.read_bytes())
    # A pool of its own: another package in the process may hold another version of the same files.
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    names = {}
    for file in files.file:
        if file.package != _PACKAGE:
            continue
        described = pool.FindFileByName(file.name)
        for message in described.message_types_by_name.values():
            names[message.name] = message_factory.GetMessageClass(message)
        for enum in described.enum_types_by_name.values():
            names.update({value.name: value.number for value in enum.values})
        for service in described.services_by_name.values():
            names[service.name + "Stub"] = _stub_class(service, message_factory.GetMessageClass)
    return types.SimpleNamespace(**names)


api = _load()
