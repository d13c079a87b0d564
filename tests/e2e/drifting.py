"""A stack, a person's hands on its cluster, and what `python -m ops` says of it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lab import paths
from ops.home import STACK
from tests.e2e.scratch import Scratch

EDITED = "EditedByHand"
"""What a person puts in place of a secret; it is one too."""


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
        done = subprocess.run(
            [sys.executable, "-m", "ops", *args, "--stack", STACK],
            cwd=paths.REPO,
            env=self.stack.stack.environ(),
            capture_output=True,
            text=True,
            check=False,
        )
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

    def kubectl(self, *args: str, stdin: str = "") -> str:
        """Run kubectl in the stack's namespace."""
        command = ["kubectl", "--namespace", self.stack.namespace, *args]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

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
