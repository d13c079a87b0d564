"""MLflow's own tables: what was deleted up to a moment, and how it is removed for good.

An item is locked, its artifacts are removed, then its rows, all in one transaction: nobody can restore it
meanwhile, and where its artifacts cannot be removed its rows stay, for the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from components.pod_housekeeping.items import Item, Location

_RUNS = """
    SELECT r.run_uuid, r.name, e.name, r.deleted_time, r.artifact_uri
    FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id
    WHERE r.lifecycle_stage = 'deleted' AND r.deleted_time <= :before ORDER BY r.deleted_time, r.run_uuid
"""
_EXPERIMENTS = """
    SELECT e.experiment_id, e.name, e.name, e.last_update_time FROM experiments e
    WHERE e.lifecycle_stage = 'deleted' AND e.last_update_time <= :before AND NOT EXISTS (
        SELECT 1 FROM runs r WHERE r.experiment_id = e.experiment_id
        AND NOT COALESCE(r.lifecycle_stage = 'deleted' AND r.deleted_time <= :before, FALSE)
    ) ORDER BY e.last_update_time, e.experiment_id
"""
"""An experiment waits for its last run. Deleting one deletes its runs, a moment later (MLflow 3.3.2)."""
_MODELS = "SELECT artifact_location, model_id FROM logged_models WHERE experiment_id = :id ORDER BY model_id"
_TRACES = """
    SELECT g.value, t.request_id FROM trace_info t JOIN trace_tags g ON g.request_id = t.request_id
    WHERE t.experiment_id = :id AND g.key = 'mlflow.artifactLocation' ORDER BY t.request_id
"""
_VERSIONS = """
    SELECT name, version FROM model_versions WHERE current_stage <> 'Deleted_Internal' AND (
        substr(source, 1, length(:runs)) = :runs OR source = :model
        OR substr(source || '/', 1, length(:below)) = :below
        OR substr(storage_location || '/', 1, length(:below)) = :below
    ) ORDER BY name, version
"""
"""Versions of registered models that are made of what is kept below a location."""
_LOCKS = {
    "run": """
        SELECT 1 FROM runs WHERE run_uuid = :id AND lifecycle_stage = 'deleted' AND deleted_time <= :before
        FOR UPDATE SKIP LOCKED
    """,
    "experiment": """
        SELECT 1 FROM experiments WHERE experiment_id = :id AND lifecycle_stage = 'deleted'
        AND last_update_time <= :before AND NOT EXISTS (SELECT 1 FROM runs WHERE experiment_id = :id)
        FOR UPDATE SKIP LOCKED
    """,
}
_BULK = {
    # MLflow's classes would load each of these rows, a million metrics and more, to delete it.
    "run": (
        "DELETE FROM metrics WHERE run_uuid = :id",
        "DELETE FROM latest_metrics WHERE run_uuid = :id",
        "DELETE FROM params WHERE run_uuid = :id",
        "DELETE FROM tags WHERE run_uuid = :id",
    ),
    # No class of MLflow's takes these along, and while they are there the database keeps the experiment.
    "experiment": (
        "DELETE FROM trace_info WHERE experiment_id = :id",
        "DELETE FROM logged_models WHERE experiment_id = :id",
    ),
}


@dataclass(frozen=True)
class Database:
    """The runs' database: `sessions` begins a transaction, `classes` are MLflow's own by the kind of item."""

    sessions: Callable[[], AbstractContextManager[Any]]
    text: Callable[[str], Any]
    classes: Mapping[str, Any]

    @classmethod
    def opened(cls, name: str) -> Database:
        """The database of that name, by libpq's variables. Raises where its schema is not this MLflow's."""
        from mlflow.store.db.utils import _verify_schema, create_sqlalchemy_engine_with_retry
        from mlflow.store.tracking.dbmodels.models import SqlExperiment, SqlRun
        from sqlalchemy import text
        from sqlalchemy.orm import sessionmaker

        # Host, role and password stand in none of its errors, as they are no part of the URI.
        engine = create_sqlalchemy_engine_with_retry(f"postgresql:///{name}")  # type: ignore[no-untyped-call]
        _verify_schema(engine)  # type: ignore[no-untyped-call]
        return cls(sessionmaker(engine).begin, text, {"run": SqlRun, "experiment": SqlExperiment})

    def _rows(self, session: Any, statement: str, **values: Any) -> list[Any]:
        found: list[Any] = session.execute(self.text(statement), values).fetchall()
        return found

    def runs(self, before: int) -> list[Item]:
        """Runs that were deleted up to `before`, the earliest first."""
        with self.sessions() as session:
            return [
                Item("run", run, name or "", experiment, deleted, (Location(uri or "", run),))
                for run, name, experiment, deleted, uri in self._rows(session, _RUNS, before=before)
            ]

    def experiments(self, before: int) -> list[Item]:
        """Experiments that were deleted up to `before`, as were all runs that they still have."""
        with self.sessions() as session:
            return [
                Item("experiment", str(id_), name, of, deleted, tuple(self._locations(session, id_)))
                for id_, name, of, deleted in self._rows(session, _EXPERIMENTS, before=before)
            ]

    def _locations(self, session: Any, experiment: int) -> Iterator[Location]:
        """What an experiment has besides its runs."""
        for below, statement in (("models", _MODELS), ("traces", _TRACES)):
            for uri, owner in self._rows(session, statement, id=experiment):
                yield Location(uri, owner, below)

    def users(self, item: Item) -> list[str]:
        """The versions of registered models that are made of an item's artifacts."""
        with self.sessions() as session:
            found = {
                f"{name} version {version}": None
                for at in item.locations
                for name, version in self._rows(
                    session,
                    _VERSIONS,
                    runs=f"runs:/{at.owner}/",
                    model=f"models:/{at.owner}",
                    below=f"{at.uri.rstrip('/')}/",
                )
            }
        return [*found]

    def remove(self, item: Item, before: int, erase: Callable[[], None]) -> bool:
        """Remove an item for good, after `erase` has removed its artifacts; whether it was still to go.

        Whatever `erase` raises leaves the item as it is.
        """
        key: str | int = item.id if item.kind == "run" else int(item.id)
        with self.sessions() as session:
            if not self._rows(session, _LOCKS[item.kind], id=key, before=before):
                return False
            erase()
            for statement in _BULK[item.kind]:
                session.execute(self.text(statement), {"id": key})
            session.delete(session.get(self.classes[item.kind], key))
        return True
