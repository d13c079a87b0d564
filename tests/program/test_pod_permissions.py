"""The hook that asks MLflow's permissions on every route, beside an MLflow of two users."""

from __future__ import annotations

import logging
import runpy
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from components.pod_permissions import NAME, asked, hook
from components.pod_permissions.routes import CHECKED, EVERYBODY, key
from tests.program.permissions import (
    MODEL,
    OTHERS_MODEL,
    OTHERS_RUN,
    RUN,
    UNKNOWN,
    MissingError,
    Request,
    Server,
)

API, API3, PROXY = "/api/2.0/mlflow", "/api/3.0/mlflow", "/api/2.0/mlflow-artifacts"
ARTIFACT = f"{PROXY}/artifacts/<path:artifact_path>"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(monkeypatch)


def at(path: str) -> dict[str, str]:
    return {"artifact_path": path}


def location(experiment: str, trace: str) -> dict[str, Any]:
    """The body of a new trace."""
    where = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    return {"trace": {"trace_info": {"trace_id": trace, "trace_location": where}}}


def version(source: str, **claimed: Any) -> Request:
    """A model version that is to be made of a source."""
    return Request("POST", f"{API}/model-versions/create", body={"name": "hers", "source": source, **claimed})


GET_RUN = "query Q($in: MlflowGetRunInput!) { mlflowGetRun(input: $in) { run { info { runId } } } }"


def graphql(query: str, **variables: Any) -> Request:
    return Request("POST", "/graphql", body={"query": query, "variables": variables or None})


OWN = [
    Request("GET", "/get-artifact", query=[("run_uuid", RUN), ("path", "2/x")]),
    Request("GET", "/model-versions/get-artifact", query=[("name", "hers")]),
    Request("POST", f"/ajax-{API[1:]}/upload-artifact", query=[("run_uuid", RUN), ("path", "x")]),
    Request("GET", f"{API}/logged-models/<model_id>/artifacts/files", {"model_id": MODEL}),
    Request("GET", ARTIFACT, at("1/a/x")),
    Request("PUT", ARTIFACT, at("1/a/x")),
    Request("DELETE", ARTIFACT, at("./1//a")),
    Request("GET", f"{PROXY}/artifacts", query=[("path", "1")]),
    Request("POST", f"{API}/runs/search", body={"experiment_ids": ["1"]}),
    Request("POST", f"{API}/runs/search", body={"experimentIds": [1]}),
    Request("POST", f"{API}/runs/search", body='{"experiment_ids": ["1"]}'),
    Request("GET", f"{API}/metrics/get-history-bulk", query=[("run_id", RUN), ("metric_key", "m")]),
    Request("PATCH", f"{API}/traces/<request_id>", {"request_id": "tr-ada"}, body={}),
    Request("POST", f"{API3}/traces", body=location("1", "tr-new")),
    Request("POST", f"{API3}/traces", body=location("1", "tr-ada")),
    Request("POST", f"{API}/traces/link-to-run", body={"run_id": RUN, "trace_ids": ["tr-ada"]}),
    Request("POST", f"{API}/model-versions/create", body={"name": "hers", "source": f"runs:/{RUN}/model"}),
    Request("POST", f"{API}/model-versions/create", body={"source": f"mlflow-artifacts:/1/{RUN}/x"}),
    Request("POST", f"{API}/model-versions/create", body={"source": f"s3://bucket/team/3/models/{MODEL}/x"}),
    version(f"s3://of-a-run/{RUN}/artifacts/model", run_id=RUN),
    version(f"s3://of-a-model/{MODEL}/artifacts", model_id=MODEL),
    Request("POST", f"{API}/model-versions/create", body={"source": f"models:/{MODEL}"}),
    Request("POST", f"{API}/model-versions/create", body={"source": "models:/hers/1", "run_id": RUN}),
    version("dummy-source"),
    version("prompt-template"),
    version("Models:/hers/1"),
    version("models:/hers@champion"),
    version("models:/hers/1", run_id=OTHERS_RUN),
    Request("POST", f"{API}/experiments/create", body={"name": "x", "artifact_location": ""}),
    Request("POST", f"{API3}/traces", body={**location("1", "tr-new"), "tags": {"experiment_id": "2"}}),
    Request("GET", f"{API}/model-versions/search"),
    graphql("{ mlflowSearchModelVersions(input: {}) { modelVersions { name } } }"),
    Request(
        *("POST", f"{API3}/traces/<trace_id>/assessments", {"trace_id": "tr-ada"}),
        body={"assessment": {"feedback": {"value": {"trace_id": "elsewhere"}}}},
    ),
    # Clients of MLflow 2 say where a trace is when they end it.
    Request(
        *("PATCH", f"{API}/traces/<request_id>", {"request_id": "tr-ada"}),
        body={"tags": [{"key": asked.LOCATION, "value": "mlflow-artifacts:/1/traces/tr-ada/artifacts"}]},
    ),
    graphql(GET_RUN, **{"in": {"runId": RUN}}),
    graphql('{ mlflowGetExperiment(input: {experimentId: "1"}) { experiment { name } } }'),
    graphql("{ __schema { types { name } } }"),
    graphql("{ no query"),
    Request("POST", "/graphql", body="text"),
    *(Request(method, rule, {}) for method, rule in EVERYBODY),
    Request("HEAD", "/version"),
    Request("OPTIONS", f"{API}/webhooks"),
    Request("GET", ""),
    Request("GET", f"{API}/runs/get", query=[("run_id", OTHERS_RUN)]),
    Request("POST", f"{API}/runs/log-metric", body={"run_id": RUN, "run_uuid": RUN, "key": "m"}),
    Request("POST", f"{API}/runs/log-metric", body={"run_id": RUN, "model_id": MODEL}),
    Request("POST", f"{API}/runs/log-batch", body={"run_id": RUN, "metrics": [{"run_id": "x"}]}),
    Request("POST", f"{API}/experiments/delete", body={"experiment_id": 2}),
    Request("DELETE", f"{API}/registered-models/delete", query=[("name", "his")]),
    Request(
        "PATCH", f"{API3}/traces/<trace_id>/tags", {"trace_id": "tr-ada"}, body={"key": "k", "value": "v"}
    ),
]
"""What ada may do: her own, what everybody may, what MLflow checks itself, and what is no route."""

