"""The script that gives a kept database the Secret's passwords, with a PostgreSQL that only takes notes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from components.values_kept import source

NOTES = """#!/bin/bash
{ printf '%s\\n' "$*"; cat; } >> "$NOTES"
echo 'backend> ' "$ANSWER"
exit "$CODE"
"""


class Pod:
    """The places that the script looks at."""

    def __init__(self, folder: Path) -> None:
        self.data, self.secrets, self.notes = folder / "data", folder / "secrets", folder / "notes"
        self.mark = self.data / "mlflow-passwords"
        for made in (self.data, self.secrets, folder / "bin"):
            made.mkdir()
        self.script = folder / "passwords.sh"
        self.script.write_text(
            source("pod_passwords.sh").replace("/opt/bitnami/postgresql/secrets", "$SECRETS")
        )
        program = folder / "bin" / "postgres"
        program.write_text(NOTES)
        program.chmod(0o755)
        self.path = f"{folder / 'bin'}:/usr/bin:/bin"

    def old(self) -> Pod:
        """A volume that was there before."""
        (self.data / "PG_VERSION").write_text("17\n")
        return self

    def secret(self, **files: str) -> Pod:
        """The Secret as it is mounted."""
        for key, text in files.items():
            (self.secrets / key.replace("_", "-")).write_text(text)
        return self

    def start(self, answer: str = "", code: int = 0) -> str:
        """What the log says of a start that sources the script as Bitnami's image does."""
        loop = 'set -euo pipefail; printf "%s\\n" "$1" /dev/null | while read -r f; do . "$f"; done; echo ok'
        env = {"PATH": self.path, "PGDATA": str(self.data), "SECRETS": str(self.secrets), "ANSWER": answer}
        done = subprocess.run(
            ["bash", "-c", loop, "bash", str(self.script)],
            env={**env, "NOTES": str(self.notes), "CODE": str(code), "POSTGRES_USER": "bn_mlflow"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "ok\n"
        return done.stderr

    def asked(self) -> list[str]:
        """What PostgreSQL got since the last look."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        self.notes.unlink(missing_ok=True)
        return lines


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


def test_a_first_start_is_left_alone(pod: Pod) -> None:
    assert pod.secret(password="a", postgres_password="b").start() == ""
    assert pod.asked() == []
    assert list(pod.data.iterdir()) == []


def test_a_volume_that_is_older_gets_the_passwords_once(pod: Pod) -> None:
    pod.old().secret(password="It's", postgres_password='x\\y"z$(id)')
    assert pod.start() == "mlflow: the database has the passwords of the Secret\n"
    options, *statements = pod.asked()
    assert options.startswith(f"--single -D {pod.data} ")
    assert "log_min_error_statement=panic" in options
    assert statements == [
        'ALTER ROLE "postgres" PASSWORD \'x\\y"z$(id)\';',
        "ALTER ROLE \"bn_mlflow\" PASSWORD 'It''s';",
    ]
    assert pod.start() == ""
    assert pod.asked() == []
    pod.secret(password="other").start()
    assert statements[0] in pod.asked()


def test_the_mark_tells_nobody_a_password(pod: Pod) -> None:
    """It is salted, so that it differs for equal passwords, and it is the database's alone."""
    pod.old().secret(password="weak", postgres_password="weak").start()
    first = pod.mark.read_text()
    assert pod.mark.stat().st_mode & 0o777 == 0o600
    assert pod.data.stat().st_mode & 0o777 == 0o700
    pod.mark.unlink()
    pod.start()
    assert pod.mark.read_text() != first


def test_a_secret_with_one_key_sets_one_password(pod: Pod) -> None:
    pod.old().secret(password="a").start()
    assert pod.asked()[1:] == ["ALTER ROLE \"bn_mlflow\" PASSWORD 'a';"]


def test_a_secret_without_its_keys_sets_none(pod: Pod) -> None:
    assert pod.old().start() == ""
    assert pod.asked() == []


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        ('ERROR:  role "bn_mlflow" does not exist', 0, 'role "bn_mlflow" does not exist'),
        ("FATAL:  could not write", 1, "could not write"),
        ("", 127, "exit code 127"),
    ],
)
def test_where_it_fails_the_database_starts_and_the_next_start_tries_again(
    pod: Pod, answer: str, code: int, told: str
) -> None:
    log = pod.old().secret(password="Planted1", postgres_password="Planted2").start(answer, code)
    assert log.startswith("mlflow: the database keeps its passwords, the Secret may hold others: ")
    assert told in log
    assert "Planted" not in log
    assert not pod.mark.exists()
    assert "has the passwords of the Secret" in pod.start()


def test_a_mark_that_cannot_be_written_is_told(pod: Pod) -> None:
    pod.old().secret(password="a")
    pod.mark.mkdir()
    (pod.mark / "in the way").touch()
    log = pod.start()
    assert "the database has the passwords of the Secret" in log
