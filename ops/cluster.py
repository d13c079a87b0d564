"""The cluster behind a stack, through the `kubernetes` client, with the context the stack names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from tenacity import (
    RetryCallState,
    retry,
    retry_if_exception,
    retry_if_exception_type,
    stop_after_delay,
    wait_fixed,
)
from urllib3.exceptions import HTTPError
from websocket import WebSocketConnectionClosedException

from ops import kubeconfig
from ops.console import OpsError
from ops.redact import redact

FAULTS = (OpsError, ApiException, HTTPError)
"""What a question to the cluster can end with; `told` says each in words."""
_PATIENCE = 120.0
"""Seconds for which a question is asked again that the API does not answer."""
_PAUSE = 2.0
"""Seconds between two of them."""


def _passing(error: BaseException) -> bool:
    """Whether the API may answer a moment later: it is restarted, too busy, or cut off."""
    if isinstance(error, ApiException):
        status = int(error.status or 0)
        return status >= 500 or status == 429
    return isinstance(error, HTTPError)


def _pause(_: RetryCallState) -> float:
    return _PAUSE


def _enough(state: RetryCallState) -> bool:
    return (state.seconds_since_start or 0.0) >= _PATIENCE


patiently = retry(retry=retry_if_exception(_passing), stop=_enough, wait=_pause, reraise=True)
"""For what may be asked twice: ask again, for up to two minutes, while the API does not answer."""


class NotReadyError(OpsError):
    """No pod of the server is ready; one may be soon."""


def connect(settings: Mapping[str, str]) -> client.CoreV1Api:
    """A client for a stack's `context` of its `kubeconfig` (empty: the default). Raises `OpsError`."""
    way = kubeconfig.configuration(settings["context"], settings.get("kubeconfig", ""))
    return client.CoreV1Api(client.ApiClient(way))


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


def told(error: Exception) -> str:
    """An error of `FAULTS` in one line: what the cluster answered, without headers and secrets."""
    if isinstance(error, ApiException):
        status = f"{error.status} " if error.status else ""
        return redact(f"the cluster answered {status}{_message(error)}")
    if isinstance(error, HTTPError):
        why = str(getattr(error, "reason", None) or error).splitlines()
        return f"the cluster does not answer: {redact(why[0] if why else type(error).__name__)}"
    return str(error)


def _message(error: ApiException) -> str:
    """The API server's own message; cut where it would quote what it was sent."""
    try:
        said = str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        # Of a handshake that fails the client adds all headers to its reason.
        said = str(error.reason or "no reason given").partition(" -+-+- ")[0]
    return " ".join(said.partition("Invalid value:")[0].split())


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
