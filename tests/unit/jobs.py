"""A cluster that runs Jobs, one container after the other, and has a server that can be stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import ProtocolError

from components import backup_pods
from ops import cluster, jobs
from ops.rotation import rollout
from ops.stack import Stack
from tests.unit.cases import GOOD, SECRETS

SETTINGS = {**GOOD, **SECRETS, "namespace": "mlflow", "releaseName": "mlflow", "timeout": "600"}
FILE = {"name": "x", "bytes": 2048, "sha256": "abc"}
STORED: dict[str, Any] = {
    "name": "20260101T000000Z",
    "databases": {
        "runs": {"dump": FILE, "rows": {"public.runs": 12, "public.params": 3}},
        "users": {"dump": FILE, "rows": {"public.users": 2}},
    },
    "artifacts": {"objects": 3, "bytes": 5 << 20, "inventory": FILE},
}
PRINTED = {
    "store": {"stored": STORED, "where": "s3://mlflow/backups/", "deleted": []},
    "fetch": {"found": STORED, "where": "s3://mlflow/backups/20260101T000000Z"},
}


def away() -> list[Exception]:
    """What an API says that is back a moment later."""
    return [ProtocolError("Connection aborted."), ApiException(status=503), ApiException(status=429)]


class Cluster:
    """The Kubernetes API, all of it; a pod's next container ends each time the pod is looked at."""

    def __init__(self) -> None:
        self.api_client = SimpleNamespace(sanitize_for_serialization=lambda found: found)
        self.cron_job: dict[str, Any] | None = None
        self.jobs: dict[str, dict[str, Any]] = {}
        self.made: list[Any] = []
        self.done: dict[str, int] = {}
        self.failing = ""
        """The container that fails."""
        self.stuck: dict[str, Any] | None = None
        """The state in which every pod stays."""
        self.given_up = False
        self.printed: dict[str, str] = {name: json.dumps(found) for name, found in PRINTED.items()}
        self.maps: dict[str, dict[str, Any]] = {}
        self.owners: dict[str, list[Any]] = {}
        self.rival: dict[str, Any] = {}
        """A Job that somebody else begins in the moment in which one is made."""
        self.replicas = 2
        self.gone = False
        self.looked = False
        """Whether a Job was looked at: the first look comes too early to see its end."""
        self.went = False
        """Whether the last Job was told that the server is stopped."""
        self.happened: list[str] = []
        self.trouble: dict[str, list[Exception]] = {}
        """What the API answers instead, the next times that it is asked for one of its methods."""
        self.injected: list[dict[str, Any]] = []
        """Statuses of containers that somebody adds to each pod."""
        self.pod: dict[str, Any] = {}
        """More of the status of each pod."""
        self.ended: dict[str, Any] = {}
        """More of the state of a container that failed."""
        self.stays = False
        """Whether pods outlive their Job, as on a node that is dead."""
        self.cut = ""
        """What is killed as soon as it has happened; `config map` before one is changed."""

    def note(self, what: str) -> None:
        self.happened.append(what)
        if what == self.cut:
            raise KeyboardInterrupt

    def troubled(self, method: str) -> None:
        if planned := self.trouble.get(method):
            raise planned.pop(0)

    def go(self) -> None:
        self.went = True
        self.note("go")

    # Jobs and their pods.

    def read_namespaced_cron_job(self, name: str, namespace: str) -> Any:
        assert (name, namespace) == ("mlflow-backup", "mlflow")
        if self.cron_job is None:
            raise ApiException(status=404)
        return self.cron_job

    def create_namespaced_job(self, namespace: str, body: Any) -> Any:
        self.made.append(body)
        self.jobs[body["metadata"]["name"]] = body
        self.done[body["metadata"]["name"]] = 0
        self.went = False
        if self.rival:
            self.jobs["rival"] = self.rival
        return SimpleNamespace(metadata=SimpleNamespace(uid=f"uid-{len(self.made)}"))

    def read_namespaced_job(self, name: str, namespace: str) -> Any:
        self.troubled("read_namespaced_job")
        failed = [SimpleNamespace(type="Failed", status="True")]
        looked, self.looked = self.looked, True
        return SimpleNamespace(
            status=SimpleNamespace(conditions=failed)
            if self.given_up
            else self._status(name, late=not looked)
        )

    def list_namespaced_job(self, namespace: str, label_selector: str = "") -> Any:
        wanted = dict(pair.split("=") for pair in label_selector.split(",") if pair)
        found = [
            SimpleNamespace(metadata=SimpleNamespace(name=name), status=self._status(name))
            for name, body in self.jobs.items()
            if wanted.items() <= body.get("metadata", {}).get("labels", {}).items()
        ]
        return SimpleNamespace(items=found)

    def _status(self, name: str, late: bool = False) -> Any:
        """A Job's status: it has ended when its last container has, or one that fails; `late`: not yet."""
        spec = self.jobs[name].get("spec", {}).get("template", {}).get("spec", {"containers": ()})
        containers = [one["name"] for one in (*spec.get("initContainers", ()), *spec["containers"])]
        states = [
            self._state(place, each, self.done.get(name, 0))["state"] for place, each in enumerate(containers)
        ]
        ended = [state["terminated"]["exitCode"] for state in states if "terminated" in state]
        over = ended and (any(ended) or len(ended) == len(states))
        over = over and not any("running" in one["state"] for one in self.injected)
        return SimpleNamespace(
            conditions=[SimpleNamespace(type="Complete", status="True")] if over and not late else None
        )

    def delete_namespaced_job(self, name: str, namespace: str, propagation_policy: str) -> None:
        self.troubled("delete_namespaced_job")
        if name not in self.jobs:
            raise ApiException(status=404)
        del self.jobs[name]
        for each, owners in self.owners.items():
            if any(owner["name"] == name for owner in owners):
                self.maps.pop(each)
        self.note("job ended")

    def list_namespaced_pod(self, namespace: str, label_selector: str) -> Any:
        self.troubled("list_namespaced_pod")
        name = label_selector.partition("=")[2]
        if name not in self.jobs or self.gone:
            return {"items": [{"metadata": {"name": f"{name}-pod"}}] if self.stays else []}
        spec = self.jobs[name]["spec"]["template"]["spec"]
        containers = [one["name"] for one in (*spec["initContainers"], *spec["containers"])]
        self.done[name] += 1
        states = [self._state(place, each, self.done[name]) for place, each in enumerate(containers)]
        split = len(spec["initContainers"])
        status = {
            "phase": "Pending",
            "initContainerStatuses": states[:split],
            "containerStatuses": [*self.injected, *states[split:]],
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            **self.pod,
        }
        return {"items": [{"metadata": {"name": f"{name}-pod"}, "status": status}]}

    def _state(self, place: int, container: str, done: int) -> dict[str, Any]:
        if self.stuck is not None:
            return {"name": container, "state": self.stuck}
        if place > done or (container == self.failing and place == done):
            return {"name": container, "state": {"waiting": {"reason": "PodInitializing"}}}
        waits = container == "restore" and not self.went
        if place == done or waits:
            return {"name": container, "state": {"running": {}}}
        ended = {"exitCode": 137, **self.ended} if container == self.failing else {"exitCode": 0}
        return {"name": container, "state": {"terminated": ended}}

    def read_namespaced_pod_log(
        self, name: str, namespace: str, container: str, tail_lines: int | None
    ) -> str:
        self.troubled("read_namespaced_pod_log")
        if self.stuck is not None:
            raise ApiException(status=400, reason=f'container "{container}" is waiting to start')
        return self.printed.get(container, "")

    # The program's ConfigMap, and the server.

    def read_namespaced_config_map(self, name: str, namespace: str) -> Any:
        if name not in self.maps:
            raise ApiException(status=404)
        return SimpleNamespace(metadata=SimpleNamespace(annotations=self.maps[name].get("annotations")))

    def create_namespaced_config_map(self, namespace: str, body: Any) -> None:
        self.maps[body["metadata"]["name"]] = {"data": body["data"]}

    def patch_namespaced_config_map(self, name: str, namespace: str, body: Any) -> None:
        if self.cut == "config map":
            raise KeyboardInterrupt
        self.owners[name] = body["metadata"].get("ownerReferences", [])
        self.maps[name] |= {
            "annotations": body["metadata"].get("annotations", self.maps[name].get("annotations"))
        }

    def delete_namespaced_config_map(self, name: str, namespace: str) -> None:
        if self.maps.pop(name, None) is None:
            raise ApiException(status=404)

    def read_namespaced_deployment_scale(self, name: str, namespace: str) -> Any:
        self.troubled("read_namespaced_deployment_scale")
        assert (name, namespace) == ("mlflow-tracking", "mlflow")
        return SimpleNamespace(spec=SimpleNamespace(replicas=self.replicas))

    def patch_namespaced_deployment_scale(self, name: str, namespace: str, body: Any) -> None:
        self.troubled(f"scale to {body['spec']['replicas']}")
        self.replicas = body["spec"]["replicas"]
        self.note(f"scaled to {self.replicas}")


