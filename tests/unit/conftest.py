"""What all unit tests share."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest
from typer import main


@pytest.fixture(autouse=True, scope="session")
def made_once() -> Iterator[None]:
    """Typer makes all commands of an app anew for each that is run: a quarter of what their tests cost."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", functools.cache(main.get_command))
        yield
