"""The login that the chart made, read back from its Secret: the one that works, whoever changed it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components import names
from components.kinds import ReadSecret, Release


@dataclass(frozen=True)
class Credentials:
    """User name and password of MLflow's administrator; both secret."""

    username: pulumi.Output[str]
    password: pulumi.Output[str]


def read(
    name: str, release: Release, release_name: str, namespace: str, opts: pulumi.ResourceOptions
) -> Credentials:
    """The administrator's credentials of `release`; unknown in the preview of its creation only.

    The Secret's id follows from the release's id and not from its status, which a preview does not know when
    the release changes. So every preview of a release that exists reads the Secret first, and where somebody
    deleted it, `pulumi up` stops before anything is done: "resource 'NAMESPACE/RELEASE-tracking' does not
    exist" (pulumi/pulumi#16395). That is wanted: the chart refuses such an upgrade, or makes another
    password, which MLflow takes only when a pod of the server starts; until then the outputs would show one
    that does not work. The words are the engine's: it ends the program with them, and shows nothing the
    program says after. Until the Secret is back the stack's outputs keep the login that works, and it is made
    again from them: docs/configuration.md, "When the login's Secret is gone".

    Raises RunError where the Secret has not the keys of the chart (5.1.17).
    """
    where = f"{namespace}/{names.tracking(release_name)}"
    secret = ReadSecret(f"{name}-credentials", release.id.apply(lambda _: where), opts)

    def entry(key: str) -> pulumi.Output[str]:
        return pulumi.Output.secret(secret.data.apply(lambda data: _entry(data, key, where)))

    return Credentials(entry(names.ADMIN_USER_KEY), entry(names.ADMIN_PASSWORD_KEY))


def _entry(data: Mapping[str, str] | None, key: str, where: str) -> str:
    """The text under `key`. The error names keys and no value."""
    if key not in (data or {}):
        there = ", ".join(sorted(data or {})) or "none"
        raise pulumi.RunError(
            f"Secret {where} has no key {key} (its keys: {there}). The chart makes it with the release;"
            ' put it back as docs/configuration.md tells under "When the login\'s Secret is gone".'
        )
    return base64.b64decode((data or {})[key]).decode()
