"""Jobs that a command runs to their end: container by container, with what the last line of one says."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from ops import cluster
from ops.at_work import ENDS, refuse_beside
from ops.console import OpsError
from ops.rotation.target import Target

_LOOK = 0.5
"""Seconds between two looks."""
_OF_JOB = "batch.kubernetes.io/job-name"
_ORDINARY = ("Completed", "Error")
"""Reasons of a container's end that say no more than its exit code."""


@dataclass(frozen=True)
class Job:
    """One Job of a stack; its pod may take the stack's `timeout` to start or to go.

    `memory` names the setting that limits its containers' memory, with a larger value, for a message.
    """

    target: Target
    name: str
    uid: str = ""
    memory: str = ""

    @classmethod
    def alone(
        cls,
        target: Target,
        prefix: str,
        spec: Mapping[str, Any],
        beside: Mapping[str, Mapping[str, str]],
        **metadata: Any,
    ) -> Job:
        """Like `begin`, where no Job of `beside` is at work: names of what they do, with their labels.

        Raises `OpsError` that names the other one. Looked at before and after: of two that begin in the same
        moment neither goes on unseen.
        """
        refuse_beside(target, beside)
        job = cls.begin(target, prefix, spec, **metadata)
        try:
            refuse_beside(target, beside, but=job.name)
        except BaseException:
            job.end()
            raise
        return job

    @classmethod
    def begin(
        cls, target: Target, prefix: str, spec: Mapping[str, Any], memory: str = "", **metadata: Any
    ) -> Job:
        """Make a Job that is tried once; its name begins with `prefix`."""
        name = f"{prefix}-{secrets.token_hex(3)}"
        body: Any = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name, **metadata},
            "spec": {**spec, "backoffLimit": 0},
        }
        batch = client.BatchV1Api(target.api.api_client)
        made: Any = batch.create_namespaced_job(target.namespace, body)
        return cls(target, name, made.metadata.uid, memory)

    @cluster.patiently
    def pod(self) -> dict[str, Any] | None:
        """Its pod, as the API has it; None before there is one."""
        api, selector = self.target.api, f"{_OF_JOB}={self.name}"
        found = api.list_namespaced_pod(self.target.namespace, label_selector=selector)
        pods: list[dict[str, Any]] = api.api_client.sanitize_for_serialization(found)["items"]
        return pods[0] if pods else None

    def running(self, container: str) -> str:
        """Wait until a container runs; the pod's name. Raises `OpsError` where it cannot."""
        pod = self._until(container, ("running", "terminated"))
        return str(pod["metadata"]["name"])

    def ended(self, container: str) -> None:
        """Wait until a container has done its work. Raises `OpsError` with its last line where it failed."""
        self._until(container, ("terminated",))

    def _until(self, container: str, wanted: tuple[str, ...]) -> dict[str, Any]:
        """Its pod. The Job's containers are waited for in their order; others in the pod are somebody's."""
        last = time.monotonic() + self.target.timeout
        while True:
            pod = self.pod()
            here = _states(pod).get(container, {}) if pod else {}
            if pod and (ended := here.get("terminated", {})).get("exitCode"):
                raise OpsError(f"{container}: {self._last_words(container)}{self._besides(pod, ended)}")
            if pod and any(state in here for state in wanted):
                return pod
            if "running" in here:
                last = time.monotonic() + self.target.timeout
            if time.monotonic() > last or "Failed" in self._conditions():
                raise OpsError(f"job {self.name} does not run: {_why(pod)}")
            time.sleep(_LOOK)

    def closed(self) -> None:
        """Wait until it counts as ended: a moment after its last container, and until then it is at work.

        Raises `OpsError` where something that is not the Job's own runs on in its pod.
        """
        last = time.monotonic() + self.target.timeout
        while not self._conditions() & ENDS:
            if time.monotonic() > last:
                pod = self.pod()
                states = _states(pod) if pod else {}
                running = (
                    ", ".join(name for name, state in states.items() if "running" in state) or "something"
                )
                raise OpsError(
                    f"job {self.name} has done its work but does not end: {running} still runs."
                    f" Keep that out of its pod; `kubectl -n {self.target.namespace} delete job {self.name}`"
                )
            time.sleep(_LOOK)

    def _besides(self, pod: Mapping[str, Any], ended: Mapping[str, Any]) -> str:
        """What Kubernetes says of the end of a container, in brackets; empty where that is nothing."""
        told = [str(reason)] if (reason := ended.get("reason")) not in (None, *_ORDINARY) else []
        if reason == "OOMKilled":
            more = f": `pulumi config set --path {self.memory}`, `pulumi up`" if self.memory else ""
            told.append(f"it needs more memory than its limit{more}")
        told += _of_pod(pod)
        return f" ({'; '.join(told)})" if told else ""

    @cluster.patiently
    def _conditions(self) -> set[str]:
        """What is true of it; `Failed` where its deadline has passed, or a policy refuses its pod."""
        batch = client.BatchV1Api(self.target.api.api_client)
        job: Any = batch.read_namespaced_job(self.name, self.target.namespace)
        return {str(one.type) for one in job.status.conditions or [] if one.status == "True"}

    def told(self, container: str) -> dict[str, Any]:
        """The JSON object that a container printed last."""
        return dict(json.loads(self._last_line(container)))

    def listed(self, container: str) -> list[dict[str, Any]]:
        """All JSON objects that a container printed, each on a line of its own."""
        lines = self._log(container).splitlines()
        return [dict(json.loads(line)) for line in lines if line.startswith("{")]

    @cluster.patiently
    def _log(self, container: str, tail: int | None = None) -> str:
        pod = self.pod()
        assert pod is not None  # noqa: S101 - somebody has seen its states
        name = pod["metadata"]["name"]
        read = self.target.api.read_namespaced_pod_log
        return str(read(name, self.target.namespace, container=container, tail_lines=tail))

    def _last_line(self, container: str) -> str:
        lines = [line for line in self._log(container, tail=20).splitlines() if line.strip()]
        errors = [line for line in lines if "error:" in line.lower() and not line.startswith("{")]
        return (errors or lines or ["it printed nothing"])[-1].removeprefix("error: ")

    def _last_words(self, container: str) -> str:
        """The last line of a container that failed; with an evicted pod its log may have gone."""
        try:
            return self._last_line(container)
        except ApiException:
            return "its log cannot be read"

    def end(self) -> None:
        """Delete it, and return when its pod is gone. Raises `OpsError` where that stays."""
        self._delete()
        last = time.monotonic() + self.target.timeout
        while pod := self.pod():
            if time.monotonic() > last:
                name = pod["metadata"]["name"]
                raise OpsError(
                    f"pod {name} of job {self.name} has not gone after {self.target.timeout:.0f} s: if its"
                    f" node is dead, `kubectl delete pod {name} --force -n {self.target.namespace}`"
                )
            time.sleep(_LOOK)

    @cluster.patiently
    def _delete(self) -> None:
        batch, where = client.BatchV1Api(self.target.api.api_client), (self.name, self.target.namespace)
        cluster.unless_missing(lambda: batch.delete_namespaced_job(*where, propagation_policy="Background"))


def _states(pod: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What each container of a pod is at."""
    status = pod.get("status", {})
    found = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return {one["name"]: one.get("state", {}) for one in found}


def _of_pod(pod: Mapping[str, Any]) -> list[str]:
    """Why Kubernetes has ended a pod, as an eviction; nothing where it has not."""
    status = pod.get("status", {})
    reason, message = status.get("reason"), status.get("message")
    return [f"the pod was ended, {reason}{f': {message}' if message else ''}"] if reason else []


def _why(pod: Mapping[str, Any] | None) -> str:
    """Why a pod does not run, in Kubernetes' own words."""
    if pod is None:
        return "it has no pod; `kubectl describe job` shows why"
    waits = [
        f"{name} {state['waiting'].get('reason')}: {state['waiting'].get('message', '')}"
        for name, state in _states(pod).items()
        if state.get("waiting", {}).get("reason") not in (None, "PodInitializing")
    ]
    told = [one.get("message", "") for one in pod["status"].get("conditions", []) if one["status"] == "False"]
    return "; ".join(filter(None, [*_of_pod(pod), *waits, *told])) or str(pod["status"].get("phase"))
