"""The real images in a containerd of their own: what the chart does to them, without Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from components.values_kept import source
from lab import images
from tests.e2e.containers import Containers, wait
from tests.e2e.database import PORT, Database

MLFLOW, DATABASE, _ = images.IMAGES
WEB_PORT = 25000


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


@pytest.fixture
def database(containers: Containers, tmp_path: Path) -> Iterator[Database]:
    yield Database(containers, tmp_path)
    if "database" in containers.running:
        containers.stop("database", "SIGKILL")


def test_the_database_keeps_its_data_and_its_password_over_stops_and_crashes(database: Database) -> None:
    database.start("first")
    database.wait()
    assert database.query("first", "create table t(a int)").returncode == 0
    assert "authentication failed" in database.query("wrong", "select 1").stderr
    assert database.containers.stop("database", DATABASE.settings.stop_signal) < 5

    database.start("changed")
    database.wait()
    assert "authentication failed" in database.query("changed", "select 1").stderr
    assert database.query("first", "insert into t values (7)").returncode == 0
    database.containers.stop("database", "SIGKILL")

    log = database.start("changed")
    database.wait()
    assert database.query("first", "select a from t").stdout == "7\n"
    assert "automatic recovery in progress" in log.read_text()


def test_a_kept_database_takes_the_passwords_of_the_secret(database: Database) -> None:
    """By the script that the program brings, over stops and crashes; without a change nothing is done."""
    (database.folder / "before" / "passwords.sh").write_text(source("pod_passwords.sh"))
    done = "mlflow: the database has the passwords of the Secret"
    log = database.start("first")
    database.wait()
    assert done not in log.read_text()
    assert database.query("first", "create table t(a int)").returncode == 0
    for signal, password, changes in (
        (DATABASE.settings.stop_signal, "it's", True),
        ("SIGKILL", "third", True),
        ("SIGKILL", "third", False),
        (DATABASE.settings.stop_signal, "third", False),
    ):
        database.containers.stop("database", signal)
        log = database.start(password)
        database.wait()
        assert (done in log.read_text()) == changes
        assert password not in log.read_text()
        assert database.query(password, "select count(*) from t").stdout == "0\n"
        admin = database.query(f"root{password}", "select 1", user="postgres")
        assert admin.returncode == 0, admin.stderr
        assert "authentication failed" in database.query("first", "select 1").stderr


def test_a_database_that_cannot_take_them_starts_all_the_same(database: Database) -> None:
    database.start("first")
    database.wait()
    database.containers.stop("database", DATABASE.settings.stop_signal)
    (database.folder / "before" / "passwords.sh").write_text(
        source("pod_passwords.sh").replace("-c config_file=/dev/null", "-c config_file=/nowhere")
    )
    log = database.start("second")
    database.wait()
    assert "the database keeps its passwords" in log.read_text()
    assert database.query("first", "select 1").returncode == 0


def test_a_first_start_that_was_killed_leaves_nothing_that_the_next_one_trusts(database: Database) -> None:
    database.start("first")
    wait((database.folder / "data/data.new/base").exists)
    database.containers.stop("database", "SIGKILL")
    assert not (database.folder / "data/data").exists()
    database.start("second")
    database.wait()
    assert database.query("second", "select 1").stdout == "1\n"


def test_mlflow_serves_with_login_from_the_database(database: Database, tmp_path: Path) -> None:
    database.start("first")
    database.wait()
    (tmp_path / "auth").mkdir()
    uri = f"postgresql://bn_mlflow:first@127.0.0.1:{PORT}"
    ini = (
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {uri}/auth\nadmin_username = me\n"
        "admin_password = twelve-letters\nauthorization_function = "
        "mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    (tmp_path / "auth/basic_auth.ini").write_text(ini)
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
    assert database.containers.running.pop("upgrade").wait(timeout=120) == 0, log.read_text()
    log = database.containers.start(
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
            (tmp_path / "auth/basic_auth.ini").write_text(ini.replace(me[1], "another-password"))
            hook = database.containers.execute("mlflow", "python", "-c", source("pod_login.py"))
            assert hook.returncode == 0, hook.stderr
            assert web.get(search, auth=("me", "another-password")).status_code == 200
            assert web.get(search, auth=me).status_code == 401
        assert log.read_text().count("the administrator has the password of the Secret") == 1
        assert database.containers.execute("mlflow", "pgrep", "-f", "mlflow.server").returncode == 0
        kept = database.query("first", "select name from experiments", "bitnami_mlflow")
        assert kept.stdout == "Default\n"
    finally:
        database.containers.stop("mlflow", "SIGKILL")
