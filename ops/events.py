"""What `pulumi` tells of a run beside what it shows: its event log, one JSON object a line."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ENVIRON: Mapping[str, str] = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Without it `--event-log` is no option (Pulumi 3.259)."""


@contextlib.contextmanager
def event_log() -> Iterator[Path]:
    """Where a run writes its events with `--event-log`; gone after the block."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "events.json"


def errors(log: Path) -> Iterator[str]:
    """The errors in an event log; `pulumi` keeps the secrets that it knows out of them."""
    for event in _events(log, "diagnosticEvent"):
        if event.get("severity") == "error":
            yield str(event.get("message", ""))


def changes(log: Path) -> Mapping[str, int]:
    """What a run did: how many resources, by kind of change; empty where the log does not say."""
    summary = next(_events(log, "summaryEvent"), {})
    return dict(summary.get("resourceChanges", {}))


def _events(log: Path, kind: str) -> Iterator[dict[str, Any]]:
    if log.exists():
        for line in log.read_text().splitlines():
            # The engine does not mind a log that it cannot write to its end.
            with contextlib.suppress(ValueError):
                if event := json.loads(line).get(kind):
                    yield event
