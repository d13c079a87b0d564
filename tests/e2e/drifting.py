"""A stack, a person's hands on its cluster, and what `python -m ops` says of it."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab import paths
from ops.home import STACK
from tests.e2e import commands
from tests.e2e.scratch import Scratch
from tests.tls import certificate

EDITED = "EditedByHand"
"""What a person puts in place of a secret; it is one too."""

OWN = {"mlflow-database": "password", "mlflow-s3-creds": "AWS_ACCESS_KEY_ID"}
"""The stack's own Secrets, with a key of each."""
SECRETS = {"mlflow-tracking": "admin-password", **OWN}
"""The same, and the login's."""


def tls(host: str, days: int) -> str:
    """A TLS Secret whose certificate ends in `days`, as kubectl takes it."""
    made, key = certificate(host, days)
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": "host-tls"},
            "stringData": {"tls.crt": made, "tls.key": key},
        }
    )


@dataclass(frozen=True)
class Looked:
    """What `python -m ops drift --json` ended with."""

    code: int
    drift: list[dict[str, Any]]
    put_back: list[str]

    def whats(self) -> list[str]:
        """What differs."""
        return [found["what"] for found in self.drift]


class Drifting:
    """The stack, and a person's hands on its cluster."""

    def __init__(self, stack: Scratch) -> None:
        self.stack = stack
        self.secrets: set[str] = set()

    def ops(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m ops ARGS` on the stack; no secret is in what it prints."""
        done = commands.ops(*args, "--stack", STACK, env=self.stack.stack.environ())
        self.secrets |= {EDITED, base64.b64encode(EDITED.encode()).decode(), *self._secrets()}
        assert not [secret for secret in self.secrets if secret in done.stdout + done.stderr]
        return done

    def look(self, *args: str) -> Looked:
        """Run `python -m ops drift --json`."""
        done = self.ops("drift", "--json", *args)
        assert done.returncode in (0, 3), done.stderr
        told = json.loads(done.stdout)
        return Looked(done.returncode, told["drift"], told["put_back"])

    def repaired(self) -> Looked:
        """Put everything back."""
        return self.look("--repair", "--yes")

    def make(self, target: str) -> str:
        """`make TARGET` on the stack; its standard output."""
        return self._run("make", "-s", target, f"STACK={STACK}")

    def kubectl(self, *args: str, stdin: str = "") -> str:
        """Run kubectl in the stack's namespace."""
        return self._run("kubectl", "--namespace", self.stack.namespace, *args, stdin=stdin)

    def helm(self, *args: str, stdin: str = "") -> str:
        """Run helm in the stack's namespace."""
        return self._run("helm", "--namespace", self.stack.namespace, *args, stdin=stdin)

    def _run(self, *command: str, stdin: str = "") -> str:
        environ = self.stack.stack.environ()
        done = subprocess.run(
            command, cwd=paths.REPO, env=environ, input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def held(self) -> dict[str, Any]:
        """What the login's and the stack's own Secrets hold."""
        return {name: self.get("secret", name)["data"] for name in SECRETS}

    def get(self, kind: str, name: str) -> Any:
        """An object."""
        return json.loads(self.kubectl("get", kind, name, "-o", "json"))

    def patch(self, kind: str, name: str, **patch: Any) -> None:
        """Patch an object, by kubectl."""
        self.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps(patch))

    def _secrets(self) -> Iterator[str]:
        """Every value of every Secret of the stack but the user's name, in clear and as it is stored."""
        held = json.loads(self.kubectl("get", "secret", "-o", "json"))["items"]
        for secret in held:
            if secret["type"] == "Opaque":
                for key, text in secret.get("data", {}).items():
                    if key != "admin-user":
                        yield from (text, base64.b64decode(text).decode())
