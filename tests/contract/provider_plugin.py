"""A stand-in plugin run by hand: the engine's side of the conversation, without an engine."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}
"""How the wire marks a secret: an object with this key and a `value`."""

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the wire says that a string is not known yet."""


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    """A dict as the wire's own type."""
    out = struct_pb2.Struct()
    out.update(values)
    return out


def secret(value: object) -> dict[str, object]:
    """A value marked secret."""
    return {**SECRET, "value": value}


def is_secret(value: object) -> bool:
    """Whether a value from the wire is marked secret."""
    return isinstance(value, dict) and SECRET.items() <= value.items()


def plain(value: Any) -> Any:
    """A value of the wire as Python's own, numbers whole where they are."""
    if isinstance(value, struct_pb2.Struct):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, struct_pb2.ListValue):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@contextlib.contextmanager
def serving(program: Path, config: dict[str, str]) -> Iterator[ResourceProviderStub]:
    """The plugin, configured; ended with the block."""
    with subprocess.Popen([program], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = ResourceProviderStub(channel)
                stub.Configure(
                    messages.ConfigureRequest(variables=config, acceptSecrets=True, acceptResources=True)
                )
                yield stub
        finally:
            process.kill()


def urn(kind: str) -> str:
    """A resource's URN for a type token."""
    return f"urn:pulumi:test::mlflow::{kind}::it"
