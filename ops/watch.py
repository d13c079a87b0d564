"""`pulumi up` that does not wait for what cannot come: the release is looked at meanwhile.

Helm waits for all pods to be ready, ten minutes by default, and says "context deadline exceeded" then. Most
faults show in the cluster within seconds, and some leave no doubt. Those end the run, in order, with the
cause and its fix; all other failures are looked into afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from kubernetes import client

from ops import asking, causes, cluster, diagnose, events
from ops.causes import Cause
from ops.causes_engine import revision
from ops.console import OpsError, err
from ops.containers import worth_reading
from ops.reader import CORE, Reader
from ops.snapshot import Snapshot
from ops.stack import Stack

OLD = 60.0
"""Seconds for which a fault of an earlier run must stand: it may be mended, and not yet tried again."""


HOPELESS = frozenset({"image-missing", "image-moved", "image-platform", "registry-credentials"})
"""Causes that end the update of a server that runs: others may pass while old pods make room for new ones."""


class Watcher:
    """Looks at the release of `settings` and remembers since when each certain, blocking cause stands.

    With `only`, causes of other names count as uncertain.
    """

    def __init__(
        self,
        settings: causes.Settings,
        clock: Callable[[], float] = time.monotonic,
        only: Collection[str] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._only = only
        self._api: client.CoreV1Api | None = None
        self._since: dict[tuple[str, str], tuple[float, str]] = {}
        self._old: set[tuple[tuple[str, str], str]] = set()
        self._revision = 0
        self.found: Cause | None = None
        """The cause that the run was ended for."""
        self.broken: Exception | None = None
        """What went wrong with looking, at last."""
        self.all: list[Cause] = []
        """All that was seen with it."""
        # Beside `pulumi`, which takes longer to its first change than this does.
        self._begun = ThreadPoolExecutor(1).submit(self._begin)

    def _begin(self) -> None:
        """What is there before the run is not the run's doing."""
        snapshot = self._look()
        if snapshot is not None:
            self._revision = revision(snapshot)
            self._old = {(cause.key, cause.mark) for cause in self._judge(snapshot)}

    def _look(self) -> Snapshot | None:
        """A look at what decides; nothing while the cluster does not answer, which `pulumi` tells itself."""
        settings = self._settings
        try:
            self._api = self._api or cluster.connect(settings)
            reader = Reader(self._api, settings["namespace"], settings["releaseName"])
            snapshot = reader.take(CORE)
            logs = reader.logs(worth_reading(snapshot))
            return replace(
                snapshot, logs=logs, answers=asking.ports(self._api, snapshot, settings), working=True
            )
        except OpsError:
            return None

    def _judge(self, snapshot: Snapshot) -> list[Cause]:
        self.all = causes.of(snapshot, self._settings)
        return [
            cause
            for cause in self.all
            if cause.certain and cause.blocks and (self._only is None or cause.name in self._only)
        ]

    def certain(self) -> bool:
        """Whether a cause has stood long enough that the run can be ended; `found` names it then."""
        try:
            return self._certain()
        except Exception as error:
            # Looking is a help; that it fails is no reason to harm the run that it looks at.
            self.broken = error
            return False

    def _certain(self) -> bool:
        self._begun.result()
        snapshot = self._look()
        # Until Helm has begun a revision of its own, all that is seen belongs to the one before.
        if snapshot is None or revision(snapshot) <= self._revision:
            return False
        now, standing = self._clock(), self._judge(snapshot)
        kept = {cause.key: self._first(cause, now) for cause in standing}
        self._since = kept
        for cause in standing:
            old = (cause.key, cause.mark) in self._old
            if now - kept[cause.key][0] >= (OLD if old else cause.patience):
                self.found = cause
                return True
        return False

    def _first(self, cause: Cause, now: float) -> tuple[float, str]:
        """When a cause was first seen in this run; an old one that is seen anew begins again."""
        since, mark = self._since.get(cause.key, (now, cause.mark))
        anew = (cause.key, mark) in self._old and mark != cause.mark
        return (now, cause.mark) if anew else (since, cause.mark)


def up(
    stack: Stack, settings: causes.Settings, message: str = "", only: Collection[str] | None = None
) -> Mapping[str, int]:
    """`pulumi up`, watched; what it did, by kind: `{"same": 9, "read": 1}` when nothing changed.

    `settings` are the stack's plain ones; `message` goes into its history; of `only`, where given, are the
    causes that end it. Raises `OpsError` where it fails, after the cause was printed.
    """
    watcher = Watcher(settings, only=only)
    with events.event_log() as log:
        try:
            stack.watched(
                *("up", "--yes", "--skip-preview", "--suppress-outputs", f"--event-log={log}"),
                *(("--message", message) if message else ()),
                env=events.ENVIRON,
                enough=watcher.certain,
            )
        except OpsError as error:
            if watcher.found is None:
                diagnose.explained(stack, "\n".join(events.errors(log)))
                raise
            found = [watcher.found, *(other for other in watcher.all if other.key != watcher.found.key)]
            err.print("[yellow]`pulumi up` was ended early:[/yellow] waiting would not have helped")
            diagnose.show(found)
            raise OpsError(f"{watcher.found.what} Fix it and run the same command again.") from error
        return events.changes(log)
