"""The rule of what data hangs on: it is not deleted by a slip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.tokens import NAMESPACE, PASSWORD, RELEASE, SECRET
from ops.policy.evidence import Evidence, containers
from ops.policy.rule import Breach, Rule
from ops.replacement import title

_HELD = (NAMESPACE, SECRET, RELEASE, PASSWORD)
"""Data, or the passwords that open it, go with these."""
_KEEP = ("helm.sh/resource-policy", "keep")
_ROOTS = ("--artifacts-destination=/", "--default-artifact-root=/")
"""Arguments of a server whose artifacts are on its own volume."""


def _protected(evidence: Evidence, _: Mapping[str, Any]) -> Iterator[Breach]:
    for each in evidence.planned:
        if each.type in _HELD and not each.protected:
            fix = "pulumi config set production true, and no `protect: false` on the component"
            yield Breach(each.name, "it can be deleted or replaced", fix)
    for body in evidence.objects:
        if body.get("kind") == "StatefulSet":
            policy = (body["spec"].get("persistentVolumeClaimRetentionPolicy") or {}).values()
            if "Delete" in policy:
                fix = (
                    "pulumi config rm --path"
                    " extraValues.postgresql.primary.persistentVolumeClaimRetentionPolicy"
                )
                yield Breach(title(body), "its claims are deleted with it", fix)
        elif body.get("kind") == "PersistentVolumeClaim" and _artifacts(evidence):
            key, keep = _KEEP
            if (body["metadata"].get("annotations") or {}).get(key) != keep:
                yield Breach(
                    title(body), "Helm deletes it, and the artifacts with it", f"annotate it {key}: {keep}"
                )


def _artifacts(evidence: Evidence) -> bool:
    """Whether a server keeps artifacts on a volume."""
    runs = (container.get("args") or [] for _, container in containers(evidence.objects))
    return any(str(argument).startswith(_ROOTS) for run in runs for argument in run)


VOLUMES = Rule("volumes", "What the data depends on is protected", _protected, production=True)
