"""Run a program to its end and know its time, as a person in a plain shell would run it.

On an interrupt a program is asked once, waited for, and only then given up: a killed `pulumi` or
`make up` would leave things behind that nobody looks for.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.markup import escape

from lab import paths
from lab.steps import StepError
from ops.console import OpsError, err, step

HEARTBEAT = 30.0
"""Seconds between two signs of life where there is no terminal."""

PATIENCE = 60.0
"""Seconds that an interrupted program has to end in order."""

LINES = 15
"""How much of a failed program's output is told."""

_OF_A_CALLER = ("MAKE", "MFLAGS", "CONTEXT", "STACK", "ARGS", "PULUMI_", "KUBECONFIG", "MLFLOW_TRACKING_")

PLAIN = {key: value for key, value in os.environ.items() if not key.startswith(_OF_A_CALLER)}
"""The environment of a shell that knows of no stack and was started by no `make`."""


class BenchError(RuntimeError):
    """A figure could not be measured; the message says why."""


FAILURES = (BenchError, OpsError, StepError)
"""What a measurement raises for a person to read."""

Found = TypeVar("Found")


def once(measure: Callable[[], Found]) -> Callable[[], Found]:
    """A measurement that is made once: each later call gives what it found, or fails as it failed."""

    @functools.cache
    def made() -> Future[Found]:
        future: Future[Found] = Future()
        try:
            future.set_result(measure())
        except FAILURES as error:
            future.set_exception(error)
        return future

    return lambda: made().result()


@dataclass(frozen=True)
class Done:
    """A program that ended well: what it printed, both outputs together, and its seconds."""

    output: str
    seconds: float


def run(
    what: str, *command: str, env: Mapping[str, str] = PLAIN, cwd: Path = paths.REPO, stdin: str = ""
) -> Done:
    """Run `command`, shown as `what` meanwhile. Raises `BenchError` with its last lines when it fails.

    Secrets go through `stdin`: a command may be printed.
    """
    with step(what):
        began = time.monotonic()
        with subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A terminal's Ctrl-C would reach it a second time, which `pulumi` takes for "at once".
            process_group=0,
        ) as process:
            try:
                output = _output(process, stdin, what)
            except BaseException:
                _end(process)
                raise
        seconds = time.monotonic() - began
        if process.returncode:
            last = "\n".join(output.strip().splitlines()[-LINES:])
            raise BenchError(f"`{' '.join(command)}` failed (exit code {process.returncode}):\n{last}")
    return Done(output, seconds)


def ask(
    what: str, program: str, *arguments: str, env: Mapping[str, str] = PLAIN, **given: Any
) -> dict[str, Any]:
    """What a client of the bench's own says (`python -m PROGRAM ARGUMENTS`), in a process of its own.

    `given` is its standard input as JSON, its last line the answer; what it says before is told.
    """
    command = (sys.executable, "-m", program, *arguments)
    *said, last = run(what, *command, env=env, stdin=json.dumps(given)).output.splitlines()
    for line in said:
        err.print(f"{what}: {line}", markup=False)
    return dict(json.loads(last))


def _output(process: subprocess.Popen[str], stdin: str, what: str) -> str:
    given: str | None = stdin
    began = time.monotonic()
    while True:
        try:
            return process.communicate(given, timeout=HEARTBEAT)[0]
        except subprocess.TimeoutExpired:
            given = None  # it may be given once
            if not err.is_interactive:
                err.print(f"[dim]… {time.monotonic() - began:.0f} s: {escape(what)}[/dim]")


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt it as Ctrl-C does, and kill it when it has not ended after `PATIENCE`."""
    for number, patience in ((signal.SIGINT, PATIENCE), (signal.SIGKILL, None)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=patience)
            return


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Cleaning is short and goes on whatever is typed, in the programs that it starts too."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
