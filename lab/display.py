"""The progress of steps, as a person or a log of a build service wants to read it."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

HEARTBEAT = 30.0
"""Seconds between two signs of life where there is no terminal."""

NOTABLE = 2.0
"""Seconds from which a step gets a line of its own where there is no terminal."""


class Display:
    """What a person sees of a run: on a terminal a live view, else a line now and then."""

    def __init__(self, console: Console, total: int) -> None:
        self.console = console
        self.total = total
        self.done = 0
        self.began = self.heard = time.monotonic()
        self.running: dict[str, float] = {}
        self.live = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,
            disable=not self.console.is_interactive,
        )
        self.tasks = {"": self.live.add_task(self.count, total=None)}

    @property
    def count(self) -> str:
        """How many steps are done."""
        return f"{self.done} of {self.total} done"

    def start(self, name: str) -> None:
        """A step begins."""
        self.running[name] = time.monotonic()
        self.tasks[name] = self.live.add_task(name, total=None)

    def finish(self, name: str) -> None:
        """A step is done."""
        seconds = time.monotonic() - self.end(name)
        self.done += 1
        self.live.update(self.tasks[""], description=self.count)
        if self.console.is_interactive or seconds >= NOTABLE:
            self.console.print(f"[green]✓[/green] {escape(name)} [dim]({seconds:.1f} s)[/dim]")

    def fail(self, name: str) -> None:
        """A step failed."""
        self.end(name)
        self.console.print(f"[red]✗[/red] {escape(name)}")

    def end(self, name: str) -> float:
        """A step runs no longer; gives when it began."""
        self.live.remove_task(self.tasks.pop(name))
        return self.running.pop(name)

    def beat(self) -> float:
        """Seconds to the next sign of life, which is given now if it is due."""
        now = time.monotonic()
        if now - self.heard >= HEARTBEAT:
            self.heard = now
            if not self.console.is_interactive:
                names = escape(", ".join(self.running))
                self.console.print(f"[dim]… {now - self.began:.0f} s: {names} ({self.count})[/dim]")
        return self.heard + HEARTBEAT - now

    def stopping(self) -> None:
        """Running steps are given up."""
        if self.running:
            self.console.print(f"[dim]… stopping: {escape(', '.join(self.running))}[/dim]")

    def close(self) -> None:
        """All is done."""
        if self.total:
            seconds = time.monotonic() - self.began
            self.console.print(f"[green]✓[/green] {self.total} steps [dim]({seconds:.1f} s)[/dim]")
