"""Settings to Helm values: each choice reaches the chart in the chart's own words."""

from __future__ import annotations

from typing import Any

import pytest

from components import names
from components.settings import Settings, WrongSettings, parse
from components.values import merged, values
from components.values_restart import ANNOTATION
from components.values_stores import artifact_root
from tests.unit.malformed import EXTERNAL, GOOD, SECRETS, UUID

DIGEST = f"sha256:{'a' * 64}"
GCS = {"context": "lab", "artifactStore": "gcs", "gcsBucket": "bucket"}
AZURE = {"context": "lab", "artifactStore": "azure", "azureStorageAccount": "account"}
VOLUME = {"context": "lab", "artifactStore": "volume"}


def of(**config: Any) -> Settings:
    """Good settings with `config` laid over them."""
    return parse({**GOOD, **SECRETS, **config})


def at(tree: Any, path: str) -> Any:
    """The value at a dotted path."""
    for key in path.split("."):
        tree = tree[key]
    return tree


def test_what_no_setting_changes() -> None:
    found = values(of())
    assert at(found, "tracking.auth") == {"enabled": True}
    assert at(found, "tracking.service") == {"type": "ClusterIP"}
    assert at(found, "run.enabled") is False
    assert at(found, "minio.enabled") is False
    assert "global" not in found


def test_threaded_workers_with_a_timeout_of_their_own() -> None:
    found = values(of(trackingWorkers="3", trackingThreads="16", trackingWorkerTimeout="300"))
    assert at(found, "tracking.extraArgs") == [
        "--gunicorn-opts=--timeout=300 --worker-class=gthread --threads=16",
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


def test_every_image_leads_to_a_living_path() -> None:
    found = values(of())
    images = [
        "image",
        "gitImage",
        "waitContainer.image",
        "volumePermissions.image",
        "postgresql.image",
        "postgresql.metrics.image",
        "postgresql.volumePermissions.image",
        "minio.image",
        "minio.clientImage",
        "minio.console.image",
        "minio.defaultInitContainers.volumePermissions.image",
    ]
    for path in images:
        assert at(found, f"{path}.repository").startswith("bitnamilegacy/")
        assert at(found, f"{path}.registry") == "docker.io"


def test_a_mirror_serves_all_images_and_the_chart_s_check_is_off() -> None:
    found = values(of(imageRegistry="registry.example.com:5000", imagePullSecrets=["regcred"]))
    assert at(found, "postgresql.metrics.image.registry") == "registry.example.com:5000"
    assert found["global"] == {"security": {"allowInsecureImages": True}, "imagePullSecrets": ["regcred"]}


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        (f"bitnamilegacy/mlflow:3.3.2@{DIGEST}", ("docker.io", "bitnamilegacy/mlflow", "3.3.2", DIGEST)),
        (f"localhost:5000/a/b@{DIGEST}", ("localhost:5000", "a/b", None, DIGEST)),
        ("localhost/mlflow", ("localhost", "mlflow", None, None)),
        ("ghcr.io/a/mlflow:1", ("ghcr.io", "a/mlflow", "1", None)),
        ("mlflow:1", ("docker.io", "mlflow", "1", None)),
    ],
)
def test_parts_of_an_image(reference: str, parts: tuple[str | None, ...]) -> None:
    image = values(of(imageMlflow=reference))["image"]
    assert tuple(image.get(key) for key in ("registry", "repository", "tag", "digest")) == parts


def test_ingress_off() -> None:
    assert at(values(of()), "tracking.ingress") == {"enabled": False}


def test_ingress_with_an_issuer_and_own_annotations() -> None:
    body = "nginx.ingress.kubernetes.io/proxy-body-size"
    found = at(
        values(
            of(
                ingressHost="m.example.com",
                ingressIssuer="le",
                ingressClass="nginx",
                ingressAnnotations={body: "8g"},
            )
        ),
        "tracking.ingress",
    )
    assert found["tls"] is True
    assert found["ingressClassName"] == "nginx"
    assert found["annotations"]["cert-manager.io/issuer"] == "le"
    assert found["annotations"][body] == "8g"
    assert found["annotations"]["nginx.ingress.kubernetes.io/proxy-request-buffering"] == "off"


def test_ingress_with_an_existing_certificate() -> None:
    found = at(values(of(ingressHost="m.example.com", ingressTlsSecret="cert")), "tracking.ingress")
    assert found["tls"] is False
    assert found["extraTls"] == [{"hosts": ["m.example.com"], "secretName": "cert"}]


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
    }
    assert "updateStrategy" not in found["tracking"]
    assert found["externalS3"] == {"useCredentialsInSecret": False}
    assert artifact_root(settings) == "/bitnami/mlflow/mlartifacts"


def test_autoscaling_numbers_are_texts() -> None:
    assert at(values(of(autoscaling=True, autoscalingMax=9)), "tracking.autoscaling.hpa") == {
        "enabled": True,
        "minReplicas": "2",
        "maxReplicas": "9",
        "targetCPU": "75",
    }


