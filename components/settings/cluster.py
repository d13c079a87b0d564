"""Settings: which cluster, which chart, which images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.settings import types as t
from components.settings.fields import Group, Whole, knob, matching, optional, secret

LEGACY = "bitnamilegacy"
"""Where Bitnami moved the images that its free charts name; the chart's own `bitnami/...` are gone."""

_LABEL = 'a DNS-1123 label: at most 63 characters of a-z, 0-9 and "-", first and last a letter or digit'
_IMAGE = (
    "[registry/]repository[:tag][@sha256:64 hex digits]; no tag: the chart's own; no registry: imageRegistry"
)
_USER, _USER_NAME = r"[^\s:\x00-\x1f\x7f]+", "a user name without spaces or colons"


class Cluster(Group):
    """Cluster and release."""

    context: Annotated[str, optional(r"(?!-)[^\s\"'`$\x00-\x1f\x7f]+", longest=253)] = knob(
        "",
        "Kubeconfig context to deploy to. Required, so the current context is never used by accident.",
        accepted="the name of a context in the kubeconfig; `kubectl config get-contexts -o name` lists them",
        example="<context>",
    )
    kubeconfig: t.HomePath = knob(
        "",
        "Path of the kubeconfig. Empty: KUBECONFIG or the default path.",
        accepted="an absolute file path, or one that starts with ~/",
        example="~/.kube/config",
    )
    namespace: t.Label = knob(
        "mlflow",
        "Namespace for everything. Changing it later makes a new server and deletes this one with its data.",
        accepted=_LABEL,
    )
    create_namespace: t.Boolean = knob(
        True,
        "Create the namespace; false: it exists already and outlives the stack.",
    )
    pod_security: Literal["restricted", "baseline", "privileged", "none"] = knob(
        "restricted",
        "Pod Security Standard that the namespace enforces; none: it gets no such label.",
        example="baseline",
    )
    release_name: Annotated[str, matching(t.NO_YAML + r"[a-z](?:[-a-z0-9]*[a-z0-9])?", longest=41)] = knob(
        "mlflow",
        "Name of the Helm release. Changing it later makes a new server with an empty database.",
        accepted='1 to 41 characters of a-z, 0-9 and "-", starting with a letter, not ending with "-"'
        " (the database's StatefulSet adds 11 characters and is limited to 52)",
    )
    production: t.Boolean = knob(
        False,
        "Protect namespace, Secrets, release and generated passwords: any change that would"
        " delete or replace one is refused.",
    )
    timeout: Annotated[int, Whole, Field(ge=30, le=7200)] = knob(
        600,
        "Seconds that Helm waits for everything to be ready.",
        unit="seconds",
    )
    release_history: Annotated[int, Whole, Field(ge=1, le=100)] = knob(
        10, "Revisions of the release that Helm keeps."
    )


class Chart(Group):
    """Chart."""

    chart: t.OciChart = knob(
        "oci://registry-1.docker.io/bitnamicharts/mlflow",
        "Chart in an OCI registry. Plain HTTP is used for localhost only.",
        accepted="oci://host[:port]/path, without a version",
    )
    chart_version: t.Version = knob(
        "5.1.17", "Version of the chart.", accepted="a full semantic version such as 5.1.17", promotable=True
    )
    chart_username: Annotated[str, optional(_USER)] = knob(
        "",
        "User for a private chart registry.",
        accepted=_USER_NAME,
        example="robot",
    )
    chart_password: t.Password = secret(
        "Password for a private chart registry.", accepted="a password without spaces"
    )
    chart_ca_file: t.Path = knob(
        "",
        "CA of a private chart registry. Helm reads it only together with a user and a password.",
        accepted="the absolute path of a PEM file",
        example="/etc/ssl/certs/registry.pem",
    )


class Images(Group):
    """Images."""

    image_registry: t.Registry = knob(
        "docker.io",
        "Registry for every image that names none.",
        accepted="host[:port] such as registry.example.com, without scheme or path",
    )
    image_pull_secrets: t.Names = knob(
        [],
        "Names of the Secrets for private image registries.",
        accepted="a list of names of Secrets in the namespace",
        example="--path 'imagePullSecrets[0]' regcred",
    )
    image_username: Annotated[str, optional(_USER)] = knob(
        "",
        "User for imageRegistry; the stack creates the pull Secret. Other registries: imagePullSecrets.",
        accepted=_USER_NAME,
        example="robot",
    )
    image_password: t.Password = secret("Its password.", accepted="a password without spaces")
    image_mlflow: t.ImageReference = knob(
        f"{LEGACY}/mlflow", "The server's image.", accepted=_IMAGE, promotable=True
    )
    image_postgresql: t.ImageReference = knob(
        f"{LEGACY}/postgresql", "The sub-chart database's image.", accepted=_IMAGE, promotable=True
    )
    image_os_shell: t.ImageReference = knob(
        f"{LEGACY}/os-shell", "The init containers' image.", accepted=_IMAGE, promotable=True
    )
    image_git: t.ImageReference = knob(
        f"{LEGACY}/git", "The image the chart fetches sources with.", accepted=_IMAGE, promotable=True
    )
    image_postgres_exporter: t.ImageReference = knob(
        f"{LEGACY}/postgres-exporter", "The database metrics' image.", accepted=_IMAGE, promotable=True
    )
