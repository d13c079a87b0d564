"""A NetworkPolicy that keeps out who serves the ingress: the release is well, and nobody reaches it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ops.causes import Cause, Settings
from ops.release_pods import SERVER
from ops.snapshot import Object, Snapshot

_NAMESPACE = "kubernetes.io/metadata.name"
_COMPONENT = "app.kubernetes.io/component"


def access(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """Controllers as their makers label them, none of which is let in.

    Only where every peer is named by what is known here: other selectors, and addresses, may well mean them.
    """
    controllers = [
        pod for pod in snapshot.all("controllers") if pod.get("status", {}).get("phase") == "Running"
    ]
    policies = [one for one in snapshot.all("policies") if _of_server(one)]
    if not (snapshot.all("ingresses") and controllers and policies):
        return
    rules = [rule for one in policies for rule in one["spec"].get("ingress") or []]
    peers = [peer for rule in rules for peer in rule.get("from") or [{}]]
    if any(_may_mean(peer, pod) for peer in peers for pod in controllers):
        return
    where = sorted({pod["metadata"]["namespace"] for pod in controllers})
    on_nodes = all(pod["spec"].get("hostNetwork") for pod in controllers)
    setting = "--path 'networkFrom[0]' ADDRESSES-OF-THE-NODES" if on_nodes else f"ingressNamespace {where[0]}"
    name = policies[0]["metadata"]["name"]
    yield Cause(
        "ingress-kept-out",
        65,
        f"No NetworkPolicy lets the ingress controller in; its pods are in namespace {', '.join(where)}"
        + (", on their nodes' network." if on_nodes else "."),
        f"pulumi config set {setting}\npulumi up",
        f"networkpolicy/{name}: none of its ingress peers is the controller",
        certain=False,
        blocks=False,
    )


def _of_server(policy: Object) -> bool:
    wanted = (policy["spec"].get("podSelector") or {}).get("matchLabels") or {}
    return wanted.get(_COMPONENT) == SERVER and "Ingress" in policy["spec"].get("policyTypes", [])


def _may_mean(peer: dict[str, Any], pod: Object) -> bool:
    """Whether a peer is this pod, as far as can be seen; on its node's network only an address is."""
    if "ipBlock" in peer or not peer:
        return True
    if pod["spec"].get("hostNetwork") or "namespaceSelector" not in peer:
        # Without a namespace it is the release's own.
        return False
    spaces, labels = peer["namespaceSelector"], peer.get("podSelector") or {}
    named = (spaces.get("matchLabels") or {}).keys() <= {_NAMESPACE}
    if not named or "matchExpressions" in spaces or "matchExpressions" in labels:
        return True
    space = {_NAMESPACE: pod["metadata"]["namespace"]}
    return _has(space, spaces) and _has(pod["metadata"].get("labels") or {}, labels)


def _has(labels: dict[str, str], selector: dict[str, Any]) -> bool:
    return all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())


RULES = (access,)
