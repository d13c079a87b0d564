"""What `pulumi` tells of a run beside what it shows: its event log, one JSON object a line."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ENVIRON: Mapping[str, str] = {"PULUMI_DEBUG_COMMANDS": "true"}
"""Without it `--event-log` is no option (Pulumi 3.259)."""


@contextmanager
def event_log() -> Iterator[Path]:
    """Where a run writes its events with `--event-log`; gone after the block."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "events.json"


def errors(log: Path) -> Iterator[str]:
    """The errors in an event log; `pulumi` keeps the secrets that it knows out of them."""
    if not log.exists():
        return
    for line in log.read_text().splitlines():
        event = json.loads(line).get("diagnosticEvent") or {}
        if event.get("severity") == "error":
            yield str(event.get("message", ""))
