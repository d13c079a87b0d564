"""The stack's objects of backups: when they are there, what their pods may do, and which images they run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components import backup_pods, job_pods, names, values_authentication
from components.backup import backups
from components.pod_programs import FOLDER as PROGRAM
from components.pod_requests import AT_ONCE
from components.scheduled import Scheduled
from components.settings import Settings, parse
from components.settings.schedule import cron
from components.values import values
from tests.unit.cases import EXTERNAL, GOOD, SECRETS
from tests.unit.engine import awaited, start
from tests.unit.program import run

ON = {**GOOD, "backupSchedule": "17 2 * * *"}
PASSWORD = {"databasePassword": "PlantedPassword"}


def settings(**given: str) -> Settings:
    return parse({**ON, **SECRETS, **given})


def scheduled(made: Settings) -> Scheduled:
    found = backups(made)
    assert found
    return found


def pod(made: Settings) -> Any:
    return backup_pods.backup(made, "mlflow-backup")["spec"]


def containers(made: Settings) -> dict[str, Any]:
    spec = pod(made)
    return {one["name"]: one for one in (*spec["initContainers"], *spec["containers"])}


def environment(container: Any) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}


# Objects.


@awaited
def test_without_a_schedule_there_is_nothing() -> Any:
    engine = start(GOOD, SECRETS)

    def check(_: dict[str, Any]) -> None:
        assert not any("backup" in name for name in engine.resources)

    return run(check)


@awaited
def test_with_a_schedule_there_are_cron_job_program_and_policy_after_the_release() -> Any:
    engine = start(ON, SECRETS)

    def check(_: dict[str, Any]) -> None:
        found = {name: one.type for name, one in engine.resources.items() if "backup" in name}
        assert found == {
            "mlflow-backup": "kubernetes:batch/v1:CronJob",
            "mlflow-backup-program": "kubernetes:core/v1:ConfigMap",
            "mlflow-backup-policy": "kubernetes:networking.k8s.io/v1:NetworkPolicy",
        }
        for name in found:
            made = engine.named(name)
            assert "mlflow-release" in made.depends_on
            assert made.inputs["metadata"]["name"] == "mlflow-backup"
            assert made.inputs["metadata"]["namespace"] == "mlflow"
            assert "Planted" not in json.dumps(made.inputs)

    return run(check)


def test_two_backups_never_run_at_a_time_and_history_is_short() -> None:
    spec = scheduled(settings()).cron_job()
    assert (spec["schedule"], spec["timeZone"]) == ("17 2 * * *", "Etc/UTC")
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["successfulJobsHistoryLimit"] == spec["failedJobsHistoryLimit"] == 3
    assert spec["startingDeadlineSeconds"] == 3600
    job = spec["jobTemplate"]["spec"]
    assert (job["backoffLimit"], job["activeDeadlineSeconds"]) == (2, 6 * 3600)


def test_its_jobs_have_the_labels_by_which_they_are_seen_at_work() -> None:
    """`ops/at_work.py` looks for them, whoever began them."""
    labels = scheduled(settings()).cron_job()["jobTemplate"]["metadata"]["labels"]
    assert backup_pods.selector("mlflow").items() <= labels.items()


def test_the_longest_release_name_is_one_of_a_cron_job() -> None:
    assert len(names.backup("m" * 41)) <= 52


# Pods.


def test_pods_conform_to_the_standard_restricted_and_have_no_token() -> None:
    spec = pod(settings())
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for made in containers(settings()).values():
        security = made["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert made["resources"]["limits"]["memory"] == "1Gi"
    assert {kind for volume in spec["volumes"] for kind in volume} == {"name", "configMap", "emptyDir"}


def test_a_service_mesh_leaves_the_pods_alone() -> None:
    """A proxy beside them would never end, and their policy does not let it out."""
    metadata = backup_pods.backup(settings(), "mlflow-backup")["metadata"]
    wanted = {**backup_pods.labels(settings()), "sidecar.istio.io/inject": "false"}
    assert metadata == {"labels": wanted, "annotations": {"linkerd.io/inject": "disabled"}}


def test_credentials_come_from_secrets_and_stand_in_no_argument() -> None:
    found = containers(settings())
    dump, store = environment(found["dump"]), environment(found["store"])
    assert dump["PGPASSWORD"] == {"secretKeyRef": {"name": "mlflow-database", "key": "password"}}
    wanted = {"name": "mlflow-s3-creds", "key": "AWS_SECRET_ACCESS_KEY"}
    assert store["AWS_SECRET_ACCESS_KEY"] == {"secretKeyRef": wanted}
    assert "PGPASSWORD" not in store
    assert "AWS_SECRET_ACCESS_KEY" not in dump
    assert found["dump"]["command"] == ["bash", f"{PROGRAM}/database.sh", "dump"]
    assert found["store"]["command"] == ["python", "-m", "components.pod_backup", "save"]


def test_the_images_are_the_stack_s_own() -> None:
    def images(**given: str) -> list[str]:
        return [one["image"] for one in containers(settings(**given)).values()]

    assert images() == [
        "docker.io/bitnamilegacy/postgresql:17.6.0-debian-12-r4",
        "docker.io/bitnamilegacy/mlflow:3.3.2-debian-12-r0",
    ]
    digest = f"sha256:{'0' * 64}"
    assert images(imageMlflow=f"acme/mlflow@{digest}", imageRegistry="r.example.com")[1] == (
        f"r.example.com/acme/mlflow@{digest}"
    )
    both = f"quay.io/acme/pg:17@{digest}"
    assert images(imagePostgresql=both, chartVersion="5.2.0", imageMlflow="acme/mlflow:4")[0] == both


def test_the_program_is_all_files_of_its_package_where_python_finds_them() -> None:
    spec = pod(settings())
    mounted = {item["key"]: item["path"] for item in spec["volumes"][0]["configMap"]["items"]}
    assert mounted.keys() == backup_pods.program().keys()
    assert mounted["database.sh"] == "database.sh"
    assert mounted["__main__.py"] == "components/pod_backup/__main__.py"
    sources = Path(backup_pods.__file__).parent / "pod_backup"
    assert backup_pods.program()["save.py"] == (sources / "save.py").read_text()


def test_no_variable_stands_twice_in_a_container_and_python_looks_in_the_program() -> None:
    """The server has a PYTHONPATH of its own."""
    for container in containers(settings()).values():
        assert len(environment(container)) == len(container["env"])
    assert environment(containers(settings())["store"])["PYTHONPATH"] == PROGRAM


@pytest.mark.parametrize("only", ["fastAuthentication", "strictPermissions", ""])
def test_what_the_hook_brings_the_server_no_pod_of_backups_has(only: str) -> None:
    both = ("fastAuthentication", "strictPermissions")
    made = settings(**{key: str(only in ("", key)).lower() for key in both})
    hook = (values_authentication.FOLDER, names.own("mlflow", names.MODULE))
    assert all(part in json.dumps(values(made)) for part in hook)
    for spec in (pod(made), backup_pods.restore(made, "mlflow-restore", "latest", replace=False)["spec"]):
        assert not any(part in json.dumps(spec) for part in (*hook, AT_ONCE))


def test_the_database_is_asked_as_the_chart_names_it() -> None:
    assert job_pods.database(settings()) == (
        *("mlflow-postgresql", "5432", "bn_mlflow"),
        *("bitnami_mlflow", "bitnami_mlflow_auth"),
    )
    adopted = {"postgresql": {"auth": {"username": "postgres", "database": "ours"}}}
    made = settings(extraValues=json.dumps(adopted))
    assert job_pods.database(made)[2:] == ("postgres", "ours", "ours_auth")
    password = environment(containers(made)["dump"])["PGPASSWORD"]
    assert password["secretKeyRef"]["key"] == "postgres-password"


def test_an_external_database_is_backed_up_too() -> None:
    made = settings(**PASSWORD, **EXTERNAL, databasePort="6432")
    found = environment(containers(made)["dump"])
    assert (found["PGHOST"], found["PGPORT"], found["PGUSER"]) == ("db.example.com", "6432", "postgres")
    assert found["PGPASSWORD"] == {"secretKeyRef": {"name": "mlflow-database", "key": "db-password"}}
    assert list(backup_pods.labels(made).values()) == ["mlflow-backup", "mlflow-backup"]


def test_with_workload_identity_the_pod_is_the_server_to_the_store() -> None:
    made = settings(**dict.fromkeys(SECRETS, ""), workloadIdentity="true", s3Region="eu-central-1")
    found = environment(containers(made)["store"])
    assert "AWS_ACCESS_KEY_ID" not in found
    assert found["AWS_DEFAULT_REGION"] == "eu-central-1"
    assert pod(made)["serviceAccountName"] == "mlflow-tracking"


@pytest.mark.parametrize(
    ("account", "name"),
    [({"create": False}, "default"), ({"name": "own"}, "own"), ({"create": False, "name": "own"}, "own")],
)
def test_the_service_account_is_the_server_s(account: dict[str, Any], name: str) -> None:
    made = settings(extraValues=json.dumps({"tracking": {"serviceAccount": account}}))
    assert pod(made)["serviceAccountName"] == name


def test_what_the_server_needs_to_reach_the_store_and_its_nodes_the_pods_have_too() -> None:
    volume = {"name": "ca", "configMap": {"name": "ca"}}
    tracking = {
        "extraEnvVars": [{"name": "AWS_CA_BUNDLE", "value": "/ca/ca.pem"}],
        "extraVolumes": [volume],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/ca"}],
        "nodeSelector": {"disk": "ssd"},
    }
    made = settings(extraValues=json.dumps({"tracking": tracking}), imagePullSecrets='["regcred"]')
    spec, store = pod(made), containers(made)["store"]
    assert environment(store)["AWS_CA_BUNDLE"] == "/ca/ca.pem"
    assert {"name": "ca", "mountPath": "/ca"} in store["volumeMounts"]
    assert spec["volumes"][-1] == volume
    assert spec["nodeSelector"] == {"disk": "ssd"}
    assert "tolerations" not in spec
    assert spec["imagePullSecrets"] == [{"name": "regcred"}]
    private = settings(imageUsername="robot", imagePassword="PlantedWord")
    assert pod(private)["imagePullSecrets"] == [{"name": "mlflow-registry"}]


def test_the_pods_are_placed_as_the_server_is_whatever_other_pods_it_minds() -> None:
    """On a single node they would wait for ever for a server that keeps to itself."""
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    nodes: dict[str, Any] = {"nodeAffinity": {required: {"nodeSelectorTerms": [{"matchExpressions": []}]}}}
    alone: dict[str, Any] = {"podAntiAffinity": {required: [{"topologyKey": "kubernetes.io/hostname"}]}}
    placed: dict[str, Any] = {"priorityClassName": "high", "schedulerName": "volcano"}
    given = {"tracking": {**placed, "affinity": {**alone, **nodes}}}
    spec = pod(settings(extraValues=json.dumps(given)))
    assert placed.items() <= spec.items()
    assert spec["affinity"] == nodes
    empty = {"priorityClassName": "", "schedulerName": "", "affinity": alone}
    template = "{{ .Release.Name }}"  # which the chart alone can render
    unknown = {"nodeSelector": {"pool": template}, "affinity": {"nodeAffinity": {required: [template]}}}
    for tracking in (empty, unknown):
        left = pod(settings(extraValues=json.dumps({"tracking": tracking})))
        assert not left.keys() & {"nodeSelector", "priorityClassName", "schedulerName", "affinity"}


def test_variables_and_names_of_hosts_that_the_server_is_given_the_pods_have_too() -> None:
    """As a proxy's address; the database's image has no need of the variables."""
    aliases = [{"ip": "192.0.2.1", "hostnames": ["minio.example.com"]}]
    tracking = {"extraEnvVarsCM": "proxy", "extraEnvVarsSecret": "login", "hostAliases": aliases}
    made = settings(extraValues=json.dumps({"tracking": tracking}))
    found = containers(made)
    given = [{"configMapRef": {"name": "proxy"}}, {"secretRef": {"name": "login"}}]
    assert found["store"]["envFrom"] == given
    assert "envFrom" not in found["dump"]
    assert pod(made)["hostAliases"] == aliases
    assert "envFrom" not in containers(settings())["store"]
    assert "hostAliases" not in pod(settings())


@pytest.mark.parametrize(
    "tracking",
    [
        {"extraEnvVarsSecret": "{{ .Release.Name }}-login", "hostAliases": "{{ .Values.aliases }}"},
        {"extraEnvVarsCM": "", "extraEnvVarsSecret": "", "hostAliases": []},
    ],
)
def test_what_only_the_chart_can_render_or_what_is_empty_is_left_out(tracking: dict[str, Any]) -> None:
    made = settings(extraValues=json.dumps({"tracking": tracking}))
    assert "envFrom" not in containers(made)["store"]
    assert "hostAliases" not in pod(made)


def test_a_restore_fetches_and_checks_before_it_changes_anything() -> None:
    spec = backup_pods.restore(settings(), "mlflow-restore", "latest", replace=False)["spec"]
    assert [one["name"] for one in spec["initContainers"]] == ["fetch", "check", "artifacts"]
    assert spec["initContainers"][0]["command"][-2:] == ["fetch", "latest"]
    (last,) = spec["containers"]
    assert environment(last)["REPLACE"] == environment(spec["initContainers"][1])["REPLACE"] == "false"
    replacing = backup_pods.restore(settings(), "mlflow-restore", "latest", replace=True)["spec"]
    assert environment(replacing["containers"][0])["REPLACE"] == "true"


# What they may reach.


def egress(made: Settings) -> list[Any]:
    spec = scheduled(made).policy
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in spec
    assert spec["podSelector"]["matchLabels"].items() <= backup_pods.labels(made).items()
    found: list[Any] = spec["egress"]
    return found


def test_pods_reach_names_database_and_store_and_nobody_reaches_them() -> None:
    dns, database, store = egress(settings())
    assert [one["port"] for one in dns["ports"]] == [53, 53]
    assert database["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "postgresql"
    assert store == {"ports": [{"port": 443, "protocol": "TCP"}]}
    assert "mlflow-postgresql-client" in backup_pods.labels(settings())


def test_with_workload_identity_pods_also_reach_where_the_cloud_hands_out_credentials() -> None:
    made = settings(**dict.fromkeys(SECRETS, ""), workloadIdentity="true", s3Region="eu-central-1")
    assert egress(made)[2:] == [
        {"ports": [{"port": 443, "protocol": "TCP"}]},
        {"ports": [{"port": 80, "protocol": "TCP"}], "to": [{"ipBlock": {"cidr": "169.254.0.0/16"}}]},
    ]


def test_an_external_database_is_reached_by_its_port_alone() -> None:
    made = settings(**PASSWORD, **EXTERNAL, databasePort="6432")
    assert egress(made)[1] == {"ports": [{"port": 6432, "protocol": "TCP"}]}


@pytest.mark.parametrize(
    ("endpoint", "wanted"),
    [
        ("http://198.18.0.1:9000", 9000),
        ("http://minio.example.com", 80),
        ("https://s3.example.com", 443),
        ("http://minio.storage.svc:9000", "storage"),
        ("http://minio.storage.svc.cluster.local", "storage"),
        ("http://minio:9000", "mlflow"),
    ],
)
def test_a_store_inside_the_cluster_is_reached_in_its_namespace(endpoint: str, wanted: int | str) -> None:
    store = egress(settings(s3Endpoint=endpoint))[2]
    if isinstance(wanted, int):
        assert store == {"ports": [{"port": wanted, "protocol": "TCP"}]}
    else:
        (to,) = store["to"]
        assert to["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": wanted}


# Schedules.


@pytest.mark.parametrize(
    "text", ["@daily", "0 0 * * *", "*/15 1-5/2 1,15 jan-MAR sun", "59 23 31 12 6", "5/10 * * * mon-fri"]
)
def test_schedules_of_cron_are_accepted(text: str) -> None:
    assert cron(text) == text


def test_spaces_between_fields_do_not_matter() -> None:
    assert cron("0  2 * *  *") == "0 2 * * *"
