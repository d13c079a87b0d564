"""The stack's objects of housekeeping: when they are there, and what their pods have and may reach."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components import housekeeping_pods, names
from components.housekeeping import housekeeping
from components.pod_programs import FOLDER
from components.scheduled import Scheduled
from components.settings import Settings, parse
from components.settings.durations import milliseconds
from tests.unit.cases import EXTERNAL, GCS, GOOD, SECRETS, VOLUME
from tests.unit.engine import awaited, start
from tests.unit.program import run

ON = {**GOOD, "housekeepingSchedule": "17 3 * * 0"}
STORES = {"volume": VOLUME, "gcs": {**GCS, "workloadIdentity": "true"}}


def settings(**given: str) -> Settings:
    return parse({**ON, **SECRETS, **given})


def elsewhere(store: str) -> Settings:
    given = {**ON, **STORES[store]}
    return parse({key: value for key, value in given.items() if value is not None})


def scheduled(made: Settings) -> Scheduled:
    found = housekeeping(made)
    assert found
    return found


def container(made: Settings) -> Any:
    spec = scheduled(made).template["spec"]
    assert spec["initContainers"] == []
    (found,) = spec["containers"]
    return found


def environment(made: Settings) -> dict[str, Any]:
    listed = container(made)["env"]
    found = {one["name"]: one.get("value", one.get("valueFrom")) for one in listed}
    assert len(found) == len(listed)
    return found


@awaited
def test_without_a_schedule_there_is_nothing() -> Any:
    engine = start(GOOD, SECRETS)

    def check(_: dict[str, Any]) -> None:
        assert not any("housekeeping" in name for name in engine.resources)

    return run(check)


@awaited
def test_with_a_schedule_there_are_cron_job_program_and_policy_after_the_release() -> Any:
    engine = start(ON, SECRETS)

    def check(_: dict[str, Any]) -> None:
        found = {name: one.type for name, one in engine.resources.items() if "housekeeping" in name}
        assert found == {
            "mlflow-housekeeping": "kubernetes:batch/v1:CronJob",
            "mlflow-housekeeping-program": "kubernetes:core/v1:ConfigMap",
            "mlflow-housekeeping-policy": "kubernetes:networking.k8s.io/v1:NetworkPolicy",
        }
        for name in found:
            made = engine.named(name)
            assert "mlflow-release" in made.depends_on
            assert made.inputs["metadata"]["name"] == "mlflow-gc"
            assert "Planted" not in json.dumps(made.inputs)

    return run(check)


def test_it_runs_by_its_schedule_one_at_a_time() -> None:
    spec = scheduled(settings()).cron_job()
    assert (spec["schedule"], spec["timeZone"]) == ("17 3 * * 0", "Etc/UTC")
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] == 3600
    job = spec["jobTemplate"]["spec"]
    assert (job["backoffLimit"], job["activeDeadlineSeconds"]) == (2, 6 * 3600)


def test_its_jobs_have_the_labels_by_which_they_are_seen_at_work() -> None:
    """`ops/at_work.py` looks for them, whoever began them."""
    labels = scheduled(settings()).cron_job()["jobTemplate"]["metadata"]["labels"]
    assert housekeeping_pods.selector("mlflow").items() <= labels.items()


def test_the_longest_release_name_is_one_of_a_cron_job() -> None:
    assert len(names.housekeeping("m" * 41)) <= 52


def test_pods_are_restricted_have_no_token_and_the_resources_of_their_setting() -> None:
    made = settings(housekeepingResources=json.dumps({"limits": {"memory": "2Gi"}}))
    spec, gc = scheduled(made).template["spec"], container(made)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert gc["securityContext"]["readOnlyRootFilesystem"] is True
    assert gc["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert gc["resources"]["limits"]["memory"] == "2Gi"
    assert gc["image"] == "docker.io/bitnamilegacy/mlflow:3.3.2-debian-12-r0"


def test_the_program_is_its_package_and_what_it_shares_where_python_finds_them() -> None:
    made = scheduled(settings())
    items = made.template["spec"]["volumes"][0]["configMap"]["items"]
    mounted = {item["key"]: item["path"] for item in items}
    assert mounted.keys() == made.program.keys()
    assert mounted["sweep.py"] == "components/pod_housekeeping/sweep.py"
    assert mounted["pod_bucket.py"] == "components/pod_bucket.py"
    assert container(settings())["command"] == ["python", "-m", "components.pod_housekeeping", "remove"]
    assert environment(settings())["PYTHONPATH"] == FOLDER


def test_with_s3_it_asks_database_and_store_and_has_no_login_of_the_server() -> None:
    found = environment(settings())
    assert found["PGPASSWORD"] == {"secretKeyRef": {"name": "mlflow-database", "key": "password"}}
    wanted = {"name": "mlflow-s3-creds", "key": "AWS_SECRET_ACCESS_KEY"}
    assert found["AWS_SECRET_ACCESS_KEY"] == {"secretKeyRef": wanted}
    assert found["HOUSEKEEPING_STORE"] == "s3://mlflow"
    assert not [name for name in found if name.startswith("MLFLOW_TRACKING")]
    _, database, store = scheduled(settings()).policy["egress"]
    assert database["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "postgresql"
    assert store == {"ports": [{"port": 443, "protocol": "TCP"}]}


@pytest.mark.parametrize("store", list(STORES))
def test_with_another_store_it_asks_the_server_as_the_administrator(store: str) -> None:
    made = elsewhere(store)
    found = environment(made)
    assert found["MLFLOW_TRACKING_URI"] == "http://mlflow-tracking.mlflow.svc"
    assert found["MLFLOW_TRACKING_PASSWORD"] == {
        "secretKeyRef": {"name": "mlflow-tracking", "key": "admin-password"}
    }
    assert "HOUSEKEEPING_STORE" not in found
    rule = scheduled(made).policy["egress"][2]
    assert rule["to"][0]["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/component": "tracking",
        "app.kubernetes.io/instance": "mlflow",
    }


def test_with_workload_identity_credentials_of_the_cloud_are_reached_for_s3_alone() -> None:
    """Other stores the server asks."""
    cloud = {"ports": [{"port": 80, "protocol": "TCP"}], "to": [{"ipBlock": {"cidr": "169.254.0.0/16"}}]}
    made = settings(**dict.fromkeys(SECRETS, ""), workloadIdentity="true")
    assert cloud in scheduled(made).policy["egress"]
    assert cloud not in scheduled(elsewhere("gcs")).policy["egress"]
    assert cloud not in scheduled(settings()).policy["egress"]


def test_an_external_database_is_asked_too() -> None:
    made = settings(databasePassword="PlantedPassword", **EXTERNAL)
    assert environment(made)["PGHOST"] == "db.example.com"
    assert scheduled(made).policy["egress"][1] == {"ports": [{"port": 5432, "protocol": "TCP"}]}


def test_a_restore_under_way_is_seen_and_none_is_no_obstacle() -> None:
    seen = environment(settings())["HOUSEKEEPING_RESTORE"]["configMapKeyRef"]
    assert seen == {"name": "mlflow-restore", "key": "under-way", "optional": True}


def test_age_and_moment_are_told_in_milliseconds() -> None:
    found = environment(settings(housekeepingOlderThan="1.5d"))
    assert found["HOUSEKEEPING_OLDER_THAN"] == "129600000"
    assert "HOUSEKEEPING_BEFORE" not in found
    pod = housekeeping_pods.template(settings(), "mlflow-gc-now", "list", 5)["spec"]["containers"][0]
    assert {"name": "HOUSEKEEPING_BEFORE", "value": "5"} in pod["env"]
    assert pod["command"][-1] == "list"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1s", 1000), ("30d", 2592000000), ("1d2h3m4s", 93784000), ("1.2d3h4m5s", 114725000), ("90m", 5400000)],
)
def test_durations_are_those_of_mlflow_gc(text: str, wanted: int) -> None:
    assert milliseconds(text) == wanted


def test_the_server_lets_in_the_pods_that_ask_it() -> None:
    """By the chart's label; the others have no need."""
    label = "mlflow-client"
    assert housekeeping_pods.labels(elsewhere("volume"))[label] == "true"
    assert label not in housekeeping_pods.labels(settings())
