"""One stack, through the `pulumi` program: the same engine and flags a person types."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.console import OpsError

PROGRAM = Path(__file__).resolve().parent.parent
"""The folder of Pulumi.yaml."""

CONFIG_FILE = "PULUMI_OPTION_CONFIG_FILE"
"""Names the stack file to `pulumi`, like its option `--config-file`."""

PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - a variable
PASSPHRASE_FILE = f"{PASSPHRASE}_FILE"

PREFIX = "mlflow:"
"""What the keys of the project's settings begin with in a stack file."""


LOOKS = 2.0
"""Seconds between two questions whether a run shall end."""


def pulumi(
    *args: str,
    env: Mapping[str, str],
    cwd: Path = PROGRAM,
    stdin: str = "",
    show: bool = False,
    enough: Callable[[], bool] | None = None,
) -> str:
    """Run `pulumi ARGS`; what it prints, or "" where it is shown. Raises `OpsError` with its standard error.

    Ctrl-C reaches `pulumi` too, which then ends in order and is waited for: a killed one leaves its lock.
    `enough` is asked every `LOOKS` seconds; once it says so, `pulumi` gets the signal of Ctrl-C, alone.
    """
    pipe = None if show else subprocess.PIPE
    program = ["pulumi", *args]
    if shutil.which("pulumi", path=env.get("PATH")) is None:
        raise OpsError(
            'pulumi is not on PATH: install it, or, for what `make up` created: eval "$(make -s env)"'
        )
    with subprocess.Popen(
        program, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=pipe, stderr=pipe, text=True
    ) as process:
        interrupted, given, done = False, stdin, None
        while done is None:
            try:
                done = _printed(process, given, LOOKS if enough else None)
                if done is None and enough and enough():
                    enough = None
                    process.send_signal(signal.SIGINT)
            except KeyboardInterrupt:
                interrupted, enough = True, None
            given = ""
        output, errors = done
    if interrupted:
        raise KeyboardInterrupt
    if process.returncode:
        failed = f"failed (exit code {process.returncode})"
        if show:
            raise OpsError(f"`pulumi {args[0]}` {failed}; its output is above")
        raise OpsError(f"`{' '.join(program)}` {failed}: {errors.strip() or _diagnostics(output)}")
    return output or ""


def _printed(process: subprocess.Popen[str], stdin: str, seconds: float | None) -> tuple[str, str] | None:
    """Output and errors of a process that has ended; None where it has not within some seconds."""
    try:
        return process.communicate(stdin, timeout=seconds)
    except subprocess.TimeoutExpired:
        return None


def _diagnostics(output: str) -> str:
    """The errors among what an update or a preview printed: with these, standard error is empty."""
    try:
        said = [
            entry["message"].strip()
            for entry in json.loads(output)["diagnostics"]
            if entry["severity"] == "error"
        ]
    except (ValueError, KeyError, TypeError):
        said = [line.strip() for line in output.splitlines() if line.strip().startswith("error:")]
    return "\n".join(said)


State = dict[str, Any]
"""A state, or a part of it, as `pulumi stack export` gives it."""


@dataclass(frozen=True)
class Stack:
    """A stack by its name; `env` is what `pulumi` gets besides this process's own environment."""

    name: str
    env: Mapping[str, str] = field(default_factory=dict)

    def environ(self) -> dict[str, str]:
        """The whole environment `pulumi` runs in."""
        whole = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", **self.env}
        if PASSPHRASE_FILE in self.env:
            # A shell's would win over it, also an empty one.
            whole.pop(PASSPHRASE, None)
        return whole

    def run(self, *args: str) -> None:
        """Run `pulumi ARGS --stack NAME`, its output on this terminal. Raises `OpsError`."""
        pulumi(*args, "--stack", self.name, env=self.environ(), show=True)

    def watched(self, *args: str, env: Mapping[str, str], enough: Callable[[], bool]) -> None:
        """Like `run`, with `env` laid over the environment; ended early, in order, when `enough` says so."""
        environ = {**self.environ(), **env}
        pulumi(*args, "--stack", self.name, env=environ, show=True, enough=enough)

    def read(self, *args: str, stdin: str = "") -> str:
        """What `pulumi ARGS --stack NAME` prints. Raises `OpsError` with its errors."""
        return pulumi(*args, "--stack", self.name, env=self.environ(), stdin=stdin)

    def up(self, *more: str) -> None:
        """Deploy without asking. Raises `OpsError` with `pulumi`'s errors."""
        self.read("up", "--yes", "--skip-preview", *more)

    def refresh(self, *more: str) -> None:
        """Read what there is from the cluster into the state, without asking. Raises `OpsError`."""
        self.read("refresh", "--yes", "--skip-preview", *more)

    def export(self, *more: str) -> State:
        """The state as the backend has it, secrets encrypted; a new stack's `deployment` may be empty."""
        found = json.loads(self.read("stack", "export", *more))
        return {**found, "deployment": found.get("deployment") or {}}

    def put(self, state: State) -> None:
        """Put `state` in the place of what the backend has. Raises `OpsError` while that is locked."""
        self.read("stack", "import", stdin=json.dumps(state))

    def hide(self, settings: Mapping[str, str]) -> None:
        """Set secrets in the stack's file, encrypted; by standard input, as arguments are seen."""
        for key, text in settings.items():
            self.read("config", "set", "--secret", key, stdin=text)

    @property
    def file(self) -> Path:
        """Where `pulumi` keeps the stack's settings; it need not exist."""
        named = self.environ().get(CONFIG_FILE)
        return PROGRAM / (named or f"Pulumi.{self.name.rpartition('/')[2]}.yaml")

    def backend(self) -> str:
        """The URL of the backend that keeps the state; the variable is before all else that names one."""
        env = self.environ()
        return env.get("PULUMI_BACKEND_URL") or str(json.loads(pulumi("whoami", "--json", env=env))["url"])

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in clear: keep the result out of logs."""
        found = json.loads(self.read("stack", "output", "--json", "--show-secrets"))
        if not found:
            raise OpsError(f"stack {self.name} has no outputs yet: run `pulumi up --stack {self.name}`")
        return dict(found)

    def config(self) -> dict[str, str]:
        """The stack's plain settings as text, by key without the project's prefix; secrets are left out."""
        raw = json.loads(self.read("config", "--json"))
        return {key.removeprefix(PREFIX): entry["value"] for key, entry in raw.items() if not entry["secret"]}

    def all_settings(self) -> dict[str, str]:
        """All settings as texts, the defaults too, secrets in clear: keep the result out of logs."""
        raw = json.loads(self.read("config", "--json", "--show-secrets"))
        return {
            key.removeprefix(PREFIX): entry["value"] for key, entry in raw.items() if key.startswith(PREFIX)
        }


def current() -> str:
    """The name of the selected stack. Raises `OpsError` when none is."""
    try:
        return pulumi("stack", "--show-name", env=dict(os.environ)).strip()
    except OpsError as error:
        raise OpsError(
            f"no stack is selected: `pulumi stack select NAME`, or give --stack ({error})"
        ) from error
