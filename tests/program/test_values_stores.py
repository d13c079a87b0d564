"""Helm values of artifact stores and database."""

from __future__ import annotations

from typing import Any

import pytest

from components.settings import parse
from components.values import values
from components.values_stores import artifact_root
from tests.unit.cases import EXTERNAL, GOOD, UUID
from tests.unit.settled import AZURE, GCS, VOLUME, at, of


def test_s3_with_port_region_and_existing_secret() -> None:
    config = {**GOOD, "s3Endpoint": "http://minio:9000/", "s3ExistingSecret": "mine", "s3Region": "eu-1"}
    found = values(parse({**config, "s3ExistingSecretAccessKeyIdKey": "id"}))
    store = found["externalS3"]
    assert (store["protocol"], store["host"], store["port"]) == ("http", "minio", 9000)
    assert (store["existingSecret"], store["existingSecretAccessKeyIDKey"]) == ("mine", "id")
    assert {"name": "AWS_DEFAULT_REGION", "value": "eu-1"} in at(found, "tracking.extraEnvVars")


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
    assert {entry["name"] for entry in at(found, "tracking.extraEnvVars")} >= {
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


@pytest.mark.parametrize(
    "config", [{**GCS, "workloadIdentity": "true"}, {**AZURE, "azureAccessKey": "k"}, {**VOLUME}]
)
def test_no_other_store_has_empty_s3_credentials(config: dict[str, Any]) -> None:
    assert values(parse(config))["externalS3"] == {"useCredentialsInSecret": False}


@pytest.mark.parametrize(
    ("release", "name"), [("mlflow", "mlflow-postgresql"), ("my-postgresql", "my-postgresql")]
)
def test_the_database_s_own_secret_is_known_by_the_chart_s_rule(release: str, name: str) -> None:
    """A release adopted from Helm keeps it in charge by naming it."""
    kept = values(of(releaseName=release, databaseExistingSecret=name))
    assert "auth" not in kept["postgresql"]
