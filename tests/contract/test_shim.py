"""The lab's answer to the language host's question is pip's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from lab import api

QUESTION = ("-m", "pip", "list", "-v", "--format", "json")


def answers(program: str) -> set[tuple[str, str, str]]:
    """Name, version and folder of each package, as the language host compares them."""
    done = subprocess.run([program, *QUESTION], env=venv_first(), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    return {
        (package["name"].lower().replace("_", "-").replace(".", "-"), package["version"], package["location"])
        for package in found
    }


def venv_first() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def test_it_lists_the_packages_that_pip_lists() -> None:
    shim = api.engine_environ()["PULUMI_PYTHON_CMD"]
    assert answers(shim) == answers(sys.executable)
    assert any(name == "pulumi-kubernetes" for name, _, _ in answers(shim))


def test_it_runs_everything_else_as_the_interpreter_does() -> None:
    shim = api.engine_environ()["PULUMI_PYTHON_CMD"]
    script = "import sys; print(sys.prefix, sys.argv[1:]); sys.exit(3)"
    done = subprocess.run([shim, "-c", script, "a b"], env=venv_first(), capture_output=True, text=True)
    assert (done.stdout, done.returncode) == (f"{sys.prefix} ['a b']\n", 3)
