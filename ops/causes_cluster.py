"""Causes in the ground that pods stand on: nodes, quota, admission."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ops.causes import Cause, Settings
from ops.release_pods import condition, pods, replicasets
from ops.snapshot import Object, Snapshot

_SCALES = ("TriggeredScaleUp", "Nominated", "NodeClaimCreated")
"""Events by which cluster-autoscaler and Karpenter say that a node is on its way."""
_AUTOSCALER = 15.0
"""Seconds in which an autoscaler has spoken, if there is one (it looks every 10 s)."""
_NODE = 20.0
"""Seconds after which a node that restarts is more than that."""


def rights(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """Without the right to look at pods nothing can be told."""
    if "pods" in snapshot.denied:
        yield Cause(
            "no-right-to-look",
            7,
            f"This login may not read the pods of namespace {snapshot.namespace}, so little can be said.",
            f"kubectl auth can-i list pods -n {snapshot.namespace}\nask for the role `view` there",
            f"not allowed to read: {', '.join(snapshot.denied)}",
            certain=False,
            blocks=False,
        )


def namespace(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """A namespace that is being deleted takes nothing new."""
    for found in snapshot.all("namespace"):
        if found.get("status", {}).get("phase") != "Terminating":
            continue
        held = condition(found, "NamespaceFinalizersRemaining").get("message", "")
        yield Cause(
            "namespace-terminating",
            8,
            f"Namespace {snapshot.namespace} is being deleted; nothing can be created in it.",
            f"wait until it is gone: kubectl get namespace {snapshot.namespace}\n"
            "if it stays: what is named above is holding it, or see: kubectl get apiservices",
            f"namespace/{snapshot.namespace}: {held or 'phase Terminating'}",
            patience=_NODE,
        )


def nodes(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """A pod on a node that is not ready, or that only such nodes could take."""
    bad = {node["metadata"]["name"]: node for node in snapshot.all("nodes") if not _usable(node)}
    for pod in pods(snapshot):
        bound = pod["spec"].get("nodeName")
        hit = [bound] if bound in bad else [] if bound or not _unscheduled(pod) else _held(pod, snapshot, bad)
        for name in hit[:1]:
            state = condition(bad[name], "Ready")
            why = state.get("message") or state.get("reason") or "its kubelet has never reported"
            yield Cause(
                "node-not-ready",
                10,
                f"Node {name} is not ready, and pod {pod['metadata']['name']} "
                f"{'is on it' if bound else 'can go nowhere else'}.",
                f"kubectl describe node {name}\n"
                "bring its kubelet back, or let the pod go elsewhere: its nodeSelector or affinity is in "
                "`extraValues`",
                f"node/{name}: Ready is {state.get('status', 'unknown')}: {why}",
                patience=_NODE,
            )


def _usable(node: Object) -> bool:
    return condition(node, "Ready").get("status") == "True"


def _unscheduled(pod: Object) -> bool:
    return condition(pod, "PodScheduled").get("reason") == "Unschedulable"


def _held(pod: Object, snapshot: Snapshot, bad: dict[str, Object]) -> list[str]:
    """The nodes that are not ready, where no ready one has the labels that the pod asks for."""
    wanted = (pod["spec"].get("nodeSelector") or {}).items()
    fitting = [
        node["metadata"]["name"]
        for node in snapshot.all("nodes")
        if wanted <= node["metadata"].get("labels", {}).items() and not node["spec"].get("unschedulable")
    ]
    return fitting if fitting and set(fitting) <= bad.keys() else []


def scheduling(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """No node takes a pod. Where an autoscaler brings one, waiting helps."""
    for pod in pods(snapshot):
        said = str(condition(pod, "PodScheduled").get("message", ""))
        # A pod whose volume has no class or no claim waits for that: a cause of its own.
        if not _unscheduled(pod) or "PersistentVolumeClaim" in said or "persistentvolumeclaim" in said:
            continue
        name, grows = pod["metadata"]["name"], bool(snapshot.events(pod, *_SCALES))
        short = re.findall(r"Insufficient ([\w./-]+)", said)
        part = "tracking" if "tracking" in name else "database"
        fix = f"kubectl describe pod -n {snapshot.namespace} {name}"
        if short:
            room = " and ".join(dict.fromkeys(short))
            what = f"No node has room for pod {name}: not enough {room}."
            fix = "a larger node, or smaller requests:" + "".join(
                f"\npulumi config set --path {part}Resources.requests.{kind} "
                f"{'250m' if kind == 'cpu' else '512Mi'}"
                for kind in dict.fromkeys(short)
            )
        else:
            what = f"No node accepts pod {name}."
            fix += "\nits nodeSelector, affinity and tolerations are in `extraValues`"
        yield Cause(
            "unschedulable",
            18,
            what + (" An autoscaler has asked for a node." if grows else ""),
            fix,
            f"pod/{name}: {said}",
            certain=not grows,
            mark=str(pod["metadata"]["uid"]),
            patience=_AUTOSCALER,
        )


def creation(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """Pods or claims that the cluster refuses to make: over quota, or against a policy."""
    for owner in [*replicasets(snapshot), *snapshot.all("statefulsets")]:
        made = owner.get("status", {}).get("replicas", 0)
        refused = snapshot.events(owner, "FailedCreate")
        if made >= owner["spec"].get("replicas", 1) or not refused:
            continue
        said, name = str(refused[-1]["message"]), owner["metadata"]["name"]
        seen, mark = f"{owner['kind'].lower()}/{name}: {said}", str(owner["metadata"]["uid"])
        if "exceeded quota" in said or "must specify" in said:
            quota = re.search(r"(?:exceeded|failed) quota: ([^,: ]+)", said)
            yield Cause(
                "quota-exceeded",
                12,
                f"Quota {quota[1] if quota else ''} of namespace {snapshot.namespace} does not allow what "
                f"{name} needs.",
                f"kubectl describe quota -n {snapshot.namespace}\n"
                "a larger quota, or smaller trackingResources, databaseResources or databaseSize",
                seen,
                mark=mark,
            )
        else:
            yield Cause(
                "refused-by-the-cluster",
                13,
                f"The cluster refuses to create the pods of {name}.",
                "the message names the policy; change it for this namespace, or the pods by `extraValues`",
                seen,
                mark=mark,
                patience=10,
            )


RULES = (rights, namespace, nodes, scheduling, creation)