OTHERS = [
    Request("GET", "/get-artifact", query=[("run_uuid", OTHERS_RUN), ("path", "1/x")]),
    Request("GET", "/get-artifact", query=[("run_id", RUN), ("run_uuid", OTHERS_RUN)]),
    Request("GET", "/model-versions/get-artifact", query=[("name", "his")]),
    Request("POST", f"/ajax-{API[1:]}/upload-artifact", query=[("run_uuid", OTHERS_RUN)]),
    Request("GET", f"{API}/logged-models/<model_id>/artifacts/files", {"model_id": OTHERS_MODEL}),
    Request("GET", ARTIFACT, at("2/a/x")),
    Request("GET", f"/ajax-{ARTIFACT[1:]}", at("2/a/x")),
    Request("PUT", ARTIFACT, at("%32/a/x")),
    Request("PUT", ARTIFACT, at("%2532/a/x")),
    Request("PUT", ARTIFACT, at("./2/x")),
    Request("PUT", ARTIFACT, at("1/../2/x")),
    Request("DELETE", ARTIFACT, at("2/a")),
    Request("POST", f"{PROXY}/mpu/create/<path:artifact_path>", at("2/a")),
    Request("GET", f"{PROXY}/artifacts", query=[("path", "2")]),
    Request("POST", f"{API}/runs/search", body={"experiment_ids": ["1", "2"]}),
    Request("POST", f"{API}/runs/search", body='{"experimentIds": [2]}'),
    Request("POST", f"{API}/runs/search", body="{"),
    Request("POST", f"{API}/runs/search"),
    Request("POST", "/ajax-api/2.0mlflow/experiments/search-datasets", body={"experiment_ids": ["2"]}),
    Request("GET", f"{API}/metrics/get-history-bulk", query=[("run_id", RUN), ("run_id", OTHERS_RUN)]),
    Request("PATCH", f"{API}/traces/<request_id>", {"request_id": "tr-other"}, body={}),
    Request("POST", f"{API3}/traces", body=location("2", "tr-new")),
    Request("POST", f"{API3}/traces", body=location("1", "tr-other")),
    Request("POST", f"{API}/traces/link-to-run", body={"run_id": RUN, "trace_ids": ["tr-other"]}),
    Request("POST", f"{API}/model-versions/create", body={"source": f"runs:/{OTHERS_RUN}/model"}),
    Request("POST", f"{API}/model-versions/create", body={"source": f"mlflow-artifacts:/./2/{RUN}/x"}),
    Request("POST", f"{API}/model-versions/create", body={"source": f"models:/{OTHERS_MODEL}"}),
    Request("POST", f"{API}/model-versions/create", body={"source": "models:/his@champion"}),
    version("models:/hers@secret/1"),
    version("dummy-source", run_id=OTHERS_RUN),
    version("dummy-source", model_id=OTHERS_MODEL),
    version(f"s3://of-a-run/{OTHERS_RUN}/artifacts/model", run_id=OTHERS_RUN),
    graphql(GET_RUN, **{"in": {"runUuid": OTHERS_RUN}}),
    graphql(GET_RUN.replace("$in", "$tags"), tags={"runId": OTHERS_RUN}),
    graphql(
        f'query A($x: String = "{OTHERS_RUN}") {{ mlflowGetRun(input: {{runId: $x}}) {{ run }} }}'
        f' query B($x: String = "{RUN}") {{ mlflowGetRun(input: {{runId: $x}}) {{ run }} }}'
    ),
    version(f"s3://of-a-run/{OTHERS_RUN}/artifacts", run_id=OTHERS_RUN, more={"source": "models:/hers/1"}),
    graphql(
        "query Q($id: String) { mlflowGetRun(input: {runId: $id}) { apiError { code } } }", id=OTHERS_RUN
    ),
    graphql(f'query Q($id: String = "{OTHERS_RUN}") {{ mlflowGetRun(input: {{runId: $id}}) {{ run }} }}'),
    graphql(f'query Q($in: X = {{runId: "{OTHERS_RUN}"}}) {{ mlflowGetRun(input: $in) {{ run }} }}'),
    graphql('{ a: mlflowSearchRuns(input: {experimentIds: ["1", "2"]}) { runs { info { runId } } } }'),
    graphql('fragment F on Q { mlflowGetExperiment(input: {experimentId: "2"}) { x } } { ...F }'),
    Request("GET", f"{API}/webhooks"),
    Request("POST", f"{API}/users/create-ui"),
    Request("GET", "/a-route/of/tomorrow"),
    Request("POST", f"{API}/runs/log-metric", body={"run_id": RUN, "model_id": OTHERS_MODEL}),
    Request("POST", f"{API}/runs/log-batch", body={"run_id": RUN, "metrics": [{"modelId": OTHERS_MODEL}]}),
]
"""What is another's, hidden in every way that the server would find it."""

