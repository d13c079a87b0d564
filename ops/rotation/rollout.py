"""New pods for the tracking server, one after the other, until the last of the old ones is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from kubernetes import client
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from components import names
from ops import cluster
from ops.console import OpsError
from ops.rotation.target import Target

ANNOTATION = "kubectl.kubernetes.io/restartedAt"
"""What `kubectl rollout restart` writes; Helm's next upgrade leaves it."""


@cluster.patiently
def pods(target: Target) -> list[client.V1Pod]:
    """The server's pods, those that are ending too: they still answer."""
    selector = f"app.kubernetes.io/instance={target.release},app.kubernetes.io/component=tracking"
    return list(target.api.list_namespaced_pod(target.namespace, label_selector=selector).items)


def addresses(target: Target) -> Iterator[str]:
    """The addresses that only the server's pods have: none of a pod on the node's own network."""
    for pod in pods(target):
        if pod.spec and pod.status and not pod.spec.host_network:
            yield from (str(address.ip) for address in pod.status.pod_ips or [])


def uids(target: Target) -> set[str]:
    """What tells the pods of now from those of later."""
    return {str(pod.metadata.uid) for pod in pods(target) if pod.metadata}


def restart(target: Target) -> None:
    """Replace all pods and return when no old one is left. Raises `OpsError` after the stack's `timeout`."""
    apps, old = client.AppsV1Api(target.api.api_client), uids(target)
    note = {ANNOTATION: datetime.now(UTC).isoformat(timespec="seconds")}
    wanted = {"spec": {"template": {"metadata": {"annotations": note}}}}
    apps.patch_namespaced_deployment(names.tracking(target.release), target.namespace, wanted)
    gone(target, old)


def gone(target: Target, old: Collection[str], then: str = "Fix that and run it again") -> None:
    """Return when all pods are of the latest revision and ready, and none of `old` is left.

    A pod that is ending answers what it was asked, with the credentials that it has. Raises `OpsError`, with
    how it is `then`.
    """
    apps, name = client.AppsV1Api(target.api.api_client), names.tracking(target.release)
    waiting = Retrying(
        retry=retry_if_result(lambda done: not done),
        stop=stop_after_delay(target.timeout),
        wait=wait_fixed(0.5),
    )
    try:
        waiting(lambda: _rolled(apps, name, target.namespace) and not uids(target) & {*old})
    except RetryError as error:
        raise OpsError(
            f"the new pods of {name} are not ready after {target.timeout:.0f} s:"
            f" `kubectl get pods -n {target.namespace}` shows why. {then}"
        ) from error


@cluster.patiently
def _rolled(apps: client.AppsV1Api, name: str, namespace: str) -> bool:
    """Whether all pods of a Deployment are of its latest revision, and ready."""
    deployment = apps.read_namespaced_deployment(name, namespace)
    status, spec, metadata = deployment.status, deployment.spec, deployment.metadata
    if not status or not spec or not metadata:
        return False
    seen = (status.observed_generation or 0) >= (metadata.generation or 0)
    counts = (status.replicas, status.updated_replicas, status.available_replicas)
    return seen and {count or 0 for count in counts} == {spec.replicas}
