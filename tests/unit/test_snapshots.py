"""Readings of faults that were planted on the lab (tests/e2e/test_diagnose.py): each has its cause first."""

from __future__ import annotations

import json
from collections.abc import Iterator
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


def maps(tree: Any) -> Iterator[dict[str, Any]]:
    """All maps in a reading, those in others too."""
    if isinstance(tree, dict):
        yield tree
    for below in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from maps(below)


@pytest.mark.parametrize("file", READINGS, ids=lambda file: file.stem)
def test_no_secret_was_recorded(file: Path) -> None:
    text = file.read_text()
    for word in text.split('"'):
        assert redact(word) == word
    for found in maps(json.loads(text)):
        assert not found.keys() & {"data", "stringData"}
        variable = f"{found.get('name')}={found.get('value', '')}"
        assert redact(variable) == variable


def test_there_are_as_many_faults_as_were_asked_for() -> None:
    assert len(READINGS) >= 15
