"""Pods of a test's own that try who answers them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lab import api
from tests.e2e.planted import applied, cluster

IMAGE = "docker.io/bitnamilegacy/os-shell:12-debian-12-r51"
PORT = 7000
"""Where each client itself accepts connections, and closes them at once."""
_LISTENS = (
    f"my $server = IO::Socket::INET->new(LocalPort => {PORT}, Listen => 9) or die $!; "
    "while (my $asked = $server->accept) { close $asked }"
)
SECONDS = 2
"""How long a client waits for an answer: a packet that is dropped is answered by nobody."""


@dataclass(frozen=True, eq=False)
class Client:
    """A pod that asks, known by its name; it keeps to the Pod Security Standard `restricted`."""

    name: str
    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def pod(self) -> dict[str, Any]:
        """The object."""
        container = {
            "name": "client",
            "image": IMAGE,
            "command": ["perl", "-MIO::Socket::INET", "-e", _LISTENS],
            "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": {**self.labels}},
            "spec": {
                "containers": [container],
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 0,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 1001,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            },
        }

    def reaches(self, targets: Mapping[str, tuple[str, int]]) -> set[str]:
        """The names of the targets (host and port of each) that accept a connection; asked all at once."""
        tries = " ".join(
            f"(timeout {SECONDS} bash -c '</dev/tcp/{host}/{port}' 2>/dev/null && echo {name}) &"
            for name, (host, port) in targets.items()
        )
        return set(self.run(f"{tries} wait").split())

    def address(self) -> str:
        """Of the pod."""
        return cluster(
            *("--namespace", self.namespace, "get", "pod", self.name, "--output=jsonpath={.status.podIP}")
        )

    def run(self, script: str) -> str:
        """What a script of bash prints in the pod."""
        return cluster(
            *("--namespace", self.namespace, "--request-timeout=30s"),
            *("exec", self.name, "--", "bash", "-c", script),
        )


@contextmanager
def clients(*wanted: Client, own: str) -> Iterator[None]:
    """The pods run inside the block, each in its namespace; these are made, but for `own`."""
    spaces = sorted({one.namespace for one in wanted} - {own})
    namespaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in spaces]
    # A pod wants its namespace's service account, which is there some tenths of a second after it.
    with applied(*namespaces):
        for name in spaces:
            cluster(*("--namespace", name, "wait", "--for=create", "serviceaccount/default", "--timeout=30s"))
        with applied(*(one.pod() for one in wanted)):
            for one in wanted:
                cluster(
                    *("--namespace", one.namespace, "wait", f"pod/{one.name}"),
                    *("--for=condition=Ready", "--timeout=60s", "--request-timeout=60s"),
                )
            yield


def node_reaches(targets: Mapping[str, tuple[str, int]]) -> set[str]:
    """The same, asked by this process, on the node itself."""
    found = set()
    for name, (host, port) in targets.items():
        try:
            socket.create_connection((host, port), SECONDS).close()
        except OSError:
            continue
        found.add(name)
    return found


def address(namespace: str, selector: str) -> str:
    """The address of the one pod with these labels."""
    done = api.kubectl("--namespace", namespace, "get", "pods", "--selector", selector, "-o", "json")
    assert done.returncode == 0, done.stderr
    (pod,) = json.loads(done.stdout)["items"]
    return str(pod["status"]["podIP"])
