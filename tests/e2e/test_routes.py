"""Nobody gets in: every route of the running server, asked without a login, with a wrong one, as another.

Ada owns an experiment, a run, its artifact, a trace, a logged model and a registered one. Eve has a login,
and on what is ada's no permission.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from components import names
from lab import paths
from ops import cluster
from ops.forward import Service, forwarded
from tests.e2e import routes
from tests.e2e.deployment import Deployment
from tests.e2e.routes import NOBODY, OTHER, WRONG, Answered, Theirs

PAGE = paths.REPO / "docs" / "routes.md"
API = "/api/2.0/mlflow"
PASSWORD = secrets.token_hex(12)


@dataclass
class Users:
    """The server, its administrator, and what ada has."""

    url: str
    admin: tuple[str, str]
    ada: tuple[str, str]
    eve: tuple[str, str]

    def call(self, who: tuple[str, str], method: str, path: str, **body: Any) -> dict[str, Any]:
        """A request that must be answered."""
        answer = httpx.request(method, self.url + path, json=body, auth=who, timeout=60)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return dict(answer.json())

    def has(self) -> Theirs:
        """All that ada makes; eve is refused all of it by name."""
        mark = self.ada[0]
        experiment = self.call(self.ada, "POST", f"{API}/experiments/create", name=mark)["experiment_id"]
        run = self.call(self.ada, "POST", f"{API}/runs/create", experiment_id=experiment)["run"]["info"][
            "run_id"
        ]
        artifact = f"{experiment}/{run}/artifacts/model/x.txt"
        put = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/{artifact}"
        httpx.put(put, content=b"hers", auth=self.ada, timeout=60).raise_for_status()
        self.call(self.ada, "POST", f"{API}/registered-models/create", name=mark)
        source = f"mlflow-artifacts:/{experiment}/{run}/artifacts/model"
        self.call(self.ada, "POST", f"{API}/model-versions/create", name=mark, source=source, run_id=run)
        model = self.call(self.ada, "POST", f"{API}/logged-models", experiment_id=experiment, name="m")
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
        told = {"trace_id": f"tr-{run}", "trace_location": place, "state": "OK"}
        info = {**told, "request_time": "2025-01-01T00:00:00Z"}
        self.call(self.ada, "POST", "/api/3.0/mlflow/traces", trace={"trace_info": info})
        nothing = {"username": self.eve[0], "permission": "NO_PERMISSIONS"}
        of_experiment, of_model = (
            f"{API}/experiments/permissions/create",
            f"{API}/registered-models/permissions/create",
        )
        self.call(self.ada, "POST", of_experiment, experiment_id=experiment, **nothing)
        self.call(self.ada, "POST", of_model, name=mark, **nothing)
        return Theirs(
            {
                "experiment_id": experiment,
                "experiment_name": mark,
                "run_id": run,
                "run_uuid": run,
                "trace_id": f"tr-{run}",
                "request_id": f"tr-{run}",
                "model_id": model["model"]["info"]["model_id"],
                "name": mark,
                "new_name": f"{mark}-eves",
                "version": "1",
                "username": self.ada[0],
                "password": PASSWORD,
                "artifact_path": artifact,
                "path": f"{experiment}/{run}/artifacts/model/x.txt",
                "metric_key": "m",
                "key": "k",
                "value": "v",
                "alias": "champion",
                "source": source,
                "filename": "index.html",
                "permission": "MANAGE",
                "is_admin": "true",
            }
        )

    def forget(self, theirs: Theirs) -> None:
        """Take the permissions away: MLflow 3.3.2 cannot delete a user who has one."""
        named = theirs.named
        for user, _ in (self.ada, self.eve):
            of_experiment = {"experiment_id": named["experiment_id"], "username": user}
            self.call(self.admin, "DELETE", f"{API}/experiments/permissions/delete", **of_experiment)
            of_model = {"name": named["name"], "username": user}
            self.call(self.admin, "DELETE", f"{API}/registered-models/permissions/delete", **of_model)


@pytest.fixture(scope="module")
def theirs(users: Users) -> Iterator[Theirs]:
    """What ada has, for as long as the tests run."""
    made = users.has()
    yield made
    users.forget(made)


@pytest.fixture(scope="module")
def users(deployment: Deployment, shell: None) -> Iterator[Users]:
    """The server of `make up`, and two users that go when the tests are over."""
    mark = secrets.token_hex(4)
    admin = (deployment.output("admin_username"), deployment.output("admin_password"))
    with forwarded(Service("mlflow-lab", "mlflow", names.tracking("mlflow"))) as url:
        made = Users(url, admin, (f"ada-{mark}", PASSWORD), (f"eve-{mark}", PASSWORD))
        for name, password in (made.ada, made.eve):
            made.call(admin, "POST", f"{API}/users/create", username=name, password=password)
        yield made
        for name, _ in (made.ada, made.eve):
            made.call(admin, "DELETE", f"{API}/users/delete", username=name)


@pytest.fixture(scope="module")
def answers(users: Users, theirs: Theirs) -> list[Answered]:
    """Every route, as the server itself lists them, asked as each kind of user."""
    api = cluster.connect({"context": "mlflow-lab"})
    pod = cluster.tracking_pod(api, "mlflow", "mlflow")
    with cluster.python_in_pod(api, "mlflow", pod, routes.LIST, 120) as listed:
        rules = sorted(((method, rule) for method, rule in listed()["rules"]), key=lambda one: one[::-1])
    logins = {NOBODY: None, WRONG: (users.ada[0], "not her password"), OTHER: users.eve}
    return list(routes.ask(users.url, rules, logins, theirs))


def told(answers: list[Answered], user: str) -> list[str]:
    return [f"{each.method} {each.rule}: {each.by[user]}" for each in answers]


def test_without_a_login_or_with_a_wrong_one_nothing_is_answered(answers: list[Answered]) -> None:
    """But the probes' route and the page's files."""
    assert len(answers) > 200
    for user in (NOBODY, WRONG):
        closed = [each for each in answers if not routes.is_open(each.rule)]
        assert told([each for each in closed if each.by[user] != 401], user) == []
        opened = {each.rule: each.by[user] for each in answers if routes.is_open(each.rule)}
        assert opened == {"/health": 200, "/static-files/<path:path>": 404}


def test_another_user_is_refused_all_that_is_ada_s(answers: list[Answered]) -> None:
    """Each route but those that are every user's; whatever is not refused is told."""
    theirs = [each for each in answers if not routes.everybodys(each.method, each.rule)]
    assert told([each for each in theirs if each.by[OTHER] != 403], OTHER) == []