def test_metrics_and_service_monitor() -> None:
    assert at(values(of(metrics="true")), "tracking.metrics") == {"enabled": True}
    assert at(values(of(metrics="true")), "tracking.extraArgs")[-1] == "--expose-prometheus=/tmp/metrics"
    monitor = values(of(metrics="true", serviceMonitor="true", serviceMonitorInterval="30s"))
    assert at(monitor, "tracking.metrics.serviceMonitor") == {"enabled": True, "interval": "30s"}
    labelled = values(of(metrics="true", serviceMonitor="true", serviceMonitorLabels={"release": "p"}))
    assert at(labelled, "tracking.metrics.serviceMonitor.labels") == {"release": "p"}


def test_s3_with_port_region_and_existing_secret() -> None:
    config = {**GOOD, "s3Endpoint": "http://minio:9000/", "s3ExistingSecret": "mine", "s3Region": "eu-1"}
    found = values(parse({**config, "s3ExistingSecretAccessKeyIdKey": "id"}))
    store = found["externalS3"]
    assert (store["protocol"], store["host"], store["port"]) == ("http", "minio", 9000)
    assert (store["existingSecret"], store["existingSecretAccessKeyIDKey"]) == ("mine", "id")
    assert at(found, "tracking.extraEnvVars") == [{"name": "AWS_DEFAULT_REGION", "value": "eu-1"}]


def test_s3_by_workload_identity() -> None:
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/mlflow"}
    found = values(
        parse(
            {
                **GOOD,
                "workloadIdentity": "true",
                "serviceAccountAnnotations": role,
                "artifactsProxied": "false",
            }
        )
    )
    assert found["externalS3"]["useCredentialsInSecret"] is False
    assert "existingSecret" not in found["externalS3"]
    assert found["externalS3"]["serveArtifacts"] is False
    assert found["externalS3"]["port"] == 443
    assert at(found, "tracking.serviceAccount.annotations") == role


def test_gcs() -> None:
    settings = parse({**GCS, "gcsExistingSecret": "mine", "gcsProject": "my-project"})
    store = values(settings)["externalGCS"]
    assert (store["existingSecret"], store["existingSecretKey"]) == ("mine", "key.json")
    assert store["googleCloudProject"] == "my-project"
    assert artifact_root(settings) == "gs://bucket"
    assert "existingSecret" not in values(parse({**GCS, "workloadIdentity": "true"}))["externalGCS"]


def test_azure_with_own_credentials() -> None:
    ids = {"azureClientId": UUID, "azureTenantId": UUID}
    found = values(parse({**AZURE, **ids, "azureClientSecret": "s"}))
    store = found["externalAzureBlob"]
    assert (store["existingSecret"], store["clientSecretKey"]) == (
        "mlflow-azure-creds",
        "AZURE_CLIENT_SECRET",
    )
    assert store["existingAccessKeyKey"] == store["existingConnectionStringKey"] == ""
    assert {entry["name"] for entry in at(found, "tracking.extraEnvVars")} == {
        "AZURE_CLIENT_ID",
        "AZURE_TENANT_ID",
    }


def test_azure_with_an_existing_secret() -> None:
    settings = parse({**AZURE, "azureExistingSecret": "mine", "azureExistingSecretAccessKeyKey": "key"})
    store = values(settings)["externalAzureBlob"]
    assert (store["existingSecret"], store["existingAccessKeyKey"]) == ("mine", "key")
    assert artifact_root(settings) == "wasbs://mlflow@account.blob.core.windows.net"


def test_azure_by_workload_identity_labels_the_pods() -> None:
    found = values(parse({**AZURE, "workloadIdentity": "true"}))
    assert at(found, "tracking.podLabels") == {"azure.workload.identity/use": "true"}
    assert found["externalAzureBlob"]["useCredentialsInSecret"] is False


def test_the_stack_s_password_a_given_secret_or_the_chart_s_own() -> None:
    assert at(values(of()), "postgresql.auth") == {"existingSecret": "mlflow-database"}
    assert at(values(of(databaseExistingSecret="mine")), "postgresql.auth") == {"existingSecret": "mine"}
    kept = values(of(databaseExistingSecret="mlflow-postgresql", databaseClass="fast"))
    assert "auth" not in kept["postgresql"]
    assert at(kept, "postgresql.primary.persistence") == {"size": "8Gi", "storageClass": "fast"}


def test_an_external_database() -> None:
    found = values(of(**EXTERNAL, databaseExistingSecret="mine", databaseExistingSecretKey="pw"))
    assert found["postgresql"]["enabled"] is False
    assert found["externalDatabase"] == {
        "host": "db.example.com",
        "port": 5432,
        "user": "postgres",
        "database": "mlflow",
        "authDatabase": "mlflow_auth",
        "existingSecret": "mine",
        "existingSecretPasswordKey": "pw",
    }


