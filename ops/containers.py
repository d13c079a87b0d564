"""The containers of a release's pods, init containers included, as the rules want to see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ops.release_pods import component, pods
from ops.snapshot import Object, Snapshot


@dataclass(frozen=True)
class Container:
    """One container and how it fares."""

    pod: Object
    name: str
    image: str
    init: bool
    spec: Object
    status: Object

    @property
    def key(self) -> str:
        """`pod/container`, as logs are filed."""
        return f"{self.pod['metadata']['name']}/{self.name}"

    @property
    def component(self) -> str:
        """`tracking` or `primary`."""
        return component(self.pod)

    @property
    def waiting(self) -> dict[str, Any]:
        """Why it does not run, where it waits: `reason` and `message`."""
        return dict(self.status.get("state", {}).get("waiting", {}))

    @property
    def running(self) -> dict[str, Any]:
        """Since when it runs, where it does: `startedAt`."""
        return dict(self.status.get("state", {}).get("running", {}))

    @property
    def ended(self) -> dict[str, Any]:
        """How its last run ended, where one has ended: `exitCode`, `reason`, `finishedAt`."""
        now = self.status.get("state", {}).get("terminated")
        return dict(now or self.status.get("lastState", {}).get("terminated", {}))

    @property
    def failures(self) -> int:
        """How many of its runs have failed, as far as the kubelet still knows."""
        if not self.ended.get("exitCode"):
            return 0
        return int(self.status.get("restartCount", 0)) + (not self.running)

    @property
    def fails(self) -> bool:
        """Whether it does not work now and its last run failed."""
        return bool(self.failures) and not self.status.get("ready") and not self.settled

    @property
    def settled(self) -> bool:
        """Whether it is an init container that has done its work."""
        return self.init and self.status.get("state", {}).get("terminated", {}).get("exitCode") == 0

    @property
    def mark(self) -> str:
        """Changes whenever it fails again: tells an old failure from a new one."""
        uid, restarts = self.pod["metadata"]["uid"], self.status.get("restartCount", 0)
        return f"{uid} {restarts} {self.ended.get('finishedAt')}"


def containers(snapshot: Snapshot) -> Iterator[Container]:
    """All containers of `pods`, in the order in which they start."""
    for pod in pods(snapshot):
        for field, statuses in (
            ("initContainers", "initContainerStatuses"),
            ("containers", "containerStatuses"),
        ):
            known = {one["name"]: one for one in pod.get("status", {}).get(statuses) or []}
            for spec in pod["spec"].get(field) or []:
                name = spec["name"]
                yield Container(
                    pod, name, spec["image"], field == "initContainers", spec, known.get(name, {})
                )


def worth_reading(snapshot: Snapshot) -> Iterator[tuple[str, str, bool]]:
    """The containers whose log may say more: pod, name, whether the previous run is meant."""
    for one in containers(snapshot):
        pod = one.pod["metadata"]["name"]
        if one.fails:
            yield pod, one.name, "waiting" in one.status.get("state", {}) or bool(one.running)
        elif one.running and (one.name == "mlflow" or not one.status.get("ready")):
            yield pod, one.name, False
