"""How the lab's node reaches a registry whose certificate is of an authority that nobody else knows."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from lab import paths
from lab.cluster import node


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_LAB_HOME", str(tmp_path))


def test_the_node_trusts_the_authority_for_that_registry_alone() -> None:
    node.trust("198.18.0.1:5443", paths.run() / 'an "odd" name.crt')
    file = node.registries() / "198.18.0.1:5443" / "hosts.toml"
    told = tomllib.loads(file.read_text())
    assert told["server"] == "https://198.18.0.1:5443"
    assert told["host"]["https://198.18.0.1:5443"] == {
        "capabilities": ["pull", "resolve"],
        "ca": str(paths.run() / 'an "odd" name.crt'),
    }
    node.trust("198.18.0.1:5444", paths.run() / "other.crt")
    node.distrust("198.18.0.1:5443")
    assert [folder.name for folder in node.registries().iterdir()] == ["198.18.0.1:5444"]
    node.distrust("198.18.0.1:5443")


def test_containerd_looks_there() -> None:
    told = tomllib.loads(node._containerd_config().read_text())
    assert told["plugins"]["io.containerd.grpc.v1.cri"]["registry"] == {"config_path": str(node.registries())}
