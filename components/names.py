"""Names that the chart derives from the release, and those that the stack gives its own objects."""

from __future__ import annotations

S3_SECRET = "s3-creds"  # noqa: S105 - the end of a Secret's name
GCS_SECRET = "gcs-creds"  # noqa: S105
AZURE_SECRET = "azure-creds"  # noqa: S105
DATABASE_SECRET = "database"  # noqa: S105
PULL_SECRET = "registry"  # noqa: S105
MODULE = "authentication"
DASHBOARD = "dashboard"
REDIRECT = "to-https"
HSTS = "hsts"

UNDER_WAY = "under-way"
"""A key of a restore's ConfigMap: while it is there housekeeping keeps its hands off."""

ADMIN_USER_KEY = "admin-user"
ADMIN_PASSWORD_KEY = "admin-password"  # noqa: S105

DATABASE_USER_KEY = "password"
DATABASE_ADMIN_KEY = "postgres-password"

POD_SECURITY = "pod-security.kubernetes.io/enforce"
"""The label by which a namespace names the Pod Security Standard that it enforces."""

SERVICE_PORT = 80
VOLUME_PATH = "/bitnami/mlflow"


def _cut(name: str) -> str:
    """A name as the chart cuts it: 63 characters, then one trailing "-" off."""
    return name[:63].removesuffix("-")


def fullname(release: str) -> str:
    """The chart's full name: the release's where it holds "mlflow", else with "-mlflow" (chart 5.1.17)."""
    return _cut(release if "mlflow" in release else f"{release}-mlflow")


def database(release: str) -> str:
    """Name of the sub-chart database's StatefulSet, Service and own Secret (chart 5.1.17)."""
    return _cut(release if "postgresql" in release else f"{release}-postgresql")


def own(release: str, ending: str) -> str:
    """Name of an object that the stack makes; two releases in one namespace have each their own."""
    return f"{fullname(release)}-{ending}"


def tracking(release: str) -> str:
    """Name of the server's Deployment, Service, Ingress and credentials Secret."""
    return _cut(f"{fullname(release)}-tracking")


def client(of: str) -> str:
    """The label, "true", of pods that the chart's policies let in to what has the full name `of` (5.1.17)."""
    return f"{of}-client"


def backup(release: str) -> str:
    """Name of the CronJob of backups and of what belongs to it (a CronJob's may have 52 characters)."""
    return f"{release}-backup"


def housekeeping(release: str) -> str:
    """Name of the CronJob of housekeeping and of what belongs to it, short for the same reason."""
    return f"{release}-gc"


def restore(release: str) -> str:
    """Name of the ConfigMap that is there while a restore is under way, and the beginning of its Job's."""
    return f"{release}-restore"


def service_url(release: str, namespace: str) -> str:
    """URL of the server inside the cluster, whatever the cluster's domain."""
    return f"http://{tracking(release)}.{namespace}.svc"
