"""Causes in the pods themselves: what they refer to and is not there, disk, and what cannot start."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ops.causes import WAITS, Cause, Settings
from ops.containers import Container, containers
from ops.release_pods import outdated, pods, ready
from ops.snapshot import Snapshot

_FINDABLE = 15.0
"""Seconds in which something outside may still make a Secret that is missing."""
_SETTING_OF_SECRET = "s3ExistingSecret, databaseExistingSecret, gcsExistingSecret, azureExistingSecret"  # noqa: S105


def stuck(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """Pods that the StatefulSet will not replace by itself."""
    for pod in outdated(snapshot):
        name = pod["metadata"]["name"]
        yield Cause(
            "pod-of-older-revision",
            9,
            f"Pod {name} is from an older revision and not ready; its StatefulSet waits for it instead of "
            "replacing it.",
            f"kubectl delete pod -n {snapshot.namespace} {name} (its volume stays)",
            f"pod/{name}: not ready, and not from the latest revision",
            mark=str(pod["metadata"]["uid"]),
            patience=10,
        )


def references(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """Secrets and ConfigMaps that a pod names and the namespace has not, or without the key."""
    for one in containers(snapshot):
        if one.waiting.get("reason") == "CreateContainerConfigError":
            yield from _missing(snapshot, f"pod/{one.key}", str(one.waiting.get("message", "")))
    for pod in pods(snapshot):
        if not ready(pod):
            for event in snapshot.events(pod, "FailedMount")[-1:]:
                yield from _missing(snapshot, f"pod/{pod['metadata']['name']}", event["message"])


def _missing(snapshot: Snapshot, where: str, said: str) -> Iterator[Cause]:
    key = re.search(r"couldn't find key (\S+) in (Secret|ConfigMap) [\w.-]+/([\w.-]+)", said)
    whole = re.search(r"(?i)(secret|configmap) \"([^\"]+)\" not found", said)
    if key:
        what = f"{key[2]} {key[3]} has no key {key[1]}."
    elif whole:
        what = f"{whole[1].capitalize()} {whole[2]} is not in namespace {snapshot.namespace}."
    else:
        return
    yield Cause(
        "secret-missing",
        25,
        what,
        f"create it, or name another one in the setting that names it ({_SETTING_OF_SECRET})\n"
        "if the stack itself creates it: pulumi refresh, pulumi up",
        f"{where}: {said}",
        patience=_FINDABLE,
    )


def eviction(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """Pods that the kubelet has put out; they stay as a record until something deletes them."""
    for pod in pods(snapshot):
        status = pod.get("status", {})
        if status.get("reason") != "Evicted":
            continue
        said, name = str(status.get("message", "")), pod["metadata"]["name"]
        scratch = "ephemeral" in said
        yield Cause(
            "evicted",
            32,
            f"Pod {name} was evicted: "
            + ("artifacts in flight need more room." if scratch else "its node is full."),
            "pulumi config set trackingScratchSize 32Gi\npulumi up"
            if scratch
            else f"kubectl describe node {pod['spec'].get('nodeName', '')}",
            f"pod/{name}: {said}",
            certain=False,
            blocks=False,
        )


def starts(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """Where nothing else is seen: which pod is not ready, and what its probe says."""
    for pod in pods(snapshot):
        if ready(pod) or pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            continue
        probes, name = snapshot.events(pod, "Unhealthy"), pod["metadata"]["name"]
        stage = next((one.name for one in containers(snapshot) if one.pod is pod and not _done(one)), "")
        yield Cause(
            WAITS,
            90,
            f"Pod {name} is not ready yet{f' (at {stage})' if stage else ''}; nothing says why.",
            f"wait, and look again; kubectl describe pod -n {snapshot.namespace} {name}",
            f"pod/{name}: {probes[-1]['message'] if probes else pod.get('status', {}).get('phase', '')}",
            certain=False,
        )


def _done(one: Container) -> bool:
    return one.settled or bool(one.status.get("ready"))


RULES = (stuck, references, eviction, starts)