def test_what_is_every_user_s_is_answered(answers: list[Answered]) -> None:
    """The page works; 400 is a request that says too much, 404 a file that is not there."""
    free = [each for each in answers if routes.everybodys(each.method, each.rule)]
    assert told([each for each in free if each.by[OTHER] not in (200, 400, 404)], OTHER) == []


def test_what_is_written_in_another_way_is_refused_as_well(users: Users, theirs: Theirs) -> None:
    """Each got in where what is checked was read in another way than what is done."""
    eve, hers = users.eve, theirs.named
    mark = eve[0]
    experiment = users.call(eve, "POST", f"{API}/experiments/create", name=mark)["experiment_id"]
    run = users.call(eve, "POST", f"{API}/runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
    users.call(eve, "POST", f"{API}/registered-models/create", name=mark)
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    told = {"trace_id": f"tr-{run}", "trace_location": place, "state": "OK"}
    info = {**told, "request_time": "2025-01-01T00:00:00Z"}
    users.call(eve, "POST", "/api/3.0/mlflow/traces", trace={"trace_info": info})
    kept = {"key": "mlflow.artifactLocation", "value": f"mlflow-artifacts:/{hers['experiment_id']}"}
    prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    version = {"name": mark, "tags": prompt}
    theirs_in_mine = f"{hers['source']}?/{experiment}/{run}/"
    metric = {"key": "m", "value": 1, "timestamp": 1}
    refused: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", f"{API}/model-versions/create", {**version, "source": "/bitnami/mlflow-basic-auth"}),
        ("POST", f"{API}/model-versions/create", {**version, "source": "file:///bitnami/mlflow-basic-auth"}),
        ("POST", f"{API}/model-versions/create", {"name": mark, "source": theirs_in_mine}),
        ("POST", f"{API}/model-versions/create", {"name": mark, "source": "mlflow-artifacts:/backups"}),
        ("POST", f"{API}/runs/log-metric", {"run_id": run, "runId": hers["run_id"], **metric}),
        (
            *("POST", f"{API}/experiments/delete"),
            {"experiment_id": experiment, "experimentId": hers["experiment_id"]},
        ),
        ("POST", f"{API}/experiments/delete", {"experiment_id": f"0{hers['experiment_id']}"}),
        ("POST", f"{API}/runs/search", {"experiment_ids": [f"0{hers['experiment_id']}"]}),
        ("DELETE", f"{API}/registered-models/delete?name={mark}", {"name": hers["name"]}),
        (
            "POST",
            f"{API}/model-versions/create",
            {"name": mark, "source": f"models://{mark}/{hers['name']}/1"},
        ),
        (
            *("POST", f"{API}/registered-models/rename"),
            {"name": mark, "new_name": hers["name"], "newName": f"{mark}-2"},
        ),
        (
            *("POST", f"{API}/experiments/create"),
            {"name": f"{mark}-2", "artifact_location": f"mlflow-artifacts:/{hers['experiment_id']}"},
        ),
        ("DELETE", f"/ajax-api/2.0/mlflow-artifacts/artifacts/{experiment}", {}),
        ("POST", f"{API}/runs/search", {"experiment_ids": {hers["experiment_id"]: experiment}}),
        (
            *("POST", "/graphql"),
            {
                "operationName": "A",
                "query": " ".join(
                    f'query {name}($x: String = "{which}")'
                    " { mlflowGetExperiment(input: {experimentId: $x}) { experiment { name } } }"
                    for name, which in (("A", hers["experiment_id"]), ("B", experiment))
                ),
            },
        ),
        ("PATCH", f"/api/3.0/mlflow/traces/tr-{run}/tags", kept),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts", {}),
        ("GET", f"/api/2.0/mlflow-artifacts/artifacts/file:{hers['artifact_path']}", {}),
    ]
    for method, path, body in refused:
        text = json.dumps(body) if body else None
        kind = {} if method == "DELETE" else {"Content-Type": "application/json"}
        answer = httpx.request(method, users.url + path, content=text, headers=kind, auth=eve, timeout=60)
        assert answer.status_code == 403, f"{method} {path} {body}: {answer.status_code} {answer.text}"
    own = {"name": mark, "source": f"mlflow-artifacts:/{experiment}/{run}/artifacts/model", "run_id": run}
    users.call(eve, "POST", f"{API}/model-versions/create", **own)
    users.call(eve, "POST", f"{API}/runs/log-metric", run_id=run, run_uuid=run, **metric)
    query = (
        "query Q($in: MlflowSearchModelVersionsInput!)"
        " { mlflowSearchModelVersions(input: $in) { modelVersions { name } } }"
    )
    found = users.call(eve, "POST", "/graphql", query=query, variables={"in": {}})["data"]
    names = {one["name"] for one in found["mlflowSearchModelVersions"]["modelVersions"]}
    assert mark in names
    assert hers["name"] not in names
    users.call(eve, "POST", f"{API}/model-versions/create", name=mark, source="dummy-source", tags=prompt)
    # Whom the owner of a model lets in has nothing of the next one of its name.
    grant = {"name": mark, "username": users.ada[0], "permission": "MANAGE"}
    users.call(eve, "POST", f"{API}/registered-models/permissions/create", **grant)
    users.call(eve, "DELETE", f"{API}/registered-models/delete", name=mark)
    users.call(eve, "POST", f"{API}/registered-models/create", name=mark)
    change = {"name": mark, "description": "not hers"}
    answer = httpx.patch(
        f"{users.url}{API}/registered-models/update", json=change, auth=users.ada, timeout=60
    )
    assert answer.status_code == 403, answer.text
    users.call(eve, "DELETE", f"{API}/registered-models/delete", name=mark)
    granted = {"experiment_id": experiment, "username": mark}
    users.call(users.admin, "DELETE", f"{API}/experiments/permissions/delete", **granted)


