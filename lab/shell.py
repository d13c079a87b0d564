"""Run a program with its output in a log, and fail with the log's last lines."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class CommandError(RuntimeError):
    """A program ended with an error; the message holds its name, exit code and last lines."""


def tail(log: Path, lines: int = 15) -> str:
    """The last `lines` lines of a log, or a note that there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
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
    """Run `args` to its end, output appended to `log`. Raises `CommandError`.

    Arguments are never printed: only the program's name is, so a secret among them stays out of the
    log. (Better still: give secrets by `stdin` or `env`.)
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        done = subprocess.run(
            [str(arg) for arg in args],
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=env,
            input=stdin.encode() if stdin is not None else b"",
            check=False,
        )
    if done.returncode:
        raise CommandError(f"{Path(str(args[0])).name} failed ({done.returncode}); log: {log}\n{tail(log)}")
