"""The runbook's own commands on the deployment of `make up`, as typed."""

from __future__ import annotations

import json

import yaml

from tests.e2e.deployment import Deployment


def test_values_are_those_that_helm_gives(deployment: Deployment) -> None:
    theirs = json.loads(deployment.shell("helm get values mlflow -n mlflow -o json"))
    assert yaml.safe_load(deployment.shell("make -s values")) == theirs
    assert json.loads(deployment.shell("python -m ops values --json")) == theirs


def test_defaults_are_those_of_the_stack_s_chart(deployment: Deployment) -> None:
    show = 'helm show values "$(pulumi config get chart)" --version "$(pulumi config get chartVersion)"'
    theirs = yaml.safe_load(deployment.shell(show))
    assert theirs["image"]["repository"]
    assert yaml.safe_load(deployment.shell("make -s defaults")) == theirs
    assert json.loads(deployment.shell("python -m ops defaults --json")) == theirs


def test_compare_lays_both_beside_the_stack_s(deployment: Deployment) -> None:
    """A stack that is as its settings say ends with 0."""
    printed = deployment.shell("make -s compare")
    assert "In force is what the stack says" in printed
    rows = {row["path"]: row for row in json.loads(deployment.shell("python -m ops compare --json"))}
    row = rows["minio.enabled"]
    assert (row["stack"], row["helm"], row["default"], row["differs"]) == ("false", "false", "true", False)


def test_credentials_are_those_that_work(deployment: Deployment) -> None:
    found = json.loads(deployment.shell("python -m ops credentials --json"))
    assert found["username"] == deployment.output("admin_username")
    assert found["password"] == deployment.output("admin_password")
    assert f"password: {found['password']}\n" in deployment.shell("make -s credentials")


def test_what_make_up_has_made_has_no_drift(deployment: Deployment) -> None:
    assert deployment.shell("make -s drift") == "No drift: stack dev is as it was deployed\n"