NOBODYS = [
    # Files of the server's container, the cluster's network, and other places that the server reads.
    version("/bitnami/mlflow-basic-auth"),
    version("file:///bitnami/mlflow-basic-auth"),
    version("relative/path"),
    version("s3://bucket/anything"),
    version("models://hers/his/1"),
    version(f"models://hers/{OTHERS_MODEL}"),
    version(f"runs://{RUN}/{OTHERS_RUN}/model"),
    # A location is a part of the paths of all that the experiment ever has.
    Request(
        "POST", f"{API}/experiments/create", body={"name": "x", "artifact_location": "mlflow-artifacts:/2"}
    ),
    Request("POST", f"{API}/experiments/create", body={"name": "x", "artifactLocation": "http://h/x"}),
    Request("DELETE", ARTIFACT, at("1")),
    Request("DELETE", ARTIFACT, at("1/.")),
    Request("POST", f"{API3}/traces", body=location("1", "../../2/traces/tr-other")),
    Request("POST", f"{API3}/traces", body=location("1", "tr-other/artifacts#")),
    Request("POST", f"{API3}/traces", body={**location("1", "tr-n"), "assessments": [{"overrides": "a-1"}]}),
    version(f"http://169.254.169.254/1/{RUN}/x"),
    version(f"s3://another/1/{RUN}/x"),
    version(f"mlflow-artifacts://h/1/{RUN}/x"),
    version(f"s3://of-a-run/{RUN}/artifacts-of-another", run_id=RUN),
    # What the store reads is the path alone, and with it what is another's.
    version(f"mlflow-artifacts:/2/{OTHERS_RUN}/artifacts?/1/{RUN}/"),
    version(f"mlflow-artifacts:/2/{OTHERS_RUN}/artifacts#/1/{RUN}/"),
    version(f"mlflow-artifacts:/1/{RUN}/artifacts;x"),
    version(f"mlflow-artifacts:/1/{RUN}/%2e%2e/%2e%2e/2"),
    version(f"mlflow-artifacts:/1/{RUN}/\n/x"),
    version("mlflow-artifacts:/backups/mlflow/mlflow/20260101T000000Z"),
    # Backups, and what else is in the bucket beside the experiments.
    Request("GET", f"{PROXY}/artifacts"),
    Request("GET", f"{PROXY}/artifacts", query=[("path", "backups")]),
    Request("GET", ARTIFACT, at("backups/mlflow/mlflow/20260101T000000Z/users.dump")),
    Request("PUT", ARTIFACT, at("elsewhere/x")),
    # What is no list MLflow takes apart: by keys, by letters.
    Request("POST", f"{API}/runs/search", body={"experiment_ids": {"2": "1"}}),
    Request("POST", f"{API}/runs/search", body={"experimentIds": "13"}),
    Request("GET", f"{API}/traces", body={"experiment_ids": {"2": "1"}}),
    Request("POST", f"{API}/runs/search", body={"experiment_ids": [{"2": "1"}]}),
    # Ids that are others to the database than to a comparison of texts.
    Request("GET", ARTIFACT, at("02/a/x")),
    Request("GET", ARTIFACT, at("file:2/a/x")),
    Request("GET", ARTIFACT, at("\n2/a/x")),
    Request("POST", f"{API}/runs/search", body={"experiment_ids": ["02"]}),
    Request("POST", f"{API}/runs/search", body={"experiment_ids": ["\uff12"]}),
    Request("POST", f"{API}/experiments/delete", body={"experiment_id": " 2"}),
    graphql('{ mlflowGetExperiment(input: {experimentId: "02"}) { experiment { name } } }'),
    # MLflow checks one, and its handler takes the other.
    Request("POST", f"{API}/runs/log-metric", body={"run_id": RUN, "runId": OTHERS_RUN}),
    Request("POST", f"{API}/runs/log-metric", body={"run_id": RUN, "runUuid": OTHERS_RUN}),
    Request("POST", f"{API}/experiments/delete", body={"experiment_id": "1", "experimentId": "2"}),
    Request("DELETE", f"{API}/registered-models/delete", query=[("name", "hers")], body={"name": "his"}),
    Request("GET", f"{API}/runs/get", query=[("run_id", RUN), ("run_id", OTHERS_RUN)]),
    Request(
        "POST", f"{API}/registered-models/rename", body={"name": "hers", "new_name": "his", "newName": "x"}
    ),
    Request("DELETE", f"{API}/registered-models/delete", query=[("name", "hers")], body='{"name": "hers"}'),
    # Where a trace's artifacts are is the server's to say.
    Request(
        *("PATCH", f"{API3}/traces/<trace_id>/tags", {"trace_id": "tr-ada"}),
        body={"key": asked.LOCATION, "value": "mlflow-artifacts:/2/traces/tr-other/artifacts"},
    ),
    Request("PATCH", f"{API3}/traces/<trace_id>/tags", {"trace_id": "tr-ada"}, body={"key": asked.LOCATION}),
    Request("DELETE", f"{API}/traces/<request_id>/tags", {"request_id": "tr-ada"}, [("key", asked.LOCATION)]),
    Request(
        "PATCH",
        f"{API}/traces/<request_id>",
        {"request_id": "tr-ada"},
        body={"tags": [{"key": asked.LOCATION}]},
    ),
    Request("POST", f"{API3}/traces", body={**location("1", "tr-new"), "tags": {asked.LOCATION: "x"}}),
    Request("HEAD", f"{API}/runs/get", query=[("run_id", RUN)]),
    Request("HEAD", ARTIFACT, at("1/a")),
    Request("HEAD", f"{API}/experiments/search", body={"filter": "name LIKE 'a%'"}),
]
"""What only administrators may, whatever the default permission is."""