class BackedUp(Stack):
    """The stack, by its settings alone."""

    def __init__(self, **given: str) -> None:
        super().__init__("dev")
        object.__setattr__(self, "given", given)

    given: dict[str, str]

    def config(self) -> dict[str, str]:
        return {**SETTINGS, **self.given}

    def all_settings(self) -> dict[str, str]:
        return self.config()

    def outputs(self) -> dict[str, Any]:
        return {}


def put_in_place(patch: pytest.MonkeyPatch) -> Cluster:
    """Let the commands meet a cluster."""
    made = Cluster()

    @contextmanager
    def executed(*given: Any) -> Iterator[Any]:
        assert given[3:] == ("restore", ["touch", f"{backup_pods.WORK}/go"])
        assert made.replicas == 0, "the server still runs"
        yield SimpleNamespace(run_forever=lambda timeout: made.go())

    patch.setattr(client, "BatchV1Api", lambda _: made)
    patch.setattr(client, "AppsV1Api", lambda _: made)
    patch.setattr(cluster, "connect", lambda config: made)
    patch.setattr(cluster, "executed", executed)
    patch.setattr(cluster, "_PAUSE", 0)
    patch.setattr(jobs, "_LOOK", 0)
    patch.setattr(rollout, "uids", lambda target: set())
    patch.setattr(rollout, "gone", lambda target, old, *then: made.note(f"{made.replicas} pods are ready"))
    return made
