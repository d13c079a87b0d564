"""Steps with names, times and causes; independent ones side by side, all given up when one fails."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from queue import Empty, SimpleQueue

from rich.console import Console

from lab import shell
from lab.display import Display

console = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

GRACE = 10.0
"""Seconds that running steps have to end once another has failed; then they end with the process."""


class StepError(RuntimeError):
    """A step failed; the message names it and its cause."""


@dataclass(frozen=True)
class Step:
    """Something to do once the steps named in `after` are done."""

    name: str
    action: Callable[[], object]
    after: Sequence[str] = ()


Results = SimpleQueue[tuple[str, BaseException | None]]


def run(steps: Sequence[Step], workers: int = 4) -> None:
    """Do all steps, each as soon as what it waits for is done, `workers` at once.

    Raises `StepError` for the first failure, `ValueError` before the first step when the steps do not
    fit together. A failure or an interrupt ends the programs that other steps run (`lab.shell`).
    """
    known, order = _arranged(steps)
    waiting: deque[str] = deque()
    results: Results = SimpleQueue()
    stop = threading.Event()
    display = Display(console, len(steps))
    with display.live:
        try:
            while order.is_active():
                waiting.extend(order.get_ready())
                while waiting and len(display.running) < workers:
                    name = waiting.popleft()
                    display.start(name)
                    # Not a pool: its threads are waited for at exit, and one may hang.
                    threading.Thread(target=_perform, args=(known[name], results, stop), daemon=True).start()
                name, error = _next(results, display)
                if error is not None:
                    display.fail(name)
                    raise StepError(f"{name}: {_cause(error)}") from error
                display.finish(name)
                order.done(name)
        except BaseException:
            stop.set()
            _give_up(results, display)
            raise
    display.close()


def _arranged(steps: Sequence[Step]) -> tuple[dict[str, Step], TopologicalSorter[str]]:
    known = {step.name: step for step in steps}
    if len(known) < len(steps):
        raise ValueError("two steps have the same name")
    unknown = {name for step in steps for name in step.after} - set(known)
    if unknown:
        raise ValueError(f"steps wait for unknown steps: {sorted(unknown)}")
    order = TopologicalSorter({step.name: step.after for step in steps})
    try:
        order.prepare()
    except CycleError as error:
        raise ValueError(f"steps wait for each other: {' -> '.join(error.args[1])}") from None
    return known, order


def _perform(step: Step, results: Results, stop: threading.Event) -> None:
    shell.stopping.set(stop)
    try:
        step.action()
    except BaseException as error:
        results.put((step.name, error))
    else:
        results.put((step.name, None))


def _next(results: Results, display: Display) -> tuple[str, BaseException | None]:
    while True:
        try:
            # Short waits: Python sees a signal that came just before a wait only after it.
            return results.get(timeout=min(display.beat(), 0.25))
        except Empty:
            continue


def _give_up(results: Results, display: Display) -> None:
    """Wait for the running steps, but not for long: what failed is told at once."""
    display.stopping()
    deadline = time.monotonic() + GRACE
    while display.running and (left := deadline - time.monotonic()) > 0:
        try:
            display.end(results.get(timeout=left)[0])
        except Empty:
            return


def _cause(error: BaseException) -> str:
    """What went wrong, without a command's arguments: a secret may be among them."""
    if isinstance(error, subprocess.CalledProcessError):
        command = error.cmd if isinstance(error.cmd, str) else str(error.cmd[0])
        said = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else error.stderr
        return f"{Path(command.split()[0]).name} failed ({error.returncode})\n{said or ''}".strip()
    return str(error) if isinstance(error, RuntimeError) else f"{type(error).__name__}: {error}"
