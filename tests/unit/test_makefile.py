"""What the targets of the Makefile hand on to `python -m ops`."""

from __future__ import annotations

import re
import subprocess

import pytest

from ops.stack import PROGRAM

MAKEFILE = (PROGRAM / "Makefile").read_text()
COMMANDS = re.findall(r"\$\(RUN\) ops ([a-z]+)", MAKEFILE)
OF_A_LAB = {"up", "down", "env"}
"""These take a cluster and no stack."""
ASKING = {"adopt", "drift", "promote", "restore", "rotate", "gc"}
"""These ask for no more than a yes."""


def run_by(*arguments: str) -> str:
    """The command that make would run."""
    done = subprocess.run(
        ["make", "-n", "READY=", *arguments], cwd=PROGRAM, capture_output=True, text=True, check=True
    )
    return " ".join(done.stdout.replace("\\\n", "").split())


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in OF_A_LAB])
def test_a_target_hands_on_stack_and_arguments(command: str) -> None:
    made = run_by(command, "STACK=qa", "FROM=a", "TO=b", "YES=1", "ARGS=--json")
    assert made.startswith(f".venv/bin/python -m ops {command} ")
    assert made.endswith("--json")
    assert (" --stack qa" in made) == (command != "promote")
    assert (" --yes" in made) == (command in ASKING)


@pytest.mark.parametrize("command", sorted(OF_A_LAB))
def test_a_target_hands_on_the_cluster(command: str) -> None:
    assert run_by(command, "CONTEXT=kind-dev") == f".venv/bin/python -m ops {command} --context kind-dev"
