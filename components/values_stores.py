"""Helm values of the artifact store; credentials are named by their Secret, never given."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from components import names
from components.settings import Settings

AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
AZURE_KEYS = {
    "azure_access_key": "AZURE_STORAGE_ACCESS_KEY",
    "azure_connection_string": "AZURE_STORAGE_CONNECTION_STRING",
    "azure_client_secret": "AZURE_CLIENT_SECRET",
}
PORTS = {"http": 80, "https": 443}
"""Ports of URLs that name none."""
_NO_S3 = {"externalS3": {"useCredentialsInSecret": False}}
"""Without this the chart makes a Secret of empty S3 credentials for every other store (5.1.17)."""


def artifacts(settings: Settings) -> dict[str, Any]:
    """The chosen store, and the service account that it may know the server by."""
    store = {"s3": _s3, "gcs": _gcs, "azure": _azure, "volume": _volume}[settings.artifact_store](settings)
    annotations = settings.service_account_annotations
    if annotations:
        tracking = {**store.get("tracking", {}), "serviceAccount": {"annotations": annotations}}
        return {**store, "tracking": tracking}
    return store


def artifact_root(settings: Settings) -> str:
    """Where the server keeps artifacts, as MLflow names it."""
    return {
        "s3": f"s3://{settings.s3_bucket}",
        "gcs": f"gs://{settings.gcs_bucket}",
        "azure": f"wasbs://{settings.azure_container}@{settings.azure_storage_account}.blob.core.windows.net",
        "volume": f"{names.VOLUME_PATH}/mlartifacts",
    }[settings.artifact_store]


def _volume(_: Settings) -> dict[str, Any]:
    return _NO_S3


def _s3(settings: Settings) -> dict[str, Any]:
    url = urlsplit(settings.s3_endpoint)
    store: dict[str, Any] = {
        "host": url.hostname,
        "port": url.port or PORTS.get(url.scheme),
        "protocol": url.scheme,
        "bucket": settings.s3_bucket,
        "serveArtifacts": settings.artifacts_proxied,
        "useCredentialsInSecret": not settings.workload_identity,
    }
    if not settings.workload_identity:
        store["existingSecret"] = settings.s3_existing_secret or names.own(
            settings.release_name, names.S3_SECRET
        )
        store["existingSecretAccessKeyIDKey"] = settings.s3_existing_secret_access_key_id_key
        store["existingSecretKeySecretKey"] = settings.s3_existing_secret_secret_access_key_key
    region = {"AWS_DEFAULT_REGION": settings.s3_region} if settings.s3_region else {}
    return {"externalS3": store, **_environment(region)}


def _gcs(settings: Settings) -> dict[str, Any]:
    store: dict[str, Any] = {
        "bucket": settings.gcs_bucket,
        "serveArtifacts": settings.artifacts_proxied,
        "useCredentialsInSecret": not settings.workload_identity,
    }
    if settings.gcs_project:
        store["googleCloudProject"] = settings.gcs_project
    if not settings.workload_identity:
        store["existingSecret"] = settings.gcs_existing_secret or names.own(
            settings.release_name, names.GCS_SECRET
        )
        store["existingSecretKey"] = settings.gcs_existing_secret_key
    return {"externalGCS": store, **_NO_S3}


def _azure(settings: Settings) -> dict[str, Any]:
    store: dict[str, Any] = {
        "storageAccount": settings.azure_storage_account,
        "containerName": settings.azure_container,
        "serveArtifacts": settings.artifacts_proxied,
        "useCredentialsInSecret": not settings.workload_identity,
    }
    ids = {"AZURE_CLIENT_ID": settings.azure_client_id, "AZURE_TENANT_ID": settings.azure_tenant_id}
    result: dict[str, Any] = {
        "externalAzureBlob": store,
        **_NO_S3,
        **_environment({name: text for name, text in ids.items() if text}),
    }
    if settings.workload_identity:
        # Azure's webhook gives a token to pods that carry this label, and to no other.
        pods = {"podLabels": {"azure.workload.identity/use": "true"}}
        return {**result, "tracking": {**result.get("tracking", {}), **pods}}
    store["existingSecret"] = settings.azure_existing_secret or names.own(
        settings.release_name, names.AZURE_SECRET
    )
    chart = {
        "azure_access_key": "existingAccessKeyKey",
        "azure_connection_string": "existingConnectionStringKey",
        "azure_client_secret": "clientSecretKey",
    }
    for field, value_key in chart.items():
        store[value_key] = azure_key(settings, field)
    return result


def azure_key(settings: Settings, field: str) -> str:
    """The key of the Azure Secret that holds `field`; empty where the credentials are of another kind."""
    if settings.azure_existing_secret:
        return str(getattr(settings, f"azure_existing_secret_{field.removeprefix('azure_')}_key"))
    return AZURE_KEYS[field] if getattr(settings, field).get_secret_value() else ""


def _environment(variables: dict[str, str]) -> dict[str, Any]:
    """Variables of the server, in the chart's form."""
    listed = [{"name": name, "value": value} for name, value in variables.items()]
    return {"tracking": {"extraEnvVars": listed}} if listed else {}
