"""The lab that is measured: brought up when a figure needs it, and left as it was found."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.programs import BenchError, Done, run, uninterrupted
from lab import api
from ops.console import err


class SkippedError(RuntimeError):
    """A figure is left out; the message says why and how to have it."""


def state() -> str:
    """`absent`, `stopped` (its data is kept, nothing runs) or `running`."""
    rows = api.status()
    if not rows:
        return "absent"
    return "running" if any(pid for _, pid, _ in rows) else "stopped"


@dataclass
class Machine:
    """The person's own lab. `may_take_down`: they said that its data may go."""

    may_take_down: bool
    found: str = field(default_factory=state)
    _up: bool = False
    _touched: bool = False

    def need_up(self) -> None:
        """Have MLflow up and verified; not timed."""
        if not self._up:
            self._touched = True
            make("up", "make up (not measured)")
            self._up = True

    def first_up(self) -> Done:
        """Take the lab down and time `make up`. Raises `SkippedError` when there is a lab to keep."""
        if self.found != "absent":
            if not self.may_take_down:
                raise SkippedError(
                    f"a lab is {self.found} and would be deleted: --yes, or `make down` before"
                )
            err.print("[yellow]taking down the lab: all that was logged in it goes[/yellow]")
        self._touched = True
        run("lab build (not measured)", sys.executable, "-m", "lab", "build")
        make("down", "make down (not measured)")
        done = make("up", "make up, caches warm, no lab running")
        self._up = True
        return done

    @contextmanager
    def set_aside(self) -> Iterator[None]:
        """No lab runs while the block does; one that did keeps its data and is back afterwards."""
        if state() != "running":
            yield
            return
        if self.found == "running" and not self.may_take_down:
            raise SkippedError(
                "a lab is running and would be stopped meanwhile: --yes, or `make down` before"
            )
        err.print("[yellow]stopping the lab; its data is kept[/yellow]")
        lab("stop")
        try:
            yield
        finally:
            make("up", "make up (brings the lab back)")

    def leave(self) -> None:
        """As it was found: what this brought up goes again."""
        if not self._touched:
            return
        with uninterrupted():
            now = state()
            if self.found == "absent":
                make("down", "make down (there was no lab before)")
            elif self.found == "stopped" and now == "running":
                lab("stop")
            elif self.found == "running" and now != "running":
                err.print("[yellow]the lab that ran before is down: `make up`[/yellow]")


def lab(*command: str) -> None:
    """Run a command of the lab."""
    run(f"lab {' '.join(command)}", sys.executable, "-m", "lab", *command)


def make(target: str, what: str) -> Done:
    """Run `make TARGET` as typed in the checkout."""
    return run(what, "make", target)


def second_up() -> Done:
    """Time a `make up` with nothing to do. Raises `BenchError` when it found something."""
    done = make("up", "make up again, nothing to do")
    if "Nothing changed." not in done.output:
        raise BenchError("`make up` on a lab that is up changed something")
    return done
