"""What the way back from a failed change does with pods that do not come up: says why, and replaces them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from urllib3.exceptions import ProtocolError

from ops import cluster, record, way_back
from ops.snapshot import Snapshot

CONFIG = {"context": "lab", "namespace": "mlflow", "releaseName": "mlflow"}


def _pod(name: str, owner: str, revision: str, *, ready: bool, **metadata: Any) -> dict[str, Any]:
    about = {
        "name": name,
        "namespace": "mlflow",
        "uid": name,
        "labels": {"controller-revision-hash": revision},
        "ownerReferences": [{"kind": "StatefulSet", "uid": owner}],
        **metadata,
    }
    waits = {"name": "postgresql", "state": {"waiting": {"reason": "ErrImagePull"}}}
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    status = {"phase": "Pending", "conditions": conditions, "containerStatuses": [waits]}
    return {"metadata": about, "spec": {"containers": []}, "status": status}


class Pods:
    """A namespace with a StatefulSet and pods."""

    def __init__(self) -> None:
        self.api_client = self
        self.deleted: list[str] = []
        self.faults: list[Exception] = []
        """What a question ends with, the first times."""
        self.pods = [
            _pod("stuck", "db", "new", ready=False),
            _pod("starting", "db", "old", ready=False),
            _pod("ready", "db", "new", ready=True),
            _pod("going", "db", "new", ready=False, deletionTimestamp="now"),
            _pod("other", "server", "new", ready=False),
        ]

    def take(self, kinds: Mapping[str, str]) -> Snapshot:
        """As `Reader` does it."""
        if self.faults:
            raise self.faults.pop()
        sets = [{"metadata": {"uid": "db"}, "status": {"updateRevision": "old"}}]
        return Snapshot("mlflow", "mlflow", {"pods": self.pods, "statefulsets": sets})

    def list_namespaced_pod(self, namespace: str, label_selector: str) -> list[dict[str, Any]]:
        return self.pods

    @staticmethod
    def sanitize_for_serialization(found: Any) -> dict[str, Any]:
        return {"items": found}

    def delete_namespaced_pod(self, name: str, namespace: str) -> None:
        self.deleted.append(name)
        self.pods = [pod for pod in self.pods if pod["metadata"]["name"] != name]


@pytest.fixture
def pods(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Pods()
    monkeypatch.setattr(way_back, "Reader", lambda *_: made)
    monkeypatch.setattr(cluster, "connect", lambda _: made)
    return made


def _replaced(pods: Any) -> list[str]:
    """What is deleted while the way back waits."""
    with way_back._unstuck(pods, "mlflow", "mlflow", 0.001):
        until = time.monotonic() + 10
        while not pods.deleted and time.monotonic() < until:
            time.sleep(0.001)
    return list(pods.deleted)


def test_pods_that_a_stateful_set_never_replaces_are_deleted_while_the_way_back_waits(pods: Any) -> None:
    """Wrong revision and not ready: it waits for it for ever."""
    assert _replaced(pods) == ["stuck"]


def test_an_api_server_that_is_restarted_ends_no_watch(pods: Any) -> None:
    pods.faults = [ProtocolError("Connection aborted.")]
    assert _replaced(pods) == ["stuck"]


def test_why_pods_did_not_come_up_is_told_without_the_state(
    pods: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After Ctrl-C that has operations which never ended, and nobody could survey the stack."""
    metadata = {"name": "mlflow-tracking", "namespace": "mlflow"}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "mlflow"}}}
    body = {"kind": "Deployment", "metadata": metadata, "spec": spec}
    monkeypatch.setattr(record, "latest", lambda *_: SimpleNamespace(objects=[body]))
    way_back.tell("staging", CONFIG)
    told = capsys.readouterr().err
    assert "Pod stuck" in told
    assert "not ready: postgresql ErrImagePull" in told
    assert "Pods of Deployment mlflow-tracking" in told
    assert "Pod ready" not in told


def test_where_all_pods_are_ready_or_nobody_answers_nothing_is_told(
    pods: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The way back matters more."""
    monkeypatch.setattr(record, "latest", lambda *_: None)
    pods.pods = [_pod("ready", "db", "new", ready=True)]
    way_back.tell("staging", CONFIG)
    monkeypatch.setattr(record, "latest", lambda *_: 1 / 0)
    way_back.tell("staging", CONFIG)
    assert capsys.readouterr().err == ""
