"""The cluster behind a stack, through the `kubernetes` client, with the context the stack names."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed
from websocket import WebSocketConnectionClosedException

from ops.console import OpsError


class NotReadyError(OpsError):
    """No pod of the server is ready; one may be soon."""


def connect(settings: Mapping[str, str]) -> client.CoreV1Api:
    """A client for a stack's `context` of its `kubeconfig` (empty: the default). Raises `OpsError`."""
    context, kubeconfig = settings["context"], settings.get("kubeconfig", "")
    # The library reads KUBECONFIG when it is imported, which may be before `make up` has set it.
    file = str(Path(kubeconfig).expanduser()) if kubeconfig else os.environ.get("KUBECONFIG")
    try:
        return client.CoreV1Api(config.new_client_from_config(file, context))  # type: ignore[no-untyped-call]
    except config.ConfigException as error:
        raise OpsError(f"kube context {context!r}: {error}") from error


@retry(
    retry=retry_if_exception_type(NotReadyError),
    # A server may answer a moment before its pod is marked ready.
    stop=stop_after_delay(60),
    wait=wait_fixed(0.2),
    reraise=True,
)
def tracking_pod(api: client.CoreV1Api, namespace: str, release: str) -> str:
    """The name of a ready pod of the tracking server. Raises `OpsError` when there is none."""
    selector = f"app.kubernetes.io/instance={release},app.kubernetes.io/component=tracking"
    for pod in api.list_namespaced_pod(namespace, label_selector=selector).items:
        if pod.status is None or pod.metadata is None or pod.metadata.deletion_timestamp:
            continue
        if is_ready(pod.status):
            return str(pod.metadata.name)
    raise NotReadyError(f"no pod of {release} is ready: kubectl get pods -n {namespace}")


def unless_missing(ask: Callable[[], Any]) -> Any:
    """What the API answers; None where what is asked about is not there."""
    try:
        return ask()
    except ApiException as error:
        if error.status != 404:
            raise
        return None


def is_ready(status: client.V1PodStatus) -> bool:
    """Whether a pod of this status is ready."""
    return any(c.type == "Ready" and c.status == "True" for c in status.conditions or [])


@contextmanager
def executed(
    api: client.CoreV1Api, namespace: str, pod: str, container: str, command: list[str]
) -> Iterator[Any]:
    """A command in a container, with its standard input and outputs, for as long as the block runs.

    On a client of its own: an exec changes how its client sends requests while it is being opened, and what
    other threads ask by it meanwhile fails ("Handshake status 403 Forbidden", kubernetes 37.0).
    """
    own = client.CoreV1Api(client.ApiClient(api.api_client.configuration))
    socket = stream(
        own.connect_get_namespaced_pod_exec,
        pod,
        namespace,
        container=container,
        command=command,
        stdout=True,
        stderr=True,
        stdin=True,
        tty=False,
        _preload_content=False,
    )
    try:
        yield socket
    finally:
        socket.close()
        # It leaves its connection open where the other side was the first to close.
        socket.sock.shutdown()


@contextmanager
def python_in_pod(
    api: client.CoreV1Api, namespace: str, pod: str, source: str, seconds: float = 60
) -> Iterator[Callable[..., dict[str, Any]]]:
    """Python in the server's container, started at once: it may import while other things are done.

    Gives a function that sends it one JSON line (a list of the arguments) and returns the JSON object
    that it prints before it ends, within `seconds`.
    """
    with executed(api, namespace, pod, "mlflow", ["python", "-c", source]) as socket:

        def ask(*arguments: str) -> dict[str, Any]:
            with suppress(WebSocketConnectionClosedException):  # it has ended: why is told below
                socket.write_stdin(f"{json.dumps(arguments)}\n")
            socket.run_forever(timeout=seconds)
            output, errors = socket.read_stdout(), socket.read_stderr()
            if socket.returncode != 0:
                last = errors.strip().splitlines()[-1:] or [f"no answer within {seconds:.0f} s"]
                raise OpsError(f"the probe in pod {pod} failed: {last[0]}")
            return dict(json.loads(output.strip().splitlines()[-1]))

        yield ask