def test_extra_values_come_last_and_append_to_our_lists() -> None:
    extra = {
        "tracking": {"extraArgs": ["--workers=8"], "nodeSelector": {"disk": "ssd"}},
        "postgresql": {"primary": {"startupProbe": {"failureThreshold": 9}}},
    }
    found = values(of(extraValues=extra))
    assert at(found, "tracking.extraArgs")[1:] == ["--workers=2", "--workers=8"]
    assert at(found, "tracking.nodeSelector") == {"disk": "ssd"}
    assert at(found, "postgresql.primary.startupProbe.failureThreshold") == 9
    assert at(found, "postgresql.primary.startupProbe.enabled") is True
    assert at(values(of(extraValues={"commonLabels": {"a": "b"}})), "commonLabels.a") == "b"


def test_extra_values_may_name_secrets_that_exist() -> None:
    reference = {"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "mine", "key": "token"}}}
    tracking = {
        "extraEnvVars": [reference],
        "extraEnvVarsSecret": "mine",
        "automountServiceAccountToken": True,
    }
    assert at(values(of(extraValues={"tracking": tracking})), "tracking.extraEnvVars") == [reference]


def test_extra_values_may_say_what_new_users_may_do() -> None:
    extra = {"tracking": {"auth": {"extraOverrides": {"default_permission": "NO_PERMISSIONS"}}}}
    assert at(values(of(extraValues=extra)), "tracking.auth") == {
        "enabled": True,
        **extra["tracking"]["auth"],
    }


def test_another_chart_may_have_names_of_its_own_but_no_mistyped_ones() -> None:
    new = {"tracking": {"brandNewThing": True}}
    assert at(values(of(chartVersion="6.0.0", extraValues=new)), "tracking.brandNewThing") is True
    with pytest.raises(WrongSettings, match="did you mean nodeSelector"):
        of(chartVersion="6.0.0", extraValues={"tracking": {"nodeSelecter": {"a": "b"}}})


def test_own_tls_is_kept_when_extra_values_add_more() -> None:
    more = {"hosts": ["n.example.com"], "secretName": "n"}
    found = values(
        of(
            ingressHost="m.example.com",
            ingressTlsSecret="cert",
            extraValues={"tracking": {"ingress": {"extraTls": [more]}}},
        )
    )
    own = {"hosts": ["m.example.com"], "secretName": "cert"}
    assert at(found, "tracking.ingress.extraTls") == [own, more]


def test_a_changed_credential_restarts_the_pods_and_shows_nothing_of_it() -> None:
    first, same, other = (
        at(values(of(s3SecretAccessKey=key)), f"tracking.podAnnotations.{ANNOTATION}")
        for key in ("PlantedOne", "PlantedOne", "PlantedTwo")
    )
    assert first == same != other
    assert len(first) == 4


def test_the_chart_registry_s_password_restarts_nothing() -> None:
    private = {"chartUsername": "robot", "chartPassword": "PlantedChart"}
    assert values(of(**private)) == values(of())


def test_credentials_that_others_keep_have_no_annotation() -> None:
    assert "podAnnotations" not in values(parse({**GOOD, "s3ExistingSecret": "mine"}))["tracking"]


def test_a_pod_asks_a_node_for_little_disk_and_may_use_much() -> None:
    """Without a request Kubernetes takes the limit for one: no node with less free disk would do."""
    found = at(values(of()), "tracking.resources")
    assert found["requests"]["ephemeral-storage"] == "50Mi"
    own = values(of(trackingResources={"requests": {"ephemeral-storage": "2Gi"}}))
    assert at(own, "tracking.resources.requests.ephemeral-storage") == "2Gi"


@pytest.mark.parametrize(
    "config", [{**GCS, "workloadIdentity": "true"}, {**AZURE, "azureAccessKey": "k"}, {**VOLUME}]
)
def test_no_other_store_has_empty_s3_credentials(config: dict[str, Any]) -> None:
    assert values(parse(config))["externalS3"] == {"useCredentialsInSecret": False}


def test_merging_changes_neither_side() -> None:
    base, over = {"a": {"b": 1}}, {"a": {"c": 2}}
    assert merged(base, over) == {"a": {"b": 1, "c": 2}}
    assert (base, over) == ({"a": {"b": 1}}, {"a": {"c": 2}})


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ("mlflow", "mlflow-tracking"),
        ("my-mlflow-1", "my-mlflow-1-tracking"),
        ("prod", "prod-mlflow-tracking"),
        ("a" * 50, f"{'a' * 50}-mlflow-trackin"[:63].removesuffix("-")),
    ],
)
def test_names_follow_the_chart(release: str, name: str) -> None:
    assert names.tracking(release) == name


@pytest.mark.parametrize(
    ("release", "name"), [("mlflow", "mlflow-postgresql"), ("my-postgresql", "my-postgresql")]
)
def test_the_database_s_own_secret_is_known_by_the_chart_s_rule(release: str, name: str) -> None:
    """A release adopted from Helm keeps it in charge by naming it."""
    kept = values(of(releaseName=release, databaseExistingSecret=name))
    assert "auth" not in kept["postgresql"]
