"""What destroying a stack would lose, and what would stay: read from its state and its cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from tenacity import stop_after_attempt
from urllib3.exceptions import HTTPError

from components.tokens import NAMESPACE, PROVIDER, RELEASE, STACK
from ops import cluster
from ops.adoption.reading import at
from ops.console import OpsError
from ops.stack import Stack

KEEP = "helm.sh/resource-policy"

UNSEEN = "unknown"
"""The reclaim policy of a volume that this login may not look at."""


@dataclass(frozen=True)
class Claim:
    """A claim of the namespace: its volume, size as Kubernetes has it, class and reclaim policy."""

    name: str
    size: str
    storage_class: str
    volume: str
    policy: str
    goes: bool

    @property
    def kept(self) -> bool:
        """Whether its data is there afterwards."""
        return not self.goes or self.policy == "Retain"

    @property
    def fate(self) -> str:
        """What becomes of its data, in a person's words."""
        if not self.goes:
            return "stays"
        return {
            "Delete": "is deleted, with its data",
            "Retain": f"is deleted; volume {self.volume} is released and keeps the data",
        }.get(self.policy, "is deleted; its data too, unless its storage class retains volumes")


@dataclass(frozen=True)
class Losses:
    """All that is said before a stack is destroyed. Counts are None where the server was not reached."""

    stack: str
    context: str
    namespace: str
    namespace_goes: bool
    release: str
    release_goes: bool
    """Whether the stack has made it: what stands under its name otherwise is somebody else's."""
    claims: tuple[Claim, ...]
    experiments: int | None
    runs: int | None
    database: str
    """The host of an external database; empty where it is on a claim."""
    artifacts: str
    """Where artifacts are, as MLflow names it; empty where no `up` got that far."""
    protected: tuple[str, ...]
    """The resources that the engine refuses to delete."""

    def on(self, claim: str) -> tuple[str, bool]:
        """What becomes of what is on a claim, in a person's words, and whether it is kept."""
        of = next((one for one in self.claims if one.name == claim), None)
        if of is None:
            return "no claim holds any", False
        if not of.kept:
            return f"are lost with claim {claim}", False
        return f"stay on volume {of.volume}" if of.goes else f"stay on claim {claim}", True


def look(stack: Stack) -> Losses | None:
    """What is there to lose, or None where the stack has nothing. Raises `OpsError`."""
    resources = stack.export()["deployment"].get("resources", [])
    if not resources:
        return None
    settings = stack.config()
    release: Mapping[str, Any] = next((one["inputs"] for one in resources if one["type"] == RELEASE), {})
    # The state knows what is there, and where; the settings may have been changed since.
    where: Mapping[str, str] = next((one["inputs"] for one in resources if one["type"] == PROVIDER), settings)
    namespace = str(release.get("namespace") or settings["namespace"])
    name = str(release.get("name") or settings["releaseName"])
    outputs: Mapping[str, Any] = next(
        (one.get("outputs", {}) for one in resources if one["type"] == STACK), {}
    )
    goes = any(one["type"] == NAMESPACE for one in resources)
    api = cluster.connect(where)
    try:
        claims = tuple(_claims(api, namespace, name, goes, bool(release)))
        counts = _counts(api, namespace, name)
    except HTTPError as error:
        raise OpsError(
            f"the cluster of context {where['context']!r} does not answer, so what would be lost is not "
            f"known: {error}"
        ) from error
    return Losses(
        stack.name,
        where["context"],
        namespace,
        goes,
        name,
        goes or bool(release),
        claims,
        counts.get("experiments"),
        counts.get("runs"),
        _database(release, settings),
        str(outputs.get("artifact_root", "")),
        tuple(one["urn"].rsplit("::", 1)[-1] for one in resources if one.get("protect")),
    )


def _database(release: Mapping[str, Any], settings: Mapping[str, str]) -> str:
    """The host of an external database."""
    if not release:
        return settings.get("databaseHost", "")
    values = release.get("values", {})
    return "" if at(values, "postgresql.enabled", True) else str(at(values, "externalDatabase.host", ""))


def _claims(
    api: client.CoreV1Api, namespace: str, release: str, all_go: bool, release_goes: bool
) -> Iterator[Claim]:
    """The claims that go, and those of the release that stay."""
    own = "" if all_go else f"app.kubernetes.io/instance={release}"
    found: list[Any] = api.list_namespaced_persistent_volume_claim(namespace, label_selector=own).items
    for claim in found:
        about, spec = claim.metadata, claim.spec
        of_helm = (about.labels or {}).get("app.kubernetes.io/managed-by") == "Helm"
        kept = (about.annotations or {}).get(KEEP) == "keep"
        yield Claim(
            about.name,
            ((claim.status.capacity if claim.status else None) or spec.resources.requests)["storage"],
            spec.storage_class_name or "",
            spec.volume_name or "",
            _policy(api, spec.volume_name),
            all_go or (release_goes and (bool(about.owner_references) or (of_helm and not kept))),
        )


def _policy(api: client.CoreV1Api, volume: str | None) -> str:
    """The reclaim policy of a volume. A claim without one has no data to lose."""
    if not volume:
        return "Delete"
    try:
        found: Any = api.read_persistent_volume(volume)
        return str(found.spec.persistent_volume_reclaim_policy)
    except ApiException:
        return UNSEEN


def _counts(api: client.CoreV1Api, namespace: str, release: str) -> dict[str, Any]:
    """How many experiments and runs there are; nothing where no server can say."""
    at_once = cluster.tracking_pod.retry_with(stop=stop_after_attempt(1))
    source = files("ops").joinpath("pod_census.py").read_text()
    try:
        with cluster.python_in_pod(api, namespace, at_once(api, namespace, release), source) as ask:
            return ask()
    except (OpsError, ApiException, ValueError, LookupError):
        return {}
