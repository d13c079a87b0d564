"""From the values of a release to settings: artifact store, database, volumes."""

from __future__ import annotations

from dataclasses import dataclass

from components import names
from components.settings.model import KEYS, default_of
from components.settings.quantities import Amounts
from components.values_stores import PORTS
from ops.adoption.reading import Pairs, Values, at


@dataclass(frozen=True)
class _Store:
    """The chart's name of a store, the value without which there is none, and settings by value."""

    part: str
    needed: str
    settings: dict[str, str]
    of_secret: dict[str, tuple[str, str | None]]
    """Settings that name an existing Secret and its keys: value and the chart's default of it."""


_STORES = {
    "s3": _Store(
        "externalS3",
        "host",
        {"s3Bucket": "bucket"},
        {
            "s3ExistingSecret": ("existingSecret", None),
            "s3ExistingSecretAccessKeyIdKey": ("existingSecretAccessKeyIDKey", "root-user"),
            "s3ExistingSecretSecretAccessKeyKey": ("existingSecretKeySecretKey", "root-password"),
        },
    ),
    "gcs": _Store(
        "externalGCS",
        "bucket",
        {"gcsBucket": "bucket", "gcsProject": "googleCloudProject"},
        {
            "gcsExistingSecret": ("existingSecret", None),
            "gcsExistingSecretKey": ("existingSecretKey", None),
        },
    ),
    "azure": _Store(
        "externalAzureBlob",
        "storageAccount",
        {"azureStorageAccount": "storageAccount", "azureContainer": "containerName"},
        {
            "azureExistingSecret": ("existingSecret", None),
            "azureExistingSecretAccessKeyKey": ("existingAccessKeyKey", None),
            "azureExistingSecretConnectionStringKey": ("existingConnectionStringKey", None),
            "azureExistingSecretClientSecretKey": ("clientSecretKey", None),
        },
    ),
}
_CREDENTIALS_DEFAULT = {"externalS3": True, "externalGCS": False, "externalAzureBlob": True}


def store(values: Values) -> Pairs:
    """The one external store that the release has; without any it is the server's volume."""
    used = [name for name, kind in _STORES.items() if at(values, f"{kind.part}.{kind.needed}")]
    chosen = used[0] if used else "volume"
    yield "artifactStore", chosen
    yield "serviceAccountAnnotations", at(values, "tracking.serviceAccount.annotations") or None
    for key in ("artifactsProxied", "workloadIdentity", "s3Endpoint"):
        yield key, None
    for name, kind in _STORES.items():
        given = at(values, kind.part, {}) if name == chosen else {}
        yield from ((key, given.get(value) or None) for key, value in kind.settings.items())
        identity = bool(given) and not given.get("useCredentialsInSecret", _CREDENTIALS_DEFAULT[kind.part])
        secret = None if identity else given.get("existingSecret")
        for key, (value, default) in kind.of_secret.items():
            yield key, (given.get(value) or default) if secret else None
        if given:
            yield "artifactsProxied", given.get("serveArtifacts")
            yield "workloadIdentity", identity or None
    if chosen == "s3":
        yield "s3Endpoint", _endpoint(at(values, "externalS3"))


def _endpoint(s3: Values) -> str:
    scheme = s3.get("protocol") or "https"
    port = int(s3.get("port") or 443)
    return f"{scheme}://{s3['host']}{'' if port == PORTS.get(scheme) else f':{port}'}"


def database(values: Values, release: str) -> Pairs:
    """The password stays where it is: in the chart's own Secret, or in the one that the values name."""
    external = at(values, "postgresql.enabled") is False
    given = at(values, "externalDatabase", {}) if external else {}
    yield "database", "external" if external else "subchart"
    for key, value in {
        "databaseHost": "host",
        "databasePort": "port",
        "databaseUser": "user",
        "databaseName": "database",
        "databaseAuthName": "authDatabase",
        "databaseExistingSecretKey": "existingSecretPasswordKey",
    }.items():
        yield key, given.get(value) or None
    inside = at(values, "postgresql.auth.existingSecret") or names.database(release)
    yield "databaseExistingSecret", given.get("existingSecret") if external else inside
    primary = {} if external else at(values, "postgresql.primary", {})
    yield "databaseSize", at(primary, "persistence.size")
    yield "databaseResources", resources("databaseResources", primary)


def volumes(values: Values) -> Pairs:
    """Storage classes: one for both where they are equal."""
    common = at(values, "global.defaultStorageClass") or at(values, "global.storageClass") or ""
    volume = at(values, "tracking.persistence", {})
    has = volume.get("enabled", True)
    inside = at(values, "postgresql.enabled") is not False
    classes = {
        "trackingVolumeClass": (volume.get("storageClass") or common) if has else None,
        "databaseClass": (at(values, "postgresql.primary.persistence.storageClass") or common)
        if inside
        else None,
    }
    used = {name for name in classes.values() if name is not None}
    equal = len(used) == 1
    yield "storageClass", next(iter(used)) or None if equal else None
    for key, name in classes.items():
        yield key, None if equal else name or None
    yield "trackingVolume", has or None
    yield "trackingVolumeSize", volume.get("size") if has else None
    yield "trackingVolumeAccessMode", (volume.get("accessModes") or [None])[0] if has else None


def resources(key: str, pods: Values) -> Amounts | None:
    """Resources as given; what the setting's default has besides is taken away by an empty text."""
    given = pods.get("resources")
    if not given:
        return None
    default: Amounts = default_of(KEYS[key])
    sides = ("requests", "limits")
    return {side: {**dict.fromkeys(default[side], ""), **(given.get(side) or {})} for side in sides}
