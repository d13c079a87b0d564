"""How a wrong configuration is written down: what is changed in a good one, the key to name, the fix."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

GOOD = {"context": "lab", "s3Endpoint": "https://minio.example.com"}


SECRETS = {"s3AccessKeyId": "PlantedKeyId", "s3SecretAccessKey": "PlantedSecretKey"}


UUID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Case:
    """A good configuration with `config` and `secrets` laid over it; None takes a key away."""

    key: str
    fix: str
    config: dict[str, str | None] = field(default_factory=dict)
    secrets: dict[str, str | None] = field(default_factory=dict)
    says: str = ""

    def given(self) -> dict[str, str]:
        """The plain part of the configuration."""
        return _kept({**GOOD, **self.config})

    def hidden(self) -> dict[str, str]:
        """The secret part of the configuration."""
        return _kept({**SECRETS, **self.secrets})


def _kept(values: dict[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in values.items() if value is not None}


NO_S3: dict[str, str | None] = {"s3Endpoint": None}


NO_KEYS: dict[str, str | None] = {"s3AccessKeyId": None, "s3SecretAccessKey": None}


GCS = {**NO_S3, "artifactStore": "gcs", "gcsBucket": "bucket"}


AZURE = {**NO_S3, "artifactStore": "azure", "azureStorageAccount": "account"}


VOLUME = {**NO_S3, "artifactStore": "volume"}


EXTERNAL = {"database": "external", "databaseHost": "db.example.com"}


HOST = {"ingressHost": "mlflow.example.com"}


def one(key: str, value: str, fix: str = "", says: str = "", **others: str | None) -> Case:
    """One wrong value; the fix sets the key unless another is named."""
    return Case(key, fix or f"pulumi config set {key} ", {**others, key: value}, says=says)


def path(key: str, value: Any, says: str) -> Case:
    """One wrong map or list."""
    text = value if isinstance(value, str) else json.dumps(value)
    return Case(key, "pulumi config ", {key: text}, says=says)


def vain(key: str, value: str, **others: str | None) -> Case:
    """A value that nothing reads."""
    return Case(key, f"pulumi config rm {key}", {**others, key: value}, says="no effect")


def extra(values: Any, where: str) -> Case:
    """Extra values that would break a guarantee at `where`."""
    fix = f"pulumi config rm --path 'extraValues.{where}'"
    return Case("extraValues", fix, {"extraValues": json.dumps(values)}, says=where)
