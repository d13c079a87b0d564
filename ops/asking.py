"""Asks the stores whether they work: from the server's pod, from a container that waits, or from here."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from websocket import WebSocketException

from components import names
from components.values_stores import AWS_KEYS, PORTS
from ops import cluster
from ops.causes import Settings
from ops.console import OpsError
from ops.containers import Container, containers
from ops.redact import redact
from ops.snapshot import Answer, Snapshot

_SECONDS = 3
"""Seconds in which a port must answer."""
_PATIENCE = 15
"""Seconds in which the server's pod must have asked its stores."""
_NO_ANSWER = {1: "unreachable", 124: "unreachable"}
"""Exit codes of the look at a port: refused or no such name, and no answer in time."""


def ports(api: client.CoreV1Api, snapshot: Snapshot, settings: Settings) -> dict[str, Answer]:
    """What init containers that wait for a port get from it, by the container's name."""
    found: dict[str, Answer] = {}
    for one in containers(snapshot):
        target = _targets(settings).get(one.name)
        if target and one.running and one.name not in found:
            answer = _port(api, snapshot.namespace, one, *target)
            if answer is not None:
                found[one.name] = answer
    return found


def _targets(settings: Settings) -> dict[str, tuple[str, int]]:
    """Host and port by the init container that waits for them; the sub-chart's database tells itself.

    The settings may be wrong, which is told elsewhere: no container waits by a wrong one.
    """
    found = {}
    with suppress(KeyError, ValueError):
        url = urlsplit(settings.get("s3Endpoint", ""))
        if url.hostname:
            found["wait-for-s3"] = (url.hostname, url.port or PORTS[url.scheme])
    with suppress(KeyError, ValueError):
        if settings.get("database") == "external":
            found["wait-for-database"] = (settings["databaseHost"], int(settings.get("databasePort", "5432")))
    return found


def _port(api: client.CoreV1Api, namespace: str, one: Container, host: str, port: int) -> Answer | None:
    look = ["timeout", str(_SECONDS), "bash", "-c", "exec 3<>/dev/tcp/$0/$1", host, str(port)]
    where = f"pod/{one.key}"
    try:
        with cluster.executed(api, namespace, one.pod["metadata"]["name"], one.name, look) as socket:
            socket.run_forever(timeout=_SECONDS + 5)
            said, code = " ".join(socket.read_stderr().split()), socket.returncode
    except (ApiException, WebSocketException, ValueError):
        return None  # the container has ended meanwhile
    if code is None:
        return None
    told = said or f"no answer within {_SECONDS} s"
    return Answer(_NO_ANSWER.get(code, ""), f"{host}:{port}: {told if code in _NO_ANSWER else ''}", where)


def stores(api: client.CoreV1Api, snapshot: Snapshot) -> dict[str, Answer]:
    """What database and artifact store say to the server's own pod; nothing where none runs."""
    source = files("ops").joinpath("pod_diagnosis.py").read_text()
    for one in containers(snapshot):
        if one.name != "mlflow" or not one.running:
            continue
        pod = one.pod["metadata"]["name"]
        try:
            with cluster.python_in_pod(api, snapshot.namespace, pod, source, _PATIENCE) as ask:
                said = ask()
        except (OpsError, ApiException, WebSocketException, ValueError):
            continue  # it has ended meanwhile, or does not let anybody in
        where = f"pod/{one.key}"
        return {which: Answer(told["code"], redact(told["message"]), where) for which, told in said.items()}
    return {}


def from_here(settings: Settings, keys: tuple[str, str]) -> dict[str, Answer]:
    """What S3 says to this machine about key and bucket; nothing where it does not answer.

    Only where no pod can be asked. That it is out of reach from here says nothing about the cluster.
    """
    import boto3
    from botocore.client import Config
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        s3 = boto3.client(
            "s3",
            endpoint_url=settings["s3Endpoint"],
            region_name=settings.get("s3Region") or "us-east-1",
            aws_access_key_id=keys[0],
            aws_secret_access_key=keys[1],
            config=Config(connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"total_max_attempts": 1}),
        )
        s3.list_objects_v2(Bucket=settings["s3Bucket"], MaxKeys=1)
    except ClientError as error:
        told = error.response.get("Error", {})
        return {"store": Answer(str(told.get("Code")), redact(str(told.get("Message"))), "from this machine")}
    except BotoCoreError:
        # Also where AWS_PROFILE names a profile that is not there.
        return {}
    return {"store": Answer("", "", "from this machine")}


def s3_keys(
    api: client.CoreV1Api, namespace: str, release: str, settings: Settings
) -> tuple[str, str] | None:
    """Key id and key in the Secret that the server would get; `None` where nobody may read one."""
    name = settings.get("s3ExistingSecret") or names.own(release, names.S3_SECRET)
    wanted = (
        settings.get("s3ExistingSecretAccessKeyIdKey") or AWS_KEYS[0],
        settings.get("s3ExistingSecretSecretAccessKeyKey") or AWS_KEYS[1],
    )
    try:
        data: Mapping[str, Any] = api.read_namespaced_secret(name, namespace).data or {}
    except ApiException:
        return None
    if not all(key in data for key in wanted):
        return None
    first, second = (base64.b64decode(data[key]).decode() for key in wanted)
    return first, second
