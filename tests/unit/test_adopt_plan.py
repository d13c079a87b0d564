"""What `make adopt` reads out of a release's values: settings, what else goes where, what is held back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from components.settings import parse
from components.values import patched, values
from ops.adoption import telling
from ops.adoption.plan import Plan, plan
from ops.adoption.reasons import ABSENT
from ops.console import OpsError
from tests.unit.releases import DEFAULTS, config, record, runbook

S3 = {"AWS_ACCESS_KEY_ID": "PlantedId", "AWS_SECRET_ACCESS_KEY": "PlantedKey"}


def planned(release: Mapping[str, Any], s3: Mapping[str, str] = {}, **given: str) -> Plan:
    return plan(record(release), config(**given), s3, shared=False)


def runs_as_before(made: Plan, release: Mapping[str, Any], **given: str) -> dict[str, Any]:
    """The chart gets from the new settings what it gets from the release; the values of the program."""
    wanted = {key: value for key, value in made.changes.items() if value is not None}
    asked = {**config(**given), **dict.fromkeys(made.changes, None), **wanted, **made.secrets}
    found = values(parse({key: value for key, value in asked.items() if value not in (None, "")}))
    assert patched(DEFAULTS, found) == patched(DEFAULTS, release)
    return found


def with_(release: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The values with one more."""
    below = release
    *above, last = path.split(".")
    for key in above:
        below = below.setdefault(key, {})
    below[last] = value
    return release


def test_a_release_that_migrates_its_database_goes_on_doing_so() -> None:
    release = with_(runbook(), "tracking.runUpgradeDB", True)
    made = planned(release, S3)
    assert made.changes["databaseUpgrade"] is True
    assert "extraValues" not in made.changes
    runs_as_before(made, release)


def test_the_runbook_becomes_settings_and_what_the_program_adds_is_held_back() -> None:
    made = planned(runbook(), S3)
    changes = {key: value for key, value in made.changes.items() if key != "adoptedValues"}
    assert changes == {
        "databaseExistingSecret": "mlflow-postgresql",
        "podSecurity": "none",
        "s3Endpoint": "http://198.18.0.1:9000",
        "storageClass": "lab-local",
        "trackingVolume": True,
    }
    assert made.secrets == {"s3AccessKeyId": "PlantedId", "s3SecretAccessKey": "PlantedKey"}
    runs_as_before(made, runbook())
    held = {one.path: one for one in made.held}
    assert "one thread" in held["tracking.extraArgs"].why
    assert held["tracking.extraArgs"].release == ABSENT
    assert {"tracking.resources", "tracking.lifecycleHooks", "postgresql.primary.startupProbe"} <= set(held)
    hooks = {path for path, one in held.items() if "strict permissions" in one.why}
    assert hooks == {
        "extraDeploy",
        "tracking.auth.extraOverrides",
        "tracking.extraEnvVars",
        "tracking.extraVolumeMounts",
        "tracking.extraVolumes",
    }
    assert "program's choice" not in {one.why for one in made.held}
    # Settings behind what only writes out a default have their effect at once.
    assert not {path for path in held if path.startswith(("tracking.replicaCount", "tracking.ingress"))}


def test_a_secret_that_is_not_as_the_stack_s_is_referred_to() -> None:
    made = planned(runbook())
    assert made.changes["s3ExistingSecret"] == "mlflow-s3-creds"
    assert made.secrets == {}
    runs_as_before(made, runbook())


def test_the_stack_s_own_keys_must_be_the_release_s() -> None:
    same = planned(runbook(), S3, s3AccessKeyId="PlantedId", s3SecretAccessKey="PlantedKey")
    assert same.secrets == {}
    with pytest.raises(OpsError, match="pulumi config rm s3SecretAccessKey") as refused:
        planned(runbook(), S3, s3SecretAccessKey="PlantedOther")
    assert "Planted" not in str(refused.value)


def test_what_the_stack_said_otherwise_gives_way_to_the_release() -> None:
    given = {"ingressHost": "m.example.com", "ingressClusterIssuer": "le", "s3Bucket": "other"}
    made = planned(runbook(), S3, **given)
    assert {key: made.changes[key] for key in given} == {**dict.fromkeys(given), "s3Bucket": "mlflow"}


def test_what_is_no_setting_of_the_release_stays() -> None:
    made = planned(runbook(), S3, timeout="900", trackingWorkers="4", createNamespace="false")
    assert not {"timeout", "trackingWorkers", "createNamespace"} & set(made.changes)


def test_a_namespace_with_others_in_it_is_not_the_stack_s() -> None:
    made = plan(record(runbook()), config(), S3, shared=True)
    assert made.changes["createNamespace"] is False