def told(request: Request) -> str:
    return f"{request.method} {request.rule} {request.view_args or request.query or request.body}"[:90]


@pytest.mark.parametrize("request_", OWN, ids=told)
def test_a_user_has_their_own(server: Server, request_: Request) -> None:
    assert server.ask(request_)
    assert server.ask(request_, user="admin")


@pytest.mark.parametrize("request_", OTHERS, ids=told)
def test_nobody_has_another_s_where_nothing_is_allowed(server: Server, request_: Request) -> None:
    """But the administrators."""
    assert not server.ask(request_)
    assert server.ask(request_, user="admin")


@pytest.mark.parametrize("request_", NOBODYS, ids=told)
@pytest.mark.parametrize("default", ["NO_PERMISSIONS", "READ", "MANAGE"])
def test_only_administrators_have_what_is_nobody_s(server: Server, request_: Request, default: str) -> None:
    assert not server.ask(request_, default=default)
    assert server.ask(request_, user="admin", default=default)


def default_cases() -> Iterator[tuple[str, Request, bool]]:
    """What the default permission gives of what is another's."""
    update = Request("POST", f"{API}/upload-artifact", query=[("run_uuid", OTHERS_RUN)])
    read = Request("GET", "/get-artifact", query=[("run_id", OTHERS_RUN)])
    delete = Request("POST", f"{API3}/traces/delete-traces", body={"experiment_id": "2"})
    remove = Request("DELETE", ARTIFACT, at("2/a"))
    everywhere = Request("POST", f"{API}/runs/search", body={})
    for level, allowed in (("READ", 1), ("EDIT", 2), ("MANAGE", 3)):
        yield level, read, True
        yield level, everywhere, True
        yield level, update, allowed > 1
        yield level, delete, allowed > 2
        yield level, remove, allowed > 2
        yield level, Request("GET", f"{API}/webhooks"), False


