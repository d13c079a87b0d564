"""The sub-chart's PostgreSQL, asked by `psql` in its own pod: passwords, and who is let in without one.

Nothing secret stands in an argument or in a statement: passwords come on standard input, and a new one
reaches the server as its SCRAM verifier (as psql's own command for passwords does).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components import names
from ops import cluster
from ops.console import OpsError
from ops.rotation.login_text import opened, verifier
from ops.rotation.target import Target

ADMIN = "postgres"
"""The superuser's role."""
_CONTAINER = "postgresql"
_PSQL = (
    "IFS= read -r PGPASSWORD; export PGPASSWORD\n"
    'exec psql -X -w -q -At -v ON_ERROR_STOP=1 -h "$1" -p "$2" -U "$3" -d "$4"'
)
_WRITE = 'umask 077; head -c "$1" > "$2.next" && mv -f "$2.next" "$2"'
_WRITABLE = 'test -w "${1%/*}"'
_REFUSED = ("password authentication failed", "no password supplied")


@dataclass(frozen=True)
class Postgres:
    """One database server in its pod; `role` is the one that MLflow signs in as, to `databases`."""

    api: client.CoreV1Api
    namespace: str
    pod: str
    host: str
    port: str
    role: str
    databases: tuple[str, str]

    @classmethod
    def of(cls, target: Target) -> Postgres:
        """The database of a release (chart 5.1.17, one replica). Raises `OpsError` when it is not ready."""
        name = f"{names.database(target.release)}-0"
        try:
            pod = target.api.read_namespaced_pod(name, target.namespace)
        except ApiException as error:
            raise OpsError(f"pod {name} in {target.namespace} cannot be read: {error.reason}") from error
        assert pod.spec and pod.status  # noqa: S101 - the API gives both
        if not cluster.is_ready(pod.status) or not pod.status.pod_ip:
            raise OpsError(f"pod {name} is not ready: `kubectl get pods -n {target.namespace}`")
        (container,) = (found for found in pod.spec.containers if found.name == _CONTAINER)
        env = {variable.name: variable.value or "" for variable in container.env or []}
        database = env["POSTGRES_DATABASE"]
        return cls(
            *(target.api, target.namespace, name, str(pod.status.pod_ip)),
            *(env["POSTGRESQL_PORT_NUMBER"], env["POSTGRES_USER"], (database, f"{database}_auth")),
        )

    def accepts(self, role: str, password: str) -> bool:
        """Whether a role may sign in with a password. Raises `OpsError` where that cannot be told."""
        code, _, errors = self._psql(role, password, "SELECT 1;")
        if code and not any(words in errors for words in _REFUSED):
            raise OpsError(f"PostgreSQL in pod {self.pod} does not answer: {_last(errors)}")
        return code == 0

    def ask(self, password: str, sql: str) -> str:
        """What the superuser gets for statements, all or none of them. Raises `OpsError`."""
        code, output, errors = self._psql(ADMIN, password, f"BEGIN;\n{sql}\nCOMMIT;")
        if code:
            raise OpsError(f"PostgreSQL in pod {self.pod}: {_last(errors)}")
        return output.removesuffix("\n")

    def set_passwords(self, password: str, wanted: Mapping[str, str]) -> None:
        """Give roles their passwords, all at once."""
        self.ask(
            password,
            "\n".join(f"ALTER ROLE \"{role}\" PASSWORD '{verifier(new)}';" for role, new in wanted.items()),
        )

    def others(self, password: str, addresses: Collection[str]) -> set[str]:
        """Where `role` is connected from besides `addresses`: through a proxy or an address translation."""
        sql = (
            "SELECT DISTINCT usename, host(client_addr) FROM pg_stat_activity WHERE client_addr IS NOT NULL;"
        )
        connected = (line.split("|") for line in self.ask(password, sql).splitlines())
        return {address for role, address in connected if role == self.role} - set(addresses)

    def check_rules(self, password: str) -> None:
        """The rules of who is let in can be changed. Raises `OpsError` where they cannot."""
        path = self._rules(password)
        code, _, _ = self._run(["bash", "-c", _WRITABLE, "bash", path], "")
        if code:
            raise OpsError(f"pod {self.pod}: the folder of {path} cannot be written to")

    def let_in(self, password: str, addresses: Collection[str]) -> None:
        """Let `role` in from these addresses and no others without a look at its password."""
        before = self.ask(password, "SELECT pg_read_file(current_setting('hba_file'));")
        after = opened(before, self.role, self.databases, addresses)
        if before == after:
            return
        self._write(password, after)
        # The view reads the file and not what is in use: a broken file is seen before it counts.
        if self.ask(password, "SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL;") != "0":
            self._write(password, before)
            raise OpsError(
                f"PostgreSQL in pod {self.pod} does not accept the changed pg_hba.conf; it is as before"
            )
        self.ask(password, "SELECT pg_reload_conf();")
        # The server reads it when the signal arrives, which is not when the statement ends.
        self.ask(password, "SELECT pg_sleep(0.5);")

    def _write(self, password: str, text: str) -> None:
        path = self._rules(password)
        command = ["bash", "-c", _WRITE, "bash", str(len(text.encode())), path]
        code, _, errors = self._run(command, text)
        if code:
            raise OpsError(f"pod {self.pod}: {path} cannot be written: {_last(errors)}")

    def _rules(self, password: str) -> str:
        return self.ask(password, "SELECT current_setting('hba_file');")

    def _psql(self, role: str, password: str, sql: str) -> tuple[int, str, str]:
        # Not loopback: an image's pg_hba.conf may let that in without a password.
        database = ADMIN if role == ADMIN else self.databases[0]
        command = ["bash", "-c", _PSQL, "bash", self.host, self.port, role, database]
        return self._run(command, f"{password}\n{sql}\n\\q\n")

    def _run(self, command: Sequence[str], text: str) -> tuple[int, str, str]:
        """Exit code, output and errors of a command in the container, with `text` on its standard input."""
        with cluster.executed(self.api, self.namespace, self.pod, _CONTAINER, list(command)) as socket:
            socket.write_stdin(text)
            socket.run_forever(timeout=60)
            if socket.is_open():
                raise OpsError(f"pod {self.pod} does not answer within 60 s")
            return int(socket.returncode), socket.read_stdout(), socket.read_stderr()


def _last(errors: str) -> str:
    """The last error in what a program told, and none of the statement that psql shows below it."""
    told = [line for line in errors.splitlines() if re.search(r"error|fatal|cannot|: ", line, re.I)]
    found = [line for line in told if not line.startswith(("LINE ", "DETAIL", "HINT", "CONTEXT"))]
    return found[-1] if found else "no error text"
