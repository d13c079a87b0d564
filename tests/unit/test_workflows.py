"""The workflows of GitHub Actions: they lint, name what exists, and hold no more rights than they need."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import ops.__main__
from lab import prerequisites, tools
from ops.stack import PROGRAM

GITHUB = PROGRAM / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FILES = [*WORKFLOWS, *sorted(GITHUB.glob("actions/*/action.yml"))]
WRITES = {
    "preview": {"pull-requests"},
    "drift": {"issues"},
    "promote": {"contents", "pull-requests"},
    "site": {"pages", "id-token"},
}
"""What the jobs of a workflow may write; all others only read."""
LOOKS = {("preview", "preview"): "-preview", ("drift", "look"): "-check", ("promote", "check"): "-check"}
"""Jobs that nobody approves, and how the names of their environments end: any branch's code has its own."""


@functools.cache
def loaded(file: Path) -> dict[str, Any]:
    """A workflow or action as plain data; nobody changes it."""
    return dict(YAML(typ="safe", pure=True).load(file.read_text()))


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Workflow, name and content of every job."""
    for file in WORKFLOWS:
        for name, job in loaded(file)["jobs"].items():
            yield file.stem, name, job


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step of every workflow and action, after its file's name."""
    for workflow, _, job in jobs():
        yield from ((workflow, step) for step in job["steps"])
    for file in FILES:
        if file.name == "action.yml":
            yield from ((file.parent.name, step) for step in loaded(file)["runs"]["steps"])


def scripts() -> list[Path]:
    """The scripts that workflows run."""
    return sorted((GITHUB / "scripts").iterdir())


def test_actionlint_finds_nothing() -> None:
    assert shutil.which("shellcheck"), "without it actionlint leaves the scripts in `run` alone"
    linter = tools.Module("actionlint").build() / "actionlint"
    done = subprocess.run([linter, "-no-color"], cwd=PROGRAM, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_actionlint_would_find_a_mistake(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text((GITHUB / "workflows" / "drift.yml").read_text().replace("matrix.stack", "matrix.stck"))
    linter = tools.Module("actionlint").build() / "actionlint"
    done = subprocess.run([linter, "-no-color", broken], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert '"stck"' in done.stdout


def test_shellcheck_finds_nothing_in_the_scripts() -> None:
    done = subprocess.run(
        ["shellcheck", *scripts(), PROGRAM / ".ci" / "run"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_shellcheck_and_jq_come_with_the_fast_tests() -> None:
    assert {"shellcheck", "jq"} <= prerequisites.FOR_CHECKS.keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(GITHUB)))
def test_every_action_is_pinned_by_commit_with_its_version_beside_it(file: Path) -> None:
    for used in re.findall(r"uses: (.+)", file.read_text()):
        assert used.startswith("./") or re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used)


def test_an_action_has_one_version() -> None:
    seen: dict[str, set[str]] = {}
    for file in FILES:
        for name, version in re.findall(r"uses: ([^./][^@\s]+)@(.+)", file.read_text()):
            seen.setdefault(name, set()).add(version)
    assert {name: versions for name, versions in seen.items() if len(versions) > 1} == {}


def test_pulumi_has_the_version_of_its_python_package() -> None:
    wanted = re.search(r"^pulumi==(\S+)", (PROGRAM / "requirements.txt").read_text(), re.M)
    assert wanted
    given = [
        step["with"]["pulumi-version"] for _, step in steps() if "pulumi/actions" in step.get("uses", "")
    ]
    assert given
    assert {*given} == {wanted[1]}


def test_a_workflow_may_only_read_and_a_job_no_more_than_it_needs() -> None:
    assert [file.stem for file in WORKFLOWS if loaded(file)["permissions"] != {"contents": "read"}] == []
    for workflow, name, job in jobs():
        rights = job.get("permissions", {})
        writes = {what for what, right in rights.items() if right == "write"}
        # To sign in to a cloud where the state is kept (docs/ci.md).
        login = {"id-token"} if "./.github/actions/stack" in str(job["steps"]) else set()
        assert writes <= WRITES.get(workflow, set()) | login, f"{workflow}: {name}"
        assert {*rights.values()} <= {"read", "write"}


def test_a_job_that_works_on_a_stack_has_an_environment_and_takes_its_turn() -> None:
    working = [
        (workflow, name, job)
        for workflow, name, job in jobs()
        if "./.github/actions/stack" in str(job["steps"])
    ]
    assert {workflow for workflow, _, _ in working} == {"preview", "deploy", "drift", "promote"}
    for workflow, name, job in working:
        looks = LOOKS.get((workflow, name), "")
        assert job["environment"]["name"].partition(" }}")[2] == looks, f"{workflow}: {name}"
        if not looks or workflow == "drift":
            assert job["concurrency"]["group"].startswith("stack-"), f"{workflow}: {name}"
            assert job["concurrency"]["cancel-in-progress"] is False


def test_no_expression_stands_in_a_script() -> None:
    """What a person may choose would be code there, and what is secret an argument or a line of a log."""
    assert [(where, step["run"]) for where, step in steps() if "${{" in step.get("run", "")] == []


def test_a_secret_goes_only_by_the_environment_or_to_the_action_that_writes_the_kubeconfig() -> None:
    for where, step in steps():
        for key, value in step.get("with", {}).items():
            assert "secrets." not in str(value) or (key, step["uses"]) == (
                "kubeconfig",
                "./.github/actions/stack",
            ), f"{where}: {step}"


def test_neither_a_fork_nor_dependabot_gets_a_red_preview_and_a_fork_no_runner_of_ours() -> None:
    for workflow, name, job in jobs():
        if workflow == "preview" or name == "e2e":
            assert "pull_request.head.repo.full_name == github.repository" in job["if"]
        assert workflow != "preview" or "user.login != 'dependabot[bot]'" in job["if"]
    assert not [file for file in WORKFLOWS if "pull_request_target" in file.read_text()]


def test_every_command_of_make_and_ops_exists() -> None:
    ran = "\n".join(step["run"] for _, step in steps() if "run" in step)
    targets = {
        *re.findall(r"^([a-z0-9-]+):", (PROGRAM / "Makefile").read_text(), re.M),
        ".venv/.ready",
    }
    commands = {
        command.name or command.callback.__name__
        for command in ops.__main__.app.registered_commands
        if command.callback
    }
    made, asked = re.findall(r"^make (\S+)", ran, re.M), re.findall(r"python -m ops (\w+)", ran)
    assert {"test-fast", "test-e2e", "site"} <= {*made} <= targets
    assert {"verify", "diagnose", "drift", "promote"} <= {*asked} <= commands
    for script in re.findall(r"\.github/scripts/\S+", ran):
        assert os.access(PROGRAM / script, os.X_OK)
