"""PostgreSQL's side of a rotation: verifiers, rules, and what reaches the pod; no secret in an argument."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from ops import cluster
from ops.console import OpsError
from ops.rotation.login_text import MARK, opened, shut, verifier
from ops.rotation.postgres import ADMIN, Postgres
from ops.rotation.target import Target
from ops.stack import Stack

RULES = "local all all scram-sha-256\nhost all all all md5 # everyone\n"


def test_the_verifier_signs_as_rfc_7677_shows() -> None:
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    salt = "W22ZaJ0SNY7soEsUEjb6gQ=="
    told = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s={salt},i=4096,c=biws,r={nonce}"
    kind, work, keys = verifier("pencil", base64.b64decode(salt)).split("$")
    assert (kind, work) == ("SCRAM-SHA-256", f"4096:{salt}")
    server = base64.b64decode(keys.split(":")[1])
    signed = base64.b64encode(hmac.digest(server, told.encode(), "sha256")).decode()
    assert signed == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_two_verifiers_of_one_password_differ() -> None:
    assert verifier("pencil") != verifier("pencil")


def test_addresses_are_let_in_before_all_other_rules_and_shut_out_again() -> None:
    rules = opened(RULES, "bn_mlflow", ("runs", "users"), ["198.18.0.9", "fd00::7"])
    first, second, *rest = rules.splitlines(keepends=True)
    assert first == f'host "runs","users" "bn_mlflow" 198.18.0.9/32 trust {MARK}\n'
    assert second.startswith('host "runs","users" "bn_mlflow" fd00::7/128 trust ')
    assert "".join(rest) == RULES
    assert shut(rules) == RULES
    assert opened(rules, "bn_mlflow", ("runs", "users"), []) == RULES


def test_what_is_no_address_is_never_written() -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        opened(RULES, "bn_mlflow", ("runs", "users"), ["all"])


class Pod:
    """The database's pod: commands and their standard input are kept, answers are given in order."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], str]] = []
        self.answers: list[tuple[int, str, str]] = []
        self.hangs = False

    @contextmanager
    def executed(self, *where: Any) -> Iterator[Any]:
        *_, container, command = where
        assert container == "postgresql"
        code, output, errors = self.answers.pop(0)
        yield SimpleNamespace(
            write_stdin=lambda text: self.asked.append((command, text)),
            run_forever=lambda timeout: None,
            is_open=lambda: self.hangs,
            returncode=code,
            read_stdout=lambda: output,
            read_stderr=lambda: errors,
        )


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pod]:
    made = Pod()
    monkeypatch.setattr(cluster, "executed", made.executed)
    yield made
    assert made.answers == []
    assert not any("Planted" in argument for command, _ in made.asked for argument in command)


API: Any = SimpleNamespace(connect_get_namespaced_pod_exec=None)
SERVER = Postgres(API, "mlflow", "mlflow-postgresql-0", "198.18.0.5", "5432", "bn_mlflow", ("runs", "users"))
REFUSED = 'psql: error: ... FATAL:  password authentication failed for user "bn_mlflow"\n'


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        ((0, "1\n", ""), True),
        ((2, "", REFUSED), False),
        ((2, "", "fe_sendauth: no password supplied"), False),
    ],
)
def test_a_password_is_tried_over_the_network(pod: Pod, answer: tuple[int, str, str], accepted: bool) -> None:
    pod.answers = [answer]
    assert SERVER.accepts("bn_mlflow", "PlantedPassword") == accepted
    ((command, text),) = pod.asked
    assert command[-4:] == ["198.18.0.5", "5432", "bn_mlflow", "runs"]
    assert text == "PlantedPassword\nSELECT 1;\n\\q\n"


def test_a_server_that_does_not_answer_is_no_refusal(pod: Pod) -> None:
    pod.answers = [(2, "", 'psql: error: connection to server at "198.18.0.5" failed: Connection refused\n')]
    with pytest.raises(OpsError, match=r"does not answer: psql: error: .* Connection refused"):
        SERVER.accepts(ADMIN, "PlantedPassword")


def test_a_pod_that_hangs_is_told(pod: Pod) -> None:
    pod.answers, pod.hangs = [(0, "", "")], True
    with pytest.raises(OpsError, match="does not answer within 60 s"):
        SERVER.ask("PlantedPassword", "SELECT 1;")


def test_passwords_change_together_and_reach_the_server_as_verifiers(pod: Pod) -> None:
    pod.answers = [(0, "", "")]
    SERVER.set_passwords("PlantedOld", {"bn_mlflow": "PlantedUser", ADMIN: "PlantedSuper"})
    ((_, text),) = pod.asked
    password, begin, user, superuser, commit, _ = text.splitlines()
    assert (password, begin, commit) == ("PlantedOld", "BEGIN;", "COMMIT;")
    assert user.startswith('ALTER ROLE "bn_mlflow" PASSWORD \'SCRAM-SHA-256$4096:')
    assert superuser.startswith('ALTER ROLE "postgres" PASSWORD \'SCRAM-SHA-256$4096:')
    assert "PlantedUser" not in text
    assert "PlantedSuper" not in text


