"""Which pods the way back from a failed change replaces itself."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client

from ops import way_back


def _pod(name: str, owner: str, revision: str, *, ready: bool, going: bool = False) -> SimpleNamespace:
    metadata = SimpleNamespace(
        name=name,
        labels={"controller-revision-hash": revision},
        deletion_timestamp="now" if going else None,
        owner_references=[SimpleNamespace(name=owner)],
    )
    condition = SimpleNamespace(type="Ready", status="True" if ready else "False")
    return SimpleNamespace(metadata=metadata, status=SimpleNamespace(conditions=[condition]))


class Pods:
    """A namespace with a StatefulSet and pods."""

    api_client = None

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.pods = [
            _pod("stuck", "db", "new", ready=False),
            _pod("starting", "db", "old", ready=False),
            _pod("ready", "db", "new", ready=True),
            _pod("going", "db", "new", ready=False, going=True),
            _pod("other", "server", "new", ready=False),
        ]

    def list_namespaced_pod(self, namespace: str, label_selector: str) -> SimpleNamespace:
        return SimpleNamespace(items=self.pods)

    def list_namespaced_stateful_set(self, namespace: str, label_selector: str) -> SimpleNamespace:
        about = SimpleNamespace(name="db")
        return SimpleNamespace(
            items=[SimpleNamespace(metadata=about, status=SimpleNamespace(update_revision="old"))]
        )

    def delete_namespaced_pod(self, name: str, namespace: str) -> None:
        self.deleted.append(name)
        self.pods = [pod for pod in self.pods if pod.metadata.name != name]


@pytest.fixture
def pods(monkeypatch: pytest.MonkeyPatch) -> Pods:
    made = Pods()
    monkeypatch.setattr(client, "AppsV1Api", lambda _: made)
    return made


def test_pods_that_a_stateful_set_never_replaces_are_found(pods: Any) -> None:
    """Wrong revision and not ready: it waits for it for ever."""
    assert way_back.outlived(pods, "mlflow", "mlflow") == ["stuck"]


def test_pods_that_nobody_replaces_are_deleted_while_the_way_back_waits(pods: Any) -> None:
    with way_back._unstuck(pods, "mlflow", "mlflow", 0.001):
        while not pods.deleted:
            time.sleep(0.001)
    assert pods.deleted == ["stuck"]
