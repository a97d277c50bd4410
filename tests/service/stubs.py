"""A client of the API, made from the .proto files."""

from __future__ import annotations

import importlib
import pathlib
import sys
import types

import grpc_tools
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


def make_stubs(folder: pathlib.Path) -> types.SimpleNamespace:
    """The generated messages and stubs, all in one namespace; `folder` gets their files."""
    protos = [str(path) for path in sorted((PROTO / "patchbay/v1").glob("*.proto"))]
    standard = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    assert protoc.main(["protoc", f"-I{PROTO}", f"-I{standard}", f"--python_out={folder}",
                        f"--grpc_python_out={folder}", *protos]) == 0
    sys.path.insert(0, str(folder))
    names = types.SimpleNamespace()
    for path in sorted((folder / "patchbay/v1").glob("*_pb2*.py")):
        module = importlib.import_module(f"patchbay.v1.{path.stem}")
        vars(names).update({name: value for name, value in vars(module).items() if not name.startswith("_")})
    return names
