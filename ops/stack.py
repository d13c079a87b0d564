"""One stack, through the `pulumi` program: the same engine and flags a person types."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.console import OpsError

PROGRAM = Path(__file__).resolve().parent.parent
"""The folder of Pulumi.yaml."""


@dataclass(frozen=True)
class Stack:
    """A stack by its name; `env` is what `pulumi` gets besides this process's own environment."""

    name: str
    env: Mapping[str, str] = field(default_factory=dict)

    def environ(self) -> dict[str, str]:
        """The whole environment `pulumi` runs in."""
        return {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", **self.env}

    def run(self, *args: str, stdin: str = "") -> None:
        """Run `pulumi ARGS --stack NAME`, its output on this terminal. Raises `OpsError`."""
        done = subprocess.run(
            ["pulumi", *args, "--stack", self.name],
            cwd=PROGRAM,
            env=self.environ(),
            input=stdin,
            text=True,
            check=False,
        )
        if done.returncode:
            raise OpsError(f"pulumi {args[0]} --stack {self.name} failed (exit code {done.returncode})")

    def read(self, *args: str, stdin: str = "") -> str:
        """What `pulumi ARGS --stack NAME` prints. Raises `OpsError` with its standard error."""
        done = subprocess.run(
            ["pulumi", *args, "--stack", self.name],
            cwd=PROGRAM,
            env=self.environ(),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise OpsError(f"pulumi {args[0]} --stack {self.name} failed: {done.stderr.strip()}")
        return done.stdout

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in clear: keep the result out of logs."""
        found = json.loads(self.read("stack", "output", "--json", "--show-secrets"))
        if not found:
            raise OpsError(f"stack {self.name} has no outputs yet: run `pulumi up --stack {self.name}`")
        return dict(found)

    def config(self) -> dict[str, str]:
        """The stack's plain settings as text, by key without the project's prefix; secrets are left out."""
        raw = json.loads(self.read("config", "--json"))
        return {
            key.removeprefix("mlflow:"): entry["value"] for key, entry in raw.items() if not entry["secret"]
        }


def current(env: Mapping[str, str] | None = None) -> str:
    """The name of the selected stack. Raises `OpsError` when none is."""
    done = subprocess.run(
        ["pulumi", "stack", "--show-name"],
        cwd=PROGRAM,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OpsError(
            f"no stack is selected: `pulumi stack select NAME`, or give --stack ({done.stderr.strip()})"
        )
    return done.stdout.strip()
