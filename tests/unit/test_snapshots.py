"""Readings of faults that were planted on the lab (tests/e2e/test_diagnose.py): each has its cause first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ops import causes
from ops.causes import Cause
from ops.redact import redact
from ops.snapshot import Answer, Snapshot
from tests.unit.objects import SETTINGS

READINGS = sorted((Path(__file__).parent / "snapshots").glob("*.json"))
ENDS = {
    "image-moved",
    "no-default-storage-class",
    "node-not-ready",
    "quota-exceeded",
    "registry-credentials",
    "s3-unreachable-at-the-start",
    "secret-missing",
    "storage-class-missing",
    "unschedulable",
}
"""Faults for which `make up` ends the run. The others let `pulumi up` end by itself, or must be seen again:
the refused password was recorded when it was refused the first time."""


def judged(recorded: dict[str, Any]) -> list[Cause]:
    """What the rules say of a recorded reading."""
    seen = recorded["snapshot"]
    answers = {which: Answer(**answer) for which, answer in seen.pop("answers").items()}
    return causes.of(Snapshot(**seen, answers=answers), {**SETTINGS, **recorded["settings"]})


@pytest.mark.parametrize("file", READINGS, ids=lambda file: file.stem)
def test_a_planted_fault_has_its_cause_first(file: Path) -> None:
    recorded = json.loads(file.read_text())
    first = judged(recorded)[0]
    assert (first.name, first.what) == (recorded["cause"], recorded["what"])
    assert first.evidence
    assert first.fix
    assert (first.certain and first.blocks) == (file.stem in ENDS)


@pytest.mark.parametrize("file", READINGS, ids=lambda file: file.stem)
def test_no_secret_was_recorded(file: Path) -> None:
    text = file.read_text()
    for word in text.split('"'):
        assert redact(word) == word


def test_there_are_as_many_faults_as_were_asked_for() -> None:
    assert len(READINGS) >= 15
