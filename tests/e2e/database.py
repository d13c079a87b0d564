"""The image's PostgreSQL in a container, as the chart's StatefulSet runs it."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

from lab import images
from tests.e2e.containers import Containers, wait

_, IMAGE, _ = images.IMAGES
PORT = 25432


class Database:
    """One PostgreSQL over one data folder, with scripts as the chart brings them."""

    def __init__(self, containers: Containers, folder: Path) -> None:
        self.containers, self.folder = containers, folder
        scripts = folder / "scripts"
        scripts.mkdir()
        (scripts / "more.sh").write_text(
            "export PGPASSWORD=$POSTGRES_POSTGRES_PASSWORD\n"
            'psql -U postgres <<< "CREATE DATABASE auth OWNER bn_mlflow"\n'
        )
        (folder / "before").mkdir()

    def start(self, password: str) -> Path:
        secrets = self.folder / "secrets"
        secrets.mkdir(exist_ok=True)
        (secrets / "password").write_text(password)
        (secrets / "postgres-password").write_text(f"root{password}")
        private = self.folder / uuid.uuid4().hex
        mounts = {
            self.folder / "data": "/bitnami/postgresql",
            self.folder / "scripts": "/docker-entrypoint-initdb.d",
            self.folder / "before": "/docker-entrypoint-preinitdb.d",
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
        self.log = self.containers.start("database", IMAGE.reference, mounts, env)
        return self.log

    def wait(self) -> None:
        """Wait until it answers; fails with its log."""
        wait(self._ready, log=self.log)

    def _ready(self) -> bool:
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
        self, password: str, statement: str, database: str = "auth", user: str = "bn_mlflow"
    ) -> subprocess.CompletedProcess[str]:
        login = (
            "psql",
            "-h",
            "127.0.0.1",
            "-p",
            str(PORT),
            "-U",
            user,
            "-d",
            database,
            "-Atc",
            statement,
        )
        return self.containers.execute("database", "env", f"PGPASSWORD={password}", *login)
