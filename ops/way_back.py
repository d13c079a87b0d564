"""Takes a stack back to what its file says, after a change of it failed half way; and proves that it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from kubernetes import client

from ops import cluster, drift, pods, record, recover, repair
from ops.console import err
from ops.reader import CORE, Reader
from ops.release_pods import outdated
from ops.stack import Stack
from ops.verify import verified

_WATCHED = {kind: CORE[kind] for kind in ("pods", "statefulsets")}


def take(stack: Stack, config: Mapping[str, str], message: str) -> None:
    """Deploy the stack's own file again and verify the result; `message` goes into the stack's history.

    `config` are its plain settings. Where nothing had been changed yet, nothing is. Raises whatever stands in
    the way.
    """
    if mended := recover.recover(stack):
        recover.report(mended)
    with _unstuck(cluster.connect(config), config["namespace"], config["releaseName"]):
        stack.run("up", "--yes", "--skip-preview", "--suppress-outputs", "--message", message)
    # Where the engine was killed, the state may know nothing of what Helm had changed by then.
    repair.repair(stack)
    verified(stack, config=config)


def tell(stack: str, config: Mapping[str, str]) -> None:
    """Say which pods are not ready and why: on the way back they go, and their reasons with them.

    The state is not asked: after Ctrl-C it may have operations that never ended.
    """
    with suppress(Exception):  # the way back matters more
        api, where = cluster.connect(config), (config["namespace"], config["releaseName"])
        helm = record.latest(api, *where)
        found = pods.findings(pods.alive(api, *where), helm.objects if helm else ())
        if waiting := [each for each in found if each.kind == "pod"]:
            drift.report(stack, waiting, to=err)


@contextmanager
def _unstuck(api: client.CoreV1Api, namespace: str, release: str, seconds: float = 2) -> Iterator[None]:
    """While the block runs, look every `seconds` for pods that nobody replaces, and delete them."""
    done, reader = threading.Event(), Reader(api, namespace, release)

    def watch() -> None:
        while not done.wait(seconds):
            try:
                for pod in outdated(reader.take(_WATCHED)):
                    name = str(pod["metadata"]["name"])
                    api.delete_namespaced_pod(name, namespace)
                    err.print(f"[yellow]replaced[/yellow] pod {name}, which never became ready")
            except cluster.FAULTS:
                continue  # asked again in a moment; what matters shows in `pulumi up`

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
