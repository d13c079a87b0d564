"""The hook that gives a kept MLflow the Secret's login, with a database that only answers."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from components import pod_login

DONE = pod_login.DONE
CONFIG = """[mlflow]
database_uri = postgresql://bn_mlflow:Planted@db:5432/auth
admin_username = user
admin_password = new%password
"""


class UnreachableError(Exception):
    """As psycopg2 has it."""


class Users:
    """The users' database: hashes by name, and how often it cannot be reached."""

    def __init__(self, held: dict[str, str]) -> None:
        self.held, self.away, self.asked = held, 0, 0
        self.answer: str | None = None

    def connect(self, uri: str) -> Users:
        assert uri == "postgresql://bn_mlflow:Planted@db:5432/auth"
        self.asked += 1
        if self.asked <= self.away:
            raise UnreachableError(uri)
        return self

    def __enter__(self) -> Users:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to give back."""

    def cursor(self) -> Users:
        return self

    def execute(self, statement: str, values: tuple[str, ...]) -> None:
        if statement.startswith("SELECT"):
            self.answer = self.held.get(values[0])
        else:
            self.held[values[1]] = values[0]

    def fetchone(self) -> tuple[str] | None:
        return None if self.answer is None else (self.answer,)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the hook speaks; its configuration is there, and no time passes."""
    (tmp_path / "basic_auth.ini").write_text(CONFIG)
    monkeypatch.setenv("MLFLOW_AUTH_CONFIG_PATH", str(tmp_path / "basic_auth.ini"))
    monkeypatch.setattr(pod_login, "LOG", tmp_path / "log")
    monkeypatch.setattr(pod_login, "DONE", tmp_path / "done")
    clock = iter(range(1000))
    monkeypatch.setattr(
        pod_login, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda _: None)
    )
    return tmp_path / "log"


def answered_by(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bring the libraries of the server's image; MLflow's hash is the password with a word in front here."""
    driver: Any = ModuleType("psycopg2")
    driver.connect, driver.OperationalError = users.connect, UnreachableError
    security: Any = ModuleType("werkzeug.security")
    security.check_password_hash = lambda stored, password: stored == f"hash of {password}"
    security.generate_password_hash = lambda password: f"hash of {password}"
    for name, module in {"psycopg2": driver, "werkzeug.security": security}.items():
        monkeypatch.setitem(sys.modules, name, module)


def start(users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the hook."""
    answered_by(users, monkeypatch)
    pod_login.guarded()


def test_a_kept_administrator_gets_the_secret_s_password(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users = Users({"user": "hash of old", "ada": "hash of hers"})
    start(users, monkeypatch)
    assert users.held == {"user": "hash of new%password", "ada": "hash of hers"}
    assert log.read_text() == "mlflow: the administrator has the password of the Secret\n"


@pytest.mark.parametrize("held", [{}, {"user": "hash of new%password"}])
def test_nothing_is_done_on_a_first_start_or_without_a_change(
    log: Path, monkeypatch: pytest.MonkeyPatch, held: dict[str, str]
) -> None:
    users = Users(dict(held))
    start(users, monkeypatch)
    assert users.held == held
    assert not log.exists()


def test_it_runs_as_a_program(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users = Users({})
    answered_by(users, monkeypatch)
    touched: list[Path] = []
    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", lambda _: False)
        patch.setattr(Path, "touch", lambda path: touched.append(path))
        runpy.run_path(str(pod_login.__file__), run_name="__main__")
    assert users.asked == 1
    assert touched == [DONE]


@pytest.mark.parametrize("first", [{}, {"user": "hash of old"}, {"user": "hash of new%password"}])
def test_a_container_that_starts_again_does_not_bring_the_pod_s_first_password_back(
    log: Path, monkeypatch: pytest.MonkeyPatch, first: dict[str, str]
) -> None:
    """The configuration is of the pod's start; the password may have been rotated since."""
    users = Users(dict(first))
    start(users, monkeypatch)
    users.held = {"user": "hash of rotated"}
    start(users, monkeypatch)
    assert users.held == {"user": "hash of rotated"}
    assert users.asked == 1


def test_a_comparison_that_did_not_come_to_its_end_is_made_again(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = Users({"user": "hash of old"})
    users.away = 100
    start(users, monkeypatch)
    users.away = 0
    start(users, monkeypatch)
    assert users.held == {"user": "hash of new%password"}


def test_it_waits_for_a_database_that_is_on_its_way(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users = Users({"user": "hash of old"})
    users.away = 5
    start(users, monkeypatch)
    assert users.held == {"user": "hash of new%password"}


def test_a_failure_is_told_without_a_secret_and_stops_nothing(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = Users({"user": "hash of old"})
    users.away = 100
    start(users, monkeypatch)
    assert users.held == {"user": "hash of old"}
    assert log.read_text() == "mlflow: the login was not compared with the Secret: UnreachableError\n"
