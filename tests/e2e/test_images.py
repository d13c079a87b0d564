"""The real images in a containerd of their own: what the chart does to them, without Kubernetes."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lab import images
from tests.e2e.containers import Containers, wait

MLFLOW, DATABASE, _ = images.IMAGES
PORT, WEB_PORT = 25432, 25000


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    running = Containers(tmp_path_factory.mktemp("c"))
    try:
        for image in (DATABASE, MLFLOW):
            imported = running.ctr("images", "import", str(image.build()))
            assert imported.returncode == 0, imported.stderr
        yield running
    finally:
        running.close()


class Database:
    """One PostgreSQL over one data folder, with a first-start script as the chart brings one."""

    def __init__(self, containers: Containers, folder: Path) -> None:
        self.containers, self.folder = containers, folder
        scripts = folder / "scripts"
        scripts.mkdir()
        (scripts / "more.sh").write_text(
            "export PGPASSWORD=$POSTGRES_POSTGRES_PASSWORD\n"
            'psql -U postgres <<< "CREATE DATABASE auth OWNER bn_mlflow"\n'
        )

    def start(self, password: str) -> Path:
        secrets = self.folder / "secrets"
        secrets.mkdir(exist_ok=True)
        (secrets / "password").write_text(password)
        (secrets / "postgres-password").write_text(f"root{password}")
        private = self.folder / uuid.uuid4().hex
        mounts = {
            self.folder / "data": "/bitnami/postgresql",
            self.folder / "scripts": "/docker-entrypoint-initdb.d",
            secrets: "/opt/bitnami/postgresql/secrets",
            private / "tmp": "/tmp",
            private / "conf": "/opt/bitnami/postgresql/conf",
            private / "run": "/opt/bitnami/postgresql/tmp",
        }
        env = {
            "POSTGRESQL_PORT_NUMBER": str(PORT),
            "POSTGRESQL_VOLUME_DIR": "/bitnami/postgresql",
            "PGDATA": "/bitnami/postgresql/data",
            "POSTGRES_USER": "bn_mlflow",
            "POSTGRES_DATABASE": "bitnami_mlflow",
            "POSTGRES_PASSWORD_FILE": "/opt/bitnami/postgresql/secrets/password",
            "POSTGRES_POSTGRES_PASSWORD_FILE": "/opt/bitnami/postgresql/secrets/postgres-password",
            "POSTGRESQL_SHARED_PRELOAD_LIBRARIES": "pgaudit",
        }
        return self.containers.start("database", DATABASE.reference, mounts, env)

    def ready(self) -> bool:
        probe = (
            "pg_isready",
            "-U",
            "bn_mlflow",
            "-d",
            "dbname=bitnami_mlflow",
            "-h",
            "127.0.0.1",
            "-p",
            str(PORT),
        )
        return self.containers.execute("database", *probe).returncode == 0

    def query(
        self, password: str, statement: str, database: str = "auth"
    ) -> subprocess.CompletedProcess[str]:
        login = (
            "psql",
            "-h",
            "127.0.0.1",
            "-p",
            str(PORT),
            "-U",
            "bn_mlflow",
            "-d",
            database,
            "-Atc",
            statement,
        )
        return self.containers.execute("database", "env", f"PGPASSWORD={password}", *login)


@pytest.fixture
def database(containers: Containers, tmp_path: Path) -> Iterator[Database]:
    yield Database(containers, tmp_path)
    if "database" in containers.running:
        containers.stop("database", "SIGKILL")


def test_the_database_keeps_its_data_and_its_password_over_stops_and_crashes(database: Database) -> None:
    database.start("first")
    wait(database.ready)
    assert database.query("first", "create table t(a int)").returncode == 0
    assert "authentication failed" in database.query("wrong", "select 1").stderr
    assert database.containers.stop("database", DATABASE.settings.stop_signal) < 5

    database.start("changed")
    wait(database.ready)
    assert "authentication failed" in database.query("changed", "select 1").stderr
    assert database.query("first", "insert into t values (7)").returncode == 0
    database.containers.stop("database", "SIGKILL")

    log = database.start("changed")
    wait(database.ready)
    assert database.query("first", "select a from t").stdout == "7\n"
    assert "automatic recovery in progress" in log.read_text()


def test_a_first_start_that_was_killed_leaves_nothing_that_the_next_one_trusts(database: Database) -> None:
    database.start("first")
    wait((database.folder / "data/data.new/base").exists)
    database.containers.stop("database", "SIGKILL")
    assert not (database.folder / "data/data").exists()
    database.start("second")
    wait(database.ready)
    assert database.query("second", "select 1").stdout == "1\n"


def test_mlflow_serves_with_login_from_the_database(database: Database, tmp_path: Path) -> None:
    database.start("first")
    wait(database.ready)
    (tmp_path / "auth").mkdir()
    uri = f"postgresql://bn_mlflow:first@127.0.0.1:{PORT}"
    (tmp_path / "auth/basic_auth.ini").write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {uri}/auth\nadmin_username = me\n"
        "admin_password = twelve-letters\nauthorization_function = "
        "mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    mounts = {
        tmp_path / "tmp": "/tmp",
        tmp_path / "auth": "/bitnami/mlflow-basic-auth",
        tmp_path / "artifacts": "/app/mlartifacts",
    }
    server = ["mlflow", "server", f"--backend-store-uri={uri}/bitnami_mlflow", "--host=127.0.0.1"]
    server += [
        f"--port={WEB_PORT}",
        "--app-name=basic-auth",
        "--serve-artifacts",
        "--expose-prometheus=/tmp/metrics",
    ]
    # As the chart does: without a gunicorn option MLflow takes uvicorn, which its login does not work with.
    server += ["--artifacts-destination=/app/mlartifacts", "--gunicorn-opts=--timeout=120"]
    # The chart's step before the server: four workers that make the tables at once get in each other's way.
    upgrade = ["python", "-m", "mlflow.server.auth", "db", "upgrade", "--url", f"{uri}/auth"]
    log = database.containers.start("upgrade", MLFLOW.reference, {tmp_path / "tmp": "/tmp"}, {}, *upgrade)
    assert database.containers.running.pop("upgrade").wait(timeout=30) == 0, log.read_text()
    database.containers.start(
        "mlflow", MLFLOW.reference, mounts, {"MLFLOW_FLASK_SERVER_SECRET_KEY": "k"}, *server
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{WEB_PORT}", timeout=10) as web:

            def healthy() -> bool:
                try:
                    return web.get("/health").status_code == 200
                except httpx.TransportError:
                    return False

            wait(healthy)
            search = "/api/2.0/mlflow/experiments/search?max_results=1"
            assert web.get(search).status_code == 401
            me = ("me", "twelve-letters")
            assert web.get(search, auth=me).json()["experiments"][0]["name"] == "Default"
            assert "<html" in web.get("/", auth=me).text
            assert "mlflow_exporter_info" in web.get("/metrics", auth=me).text
        assert database.containers.execute("mlflow", "pgrep", "-f", "mlflow.server").returncode == 0
        kept = database.query("first", "select name from experiments", "bitnami_mlflow")
        assert kept.stdout == "Default\n"
    finally:
        database.containers.stop("mlflow", "SIGKILL")
