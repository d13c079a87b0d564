"""The component's plugin, started as the engine starts it, and asked as the engine asks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import grpc  # type: ignore[import-untyped]
import pytest
import yaml
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from components.tokens import COMPONENT
from ops.stack import PROGRAM

PLUGIN = PROGRAM / "plugin"


@pytest.fixture(scope="module")
def plugin() -> Iterator[ResourceProviderStub]:
    """The plugin's process, from another folder than its own."""
    command = [sys.executable, str(PLUGIN), "127.0.0.1:1"]
    with subprocess.Popen(command, cwd="/", stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
                yield ResourceProviderStub(channel)
        finally:
            process.kill()


def test_it_gives_the_schema(plugin: ResourceProviderStub) -> None:
    answer = plugin.GetSchema(messages.GetSchemaRequest(version=0))
    schema = json.loads(answer.schema)
    assert schema["name"] == COMPONENT.partition(":")[0]
    assert [*schema["resources"]] == [COMPONENT]


def test_the_engine_finds_how_to_start_it() -> None:
    runtime = yaml.safe_load((PLUGIN / "PulumiPlugin.yaml").read_text())["runtime"]
    assert runtime == {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}}


def test_its_packages_are_the_program_s_pinned_ones() -> None:
    (line,) = (PLUGIN / "requirements.txt").read_text().splitlines()
    assert (PLUGIN / line.removeprefix("-r ")).resolve() == PROGRAM / "requirements.lock"


@pytest.mark.parametrize("example", ["python", "yaml"])
def test_the_examples_name_it(example: str) -> None:
    folder = PROGRAM / "examples" / example
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    assert (folder / project["packages"]["mlflow"]).resolve() == PLUGIN
