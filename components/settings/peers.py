"""Who may reach a pod, in one word of a setting: a namespace, pods of it, or a range of addresses."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any

from pydantic import AfterValidator

from components.settings.types import LABEL, LABEL_VALUE, QUALIFIED, Json

ACCEPTED = (
    "a list of namespaces (jupyter), pods in one by label (airflow/app=worker,tier=batch), pods in"
    " any namespace (*/app=notebook) and address ranges without host bits (10.20.0.0/16)"
)
ANYBODY: dict[str, Any] = {"namespaceSelector": {}}
"""The pods of every namespace, and nobody else."""

_ANY = "*"
_PAIR = re.compile(rf"(?P<key>{QUALIFIED})=(?P<value>{LABEL_VALUE})")


def peer(text: str) -> dict[str, Any]:
    """The peer of a NetworkPolicy that `text` names. Raises ValueError where it names none."""
    first, slash, rest = text.partition("/")
    if "." in first or ":" in first:
        return {"ipBlock": {"cidr": str(ipaddress.ip_network(text))}}
    if not rest:
        if slash or not re.fullmatch(LABEL, first):
            raise ValueError(text)
        return _in_namespace(first)
    pairs = [_PAIR.fullmatch(pair) for pair in rest.split(",")]
    if not re.fullmatch(rf"{LABEL}|\{_ANY}", first) or not all(pairs):
        raise ValueError(text)
    labels = {pair["key"]: pair["value"] for pair in pairs if pair}
    return {**_in_namespace(first), "podSelector": {"matchLabels": labels}}


def _in_namespace(name: str) -> dict[str, Any]:
    """The pods of a namespace; its own name is a label of each (Kubernetes 1.22 and later)."""
    if name == _ANY:
        return ANYBODY
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _each(texts: list[str]) -> list[str]:
    for number, text in enumerate(texts, 1):
        try:
            peer(text)
        except ValueError:
            raise ValueError(f"entry {number} is none of these") from None
    return texts


Peers = Annotated[list[str], AfterValidator(_each), Json]
"""Peers, each in one word."""
