"""A deployed stack, opened to be looked at: its state, Helm's record, its objects, side by side."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from components import names
from ops import cluster, deployed, record
from ops.console import OpsError
from ops.objects import Objects, reason
from ops.recover import locks
from ops.replacement import Object
from ops.stack import Stack

STACKS_OWN = "pulumi-kubernetes"
"""The field manager under which the provider makes objects, and whose fields its updates take over."""
CHARTS = "helm"


@dataclass(frozen=True, repr=False)
class Recorded:
    """An object as it was deployed, and the field manager in whose name it is put back."""

    body: Object
    manager: str


@dataclass(frozen=True, repr=False)
class Site:
    """What is known of a deployed stack; it holds secrets, so it is never printed."""

    stack: Stack
    settings: Mapping[str, str]
    api: client.CoreV1Api
    objects: Objects
    state: deployed.Deployed
    helm: record.Record | None
    """None where Helm knows no such release."""

    @property
    def release(self) -> str:
        """The release's name."""
        return str(self.state.release["name"])

    @property
    def namespace(self) -> str:
        """The release's namespace."""
        return str(self.state.release["namespace"])

    def recorded(self) -> Iterator[Recorded]:
        """The stack's own objects and those of the release; Jobs have run, and are nobody's state."""
        for body in self.state.objects:
            yield Recorded(body, STACKS_OWN)
        for body in self.helm.objects if self.helm else ():
            if body["kind"] != "Job":
                yield Recorded(self._with_login(body), CHARTS)

    def _with_login(self, body: Object) -> Object:
        """The login's Secret with the login of the outputs: it may be newer than the release's revision."""
        if (body["kind"], body["metadata"]["name"]) != ("Secret", names.tracking(self.release)):
            return body
        data: dict[str, Any] = body.get("data") or {}
        kept = {key: text for key, text in self.state.login().items() if key in data}
        return {**body, "data": {**data, **kept}}


@contextmanager
def opened(stack: Stack, config: Mapping[str, str] | None = None) -> Iterator[Site]:
    """A stack at rest; `config` are its plain settings, where they are known already.

    Raises `OpsError` while something works on it, where it is stuck or was never up, and where the cluster is
    out of reach, or does not let this person look, in the block as well.
    """
    try:
        with tempfile.TemporaryDirectory() as scratch:
            yield _open(stack, config, Path(scratch) / "kinds.json")
    except ApiException as error:
        raise OpsError(f"the cluster of stack {stack.name} refuses: {reason(error)}") from error
    except HTTPError as error:
        raise OpsError(f"the cluster of stack {stack.name} is out of reach: {error}") from error


def _open(stack: Stack, config: Mapping[str, str] | None, cache: Path) -> Site:
    with ThreadPoolExecutor() as beside:
        backend = beside.submit(stack.backend)
        known = beside.submit(deployed.deployed, stack)
        settings = config or stack.config()
        api = cluster.connect(settings)
        held = locks(backend.result(), stack.name)
        if held:
            raise OpsError(
                f"stack {stack.name} has been locked since {held[0].since} (pid {held[0].pid} on"
                f" {held[0].host}): wait until it ends, or `make recover STACK={stack.name}`"
            )
        state = known.result()
    helm = record.latest(api, str(state.release["namespace"]), str(state.release["name"]))
    return Site(stack, settings, api, Objects(api.api_client, str(cache)), state, helm)
