"""Rules between settings of the artifact store. No rule asks a cluster or a store."""

from __future__ import annotations

from collections.abc import Iterator

from components.settings.fields import Group
from components.settings.findings import Finding, missing, no_effect, one_of, wrong
from components.settings.model import Settings, is_given, remove_command, set_command
from components.settings.stores import S3, Azure, Gcs

_GROUPS: dict[str, type[Group]] = {"s3": S3, "gcs": Gcs, "azure": Azure}
_REQUIRED = {"s3": "s3_endpoint", "gcs": "gcs_bucket", "azure": "azure_storage_account"}
_AZURE_KEYS = ("access_key", "connection_string", "client_secret")


def stores(settings: Settings) -> Iterator[Finding]:
    """Only the chosen store's settings are given, and it has what it needs."""
    store = settings.artifact_store
    for other, group in _GROUPS.items():
        if other != store:
            for name in group.model_fields:
                yield from no_effect(settings, name, f"with artifactStore {store}", "artifact_store")
    if store == "volume":
        yield from no_effect(settings, "workload_identity", "with artifactStore volume", "artifact_store")
        if not settings.artifacts_proxied:
            yield wrong(
                settings,
                "artifacts_proxied",
                "true with artifactStore volume: only the server reaches the volume",
                set_command("artifacts_proxied", "true"),
                "artifact_store",
            )
        return
    required = _REQUIRED[store]
    if not getattr(settings, required):
        yield missing(required, f"artifactStore is {store}", "artifact_store")
    yield from {"s3": _s3, "gcs": _gcs, "azure": _azure}[store](settings)


def _sources(settings: Settings, *names: str) -> Iterator[Finding]:
    """One source of credentials: one of `names` with workload identity off, none of them with it on."""
    others = ("workload_identity", "artifact_store")
    if settings.workload_identity:
        for name in names:
            yield from no_effect(settings, name, "with workloadIdentity true", *others)
    else:
        when = "while workloadIdentity is false"
        yield from one_of(settings, names, when, *others)


def _s3(settings: Settings) -> Iterator[Finding]:
    pair = ("s3_access_key_id", "s3_secret_access_key")
    others = ("workload_identity", "s3_existing_secret", "artifact_store")
    if settings.workload_identity:
        for name in (*pair, "s3_existing_secret"):
            yield from no_effect(settings, name, "with workloadIdentity true", *others)
    elif settings.s3_existing_secret:
        for name in pair:
            yield from no_effect(settings, name, "with s3ExistingSecret", *others)
    else:
        for name in pair:
            if not is_given(settings, name):
                yield missing(name, "or s3ExistingSecret, or workloadIdentity true", *others)
    if not settings.s3_existing_secret:
        for name in ("s3_existing_secret_access_key_id_key", "s3_existing_secret_secret_access_key_key"):
            yield from no_effect(settings, name, "without s3ExistingSecret", "s3_existing_secret")


def _gcs(settings: Settings) -> Iterator[Finding]:
    yield from _sources(settings, "gcs_credentials", "gcs_existing_secret")
    if not settings.gcs_existing_secret:
        yield from no_effect(
            settings, "gcs_existing_secret_key", "without gcsExistingSecret", "gcs_existing_secret"
        )


def _azure(settings: Settings) -> Iterator[Finding]:
    yield from _sources(settings, *(f"azure_{part}" for part in _AZURE_KEYS), "azure_existing_secret")
    keys = tuple(f"azure_existing_secret_{part}_key" for part in _AZURE_KEYS)
    if settings.azure_existing_secret:
        yield from one_of(settings, keys, "with azureExistingSecret", "azure_existing_secret")
    else:
        for name in keys:
            yield from no_effect(settings, name, "without azureExistingSecret", "azure_existing_secret")
    principal = any(is_given(settings, name) for name in ("azure_client_secret", keys[2]))
    ids = ("azure_client_id", "azure_tenant_id")
    for name in ids:
        if principal and not is_given(settings, name):
            yield missing(name, "a client secret belongs to a service principal", *ids, "azure_client_secret")
        if not principal and not settings.workload_identity and is_given(settings, name):
            yield wrong(
                settings,
                name,
                "nothing: it has no effect without azureClientSecret",
                remove_command(name),
                *("azure_client_secret", "workload_identity", keys[2]),
            )
