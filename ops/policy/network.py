"""The rule of who reaches what inside the cluster: for server and database a policy names whom."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from ops import workloads
from ops.policy.evidence import Evidence
from ops.policy.rule import Breach, Rule
from ops.replacement import Object, title

_DATABASE = "postgresql"
_SERVER = "mlflow"
"""Names of the containers that answer (chart 5.1.17)."""
_NARROW = {4: 8, 6: 16}
"""Bits that a block of addresses must have fixed, by version of IP; with fewer it is everywhere."""
_SELECTORS = ("namespaceSelector", "podSelector")
_FIX = {
    _DATABASE: "pulumi config rm --path extraValues.postgresql.primary.networkPolicy",
    _SERVER: "pulumi config set networkAccess ingress",
}


def _reached(evidence: Evidence, _: Mapping[str, Any]) -> Iterator[Breach]:
    for body in evidence.objects:
        what = _answers(body)
        if not what:
            continue
        policies = [each for each in evidence.objects if _selects(each, body)]
        if not policies:
            yield Breach(title(body), "no NetworkPolicy says who reaches it", _FIX[what])
        for policy in policies:
            for rule in policy["spec"].get("ingress") or []:
                if _open(rule, what):
                    yield Breach(title(policy), f"it lets everybody reach {title(body)}", _FIX[what])


def _answers(body: Object) -> str:
    """Which of both an object's pods are; empty for others, and for Jobs, which answer nobody."""
    spec = workloads.template(body) if body.get("kind") in ("Deployment", "StatefulSet") else None
    named = [str(container["name"]) for container in spec["containers"]] if spec else []
    return next((name for name in named if name in _FIX), "")


def _selects(policy: Object, body: Object) -> bool:
    """Whether a policy says who reaches the pods; without types it does, as Kubernetes reads it."""
    spec = policy["spec"] if policy.get("kind") == "NetworkPolicy" else {}
    if not spec or "Ingress" not in (spec.get("policyTypes") or ["Ingress"]):
        return False
    labels = (body["spec"]["template"].get("metadata") or {}).get("labels") or {}
    selector = spec.get("podSelector") or {}
    wanted = (selector.get("matchLabels") or {}).items()
    return wanted <= labels.items() and all(
        _holds(each, labels) for each in selector.get("matchExpressions") or []
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels are as a selector's expression wants them."""
    there, among = expression["key"] in labels, labels.get(expression["key"]) in expression.get("values", [])
    by_operator = {"In": among, "NotIn": not among, "Exists": there, "DoesNotExist": not there}
    return by_operator[expression["operator"]]


def _open(rule: Mapping[str, Any], what: str) -> bool:
    """Whether anybody gets in: from anywhere, or, where the database is, from all of the cluster."""
    peers = rule.get("from") or []
    return not peers or any(_anybody(each, what) for each in peers)


def _anybody(peer: Mapping[str, Any], what: str) -> bool:
    """Whether a peer names nobody in particular."""
    if block := peer.get("ipBlock"):
        return _everywhere(str(block.get("cidr")))
    return what == _DATABASE and not any(_somebody(peer.get(kind) or {}) for kind in _SELECTORS)


def _everywhere(cidr: str) -> bool:
    """Whether so many addresses are no names; what is none at all counts as such."""
    try:
        network = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return True
    return network.prefixlen < _NARROW[network.version]


def _somebody(selector: Mapping[str, Any]) -> bool:
    """Whether a selector names somebody: an empty one means all, and so does all but a few."""
    expressions = selector.get("matchExpressions") or []
    return bool(selector.get("matchLabels")) or any(each.get("operator") == "In" for each in expressions)


NETWORK = Rule("network", "A policy names who reaches the server, and its database", _reached)
