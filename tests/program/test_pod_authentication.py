"""The server's hook beside an MLflow that counts; the e2e tests have the real one."""

from __future__ import annotations

import contextlib
import logging
import runpy
import sys
import threading
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from components import pod_authentication
from components.pod_authentication import NAME, WRITTEN_FOR, Matches, chosen, sources

REFUSED = "401"


class Store:
    """MLflow's users: stored hashes by name. A hash is a salt and the password here."""

    def __init__(self) -> None:
        self.held = {"ada": "salt1:right", "bob": "salt2:right"}
        self.hashed = 0
        self.away = False
        self.meanwhile: Callable[[], None] = lambda: None

    def authenticate_user(self, username: str, password: str) -> bool:
        stored = self._get_user(username)
        if stored is None:
            return False
        self.hashed += 1
        self.meanwhile()
        return stored.partition(":")[2] == password

    def _get_user(self, username: str) -> str | None:
        return self.held.get(username)

    # What the hook needs of SQLAlchemy's engine and connection.

    @property
    def engine(self) -> Store:
        return self

    def execution_options(self, isolation_level: str) -> Store:
        assert isolation_level == "AUTOCOMMIT"
        return self

    def connect(self) -> Store:
        if self.away:
            raise ConnectionError("postgresql://bn_mlflow:Planted@db")
        return self

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to give back."""

    def execute(self, statement: str, values: dict[str, str]) -> Any:
        assert "password_hash" in statement
        return SimpleNamespace(scalar=lambda: self.held.get(values["username"]))


class Server:
    """The surroundings of the hook: MLflow's module, with one request at a time in each thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, version: str = WRITTEN_FOR) -> None:
        self.store = Store()
        self.request: Any = threading.local()
        module: Any = ModuleType("mlflow.server.auth")
        module.store, module.request = self.store, self.request
        module.authenticate_request = self.authenticate_request
        module.authenticate_request_basic_auth = self.own
        text: Any = ModuleType("sqlalchemy")
        text.text = str
        self.begun: list[Any] = []
        """The requests that were let in."""
        self.mended: list[bool] = []
        requests = SimpleNamespace(begin=self.begun.append, turn=contextlib.nullcontext)
        modules = {
            "mlflow_artifacts_out": SimpleNamespace(mend=lambda: self.mended.append(True)),
            "mlflow_requests": SimpleNamespace(chosen=lambda: requests),
            "mlflow.server.auth": module,
            "mlflow.version": SimpleNamespace(VERSION=version),
            "sqlalchemy": text,
        }
        for name, fake in modules.items():
            monkeypatch.setitem(sys.modules, name, fake)
        self.module = module
        monkeypatch.setattr(pod_authentication, "SOURCES", sources(module))

    def authenticate_request(self) -> Any:
        """Its source counts, and nothing else."""

    def own(self) -> Any:
        given = self.request.authorization
        if given is None or not self.store.authenticate_user(given.username, given.password):
            return REFUSED
        return given

    def ask(self, hook: Callable[[], Any], *login: object) -> bool:
        """Whether a request with this user name and password is let in; with none, without a header."""
        given = SimpleNamespace(username=login[0], password=login[1]) if login else None
        self.request.authorization = given
        answer = hook()
        assert answer in (given, REFUSED)
        return bool(answer != REFUSED)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """As MLflow is where the hook belongs."""
    return Server(monkeypatch)


@pytest.fixture
def hook(server: Server) -> Callable[[], Any]:
    """What MLflow is given to ask."""
    return chosen()


def test_the_same_password_is_hashed_once(server: Server, hook: Callable[[], Any]) -> None:
    assert all(server.ask(hook, "ada", "right") for _ in range(5))
    assert server.store.hashed == 1


@pytest.mark.parametrize(
    "login",
    [
        (),
        (None, None),
        ("ada", None),
        (None, "right"),
        ("ada", "wrong"),
        ("ada", ""),
        ("ada", "\udcff"),
        ("eve", "right"),
    ],
)
def test_what_is_refused_is_refused_each_time_by_mlflow_itself(
    server: Server, hook: Callable[[], Any], login: tuple[object, ...]
) -> None:
    assert server.ask(hook, "ada", "right")
    for _ in range(2):
        before = server.store.hashed
        assert not server.ask(hook, *login)
        assert server.store.hashed - before == (1 if login and login[0] == "ada" else 0)


def test_only_who_is_let_in_waits_for_their_turn(server: Server, hook: Callable[[], Any]) -> None:
    for login in ((), ("ada", "wrong"), ("eve", "right")):
        assert not server.ask(hook, *login)
    assert server.begun == []
    for _ in range(2):
        assert server.ask(hook, "ada", "right")
    assert server.begun == [server.request] * 2


def test_a_changed_password_counts_in_the_next_request(server: Server, hook: Callable[[], Any]) -> None:
    assert server.ask(hook, "ada", "right")
    before = server.store.held["ada"]
    server.store.held["ada"] = "salt3:other"
    assert not server.ask(hook, "ada", "right")
    assert server.ask(hook, "ada", "other")
    server.store.held["ada"] = before  # a restored database
    assert not server.ask(hook, "ada", "other")
    assert server.ask(hook, "ada", "right")


