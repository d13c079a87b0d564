"""What the rules look at: the resources that the engine plans, and what Helm renders of a planned release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.tokens import COMPONENT, KUBERNETES, RELEASE
from ops import workloads
from ops.chart import Chart, rendered
from ops.console import OpsError
from ops.replacement import Object, title


@dataclass(frozen=True, repr=False)
class Planned:
    """A resource as the program registers it; its inputs may hold secrets, so it is never printed.

    `inputs` has None for what is not known before the update.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    protected: bool = False


@dataclass(frozen=True, repr=False)
class Evidence:
    """A planned stack."""

    planned: tuple[Planned, ...]
    values: tuple[Mapping[str, Any], ...]
    """The Helm values of each release."""
    objects: tuple[Object, ...]
    """What the charts render, and the stack's own objects."""

    @property
    def production(self) -> bool:
        """Whether a server of this stack is marked `production`."""
        return any(each.type == COMPONENT and each.inputs.get("production") is True for each in self.planned)


def whole(planned: Iterable[Planned]) -> Evidence:
    """All of a stack. Raises `OpsError` where it has no release, or the chart of one cannot be rendered."""
    found = tuple(planned)
    if not any(each.type == RELEASE for each in found):
        raise OpsError("there is nothing to judge: the stack plans no Helm release")
    return evidence(found)


def evidence(planned: Iterable[Planned]) -> Evidence:
    """What there is to judge of some resources. Raises `OpsError` where a chart cannot be rendered."""
    found = tuple(planned)
    releases = [each.inputs for each in found if each.type == RELEASE]
    own = [each.inputs for each in found if each.type.startswith(KUBERNETES) and each.type != RELEASE]
    charts = [each for inputs in releases for each in _rendered(inputs)]
    return Evidence(found, tuple(inputs.get("values") or {} for inputs in releases), (*charts, *own))


def _rendered(release: Mapping[str, Any]) -> list[dict[str, Any]]:
    login = release.get("repositoryOpts") or {}
    chart = Chart(
        str(release["chart"]),
        str(release["version"]),
        str(login.get("username") or ""),
        str(login.get("password") or ""),
        str(login.get("caFile") or ""),
    )
    namespace = str(release.get("namespace") or "default")
    return rendered(chart, str(release["name"]), namespace, release.get("values") or {})


def containers(objects: Iterable[Object]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every container of every workload, and where it is."""
    for body in objects:
        spec = workloads.template(body)
        for container in workloads.containers(spec) if spec else ():
            yield f"{title(body)}, container {container['name']}", container
