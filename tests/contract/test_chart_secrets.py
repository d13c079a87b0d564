"""The stand-in chart in a cluster that has Secrets already: what it keeps, and when it refuses to go on.

The cluster is a few answers over HTTP, which is all that Helm's `lookup` asks for. What is expected here was
seen with the chart 5.1.17 against the same answers.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lab import charts, plugins
from tests.contract.chart_cases import facts, objects, patched, secrets

Secrets = Mapping[str, Mapping[str, str]]

TRACKING = {"admin-user": "boss", "admin-password": "KeptAdmin123", "flask-server-secret-key": "KeptFlask"}
DATABASE = {"password": "KeptUser", "postgres-password": "KeptPostgres"}
MADE = {"mlflow-tracking": TRACKING, "mlflow-postgresql": DATABASE}
"""What a first install left in the cluster."""

DISCOVERY: dict[str, dict[str, Any]] = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.4"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [{"name": "secrets", "namespaced": True, "kind": "Secret", "verbs": ["get"]}],
    },
}


@contextmanager
def cluster(held: Secrets) -> Iterator[str]:
    """The URL of an API server that holds these Secrets and nothing else."""
    known = dict(DISCOVERY)
    for name, texts in held.items():
        data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        known[f"/api/v1/namespaces/mlflow/secrets/{name}"] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": "mlflow"},
            "data": data,
        }

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = known.get(self.path.partition("?")[0])
            missing = {"kind": "Status", "apiVersion": "v1", "reason": "NotFound", "code": 404}
            body = json.dumps(found or missing).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def without(key: str) -> dict[str, dict[str, str]]:
    """What a first install left, with one key lost."""
    return {name: {k: v for k, v in held.items() if k != key} for name, held in MADE.items()}


CASES: dict[str, tuple[Secrets, dict[str, str]]] = {
    "all there": (MADE, {}),
    "password given": (MADE, {"password": "Given", "postgresPassword": "Too"}),
    "credentials gone": ({"mlflow-postgresql": DATABASE}, {}),
    "database gone": ({"mlflow-tracking": TRACKING}, {}),
    **{f"no {key}": (without(key), {}) for key in (*TRACKING, *DATABASE)},
    "own Secret": ({"mlflow-tracking": TRACKING, "own": DATABASE}, {"existingSecret": "own"}),
    "own Secret without key": ({"mlflow-tracking": TRACKING, "own": {}}, {"existingSecret": "own"}),
}
"""What the cluster holds, and what `postgresql.auth` says."""


def upgrade(case: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Render an upgrade of the seed's values in a case."""
    held, auth = CASES[case]
    values = patched(facts("seed")["values"], {"postgresql": {"auth": auth}})
    file = folder / f"{case}.json"
    file.write_text(json.dumps(values))
    # No kubeconfig of this machine may lead Helm anywhere else.
    env = {**os.environ, "KUBECONFIG": str(folder / "none"), "HOME": str(folder)}
    with cluster(held) as url:
        command = [str(plugins.build() / "helm"), "template", "mlflow", str(charts.SOURCE), "--is-upgrade"]
        options = ["--namespace", "mlflow", "--values", str(file), "--dry-run=server"]
        return subprocess.run(
            [*command, *options, "--kube-apiserver", url],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def upgrades(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Any]]]:
    """All cases, begun at once."""
    folder = tmp_path_factory.mktemp("upgrades")
    with ThreadPoolExecutor(4) as pool:
        yield {case: pool.submit(upgrade, case, folder) for case in CASES}


def test_an_upgrade_keeps_every_generated_credential(upgrades: dict[str, Future[Any]]) -> None:
    assert secrets(objects(upgrades["all there"].result())) == MADE


def test_a_given_database_password_wins_over_the_kept_one(upgrades: dict[str, Future[Any]]) -> None:
    found = secrets(objects(upgrades["password given"].result()))
    assert found == {**MADE, "mlflow-postgresql": {"password": "Given", "postgres-password": "Too"}}


def test_makes_no_password_where_the_stack_has_one(upgrades: dict[str, Future[Any]]) -> None:
    assert secrets(objects(upgrades["own Secret"].result())) == {"mlflow-tracking": TRACKING}


@pytest.mark.parametrize(
    ("case", "key"),
    [
        ("credentials gone", "admin-password"),
        ("database gone", "password"),
        ("no admin-user", "admin-user"),
        ("no admin-password", "admin-password"),
        ("no password", "password"),
        ("own Secret without key", "password"),
    ],
)
def test_refuses_to_make_a_second_one(upgrades: dict[str, Future[Any]], case: str, key: str) -> None:
    """The database and MLflow go by the first one; the error names the key."""
    done = upgrades[case].result()
    assert done.returncode != 0
    assert "PASSWORDS ERROR" in done.stderr
    assert re.search(rf"[^\w-]{key}[^\w-]", done.stderr), done.stderr


@pytest.mark.parametrize("key", ["flask-server-secret-key", "postgres-password"])
def test_makes_anew_what_locks_nobody_out(upgrades: dict[str, Future[Any]], key: str) -> None:
    found = secrets(objects(upgrades[f"no {key}"].result()))
    merged = {k: v for held in found.values() for k, v in held.items()}
    assert re.fullmatch("[A-Za-z0-9]{10}", merged.pop(key))
    assert merged == {k: v for k, v in (TRACKING | DATABASE).items() if k != key}