def test_a_deleted_user_is_gone_in_the_next_request(server: Server, hook: Callable[[], Any]) -> None:
    assert server.ask(hook, "ada", "right")
    del server.store.held["ada"]
    assert not server.ask(hook, "ada", "right")


def test_the_same_password_of_another_user_is_hashed_for_that_user(
    server: Server, hook: Callable[[], Any]
) -> None:
    assert server.ask(hook, "ada", "right")
    assert server.ask(hook, "bob", "right")
    assert server.store.hashed == 2


def test_a_match_of_another_hash_is_not_remembered(server: Server, hook: Callable[[], Any]) -> None:
    """The hash changes between our look and MLflow's: what MLflow confirmed was not the one we saw."""
    first, second = "salt1:right", "salt3:right"

    def change() -> None:
        server.store.held["ada"] = second

    server.store.meanwhile = change
    assert server.ask(hook, "ada", "right")
    server.store.held["ada"] = first
    before = server.store.hashed
    server.store.meanwhile = lambda: None
    assert server.ask(hook, "ada", "right")
    assert server.store.hashed == before + 1


def test_whoever_waited_looks_whether_it_is_known_by_now(
    server: Server, hook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients that begin all at once are hashed a few at a time, and then no more."""

    class Waiting:
        def __enter__(self) -> None:
            hook._matches.add("salt1:right", "right")

        def __exit__(self, *_: object) -> None:
            """The next one may go."""

    monkeypatch.setattr(pod_authentication, "GATE", Waiting())
    assert server.ask(hook, "ada", "right")
    assert server.store.hashed == 0


def test_a_database_that_is_away_is_mlflow_s_to_answer(server: Server, hook: Callable[[], Any]) -> None:
    assert server.ask(hook, "ada", "right")
    server.store.away = True
    before = server.store.hashed
    assert server.ask(hook, "ada", "right")
    assert server.store.hashed == before + 1


def test_many_users_at_once_are_each_themselves(server: Server, hook: Callable[[], Any]) -> None:
    server.store.held = {f"user{number}": f"salt:{number}" for number in range(20)}
    failed: list[int] = []

    def client(number: int) -> None:
        for other in range(20):
            if server.ask(hook, f"user{other}", str(number)) != (other == number):
                failed.append(number)

    threads = [threading.Thread(target=client, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_the_least_recently_used_match_goes_first() -> None:
    matches = Matches(2)
    matches.add("hash1", "a")
    matches.add("hash2", "b")
    assert matches.known("hash1", "a")
    matches.add("hash3", "c")
    assert [matches.known(*pair) for pair in (("hash1", "a"), ("hash2", "b"), ("hash3", "c"))] == [
        True,
        False,
        True,
    ]


def test_nothing_readable_is_kept_and_hash_and_password_cannot_be_taken_for_each_other() -> None:
    one, other = Matches(9), Matches(9)
    for matches in (one, other):
        matches.add("scrypt:1$salt$ff", "Plantéd")
    assert not one.known("scrypt:1$salt$f", "fPlantéd")
    assert "Plant" not in repr(one.__dict__)
    assert one._digests.keys().isdisjoint(other._digests)


def aside(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, server: Server) -> str:
    """Why the hook left all to MLflow's own function, as the log says."""
    monkeypatch.setattr(pod_authentication.LOG, "propagate", True)
    with caplog.at_level(logging.INFO):
        assert chosen().__wrapped__ == server.own  # type: ignore[attr-defined]
    (line,) = caplog.messages
    said, _, why = line.partition(": ")
    assert said == "fast authentication steps aside, every request computes scrypt"
    return why


def test_another_version_of_mlflow_is_left_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(monkeypatch, "3.4.0")
    assert aside(caplog, monkeypatch, server) == "it was written for MLflow 3.3.2, and this is 3.4.0"


def test_another_check_under_the_same_version_is_left_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.setattr(pod_authentication, "SOURCES", "of another image")
    assert aside(caplog, monkeypatch, server) == "this MLflow checks logins otherwise than 3.3.2 does"


def test_a_fault_of_its_own_leaves_all_to_mlflow_and_shows_no_secret(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("postgresql://bn_mlflow:Planted@db")

    monkeypatch.setattr(Store, "execution_options", broken)
    assert aside(caplog, monkeypatch, server) == "ValueError"


def test_in_the_server_it_says_that_it_is_on(caplog: pytest.LogCaptureFixture, server: Server) -> None:
    """Imported under its name there, it has the function that MLflow looks for."""
    with caplog.at_level(logging.INFO):
        module = runpy.run_path(str(pod_authentication.__file__), run_name=NAME)
    # This run has its own constants, and the fake's source is not MLflow's.
    assert module["authenticate_request"].__wrapped__ == server.own
    assert server.mended == [True]
    server.ask(module["authenticate_request"], "ada", "right")
    assert server.store.hashed == 1
    with caplog.at_level(logging.INFO):
        assert chosen() != server.own
    assert caplog.messages[-1].startswith("fast authentication is on in worker ")
