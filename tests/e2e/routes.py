"""Every route of the server, with a request that names what is another user's, and who must be answered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from components.pod_permissions.routes import CHECKED, EVERYBODY, key

LIST = """
import json, sys
sys.stdin.readline()
import mlflow.server.auth as auth
app = auth.create_app()
rules = [(method, rule.rule) for rule in app.url_map.iter_rules()
         for method in sorted(rule.methods - {"HEAD", "OPTIONS"})]
print(json.dumps({"rules": rules}))
"""
"""Lists the routes of the MLflow that the pod has, its login and user management included."""

OPEN = ("/health", "/static-files/")
"""Answered without a login: the probes', and what the page is made of."""
NOBODY, WRONG, OTHER = "no login", "wrong password", "another user"
_OWN = {
    "/signup": "administrators",
    "/api/2.0/mlflow/users/get": "the user and administrators",
    "/api/2.0/mlflow/users/update-password": "the user and administrators",
}
_ADMIN = ("/users/", "/webhooks", "/get-online-trace-details", "/unified-traces")


@dataclass(frozen=True)
class Theirs:
    """What one user has, by the name of the field that names it."""

    named: Mapping[str, str]

    def path(self, rule: str) -> str:
        """A route's path with these in it."""
        return re.sub(r"<(?:path:)?(\w+)>", lambda found: self.named.get(found[1], "x"), rule)

    def request(self, method: str, rule: str) -> dict[str, Any]:
        """What a request for this route says: all of it that the route could mean."""
        one = dict(self.named)
        several = {f"{name}s": [one[name]] for name in ("experiment_id", "run_id", "trace_id", "request_id")}
        if rule.endswith("/upload-artifact"):
            return {"params": {"run_uuid": one["run_id"], "path": "planted.txt"}, "content": b"planted"}
        if method == "PUT":
            return {"content": b"planted"}
        if rule.endswith("/graphql"):
            query = "query Q($in: MlflowGetRunInput!) { mlflowGetRun(input: $in) { run { info { runId } } } }"
            return {"json": {"query": query, "variables": {"in": {"runId": one["run_id"]}}}}
        if method == "GET":
            return {"params": [*one.items(), *((name, item) for name, (item,) in several.items())]}
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": one["experiment_id"]}}
        trace = {"trace_info": {"trace_id": one["trace_id"], "trace_location": place, "state": "OK"}}
        return {"json": {**one, **several, "locations": [place], "trace": trace}}


@dataclass(frozen=True)
class Answered:
    """The status of each kind of user's request."""

    method: str
    rule: str
    by: Mapping[str, int]


def ask(
    url: str, rules: list[tuple[str, str]], users: Mapping[str, tuple[str, str] | None], theirs: Theirs
) -> Iterator[Answered]:
    """Ask for every route as every user, many at once."""
    with (
        httpx.Client(timeout=60, limits=httpx.Limits(max_connections=16)) as client,
        ThreadPoolExecutor(8) as pool,
    ):

        def status(rule: tuple[str, str], login: tuple[str, str] | None) -> int:
            method, path = rule[0], theirs.path(rule[1])
            given = theirs.request(*rule)
            auth = httpx.BasicAuth(*login) if login else None
            return client.request(method, url + path, auth=auth, **given).status_code

        asked = {
            (rule, user): pool.submit(status, rule, login) for rule in rules for user, login in users.items()
        }
        for rule in rules:
            yield Answered(*rule, {user: asked[rule, user].result() for user in users})


def is_open(rule: str) -> bool:
    return rule.startswith(OPEN)


def everybodys(method: str, rule: str) -> bool:
    """Whether every user with a login may have it."""
    return key(method, rule) in EVERYBODY


def whose(method: str, rule: str) -> str:
    """Who is answered, as the table says it."""
    route = key(method, rule)
    if is_open(rule):
        return f"everybody, without a login: {EVERYBODY[route]}"
    if route in EVERYBODY:
        return f"every user: {EVERYBODY[route]}"
    if route in CHECKED:
        kinds = " and ".join(
            f"{action.removeprefix('can_')} on the {kind}"
            for kind, action in CHECKED[route]
            if kind not in ("tag", "overrides")
        )
        return f"who may {kinds}"
    if rule in _OWN:
        return _OWN[rule]
    return "administrators" if any(part in rule for part in _ADMIN) else "who MLflow's permissions allow"


def table(answers: list[Answered]) -> str:
    """The page `docs/routes.md`."""
    lines = [
        "# Routes: who is answered",
        "",
        "Every route of the server (MLflow 3.3.2), asked on a running stack: without a login, with a wrong"
        " password, and by an",
        "ordinary user for what another user owns and has given no permission on. 401 and 403 are refusals;"
        " 404 is a file that",
        "is not there. Written by `.venv/bin/python -m pytest tests/e2e/test_routes.py --write-routes`; the"
        " test fails where a",
        "route is new, gone, or answers otherwise.",
        "",
        f"| method | route | {NOBODY} | {WRONG} | {OTHER} | who is answered |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for each in answers:
        told = " | ".join(str(each.by[user]) for user in (NOBODY, WRONG, OTHER))
        lines.append(f"| {each.method} | `{each.rule}` | {told} | {whose(each.method, each.rule)} |")
    return "\n".join(lines) + "\n"
