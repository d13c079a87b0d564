"""The login that the chart made, read back from its Secret: the one that works, whoever changed it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import Secret
from pulumi_kubernetes.helm.v3 import Release

from components import names


@dataclass(frozen=True)
class Credentials:
    """User name and password of MLflow's administrator; both secret."""

    username: pulumi.Output[str]
    password: pulumi.Output[str]


def read(
    name: str, release: Release, release_name: str, namespace: str, opts: pulumi.ResourceOptions
) -> Credentials:
    """The administrator's credentials of `release`; unknown in the preview of its first creation.

    The Secret's id follows from the release's status, so that nothing is read before Helm made it; with a
    known id Pulumi reads in previews too and fails where there is no Secret (pulumi/pulumi#16395).
    """
    secret_id = release.status.apply(lambda _: f"{namespace}/{names.tracking(release_name)}")
    secret = Secret.get(f"{name}-credentials", secret_id, opts)

    def entry(key: str) -> pulumi.Output[str]:
        text = secret.data.apply(lambda data: base64.b64decode(data[key]).decode())
        return pulumi.Output.secret(text)

    return Credentials(entry(names.ADMIN_USER_KEY), entry(names.ADMIN_PASSWORD_KEY))