INGRESS = {
    "enabled": True,
    "hostname": "m.example.com",
    "tls": True,
    "ingressClassName": "nginx",
    "annotations": {"cert-manager.io/cluster-issuer": "le", "a.b/c": "d"},
}


@pytest.mark.parametrize(
    ("path", "value", "settings"),
    [
        (
            "tracking.ingress",
            INGRESS,
            {
                "ingressHost": "m.example.com",
                "ingressClass": "nginx",
                "ingressClusterIssuer": "le",
                "ingressAnnotations": {"a.b/c": "d"},
            },
        ),
        (
            "tracking.ingress",
            {"enabled": True, "hostname": "m.example.com"},
            {"ingressHost": "m.example.com", "ingressTls": False},
        ),
        (
            "tracking.ingress",
            {"enabled": True, "hostname": "m.example.com", "tls": True, "selfSigned": True},
            {"ingressHost": "m.example.com", "ingressTlsSecret": "m.example.com-tls"},
        ),
        (
            "tracking.ingress",
            {
                "enabled": True,
                "hostname": "m.example.com",
                "extraTls": [{"hosts": ["m.example.com"], "secretName": "own"}],
            },
            {"ingressHost": "m.example.com", "ingressTlsSecret": "own"},
        ),
        ("image", {"repository": "bitnamilegacy/mlflow", "tag": "1", "digest": f"sha256:{'a' * 64}"}, None),
        ("image.registry", "r.example.com", {"imageMlflow": "r.example.com/bitnamilegacy/mlflow"}),
        ("global.imagePullSecrets", ["a", {"name": "b"}], {"imagePullSecrets": ["a", "b"]}),
        ("global.imageRegistry", "r.example.com", {"imageRegistry": "r.example.com"}),
        ("tracking.replicaCount", 1, {}),
        ("tracking.persistence.enabled", False, {"storageClass": "lab-local"}),
        ("tracking.persistence.size", "9Gi", {"trackingVolumeSize": "9Gi"}),
        (
            "tracking.persistence.accessModes",
            ["ReadWriteMany"],
            {"trackingVolumeAccessMode": "ReadWriteMany"},
        ),
        ("tracking.persistence.existingClaim", "mine", None),
        (
            "tracking.persistence.storageClass",
            "fast",
            {"trackingVolumeClass": "fast", "databaseClass": "lab-local"},
        ),
        ("postgresql.primary.persistence.size", "9Gi", {"databaseSize": "9Gi"}),
        ("postgresql.auth.existingSecret", "mine", {"databaseExistingSecret": "mine"}),
        (
            "tracking.resources",
            {"requests": {"cpu": "1"}, "limits": {"memory": "3Gi", "ephemeral-storage": "9Gi"}},
            {
                "trackingScratchSize": "9Gi",
                "trackingResources": {
                    "requests": {"cpu": "1", "memory": ""},
                    "limits": {"memory": "3Gi"},
                },
            },
        ),
        ("tracking.metrics", {"enabled": True}, {"metrics": True}),
        (
            "tracking.metrics",
            {
                "enabled": True,
                "serviceMonitor": {"enabled": True, "interval": "30s", "labels": {"release": "p"}},
            },
            {
                "metrics": True,
                "serviceMonitor": True,
                "serviceMonitorInterval": "30s",
                "serviceMonitorLabels": {"release": "p"},
            },
        ),
        (
            "tracking.serviceAccount.annotations",
            {"a.b/c": "d"},
            {"serviceAccountAnnotations": {"a.b/c": "d"}},
        ),
        ("externalS3.serveArtifacts", False, {"artifactsProxied": False}),
        ("externalS3.useCredentialsInSecret", False, {"workloadIdentity": True}),
    ],
)
def test_each_value_that_has_a_setting_becomes_it(
    path: str, value: Any, settings: dict[str, Any] | None
) -> None:
    release = with_(runbook(), path, value)
    made = planned(release)
    runs_as_before(made, release)
    for key, wanted in (settings or {}).items():
        assert made.changes[key] == wanted, key


def test_autoscaling_becomes_settings() -> None:
    hpa = {"enabled": True, "minReplicas": "1", "maxReplicas": "3", "targetCPU": "50"}
    release = with_(with_(runbook(), "tracking.autoscaling.hpa", hpa), "tracking.persistence.enabled", False)
    made = planned(release)
    runs_as_before(made, release)
    found = {key: value for key, value in made.changes.items() if key.startswith("autoscaling")}
    assert found == {
        "autoscaling": True,
        "autoscalingMin": "1",
        "autoscalingMax": "3",
        "autoscalingCpu": "50",
    }


