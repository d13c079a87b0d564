"""Namespaces of the bench's own on the lab's cluster, with what a person makes there by hand."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from rich.markup import escape

from bench.programs import BenchError, uninterrupted
from components import names
from lab import api
from ops.console import err, step
from ops.forward import Service, forwarded
from ops.verify import SEARCH

OURS = ("bench-pulumi", "bench-helm")
"""Nobody else's: what stands there is deleted before and after."""

S3_SECRET = "mlflow-s3-creds"  # noqa: S105 - a Secret's name
AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

LOGIN_SECONDS = 120.0
GONE_SECONDS = 120.0


def kubectl(*args: str, stdin: str = "") -> str:
    """What `kubectl ARGS` prints. Raises `BenchError` with its standard error."""
    done = api.kubectl(*args, stdin=stdin)
    if done.returncode:
        raise BenchError(f"kubectl {args[0]} failed: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def scratch(namespace: str) -> Iterator[str]:
    """The name of a namespace that is not there yet, and that is gone after the block whatever happens."""
    if namespace not in OURS:
        raise ValueError(f"{namespace} is not the bench's")
    remove(namespace)
    try:
        yield namespace
    except BaseException:
        with uninterrupted():
            try:
                remove(namespace)
            except BenchError as error:
                # Told, not raised: what ended the block is what counts.
                err.print(f"[red]{namespace} is still there:[/red] {escape(str(error))}")
        raise
    with uninterrupted():
        remove(namespace)


def remove(namespace: str) -> None:
    """Delete a namespace of the bench and wait until it and its volumes are gone."""
    with step(f"removes namespace {namespace}"):
        kubectl("delete", "namespace", namespace, "--ignore-not-found", f"--timeout={GONE_SECONDS:.0f}s")
        deadline = time.monotonic() + GONE_SECONDS
        while _volumes(namespace):
            if time.monotonic() > deadline:
                raise BenchError(f"volumes of {namespace} are still there: kubectl get persistentvolume")
            time.sleep(0.5)


def _volumes(namespace: str) -> list[dict[str, Any]]:
    found = json.loads(kubectl("get", "persistentvolume", "-o", "json"))["items"]
    return [volume for volume in found if volume["spec"].get("claimRef", {}).get("namespace") == namespace]


def create_s3_secret(namespace: str) -> None:
    """The Secret that the runbook's values name, with the lab's own keys."""
    data = dict(zip(AWS_KEYS, api.s3_keys(), strict=True))
    metadata = {"name": S3_SECRET, "namespace": namespace}
    _create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})


def copy_secrets(release: str, source: str, target: str) -> None:
    """The Secrets that the stack made beside its release, in another namespace."""
    for name in (names.own(release, ending) for ending in (names.S3_SECRET, names.DATABASE_SECRET)):
        found = json.loads(kubectl("get", "secret", name, f"--namespace={source}", "-o", "json"))
        _create({**found, "metadata": {"name": name, "namespace": target}})


def _create(document: dict[str, Any]) -> None:
    # Not `apply`, which would keep a copy of all of it in an annotation.
    kubectl("create", "-f", "-", stdin=json.dumps(document))


def login(namespace: str, release: str) -> tuple[str, str]:
    """User and password that the chart made."""
    where = ("secret", names.tracking(release), f"--namespace={namespace}")
    found = json.loads(kubectl("get", *where, "-o", "json"))["data"]
    user, password = (
        base64.b64decode(found[key]).decode() for key in (names.ADMIN_USER_KEY, names.ADMIN_PASSWORD_KEY)
    )
    return user, password


def address(namespace: str, release: str) -> str:
    """URL of the server's service inside the cluster, which the lab's machine reaches as its node."""
    where = ("service", names.tracking(release), f"--namespace={namespace}")
    found = json.loads(kubectl("get", *where, "-o", "json"))["spec"]
    return f"http://{found['clusterIP']}:{names.SERVICE_PORT}"


def log_in(context: str, namespace: str, release: str) -> None:
    """The server answers 200 to the administrator that the chart made. Raises `BenchError` after a while.

    The password is taken from the cluster on both sides, so that neither waits for a tool of its own.
    """
    server, known = names.tracking(release), login(namespace, release)
    deadline = time.monotonic() + LOGIN_SECONDS
    with forwarded(Service(context, namespace, server, names.SERVICE_PORT)) as url:
        while True:
            answer = _status(url + SEARCH, known)
            if answer == httpx.codes.OK:
                return
            if time.monotonic() > deadline:
                raise BenchError(
                    f"{namespace} answered {answer} to its administrator for {LOGIN_SECONDS:.0f} s"
                )
            time.sleep(0.1)


def _status(url: str, auth: tuple[str, str]) -> int:
    try:
        return httpx.get(url, auth=auth, timeout=30).status_code
    except httpx.TransportError:
        return 0
