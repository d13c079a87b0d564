"""What every command prints, and how it asks."""

from __future__ import annotations

import io

import pytest
import typer
from rich.console import Console

from lab import cli, steps
from ops import console, questions
from ops.console import OpsError


@pytest.mark.parametrize("shown", [console.out, console.err, cli.result, steps.console])
def test_an_address_is_no_emoji(shown: Console) -> None:
    with shown.capture() as captured:
        shown.print("fd00:a:b::1", markup=False)
    assert captured.get() == "fd00:a:b::1\n"


@pytest.mark.parametrize("given", ["y\n", "yes\n"])
def test_who_answers_yes_goes_on(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a pipe as well."""
    monkeypatch.setattr("sys.stdin", io.StringIO(given))
    questions.confirm("Do it?")


def test_who_answers_no_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    with pytest.raises(typer.Abort):
        questions.confirm("Do it?")


def test_where_nobody_answers_the_way_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(OpsError, match=r"nobody is here to confirm: give --yes \(with `make`: YES=1\)"):
        questions.confirm("Do it?")