def test_an_error_shows_no_statement(pod: Pod) -> None:
    shown = "ERROR:  syntax error at or near \"x\"\nLINE 1: ALTER ROLE x PASSWORD 'SCRAM: 1'\n        ^\n"
    pod.answers = [(3, "", shown)]
    with pytest.raises(OpsError) as told:
        SERVER.ask("PlantedPassword", "ALTER ...")
    assert str(told.value) == 'PostgreSQL in pod mlflow-postgresql-0: ERROR:  syntax error at or near "x"'


def test_connections_from_elsewhere_are_seen(pod: Pod) -> None:
    pod.answers = [(0, "bn_mlflow|198.18.0.7\nbn_mlflow|198.18.0.1\npostgres|198.18.0.5\n", "")]
    assert SERVER.others("PlantedPassword", ["198.18.0.7"]) == {"198.18.0.1"}


PATH = (0, "/conf/pg_hba.conf\n", "")


def test_rules_are_written_whole_checked_and_then_loaded(pod: Pod) -> None:
    pod.answers = [(0, f"{RULES}\n", ""), PATH, (0, "", ""), (0, "0\n", ""), (0, "t\n", ""), (0, "\n", "")]
    SERVER.let_in("PlantedPassword", ["198.18.0.7"])
    (command, written) = pod.asked[2]
    assert written == opened(RULES, "bn_mlflow", ("runs", "users"), ["198.18.0.7"])
    assert command[-2:] == [str(len(written)), "/conf/pg_hba.conf"]
    assert "pg_reload_conf" in pod.asked[4][1]


def test_rules_that_the_server_would_refuse_are_taken_back(pod: Pod) -> None:
    pod.answers = [(0, f"{RULES}\n", ""), PATH, (0, "", ""), (0, "1\n", ""), PATH, (0, "", "")]
    with pytest.raises(OpsError, match=r"does not accept the changed pg_hba.conf; it is as before"):
        SERVER.let_in("PlantedPassword", ["198.18.0.7"])
    assert pod.asked[-1][1] == RULES


def test_rules_that_are_right_are_left_alone(pod: Pod) -> None:
    pod.answers = [(0, f"{RULES}\n", "")]
    SERVER.let_in("PlantedPassword", [])


def test_rules_that_cannot_be_written_are_told_before_anything_is_changed(pod: Pod) -> None:
    pod.answers = [PATH, (0, "", ""), PATH, (1, "", "")]
    SERVER.check_rules("PlantedPassword")
    with pytest.raises(OpsError, match=r"folder of /conf/pg_hba.conf cannot be written to"):
        SERVER.check_rules("PlantedPassword")


def test_rules_that_could_not_be_written_are_told(pod: Pod) -> None:
    pod.answers = [
        (0, f"{RULES}\n", ""),
        PATH,
        (1, "", "mv: cannot move 'a' to 'b': Read-only file system\n"),
    ]
    with pytest.raises(OpsError, match=r"cannot be written: mv: cannot move .*Read-only"):
        SERVER.let_in("PlantedPassword", ["198.18.0.7"])


def described(ready: str, ip: str | None = "198.18.0.5") -> Any:
    """The database's pod as the API has it."""
    variables = {
        "POSTGRES_USER": "bn_mlflow",
        "POSTGRES_DATABASE": "runs",
        "POSTGRESQL_PORT_NUMBER": "5432",
        "POSTGRES_PASSWORD": None,
    }
    env = [SimpleNamespace(name=name, value=value) for name, value in variables.items()]
    containers = [SimpleNamespace(name="metrics", env=None), SimpleNamespace(name="postgresql", env=env)]
    condition = SimpleNamespace(type="Ready", status=ready)
    return SimpleNamespace(
        spec=SimpleNamespace(containers=containers),
        status=SimpleNamespace(conditions=[condition], pod_ip=ip),
    )


def target(read: Any) -> Target:
    """A target whose pods are what `read` gives."""
    api: Any = SimpleNamespace(read_namespaced_pod=read)
    return Target(Stack("dev"), {"namespace": "mlflow", "releaseName": "second"}, api)


def test_the_database_is_found_by_the_release_s_name() -> None:
    def read(name: str, namespace: str) -> Any:
        assert (name, namespace) == ("second-postgresql-0", "mlflow")
        return described("True")

    found = Postgres.of(target(read))
    assert (found.pod, found.host, found.port) == ("second-postgresql-0", "198.18.0.5", "5432")
    assert (found.role, found.databases) == ("bn_mlflow", ("runs", "runs_auth"))


@pytest.mark.parametrize("seen", [described("False"), described("True", ip=None)])
def test_a_database_that_is_not_ready_is_told(seen: Any) -> None:
    with pytest.raises(OpsError, match="pod second-postgresql-0 is not ready: `kubectl get pods -n mlflow`"):
        Postgres.of(target(lambda *_: seen))


def test_a_database_that_is_not_there_is_told() -> None:
    def read(*_: str) -> Any:
        raise ApiException(status=404, reason="Not Found")

    with pytest.raises(OpsError, match="pod second-postgresql-0 in mlflow cannot be read: Not Found"):
        Postgres.of(target(read))