def test_a_user_does_with_their_own_what_mlflow_s_client_offers(users: Users) -> None:
    """A check that is too strict would be as bad."""
    bob = f"bob-{secrets.token_hex(4)}"
    users.call(users.admin, "POST", f"{API}/users/create", username=bob, password=PASSWORD)
    login = {"MLFLOW_TRACKING_USERNAME": bob, "MLFLOW_TRACKING_PASSWORD": PASSWORD}
    env = {
        **os.environ,
        **login,
        "MLFLOW_TRACKING_URI": users.url,
        "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
    }
    command = [sys.executable, "-m", "tests.e2e.own_things", bob]
    done = subprocess.run(command, cwd=paths.REPO, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    has = httpx.get(f"{users.url}{API}/users/get?username={bob}", auth=users.admin, timeout=60).json()["user"]
    for kind, field in (("experiment", "experiment_id"), ("registered_model", "name")):
        for one in has[f"{kind}_permissions"]:
            where = f"{API}/{kind.replace('_', '-')}s/permissions/delete"
            users.call(users.admin, "DELETE", where, username=bob, **{field: one[field]})
    users.call(users.admin, "DELETE", f"{API}/users/delete", username=bob)


def test_ada_has_all_of_it_still(users: Users, answers: list[Answered]) -> None:
    """So the refusals were refusals, and nothing of hers was changed on the way."""
    mark = users.ada[0]
    experiment = users.call(users.ada, "GET", f"{API}/experiments/get-by-name?experiment_name={mark}")
    where = experiment["experiment"]["experiment_id"]
    found = users.call(users.ada, "POST", f"{API}/runs/search", experiment_ids=[where])
    (run,) = found["runs"]
    get = f"{users.url}/get-artifact?run_id={run['info']['run_id']}&path=model/x.txt"
    assert httpx.get(get, auth=users.ada, timeout=60).content == b"hers"
    versions = f"{users.url}{API}/model-versions/search"
    hers = httpx.get(versions, auth=users.ada, timeout=60).json()["model_versions"]
    assert mark in {one["name"] for one in hers}
    eves = httpx.get(versions, auth=users.eve, timeout=60).json().get("model_versions", [])
    assert mark not in {one["name"] for one in eves}


def test_the_page_of_routes_is_what_was_answered(
    answers: list[Answered], request: pytest.FixtureRequest
) -> None:
    page = routes.table(answers)
    if request.config.getoption("--write-routes"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page
