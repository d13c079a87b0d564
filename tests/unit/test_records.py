"""What was deployed, read from Helm's record and from the state."""

from __future__ import annotations

import base64
import gzip
import json
from types import SimpleNamespace
from typing import Any

import pytest

from components.tokens import RELEASE, SIGNED, STACK
from ops import deployed, helm_yaml, record
from ops.console import OpsError
from ops.stack import Stack

MANIFEST = """
---
# Source: mlflow/templates/empty.yaml
---
apiVersion: v1
kind: ConfigMap
metadata: {name: map, labels: {app: mlflow}}
data: {when: 2026-01-01, mode: "0400"}
---
apiVersion: v1
kind: Service
metadata: {name: elsewhere, namespace: other}
"""


def stored(version: int = 2, **changed: Any) -> str:
    """A record as Helm stores it, and as the API hands it over."""
    content = {
        "name": "mlflow",
        "namespace": "lab",
        "version": version,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "mlflow", "version": "5.1.17"}, "values": {"b": 2}},
        "config": {"a": 1},
        "manifest": MANIFEST,
        **changed,
    }
    helms = base64.b64encode(gzip.compress(json.dumps(content).encode()))
    return base64.b64encode(helms).decode()


def test_a_record_is_read_whole() -> None:
    found = record.parse(record.decoded(stored()))
    assert (found.revision, found.status, found.chart_version) == (2, "deployed", "5.1.17")
    assert (found.name, found.namespace, found.chart) == ("mlflow", "lab", "mlflow")
    assert (found.values, found.defaults) == ({"a": 1}, {"b": 2})
    first, second = found.objects
    assert first["metadata"] == {
        "name": "map",
        "namespace": "lab",
        "labels": {"app": "mlflow", "app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": "mlflow", "meta.helm.sh/release-namespace": "lab"},
    }
    assert second["metadata"]["namespace"] == "other"


def test_a_release_without_values_has_none() -> None:
    assert record.parse(record.decoded(stored(config=None))).values == {}


def test_yaml_is_read_as_helm_does() -> None:
    """Numbers as YAML 1.1 has them, and dates as the texts that they are in JSON."""
    assert record.parse(record.decoded(stored())).objects[0]["data"] == {"when": "2026-01-01", "mode": "0400"}
    assert helm_yaml.mapping("mode: 0400\nyes: no") == {"mode": 256, True: False}
    assert helm_yaml.mapping("") == {}


def test_the_latest_revision_is_the_one_with_the_greatest_number() -> None:
    class Api:
        @staticmethod
        def list_namespaced_secret(namespace: str, label_selector: str) -> Any:
            assert (namespace, label_selector) == ("lab", "owner=helm,name=mlflow")
            return type("Found", (), {"items": [secret(9), secret(10), secret(2)]})

    def secret(version: int) -> Any:
        metadata = SimpleNamespace(labels={"version": str(version)})
        return SimpleNamespace(metadata=metadata, data={"release": stored(version)})

    api: Any = Api()
    found = record.latest(api, "lab", "mlflow")
    assert found is not None
    assert found.revision == 10


def hidden(value: Any) -> dict[str, str]:
    """A secret as `pulumi stack export --show-secrets` writes it."""
    return {**SIGNED, "plaintext": json.dumps(value)}


RESOURCES: list[dict[str, Any]] = [
    {
        "type": STACK,
        "outputs": {"admin_username": hidden("user"), "admin_password": hidden("planted")},
    },
    {"type": "kubernetes:core/v1:Namespace", "inputs": {"kind": "Namespace"}},
    {
        "type": "kubernetes:core/v1:Secret",
        "inputs": {"kind": "Secret", "data": hidden({"key": "cGxhbnRlZA=="})},
    },
    {"type": "kubernetes:core/v1:Secret", "inputs": {"data": None}, "external": True},
    {
        "type": RELEASE,
        "inputs": {"values": {"a": 1}},
        "outputs": {"status": {"name": "mlflow", "revision": 2}},
    },
]


class Exported(Stack):
    """A stack with a state."""

    def __init__(self, **deployment: Any) -> None:
        super().__init__("dev")
        object.__setattr__(self, "deployment", deployment)

    deployment: dict[str, Any]

    def read(self, *args: str, stdin: str = "") -> str:
        assert args == ("stack", "export", "--show-secrets")
        return json.dumps({"version": 3, "deployment": self.deployment})


def test_the_state_tells_what_was_deployed() -> None:
    """With its secrets, which no repr shows; a Secret that was only read is not the stack's own."""
    found = deployed.deployed(Exported(resources=RESOURCES))
    assert found.values == {"a": 1}
    assert found.release["revision"] == 2
    assert [body["kind"] for body in found.objects] == ["Namespace", "Secret"]
    assert found.objects[1]["data"] == {"key": "cGxhbnRlZA=="}
    assert found.login() == {"admin-user": "dXNlcg==", "admin-password": "cGxhbnRlZA=="}
    assert "planted" not in repr(found)


def test_a_stack_that_is_not_at_rest_or_was_never_up_is_refused() -> None:
    with pytest.raises(OpsError, match="make recover STACK=dev"):
        deployed.deployed(Exported(resources=RESOURCES, pending_operations=[{"type": "updating"}]))
    for resources in ([], RESOURCES[:-1], [*RESOURCES[:-1], {**RESOURCES[-1], "outputs": {}}]):
        with pytest.raises(OpsError, match="pulumi up --stack dev"):
            deployed.deployed(Exported(resources=resources))


def test_a_state_without_outputs_has_no_login() -> None:
    assert deployed.deployed(Exported(resources=RESOURCES[1:])).login() == {}
