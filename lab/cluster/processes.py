"""Start, find and end the lab's programs; a program is known by pid and start time, never by name."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from lab import paths
from lab.shell import tail

PATIENCE = 2.0
"""Seconds in which a running program must answer, or it is taken for one that is ending or hangs."""

CLOCK_SETTING = 5.0
"""Seconds by which the start of one and the same process may seem to move."""


class NotReadyError(RuntimeError):
    """A program ended or did not become ready in its time; the message holds its log's last lines."""


@dataclass(frozen=True)
class Program:
    """One long-running program of the lab: how to start it and how to know that it serves."""

    name: str
    args: Sequence[str | Path]
    ready: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 60.0
    """Seconds until it must be ready."""

    @property
    def log(self) -> Path:
        """Everything the program prints."""
        return paths.logs() / f"{self.name}.log"

    @property
    def record(self) -> Path:
        """The pid file: pid and start time as JSON."""
        return paths.run() / "pids" / f"{self.name}.json"

    def process(self) -> psutil.Process | None:
        """The live process, or nothing; its record is mended where it does not fit.

        Without a record that fits it is known by its arguments, which name the lab's own folders: its start
        was killed before that was written down, or the clock was set by more than `CLOCK_SETTING`.
        """
        known = find(self.record)
        if known is None:
            args = [str(arg) for arg in self.args]
            by_args = (found for found in psutil.process_iter(["cmdline"]) if found.info["cmdline"] == args)
            known = next(by_args, None)
            if known is not None:
                remember(self.record, known.pid)
        return known

    def start(self) -> bool:
        """Start it unless it serves, with its output in its log; whether it had to be started.

        One that runs without serving, or that another build has replaced, is ended first. Raises
        `NotReadyError` where another program serves.
        """
        running = self.process()
        if running is not None:
            if not _replaced(running) and self._serves_soon():
                return False
            end([running])
        if self.ready():
            raise NotReadyError(
                f"{self.name}: another program answers in its place; `python -m lab doctor` names the port"
            )
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as output:
            process = subprocess.Popen(
                [str(arg) for arg in self.args],
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                # Pods read files that these programs write, such as their /etc/hosts.
                umask=0o022,
                cwd=paths.run(),
            )
        remember(self.record, process.pid)
        return True

    def _serves_soon(self) -> bool:
        """Whether it is ready within `PATIENCE`."""
        deadline = time.monotonic() + PATIENCE
        while not self.ready():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def wait(self) -> None:
        """Return when it is ready. Raises `NotReadyError` when it ended or took longer than `timeout`."""
        deadline = time.monotonic() + self.timeout
        while True:
            ready = self.ready()
            if self.process() is None:
                raise NotReadyError(f"{self.name} ended; log: {self.log}\n{tail(self.log)}")
            if ready:
                return
            if time.monotonic() > deadline:
                raise NotReadyError(
                    f"{self.name} not ready in {self.timeout:.0f} s; log: {self.log}\n{tail(self.log)}"
                )
            time.sleep(0.05)


def _replaced(process: psutil.Process) -> bool:
    """Whether the file that it runs has gone from its folder, as it does when another build comes there."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process.pid}/exe").readlink().name.endswith(" (deleted)")
    return False


def remember(record: Path, pid: int, **more: object) -> None:
    """Write a pid file, whole or not at all: pid, start time, and what else is given, as JSON."""
    record.parent.mkdir(parents=True, exist_ok=True)
    scratch = record.with_suffix(".new")
    scratch.write_text(json.dumps({"pid": pid, "created": psutil.Process(pid).create_time(), **more}))
    scratch.replace(record)


def find(record: Path) -> psutil.Process | None:
    """The process that a pid file names, where it still runs; a reused pid has another start time."""
    try:
        known = json.loads(record.read_text())
        process = psutil.Process(known["pid"])
        # The kernel tells a start by the boot's, in whole seconds, which moves when the clock is set.
        same = abs(process.create_time() - known["created"]) < CLOCK_SETTING
        return process if same and alive(process) else None
    except (FileNotFoundError, json.JSONDecodeError, KeyError, psutil.NoSuchProcess):
        return None


def end(processes: Sequence[psutil.Process], grace: float = 5.0) -> None:
    """Ask processes to end, make those that still run after `grace` seconds, and see them gone."""
    for action, seconds in ((psutil.Process.terminate, grace), (psutil.Process.kill, 5.0)):
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                action(process)
        deadline = time.monotonic() + seconds
        while any(map(alive, processes)) and time.monotonic() < deadline:
            time.sleep(0.02)


def alive(process: psutil.Process) -> bool:
    """Whether it still runs; one that ended and that nobody has asked about does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