def test_other_stores_and_an_external_database_become_settings() -> None:
    release = {
        "minio": {"enabled": False},
        "postgresql": {"enabled": False},
        "tracking": {"persistence": {"enabled": False}},
        "externalDatabase": {
            "host": "db.example.com",
            "port": 5433,
            "user": "ml",
            "existingSecret": "db",
            "existingSecretPasswordKey": "pw",
        },
    }
    gcs = {"bucket": "ours", "existingSecret": "g", "existingSecretKey": "k", "useCredentialsInSecret": True}
    made = planned({**release, "externalGCS": gcs})
    runs_as_before(made, {**release, "externalGCS": gcs})
    wanted = {
        "artifactStore": "gcs",
        "gcsBucket": "ours",
        "gcsExistingSecret": "g",
        "gcsExistingSecretKey": "k",
        "database": "external",
        "databaseHost": "db.example.com",
        "databasePort": 5433,
        "databaseUser": "ml",
        "databaseExistingSecret": "db",
        "databaseExistingSecretKey": "pw",
    }
    assert {key: made.changes[key] for key in wanted} == wanted
    azure = {"storageAccount": "ours", "existingSecret": "a", "existingAccessKeyKey": "k"}
    made = planned({**release, "externalAzureBlob": azure})
    assert (made.changes["artifactStore"], made.changes["azureStorageAccount"]) == ("azure", "ours")


def test_what_has_no_setting_goes_to_extra_values_and_stays_there() -> None:
    release = with_(runbook(), "tracking.nodeSelector", {"disk": "ssd"})
    with_(release, "tracking.service.type", "NodePort")
    with_(release, "tracking.extraArgs", ["--foo"])
    with_(release, "tracking.auth.username", "boss")
    with_(release, "postgresql.auth.username", "ml")
    made = planned(release, extraValues='{"commonLabels": {"a": "b"}}')
    assert made.changes["extraValues"] == {
        "commonLabels": {"a": "b"},
        "postgresql": {"auth": {"username": "ml"}},
        "tracking": {
            "auth": {"username": "boss"},
            "extraArgs": ["--foo"],
            "nodeSelector": {"disk": "ssd"},
            "service": {"type": "NodePort"},
        },
    }
    assert made.changes["adoptedValues"]["tracking"]["extraArgs"] == ["--foo"]
    assert made.changes["adoptedValues"]["commonLabels"] is None
    runs_as_before(made, release)


def test_what_the_program_refuses_is_held_and_said_to_go_when_taken_over() -> None:
    release = with_(runbook(), "tracking.replicaCount", 3)
    with_(release, "tracking.resourcesPreset", "large")
    with_(release, "image.repository", "bitnami/mlflow")
    made = planned(release)
    runs_as_before(made, release)
    why = {one.path: one.why for one in made.held}
    for path, setting in {
        "tracking.replicaCount": "trackingReplicas",
        "image.repository": "imageMlflow",
    }.items():
        assert why[path] == f"given by hand; once you take it over, the program decides it (use {setting})"
    assert "trackingReplicas" not in made.changes


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("tracking.auth.password", "Planted", "tracking.auth.password: no secret in values"),
        ("postgresql.auth.password", "Planted", "postgresql.auth.password: no secret in values"),
        ("externalS3.accessKeySecret", "Planted", "externalS3.accessKeySecret: no secret in values"),
        ("minio", {}, "minio.enabled: false .the artifact store is not part"),
        ("minio.enabled", True, "minio.enabled: false"),
        ("tracking.auth.enabled", False, "tracking.auth.enabled: true .authentication stays on"),
        ("fullnameOverride", "x", "fullnameOverride: "),
        ("tracking.livenessProbe", None, "tracking.livenessProbe: no null"),
        ("externalS3.bucket", "Not A Bucket", r"conflict with.*s3Bucket"),
    ],
)
def test_what_cannot_be_adopted_is_refused_before_anything_changes(path: str, value: Any, said: str) -> None:
    with pytest.raises(OpsError, match=f"(?s){said}") as refused:
        planned(with_(runbook(), path, value))
    assert "Planted" not in str(refused.value)


def test_a_plan_shows_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    made = planned(runbook(), S3)
    telling.show(made)
    told = capsys.readouterr().err
    assert "tracking.extraArgs" in told
    assert "release mlflow, Secret mlflow-s3-creds, namespace mlflow" in told
    assert "s3SecretAccessKey" in told
    assert "Planted" not in told + repr(made) + json.dumps(telling.as_json(made))


def test_a_plan_with_nothing_held_says_so_by_silence(capsys: pytest.CaptureFixture[str]) -> None:
    telling.show(Plan(record({}), {"s3Bucket": None}, {}, None, {}, False, []))
    told = capsys.readouterr().err
    assert "(the default)" in told
    assert "adoptedValues" not in told
    assert "namespace" not in told
