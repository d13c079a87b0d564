"""A stack of the bench's own behind the lab's ingress, the ways to its server, and its clients."""

from __future__ import annotations

import functools
import json
import ssl
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench import cluster
from bench.against_helm import PULUMI_NAMESPACE, prepared, sides
from bench.clients import Met
from bench.programs import PLAIN, BenchError, ask, run
from lab.cluster import hosts
from ops.home import STACK, Home
from ops.stack import Stack

READY_SECONDS = 60.0
"""In which the ingress has its certificate and answers."""

SETTINGS = {
    "ingressHost": hosts.HOST,
    "ingressController": "traefik",
    "ingressClusterIssuer": "lab",
}


@dataclass(frozen=True)
class Published:
    """A stack that is up, with the login of its administrator."""

    stack: Stack
    tools: Mapping[str, str]
    login: tuple[str, str]
    release: str
    namespace: str = PULUMI_NAMESPACE
    url: str = f"https://{hosts.HOST}"

    def __repr__(self) -> str:
        """Without the password."""
        return f"Published({self.url})"

    @functools.cached_property
    def service(self) -> str:
        """The URL of the server's service, past the ingress."""
        return cluster.address(self.namespace, self.release)

    def pods(self) -> dict[str, str]:
        """The server's pods that are ready and not about to end, each with its address."""
        where = (
            "pods",
            f"--namespace={self.namespace}",
            "-l",
            "app.kubernetes.io/component=tracking",
            "-o",
            "json",
        )
        found = json.loads(cluster.kubectl("get", *where))["items"]
        return {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in found if _ready(pod)}

    def set(self, **settings: object) -> None:
        """Change settings, and `pulumi up`."""
        for key, value in settings.items():
            self.stack.read("config", "set", key, json.dumps(value))
        self.up(", ".join(f"{key} {value}" for key, value in settings.items()))

    def up(self, what: str) -> None:
        """`pulumi up`, shown as what it is for."""
        command = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", STACK)
        run(f"{what}: pulumi up (not measured)", *command, env=self.stack.environ())

    def client(self) -> httpx.Client:
        """The administrator's client through the ingress, which trusts the lab's authority."""
        trusting = ssl.create_default_context(cafile=self.tools["SSL_CERT_FILE"])
        return httpx.Client(base_url=self.url, auth=self.login, verify=trusting, trust_env=False, timeout=60)

    def ask(self, what: str, program: str, *arguments: str, **given: Any) -> dict[str, Any]:
        """What a client of the bench's own found, with the login and whom to trust."""
        return ask(what, program, *arguments, env={**PLAIN, **self.tools}, login=self.login, **given)

    def load(self, what: str, url: str, clients: int, seconds: float) -> Met:
        """What clients that log runs met at a URL."""
        return Met(**self.ask(f"{what}: {clients} clients", "bench.clients", url, str(clients), str(seconds)))


def _ready(pod: dict[str, Any]) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return False
    return any(
        one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions", [])
    )


@contextmanager
def published(**settings: object) -> Iterator[Published]:
    """It, for the block; then all of it is gone. Raises `BenchError` where its host is somebody else's."""
    with (
        sides() as both,
        cluster.scratch(PULUMI_NAMESPACE) as namespace,
        tempfile.TemporaryDirectory() as folder,
    ):
        _free()
        home = Home(Path(folder), both.tools)
        prepared(home, **SETTINGS, **{key: json.dumps(value) for key, value in settings.items()})
        release = home.stack().config()["releaseName"]
        made = Published(home.stack(), both.tools, ("", ""), release)
        made.up("behind the ingress")
        made = Published(made.stack, both.tools, cluster.login(namespace, release), release)
        _answers(made)
        yield made


def _free() -> None:
    """Two ingresses of one host would take each other's requests."""
    for ingress in json.loads(cluster.kubectl("get", "ingress", "--all-namespaces", "-o", "json"))["items"]:
        if any(rule.get("host") == hosts.HOST for rule in ingress["spec"].get("rules", [])):
            where = "/".join(ingress["metadata"][key] for key in ("namespace", "name"))
            raise BenchError(
                f"host {hosts.HOST} is that of ingress {where}; take it off there for this while"
            )


def _answers(made: Published) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with made.client() as client:
                if client.get("/health").is_success:
                    return
        except httpx.TransportError as error:
            # The certificate is not made yet: the controller shows one of its own.
            if time.monotonic() > deadline:
                raise BenchError(f"{made.url} does not answer: {error}") from error
        time.sleep(0.2)
