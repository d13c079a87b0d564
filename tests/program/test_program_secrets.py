"""Secrets: made where none exist, secret for the engine, in no value."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.unit.cases import EXTERNAL, GCS, GOOD, SECRETS
from tests.unit.engine import ADMIN, GENERATED, SECRET, awaited, is_secret, start
from tests.unit.program import made_secrets, run


def _equal(left: object, right: object) -> None:
    assert left == right


AZURE = {"context": "lab", "artifactStore": "azure", "azureStorageAccount": "account"}


@awaited
def test_secrets_reach_the_engine_as_secrets_and_values_hold_none() -> Any:
    engine = start(
        {**GOOD, "chartUsername": "robot", "chartCaFile": "/ca.pem"},
        {**SECRETS, "chartPassword": "PlantedChart"},
    )

    def check(_: dict[str, Any]) -> None:
        for name, keys in {
            "mlflow-s3-creds": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
            "mlflow-database": {"password", "postgres-password"},
        }.items():
            data = engine.named(name).inputs["data"]
            assert is_secret(data) or all(is_secret(entry) for entry in data.values())
            assert set(data.get("value", data)) == keys
        release = engine.named("mlflow-release").inputs
        assert is_secret(release["repositoryOpts"]["password"])
        assert release["repositoryOpts"]["username"] == "robot"
        assert release["repositoryOpts"]["caFile"] == "/ca.pem"
        text = repr(release["values"])
        assert SECRET not in text
        assert not any(planted in text for planted in (*SECRETS.values(), GENERATED, *ADMIN.values()))

    return run(check)


@awaited
def test_two_releases_in_one_namespace_have_secrets_of_their_own() -> Any:
    engine = start({**GOOD, "releaseName": "second"}, SECRETS)

    def check(found: dict[str, Any]) -> None:
        assert set(made_secrets(engine)) == {"second-mlflow-s3-creds", "second-mlflow-database"}
        values = engine.named("mlflow-release").inputs["values"]
        assert values["externalS3"]["existingSecret"] == "second-mlflow-s3-creds"
        assert values["postgresql"]["auth"]["existingSecret"] == "second-mlflow-database"
        assert engine.named("mlflow-credentials").id == "mlflow/second-mlflow-tracking"

    return run(check)


@pytest.mark.parametrize(
    ("registry", "server"),
    [
        ("docker.io", "https://index.docker.io/v1/"),
        ("registry.example.com:5000", "registry.example.com:5000"),
    ],
)
@awaited
def test_a_login_of_the_images_registry_is_a_secret_as_nodes_take_it(registry: str, server: str) -> Any:
    engine = start(
        {**GOOD, "imageRegistry": registry, "imageUsername": "robot"},
        {**SECRETS, "imagePassword": "PlantedWord"},
    )

    def check(_: dict[str, Any]) -> None:
        made = engine.named("mlflow-registry").inputs
        assert made["type"] == "kubernetes.io/dockerconfigjson"
        assert made["metadata"]["name"] == "mlflow-registry"
        assert is_secret(made["data"])
        config = json.loads(base64.b64decode(made["data"]["value"][".dockerconfigjson"]))
        auth = base64.b64encode(b"robot:PlantedWord").decode()
        assert config == {"auths": {server: {"username": "robot", "password": "PlantedWord", "auth": auth}}}
        assert "type" not in engine.named("mlflow-database").inputs
        assert "mlflow-registry" in engine.named("mlflow-release").depends_on

    return run(check)


DATABASE = {"mlflow-database": {"password", "postgres-password"}}


@pytest.mark.parametrize(
    ("config", "secrets", "made"),
    [
        ({**GOOD, "s3ExistingSecret": "mine"}, {}, DATABASE),
        ({**GOOD, "workloadIdentity": "true", "databaseExistingSecret": "mine"}, {}, {}),
        ({**GOOD, "databaseExistingSecret": "mlflow-postgresql", "s3ExistingSecret": "mine"}, {}, {}),
        (
            {**GOOD, **EXTERNAL},
            {**SECRETS, "databasePassword": "abc"},
            {
                "mlflow-s3-creds": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
                "mlflow-database": {"db-password"},
            },
        ),
        (
            {key: value for key, value in {**GOOD, **GCS}.items() if value is not None},
            {"gcsCredentials": '{"type": "service_account"}'},
            {"mlflow-gcs-creds": {"key.json"}, **DATABASE},
        ),
        (
            AZURE,
            {"azureConnectionString": "AccountName=a"},
            {"mlflow-azure-creds": {"AZURE_STORAGE_CONNECTION_STRING"}, **DATABASE},
        ),
    ],
)
@awaited
def test_secrets_are_made_where_none_exist(
    config: dict[str, str], secrets: dict[str, str], made: dict[str, set[str]]
) -> Any:
    engine = start(config, secrets)
    return run(lambda _: _equal(made_secrets(engine), made))
