"""The pods of a release: are all of them there and ready, and do they run the images of the release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubernetes import client

from ops.finding import Finding
from ops.replacement import Object, title
from ops.workloads import containers, template

_ENDED = ("Succeeded", "Failed")
"""Phases of pods that are history: of a finished Job, or evicted and replaced."""


def alive(api: client.CoreV1Api, namespace: str, release: str) -> list[Object]:
    """The pods of a release that run or want to."""
    found = api.list_namespaced_pod(namespace, label_selector=f"app.kubernetes.io/instance={release}")
    pods: list[Object] = api.api_client.sanitize_for_serialization(found)["items"]
    return [
        pod
        for pod in pods
        if pod["status"].get("phase") not in _ENDED and "deletionTimestamp" not in pod["metadata"]
    ]


def findings(pods: list[Object], objects: Iterable[Object]) -> list[Finding]:
    """What is not right with the pods of a release; `objects` are those of its manifest."""
    workloads = list(objects)
    return [*_unready(pods), *_missing(pods, workloads), *_images(pods, workloads)]


def _unready(pods: list[Object]) -> Iterator[Finding]:
    for pod in pods:
        metadata = pod["metadata"]
        if any(owner["kind"] == "Job" for owner in metadata.get("ownerReferences", [])):
            continue
        conditions = pod["status"].get("conditions", [])
        if not any(of["type"] == "Ready" and of["status"] == "True" for of in conditions):
            fix = f"kubectl -n {metadata['namespace']} describe pod {metadata['name']}"
            yield Finding("pod", f"Pod {metadata['name']}", "ready", f"not ready: {_why(pod['status'])}", fix)


def _why(status: Object) -> str:
    """Why a pod is not ready: what a container waits for, or why it has no node."""
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        reason = container.get("state", {}).get("waiting", {}).get("reason")
        if reason and reason != "PodInitializing":
            return f"{container['name']} {reason}"
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("reason"))
    return str(status.get("phase"))


def _missing(pods: list[Object], workloads: list[Object]) -> Iterator[Finding]:
    """Workloads that have fewer pods than they should: a quota, an admission that refuses."""
    for workload in workloads:
        wanted = (workload.get("spec") or {}).get("replicas")
        if wanted is None or workload["kind"] not in ("Deployment", "StatefulSet"):
            continue
        labels = workload["spec"]["selector"]["matchLabels"].items()
        there = sum(labels <= pod["metadata"].get("labels", {}).items() for pod in pods)
        if there < wanted:
            metadata = workload["metadata"]
            fix = f"kubectl -n {metadata['namespace']} describe {workload['kind'].lower()} {metadata['name']}"
            yield Finding("pod", f"Pods of {title(workload)}", str(wanted), str(there), fix)


def _images(pods: list[Object], workloads: list[Object]) -> Iterator[Finding]:
    """Containers that run another image than any container of their name in the release.

    An admission that pins images adds the digest that it found (Kyverno's `mutateDigest`, by default).
    """
    pinned: dict[str, list[str]] = {}
    for spec in filter(None, map(template, workloads)):
        for container in containers(spec):
            pinned.setdefault(container["name"], []).append(container["image"])
    for pod in pods:
        metadata = pod["metadata"]
        for container in containers(pod["spec"]):
            wanted, image = pinned.get(container["name"]), container["image"]
            if wanted and not {image, image.partition("@")[0]} & {*wanted}:
                what = f"Image of {container['name']} in pod {metadata['name']}"
                fix = f"kubectl -n {metadata['namespace']} delete pod {metadata['name']}"
                yield Finding("image", what, wanted[0], image, fix)
