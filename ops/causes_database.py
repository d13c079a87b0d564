"""Causes in the database: out of reach, or refusing what it is given."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components import names
from ops.causes import Cause, Settings, line_with
from ops.containers import Container, containers
from ops.release_pods import DATABASE, component, pods, ready
from ops.snapshot import Snapshot

_HOST = r"could not translate host name|Name or service not known|Temporary failure in name resolution"
_AWAY = r"Connection refused|No route to host|timed? ?out|timeout expired|Network is unreachable"

_Judged = tuple[str, int, str, str]
"""Name, rank, sentence and fix."""


def database(snapshot: Snapshot, settings: Settings) -> Iterator[Cause]:
    """What the database said to the server, to its init containers, or to the probe."""
    said = [(f"pod/{one.key}", snapshot.logs.get(one.key, ""), one) for one in _clients(snapshot)]
    for where, log, one in said:
        for pattern, judged in _PATTERNS:
            if line := line_with(log, pattern):
                name, rank, what, fix = judged(snapshot, settings)
                # PostgreSQL is up when it says no: the same answer comes to the next try.
                stays = one.failures >= 2 and (
                    judged is not unreachable or _should_answer(snapshot, settings)
                )
                yield Cause(*(name, rank, what, fix, f"{where}: {line}"), certain=stays, mark=one.mark)
                break
    for which in ("database", "users"):
        answer = snapshot.answers.get(which)
        if answer is not None and answer.code:
            known = (judged for pattern, judged in _PATTERNS if re.search(pattern, answer.message))
            name, rank, what, fix = next(known, unreachable)(snapshot, settings)
            yield Cause(name, rank, what, fix, f"{answer.where}: {answer.message}", blocks=False)


def _should_answer(snapshot: Snapshot, settings: Settings) -> bool:
    """Whether the database is up: the sub-chart's may be on its way, as while an update replaces it."""
    own = (pod for pod in pods(snapshot) if component(pod) == DATABASE)
    return settings.get("database") == "external" or any(map(ready, own))


def _clients(snapshot: Snapshot) -> list[Container]:
    return [one for one in containers(snapshot) if one.component != DATABASE and one.fails]


def _wrong_password(snapshot: Snapshot, settings: Settings) -> _Judged:
    if settings.get("database") == "external":
        return (
            *("database-password", 35, "The database refuses the password that the stack gives it."),
            "pulumi config set --secret databasePassword (or fix the Secret that databaseExistingSecret "
            "names)\npulumi up",
        )
    own = f"statefulset/{names.database(snapshot.release)}"
    return (
        *("database-password", 35, "The database's password is not the one in its Secret."),
        f"kubectl rollout restart -n {snapshot.namespace} {own} (it adopts the Secret's when it starts)\n"
        f"if that does not help, its log says why: kubectl logs -n {snapshot.namespace} {own}",
    )


def _old_schema(_: Snapshot, __: Settings) -> _Judged:
    return (
        *("database-schema", 36, "The database's schema is older than this MLflow."),
        "pulumi config set databaseUpgrade true\npulumi up",
    )


def _new_schema(_: Snapshot, __: Settings) -> _Judged:
    return (
        *(
            "database-schema",
            36,
            "The database's schema is newer than this MLflow: an older MLflow was deployed.",
        ),
        "go back to the newer image or chartVersion, or restore a dump from before the upgrade",
    )


def _no_database(_: Snapshot, __: Settings) -> _Judged:
    return (
        *("database-missing", 36, "The database server has no such database or user."),
        "create both databases with the user as owner: databaseName, databaseAuthName, databaseUser",
    )


def unreachable(snapshot: Snapshot, settings: Settings) -> _Judged:
    """The database does not answer at all."""
    if settings.get("database") == "external":
        where = f"{settings.get('databaseHost')}:{settings.get('databasePort', '5432')}"
        fix = f"does {where} answer from a pod? Check firewall, databaseHost, databasePort"
    else:
        where = names.database(snapshot.release)
        fix = f"kubectl logs -n {snapshot.namespace} statefulset/{where}"
    return "database-unreachable", 37, f"The database ({where}) does not answer the server.", fix


_PATTERNS = (
    (r"password authentication failed", _wrong_password),
    (r"Detected out-of-date database schema", _old_schema),
    (r"Can't locate revision identified by", _new_schema),
    (r"(database|role) \"[^\"]*\" does not exist", _no_database),
    (f"{_HOST}|{_AWAY}", unreachable),
)


RULES = (database,)
