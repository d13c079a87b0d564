"""Helm values of the server: workers, resources, probes, volumes, restarts."""

from __future__ import annotations

from components.settings import parse
from components.values import values
from components.values_restart import ANNOTATION
from components.values_stores import artifact_root
from tests.unit.cases import GOOD
from tests.unit.settled import at, of


def test_what_no_setting_changes() -> None:
    found = values(of())
    assert at(found, "tracking.auth.enabled") is True
    assert at(found, "tracking.service") == {"type": "ClusterIP"}
    assert at(found, "run.enabled") is False
    assert at(found, "minio.enabled") is False
    assert "global" not in found


def test_threaded_workers_with_a_timeout_of_their_own() -> None:
    """With a thread for each slow client as well, where something bounds what they work on at once."""
    given = {"trackingWorkers": "3", "trackingThreads": "16", "trackingWorkerTimeout": "300"}
    for fast, threads in (("true", 272), ("false", 16)):
        assert at(values(of(**given, fastAuthentication=fast)), "tracking.extraArgs") == [
            f"--gunicorn-opts=--timeout=300 --worker-class=gthread --threads={threads} --keep-alive=95",
            "--workers=3",
        ]


def test_no_cpu_limits_and_room_for_artifacts() -> None:
    found = values(of(trackingScratchSize="32Gi"))
    assert at(found, "tracking.resources.limits") == {"memory": "2Gi", "ephemeral-storage": "32Gi"}
    for path in ("run.resources.limits", "postgresql.primary.resources.limits"):
        assert "cpu" not in at(found, path)


def test_one_resource_can_be_set_or_removed_alone() -> None:
    limits = {"limits": {"memory": "3Gi"}, "requests": {"cpu": ""}}
    found = values(of(trackingResources=limits, waitResources={"limits": {"memory": "1Gi"}}))
    assert at(found, "tracking.resources") == {
        "requests": {"memory": "1Gi", "ephemeral-storage": "50Mi"},
        "limits": {"memory": "3Gi", "ephemeral-storage": "16Gi"},
    }
    assert at(found, "run.resources.requests") == {"cpu": "50m", "memory": "64Mi"}


def test_a_start_is_seen_within_a_second() -> None:
    found = values(of())
    for path in ("tracking.customStartupProbe", "tracking.readinessProbe", "postgresql.primary.startupProbe"):
        assert at(found, path)["periodSeconds"] == 1
    assert at(found, "tracking.customStartupProbe.httpGet.path") == "/health"


def test_a_server_ends_in_order() -> None:
    """`mlflow server` hands no signal on; its gunicorn takes one (the e2e tests see the pod end)."""
    shell, _, script = at(values(of()), "tracking.lifecycleHooks.preStop.exec.command")
    assert shell == "bash"
    assert script.endswith("pkill -TERM --oldest --full -- '-m gunicorn'")


def test_a_volume_that_one_pod_can_have_is_handed_over() -> None:
    found = values(of(trackingVolume="true", storageClass="slow", trackingVolumeClass="fast"))
    assert at(found, "tracking.persistence") == {
        "enabled": True,
        "size": "8Gi",
        "accessModes": ["ReadWriteOnce"],
        "storageClass": "fast",
    }
    assert at(found, "tracking.updateStrategy") == {"type": "Recreate"}


def test_artifacts_on_a_shared_volume() -> None:
    settings = parse(
        {
            "context": "lab",
            "artifactStore": "volume",
            "trackingVolumeAccessMode": "ReadWriteMany",
            "trackingReplicas": 3,
        }
    )
    found = values(settings)
    assert at(found, "tracking.persistence") == {
        "enabled": True,
        "size": "8Gi",
        "accessModes": ["ReadWriteMany"],
        "annotations": {"helm.sh/resource-policy": "keep"},
    }
    assert "updateStrategy" not in found["tracking"]
    assert found["externalS3"] == {"useCredentialsInSecret": False}
    assert artifact_root(settings) == "/bitnami/mlflow/mlartifacts"


def test_autoscaling_numbers_are_texts() -> None:
    found = values(of(autoscaling=True, autoscalingMax=9, autoscalingMemory=80))
    assert at(found, "tracking.autoscaling.hpa") == {
        "enabled": True,
        "minReplicas": "2",
        "maxReplicas": "9",
        "targetCPU": "75",
        "targetMemory": "80",
    }


def test_a_changed_credential_restarts_the_pods_and_shows_nothing_of_it() -> None:
    first, same, other = (
        at(values(of(s3SecretAccessKey=key)), f"tracking.podAnnotations.{ANNOTATION}")
        for key in ("PlantedOne", "PlantedOne", "PlantedTwo")
    )
    assert first == same != other
    assert len(first) == 4


def test_a_registry_s_password_restarts_nothing() -> None:
    private = {"chartUsername": "robot", "chartPassword": "PlantedChart"}
    assert values(of(**private)) == values(of())
    first, other = (values(of(imageUsername="robot", imagePassword=word)) for word in ("One", "Two"))
    assert first == other


def test_credentials_that_others_keep_have_no_annotation() -> None:
    found = values(parse({**GOOD, "s3ExistingSecret": "mine"}))
    assert ANNOTATION not in at(found, "tracking.podAnnotations")


def test_a_pod_asks_a_node_for_little_disk_and_may_use_much() -> None:
    """Without a request Kubernetes takes the limit for one: no node with less free disk would do."""
    found = at(values(of()), "tracking.resources")
    assert found["requests"]["ephemeral-storage"] == "50Mi"
    own = values(of(trackingResources={"requests": {"ephemeral-storage": "2Gi"}}))
    assert at(own, "tracking.resources.requests.ephemeral-storage") == "2Gi"


def test_the_chart_migrates_the_database_only_where_it_is_asked_to() -> None:
    assert "runUpgradeDB" not in at(values(of()), "tracking")
    assert at(values(of(databaseUpgrade="true")), "tracking.runUpgradeDB") is True