@pytest.mark.parametrize(("level", "request_", "allowed"), [*default_cases()])
def test_the_default_permission_counts_as_in_mlflow(
    server: Server, level: str, request_: Request, allowed: bool
) -> None:
    assert server.ask(request_, default=level) == allowed


def test_a_search_for_model_versions_finds_what_the_user_may_read(server: Server) -> None:
    """Asked by REST or by GraphQL, by itself or below a run."""
    for request in (Request("GET", f"{API}/model-versions/search"), graphql("{ mlflowGetRun { run } }")):
        assert server.ask(request)
        assert server.versions("hers", "his", "hers") == ["hers", "hers"]
        assert server.versions() == []
        assert server.ask(request, user="admin")
        assert server.versions("hers", "his") == ["hers", "his"]


def test_who_had_permissions_on_a_deleted_model_has_none_on_the_next_of_its_name(server: Server) -> None:
    assert server.ask(Request("POST", f"{API}/registered-models/create", body={"name": "churn"}))
    assert server.answered("churn") == ["churn"]
    rename = Request("POST", f"{API}/registered-models/rename", body={"name": "hers", "new_name": "churn"})
    assert server.ask(rename)
    assert server.answered("churn") == ["churn"]
    assert server.ask(rename)
    assert server.answered("hers") == [], "it is called as before"
    twice = {"name": "hers", "new_name": "churn", "x": {"name": "churn"}}
    assert server.ask(Request("POST", f"{API}/registered-models/rename", body=twice))
    assert server.answered("churn") == ["churn"]
    assert server.ask(rename)
    assert server.answered("churn", status=400) == []


