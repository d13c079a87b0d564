"""Steps with names, times and causes; independent ones side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from rich.console import Console

console = Console(stderr=True, highlight=False, soft_wrap=True)

HEARTBEAT = 10.0
"""Seconds between two signs of life of a step that takes long."""


class StepError(RuntimeError):
    """A step failed; the message names it and its cause."""


@dataclass(frozen=True)
class Step:
    """Something to do once the steps named in `after` are done."""

    name: str
    action: Callable[[], object]
    after: Sequence[str] = ()


def _perform(step: Step) -> None:
    began = time.monotonic()
    done = threading.Event()

    def heartbeat() -> None:
        while not done.wait(HEARTBEAT):
            console.print(f"[dim]… {step.name} ({time.monotonic() - began:.0f} s)[/dim]")

    threading.Thread(target=heartbeat, daemon=True).start()
    try:
        step.action()
    except Exception as error:
        console.print(f"[red]✗[/red] {step.name}")
        raise StepError(f"{step.name}: {error}") from error
    finally:
        done.set()
    seconds = time.monotonic() - began
    if seconds >= 0.05:
        console.print(f"[green]✓[/green] {step.name} [dim]({seconds:.1f} s)[/dim]")


def run(steps: Sequence[Step], workers: int = 4) -> None:
    """Do all steps, each as soon as what it waits for is done. Raises `StepError` for the first failure."""
    waiting = {step.name: step for step in steps}
    unknown = {name for step in steps for name in step.after} - set(waiting)
    if unknown:
        raise ValueError(f"steps wait for unknown steps: {sorted(unknown)}")
    finished: set[str] = set()
    running: dict[Future[None], str] = {}
    with ThreadPoolExecutor(workers) as pool:
        while waiting or running:
            for name in [n for n, step in waiting.items() if set(step.after) <= finished]:
                running[pool.submit(_perform, waiting.pop(name))] = name
            if not running:
                raise ValueError(f"steps wait for each other: {sorted(waiting)}")
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                try:
                    future.result()
                except StepError:
                    waiting.clear()
                    pool.shutdown(cancel_futures=True)
                    raise
                finished.add(name)
