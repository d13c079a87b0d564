"""The scripts of the workflows, run as they are, with a `gh` that writes down what it is asked."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ops import drift
from ops.finding import Finding
from ops.stack import PROGRAM

SCRIPTS = PROGRAM / ".github" / "scripts"
RUN = "https://github.example/runs/7"
GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$ASKED"
case "$1 $2" in
  "issue list") printf '%s' "$OPEN" ;;
esac
while [ $# -gt 0 ]; do
  [ "$1" != --body-file ] || cat "${2/#-//dev/stdin}" >> "$ASKED"
  shift
done
"""
FOUND = Finding(
    "object", "deployment/mlflow-tracking: spec | replicas", "1", None, "make drift ARGS=--repair"
)


class Shell:
    """Runs a script; `asked` is what it asked of `gh`."""

    def __init__(self, folder: Path) -> None:
        program = folder / "bin" / "gh"
        program.parent.mkdir()
        program.write_text(GH)
        program.chmod(0o755)
        self.folder = folder
        self.env = {
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "ASKED": str(folder / "asked"),
            "HOME": str(folder),
            "OPEN": "[]",
            "RUN_URL": RUN,
        }

    def run(self, script: str, *args: str, **env: str) -> str:
        """What the script prints; fails with it."""
        done = subprocess.run(
            [SCRIPTS / script, *args],
            cwd=self.folder,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def asked(self) -> list[str]:
        """The lines that `gh` was called with, and the bodies it was given."""
        return (self.folder / "asked").read_text().splitlines()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def told(shell: Shell, *findings: Finding) -> str:
    """The file of `ops drift --json`."""
    file = shell.folder / "drift.json"
    file.write_text(json.dumps(drift.as_json("prod", findings)))
    return str(file)


OPEN = json.dumps(
    [{"number": 3, "title": "Drift: stack prod-two"}, {"number": 5, "title": "Drift: stack prod"}]
)


def test_the_first_drift_opens_an_issue_with_a_table(shell: Shell) -> None:
    shell.run("drift-issue", "prod", told(shell, FOUND))
    _, created, first, *body = shell.asked
    assert created.startswith("issue create --title Drift: stack prod --body-file ")
    assert first == f"The cluster is not as stack `prod` says, in 1 places: {RUN}"
    assert (
        r"| object | deployment/mlflow-tracking: spec \| replicas | 1 | nothing | make drift ARGS=--repair |"
        in body
    )


def test_drift_that_stays_rewrites_its_stack_s_issue(shell: Shell) -> None:
    shell.run("drift-issue", "prod", told(shell, FOUND, FOUND), OPEN=OPEN)
    assert shell.asked[1].startswith("issue edit 5 --body-file ")
    assert "in 2 places" in shell.asked[2]


def test_drift_that_is_gone_closes_the_issue(shell: Shell) -> None:
    shell.run("drift-issue", "prod", told(shell), OPEN=OPEN)
    assert shell.asked[1:] == [f"issue close 5 --comment No drift any more: {RUN}"]


def test_no_drift_and_no_issue_asks_for_nothing_more(shell: Shell) -> None:
    shell.run("drift-issue", "prod", told(shell))
    assert [line.split()[:2] for line in shell.asked] == [["issue", "list"]]


def test_passphrases_are_for_their_owner_alone(shell: Shell) -> None:
    printed = shell.run(
        "passphrases", RUNNER_TEMP=str(shell.folder), FROM_PASSPHRASE="one", TO_PASSPHRASE="two"
    )
    files = [shell.folder / f"{end}.passphrase" for end in ("from", "to")]
    assert [file.read_text() for file in files] == ["one\n", "two\n"]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    assert printed == ""


@pytest.mark.parametrize("to", ["prod", "acme/mlflow/prod"])
def test_a_promotion_is_committed_on_a_branch_of_its_own(shell: Shell, to: str) -> None:
    def git(*args: str, cwd: Path) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *args],
            cwd=cwd,
            env=shell.env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    remote = shell.folder / "acme" / "mlflow.git"
    remote.mkdir(parents=True)
    git("init", "-q", "--bare", cwd=remote)
    git("init", "-q", cwd=shell.folder)
    (shell.folder / "Pulumi.prod.yaml").write_text("config: {}\n")
    git("add", "Pulumi.prod.yaml", cwd=shell.folder)
    git("commit", "-q", "-m", "before", cwd=shell.folder)
    (shell.folder / "Pulumi.prod.yaml").write_text("config: {mlflow:chartVersion: 5.1.18}\n")
    (shell.folder / "promotions.log").write_text("earlier\nstaging -> prod: chartVersion\n")
    (shell.folder / "other").write_text("not the promotion's")
    shell.run(
        "promotion-pull-request",
        "staging",
        to,
        BRANCH="promote/1",
        GITHUB_SERVER_URL=f"file://{shell.folder}",
        GITHUB_REPOSITORY="acme/mlflow",
    )
    named = git("show", "--format=%s", "--name-only", "promote/1", cwd=remote).split("\n")
    assert [line for line in named if line] == [
        f"Promoted staging to {to}",
        "Pulumi.prod.yaml",
        "promotions.log",
    ]
    assert f"pr create --head promote/1 --title Promoted staging to {to} --body-file -" in shell.asked
    assert shell.asked[-1] == "    staging -> prod: chartVersion"
