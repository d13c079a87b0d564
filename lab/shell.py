"""Run a program with its output in a log, and fail with the log's last lines.

No program outlives the run that started it: it ends with the steps it belongs to, with an interrupt,
and with this process, however that one is killed. An orphan would go on writing to files that the
next run takes for its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO

GRACE = 5.0
"""Seconds that a program has to end by itself before it is killed."""

stopping: ContextVar[threading.Event] = ContextVar("stopping")
"""Set for a thread: what it runs ends once this event is set."""


class CommandError(RuntimeError):
    """A program ended with an error; the message holds its name, exit code and last lines."""


class CancelledError(RuntimeError):
    """What this thread does is not wanted any more."""


def cancelled() -> bool:
    """Whether what this thread does is not wanted any more."""
    event = stopping.get(None)
    return event is not None and event.is_set()


def tail(log: Path, lines: int = 15) -> str:
    """The last `lines` lines of a log, or a note that there is none."""
    try:
        with log.open(errors="replace") as content:
            return "\n".join(line.rstrip("\n") for line in deque(content, lines))
    except FileNotFoundError:
        return f"(no log at {log})"


def run(
    args: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> None:
    """Run `args` to its end, output appended to `log`. Raises `CommandError` or `CancelledError`.

    Arguments are never printed: only the program's name is, so a secret among them stays out of the
    log. (Better still: give secrets by `stdin` or `env`.)
    """
    name = Path(str(args[0])).name
    if cancelled():
        raise CancelledError(f"{name} was not started")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out, _file_of(stdin) as given:
        process = subprocess.Popen(
            # The kernel ends the program with the thread that started it, whatever ends that one.
            ["setpriv", "--pdeathsig", "TERM", "--", *(str(arg) for arg in args)],
            stdin=given,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=env,
            process_group=0,
            # Builds are for all to read, whatever the person's own files are.
            umask=0o022,
        )
        try:
            code = _wait(process, name)
        except BaseException:
            _end(process)
            raise
    if code:
        raise CommandError(f"{name} failed ({code}); log: {log}\n{tail(log)}")


@contextlib.contextmanager
def _file_of(text: str | None) -> Iterator[BinaryIO | int]:
    """`text` as a file in memory: a pipe would have to be fed while the program runs."""
    if text is None:
        yield subprocess.DEVNULL
        return
    with open(os.memfd_create("stdin"), "w+b") as file:  # noqa: PTH123 a descriptor, not a path
        file.write(text.encode())
        file.seek(0)
        yield file


def _wait(process: subprocess.Popen[bytes], name: str) -> int:
    while True:
        try:
            return process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            if cancelled():
                raise CancelledError(f"{name} was stopped") from None


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and all that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
