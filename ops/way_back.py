"""Takes a stack back to what its file says, after a change of it failed half way; and proves that it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from ops import cluster, drift, recover, repair
from ops.console import OpsError, err
from ops.stack import Stack
from ops.verify import verified


def deploy(stack: Stack, message: str) -> None:
    """Run `pulumi up` on this terminal; `message` goes into the stack's history. Raises `OpsError`."""
    try:
        stack.run("up", "--yes", "--skip-preview", "--suppress-outputs", "--message", message)
    except OpsError as error:
        raise OpsError(f"`pulumi up --stack {stack.name}` failed (above)") from error


def take(stack: Stack, message: str) -> None:
    """Deploy the stack's own file again and verify the result; `message` goes into the stack's history.

    Where nothing had been changed yet, nothing is. Raises whatever stands in the way.
    """
    if mended := recover.recover(stack):
        recover.report(mended)
    settings = stack.config()
    with _unstuck(cluster.connect(settings), settings["namespace"], settings["releaseName"]):
        deploy(stack, message)
    # Where the engine was killed, the state may know nothing of what Helm had changed by then.
    if drift.look(stack):
        repair.repair(stack)
    verified(stack)


def tell(stack: Stack) -> None:
    """Say which pods are not ready and why: on the way back they go, and their reasons with them."""
    with suppress(Exception):  # the way back matters more
        if waiting := [found for found in drift.look(stack) if found.kind == "pod"]:
            drift.report(stack.name, waiting, to=err)


@contextmanager
def _unstuck(api: client.CoreV1Api, namespace: str, release: str, seconds: float = 2) -> Iterator[None]:
    """While the block runs, look every `seconds` for pods that nobody replaces, and delete them."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(seconds):
            try:
                for name in outlived(api, namespace, release):
                    api.delete_namespaced_pod(name, namespace)
                    err.print(f"[yellow]replaced[/yellow] pod {name}, which never became ready")
            except ApiException:
                continue  # asked again in a moment; what matters shows in `pulumi up`

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def outlived(api: client.CoreV1Api, namespace: str, release: str) -> list[str]:
    """Pods of the release's StatefulSets that are not ready and are of another revision than the wanted one.

    A StatefulSet waits for such a pod to become ready before it replaces it: with an image that does not
    exist for ever, whatever its template says by now (kubernetes/kubernetes#67250; "Forced rollback" in the
    StatefulSet's documentation).
    """
    selector = f"app.kubernetes.io/instance={release}"
    sets = client.AppsV1Api(api.api_client).list_namespaced_stateful_set(namespace, label_selector=selector)
    wanted = {
        found.metadata.name: found.status.update_revision
        for found in sets.items
        if found.metadata and found.status
    }
    names = []
    for pod in api.list_namespaced_pod(namespace, label_selector=selector).items:
        about, status = pod.metadata, pod.status
        if about is None or status is None or about.deletion_timestamp:
            continue
        owner = next((ref.name for ref in about.owner_references or [] if ref.name in wanted), None)
        revision = (about.labels or {}).get("controller-revision-hash")
        if owner and not cluster.is_ready(status) and revision != wanted[owner]:
            names.append(str(about.name))
    return names
