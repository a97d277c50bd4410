"""Builds the package, and compiles the .proto files beside it in the repository into one data file of it."""

from __future__ import annotations

import pathlib
import tempfile

import grpc_tools
from grpc_tools import protoc
from setuptools import setup
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent
PROTOS = HERE.parents[1] / "proto"


class BuildWithDescriptors(build_py):
    """Messages are made from descriptors when the package is imported, not from generated Python: generated code
    demands a protobuf at least as new as its compiler, and a UI's other extensions pin protobuf as they like."""

    def run(self) -> None:
        super().run()
        sources = sorted((PROTOS / "patchbay/v1").glob("*.proto"))
        if not sources:
            raise SystemExit(f"{PROTOS} has no .proto files: install from Patchbay's repository, such as "
                             "`pip install REPOSITORY/bridges/python_client`")
        package = HERE if self.editable_mode else pathlib.Path(self.build_lib)
        target = package / "patchbay_client/patchbay_v1.binpb"
        target.parent.mkdir(parents=True, exist_ok=True)
        standard = pathlib.Path(grpc_tools.__file__).parent / "_proto"
        code = protoc.main(["protoc", f"-I{PROTOS}", f"-I{standard}", "--include_imports",
                            f"--descriptor_set_out={target}", *map(str, sources)])
        if code != 0:
            raise SystemExit("compiling the .proto files failed")


# Nothing is left in the repository, and nothing of an earlier build is taken for new.
with tempfile.TemporaryDirectory() as scratch:
    setup(cmdclass={"build_py": BuildWithDescriptors},
          options={"build": {"build_base": scratch}, "egg_info": {"egg_base": scratch}})
