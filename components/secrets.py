"""The Secrets that the stack makes: of store, database, image registry. The chart makes the login itself."""

from __future__ import annotations

import base64
import json

import pulumi
from pulumi_random import RandomPassword

from components import names
from components.kinds import Secret
from components.settings import Settings
from components.settings.model import secret_of, text_of
from components.values_stores import AWS_KEYS, AZURE_KEYS

_LENGTH = 32
"""Characters of a generated password, letters and digits: it goes into a URI as it is (chart 5.1.17)."""

_FORMS = {names.PULL_SECRET: "kubernetes.io/dockerconfigjson"}
"""Types of Secrets, where Kubernetes has one for their use."""
_DOCKER = {"docker.io": "https://index.docker.io/v1/"}
"""What logins of Docker Hub are kept for, by the kubelet as by every client."""

_Data = dict[str, pulumi.Output[str]]


def stack_secrets(
    name: str,
    settings: Settings,
    namespace: pulumi.Input[str],
    parent: pulumi.Resource,
    provider: pulumi.ProviderResource,
) -> list[Secret]:
    """The Secrets that the release refers to, where the settings name no existing ones."""
    wanted = {
        names.S3_SECRET: _s3(settings),
        names.GCS_SECRET: _gcs(settings),
        names.AZURE_SECRET: _azure(settings),
        names.DATABASE_SECRET: _database(name, settings, parent),
        names.PULL_SECRET: _registry(settings),
    }
    return [
        Secret(
            f"{name}-{ending}",
            {"name": names.own(settings.release_name, ending), "namespace": namespace},
            {key: text.apply(_encoded) for key, text in data.items()},
            pulumi.ResourceOptions(parent=parent, provider=provider, protect=settings.protect),
            _FORMS.get(ending, ""),
        )
        for ending, data in wanted.items()
        if data
    ]


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _given(settings: Settings, fields: dict[str, str]) -> _Data:
    """Keys of a Secret with the fields that hold their values, as far as these are set."""
    return {key: secret_of(settings, field) for key, field in fields.items() if text_of(settings, field)}


def _s3(settings: Settings) -> _Data:
    return _given(settings, dict(zip(AWS_KEYS, ("s3_access_key_id", "s3_secret_access_key"), strict=True)))


def _gcs(settings: Settings) -> _Data:
    return _given(settings, {settings.gcs_existing_secret_key: "gcs_credentials"})


def _azure(settings: Settings) -> _Data:
    return _given(settings, {key: field for field, key in AZURE_KEYS.items()})


def _registry(settings: Settings) -> _Data:
    """The login of the images' registry, as nodes take it."""
    if not settings.image_username:
        return {}

    def config(password: str) -> str:
        user = settings.image_username
        login = {"username": user, "password": password, "auth": _encoded(f"{user}:{password}")}
        server = _DOCKER.get(settings.image_registry, settings.image_registry)
        return json.dumps({"auths": {server: login}})

    return {".dockerconfigjson": secret_of(settings, "image_password").apply(config)}


def _database(name: str, settings: Settings, parent: pulumi.Resource) -> _Data:
    """The database's passwords: generated and kept by the stack, or given for an external database.

    A chart-made password is lost with `helm uninstall` while the database's volume stays with it.
    """
    if settings.database_existing_secret:
        return {}
    if settings.database == "external":
        return _given(settings, {settings.database_existing_secret_key: "database_password"})
    return {
        key: RandomPassword(
            f"{name}-database-{part}",
            length=_LENGTH,
            special=False,
            opts=pulumi.ResourceOptions(parent=parent, protect=settings.protect),
        ).result
        for part, key in (("user", names.DATABASE_USER_KEY), ("admin", names.DATABASE_ADMIN_KEY))
    }