def test_an_error_of_the_store_is_no_trace_that_is_not_there(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MissingError, "error_code", "INTERNAL_ERROR")
    with pytest.raises(MissingError):
        server.ask(Request("POST", f"{API3}/traces", body=location("1", "tr-new")))


def test_what_is_not_there_is_mlflow_s_to_answer(server: Server) -> None:
    with pytest.raises(MissingError):
        server.ask(Request("GET", "/get-artifact", query=[("run_id", "nothing")]))


def test_without_a_login_mlflow_s_answer_stands(server: Server) -> None:
    server.user = ""
    assert server.hook() == UNKNOWN


def test_a_source_of_no_form_is_nobody_s() -> None:
    for none in ("", "relative/path", "C:/x?", "runs:/a/../b", "models://host/x//y", "models://host/x"):
        assert asked.part_of(none) == ("nobody", "")
    assert asked.part_of("http://example.com/1/x") == ("place", "")
    assert asked.part_of(f"models:/{MODEL}/1") == ("name", MODEL)
    assert asked.part_of(f"s3://bucket/prefix/12/{RUN}/artifacts") == ("experiment", "12")
    assert asked.part_of(f"s3://bucket/2/{RUN}/artifacts/1/{RUN}/") == ("experiment", "2"), "the first one"


def test_fields_below_a_field_count() -> None:
    request = Request("POST", "/x", body={"run_id": {"in": [RUN]}, "other": [{"run_uuid": None}, 5]})
    assert asked.named(request, "run") == {RUN}


def test_a_query_s_lists_and_variables_are_read() -> None:
    query = 'query Q($b: String) { mlflowSearchRuns(input: {experimentIds: [$b, "3", null]}) { runs } }'
    body = {"query": query, "variables": {"b": "4"}}
    assert {text for kind, text in asked.in_query(body) if text} >= {"3", "4"}
    assert asked.in_query({"query": "{ a(runId: $unset) }"}) == []


def test_no_route_is_in_two_tables() -> None:
    assert not EVERYBODY.keys() & CHECKED.keys()
    assert all((method, rule) == key(method, rule) for method, rule in [*EVERYBODY, *CHECKED])


def test_it_asks_the_login_s_memory_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    assert hook.login(server.auth) == server.login
    fast = SimpleNamespace(authenticate_request=lambda: "fast")
    monkeypatch.setitem(sys.modules, "mlflow_fast_authentication", fast)
    assert hook.login(server.auth)() == "fast"


def test_beside_another_mlflow_it_steps_aside(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = Server(monkeypatch, version="3.4.0")
    assert other.ask(Request("GET", f"{API}/webhooks"))
    assert "they were written for MLflow 3.3.2, and this is 3.4.0" in caplog.text


def test_in_the_server_it_is_the_function_that_the_values_name(
    monkeypatch: pytest.MonkeyPatch, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    package = sys.modules["components.pod_permissions"]
    monkeypatch.setitem(sys.modules, NAME, package)
    monkeypatch.setitem(sys.modules, f"{NAME}.routes", sys.modules["components.pod_permissions.routes"])
    monkeypatch.setitem(sys.modules, f"{NAME}.asked", asked)
    found = runpy.run_path(str(hook.__file__), run_name=f"{NAME}.hook")
    assert isinstance(found["authenticate_request"], found["Guard"])
    assert "strict permissions are on" in caplog.text
