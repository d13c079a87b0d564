"""Runs inside the tracking server's container: what the stores themselves hold of one run.

Asking from there needs no credentials here and works for every store, private networks included.
Sent as `python -c SOURCE`; reads one JSON line, [run_id, experiment_id, artifact_name], and prints one.
The URIs come from the server's own arguments (process 1); they hold the database's password and are
never printed.
"""

import json
import sys
from pathlib import Path


def main() -> None:
    """Count the run's rows in the backend store and look for its artifact in the artifact store."""
    import sqlalchemy
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    run_id, experiment_id, artifact = json.loads(sys.stdin.readline())
    arguments = Path("/proc/1/cmdline").read_text().split("\0")
    given = dict(
        argument[2:].split("=", 1) for argument in arguments if argument.startswith("--") and "=" in argument
    )

    engine = sqlalchemy.create_engine(given["backend-store-uri"])
    rows = {}
    with engine.connect() as connection:
        for name in ("runs", "params", "metrics"):
            table = sqlalchemy.table(name, sqlalchemy.column("run_uuid"))
            query = (
                sqlalchemy.select(sqlalchemy.func.count())
                .select_from(table)
                .where(table.c.run_uuid == run_id)
            )
            rows[name] = connection.execute(query).scalar()

    root = f"{given['artifacts-destination']}/{experiment_id}/{run_id}/artifacts"
    objects = {entry.path: entry.file_size for entry in get_artifact_repository(root).list_artifacts()}
    print(
        json.dumps(
            {
                "database": engine.dialect.name,
                "rows": rows,
                "store": root.split(":")[0],
                "size": objects.get(artifact),
            }
        )
    )


if __name__ == "__main__":
    main()
