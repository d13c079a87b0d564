"""Helm values by which a database that was kept works with new Secrets."""

from __future__ import annotations

import pytest

from components.settings import parse
from components.values import values
from components.values_kept import source
from tests.unit.cases import EXTERNAL
from tests.unit.settled import VOLUME, at, of


def test_the_database_takes_the_secret_s_passwords_before_each_start() -> None:
    found = at(values(of()), "postgresql.primary.preInitDb.scripts")
    assert found == {"passwords.sh": source("pod_passwords.sh")}


def test_an_external_database_keeps_its_own() -> None:
    found = values(of(**EXTERNAL, databaseExistingSecret="db"))
    assert found["postgresql"].keys() == {"enabled", "image", "volumePermissions", "metrics"}


@pytest.mark.parametrize("database", [{}, {**EXTERNAL, "databaseExistingSecret": "db"}])
def test_the_administrator_takes_the_secret_s_password_at_each_start(database: dict[str, str]) -> None:
    """Whoever keeps the database: an external one outlives the stack as well."""
    command = at(values(of(**database)), "tracking.lifecycleHooks.postStart.exec.command")
    assert command == ["python", "-c", source("pod_login.py")]


def test_artifacts_on_a_volume_outlive_the_release_as_the_database_does() -> None:
    persistence = at(values(parse(VOLUME)), "tracking.persistence")
    assert persistence["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert persistence["enabled"] is True


def test_a_volume_that_holds_nothing_goes_with_the_release() -> None:
    assert "annotations" not in at(values(of(trackingVolume="true")), "tracking.persistence")


@pytest.mark.parametrize(
    "name",
    ["pod_authentication.py", "pod_requests.py", "pod_artifacts.py", "pod_login.py", "pod_passwords.sh"],
)
def test_what_runs_in_pods_is_no_template(name: str) -> None:
    """The chart evaluates what it finds between two braces."""
    assert "{{" not in source(name)
