"""The chart's values that `extraValues` may not touch, and what to use instead or why not."""

from __future__ import annotations

REFUSED: dict[str, str] = {
    "tracking.auth": "authentication stays on, with the credentials that the chart makes",
    "tracking.host": "the server answers its Service and probes on every address of its pod",
    "tracking.resourcesPreset": "it has no effect beside trackingResources",
    "tracking.lifecycleHooks.postStart": "this hook gives the administrator the Secret's password",
    "tracking.startupProbe": "it has no effect: the program sets tracking.customStartupProbe",
    "tracking.enabled": "the server is what this program runs",
    "tracking.args": "authentication is turned on by an argument; append others with tracking.extraArgs",
    "tracking.command": "it would replace the server",
    "tracking.enableDefaultInitContainers": "these write the login that authentication checks",
    "tracking.replicaCount": "use trackingReplicas",
    "tracking.autoscaling.hpa": "use autoscaling",
    "tracking.persistence": "use trackingVolume and its settings",
    "tracking.resources": "use trackingResources",
    "tracking.tls": "the server's address and probes are HTTP inside the cluster",
    "tracking.service.ports": "the server's address has port 80",
    "tracking.containerPorts": "the server's address has port 80",
    "tracking.ingress.enabled": "use ingressHost",
    "tracking.ingress.hostname": "use ingressHost",
    "tracking.ingress.tls": "use ingressTls",
    "tracking.ingress.selfSigned": "use ingressTls",
    "tracking.ingress.secrets": "a private key has no place in values; use ingressTlsSecret",
    "tracking.ingress.annotations": "use ingressAnnotations",
    "tracking.ingress.ingressClassName": "use ingressClass",
    "tracking.ingress.path": "the server's address has no path",
    "tracking.metrics": "use metrics and serviceMonitor",
    "tracking.serviceAccount.annotations": "use serviceAccountAnnotations",
    "run": "the program runs a tracking server and no job",
    "diagnosticMode": "it would replace the server",
    "minio": "the artifact store is outside; use artifactStore",
    "image": "use imageMlflow",
    "gitImage": "use imageGit",
    "waitContainer.image": "use imageOsShell",
    "volumePermissions": "chart 5.1.17 cannot render it",
    "global.imageRegistry": "use imageRegistry",
    "global.imagePullSecrets": "use imagePullSecrets",
    "global.security": "the program sets it where imageRegistry needs it",
    "global.postgresql": "use the database settings",
    "global.storageClass": "use storageClass",
    "global.defaultStorageClass": "use storageClass",
    "fullnameOverride": "the credentials are found by the release's name; use releaseName",
    "nameOverride": "the credentials are found by the release's name; use releaseName",
    "namespaceOverride": "use namespace",
    "extraDeploy": "make further objects with Pulumi beside this component",
    "externalDatabase": "use the database settings",
    "externalS3": "use the s3 settings",
    "externalGCS": "use the gcs settings",
    "externalAzureBlob": "use the azure settings",
    "postgresql.enabled": "use database",
    "postgresql.auth": "the database's password belongs to the stack",
    "postgresql.global": "use the settings; these would reach the database only",
    "postgresql.passwordUpdateJob": "the database's password belongs to the stack",
    "postgresql.diagnosticMode": "it would replace the database",
    "postgresql.primary.command": "it would replace the database",
    "postgresql.primary.args": "it would replace the database",
    "postgresql.namespaceOverride": "the server looks for the database in its own namespace",
    "postgresql.extraDeploy": "make further objects with Pulumi beside this component",
    "postgresql.architecture": "the password Secret has no replication password",
    "postgresql.image": "use imagePostgresql",
    "postgresql.metrics.image": "use imagePostgresExporter",
    "postgresql.volumePermissions.image": "use imageOsShell",
    "postgresql.fullnameOverride": "the database is found by the release's name",
    "postgresql.nameOverride": "the database is found by the release's name",
    "postgresql.primary.resources": "use databaseResources",
    "postgresql.primary.resourcesPreset": "it has no effect beside databaseResources",
    "postgresql.primary.persistence.enabled": "the database keeps its data",
    "postgresql.primary.persistence.size": "use databaseSize",
    "postgresql.primary.persistence.storageClass": "use databaseClass",
    'postgresql.primary.initdb.scripts["create_auth_db.sh"]': "this script makes the database of users",
    "postgresql.primary.initdb.scriptsConfigMap": "it would replace that script",
    'postgresql.primary.preInitDb.scripts["passwords.sh"]': "this script sets the Secret's passwords",
    "postgresql.primary.preInitDb.scriptsConfigMap": "it would replace that script",
}

ALLOWED = frozenset(
    {
        "tracking.auth.extraOverrides.default_permission",
        "tracking.auth.username",
        "tracking.persistence.existingClaim",
        "postgresql.auth.database",
        "postgresql.auth.username",
    }
)
"""Below refused values, and harmless: what a new user may do with what others own (MLflow 3.3.2), and names.

The names are for a release that had its own before it was adopted: they must stay what they are.
"""

ADOPTABLE: dict[str, object] = {
    "diagnosticMode.enabled": False,
    "externalDatabase.dialectDriver": "postgresql",
    "fullnameOverride": "",
    "minio.enabled": False,
    "nameOverride": "",
    "namespaceOverride": "",
    "postgresql.architecture": "standalone",
    "postgresql.auth.secretKeys": {},
    "postgresql.diagnosticMode.enabled": False,
    "postgresql.fullnameOverride": "",
    "postgresql.nameOverride": "",
    "postgresql.namespaceOverride": "",
    "tracking.args": [],
    "tracking.auth.enabled": True,
    "tracking.auth.existingSecret": "",
    "tracking.command": [],
    "tracking.enableDefaultInitContainers": True,
    "tracking.enabled": True,
    "tracking.service.ports.http": 80,
    "tracking.tls.enabled": False,
}
"""What an adopted release must have there, or the program does not find login, database or server."""

LISTS = (
    "tracking.extraArgs",
    "tracking.extraEnvVars",
    "tracking.extraVolumeMounts",
    "tracking.extraVolumes",
    "tracking.ingress.extraTls",
)
"""Lists that are appended to the program's own, so they must be lists."""

OWN_ENV = (
    "MLFLOW_AUTH_CONFIG_PATH",
    "MLFLOW_DATABASE_AUTH_URI",
    "MLFLOW_DATABASE_PASSWORD",
    "MLFLOW_FLASK_SERVER_SECRET_KEY",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_USERNAME",
)
"""Variables that the chart sets; the last two are the login, in the container that writes it down."""

OWN_ARGS = (
    "--app-name",
    "--artifacts-destination",
    "--artifacts-only",
    "--backend-store-uri",
    "--default-artifact-root",
    "--expose-prometheus",
    "--host",
    "--no-serve-artifacts",
    "--port",
    "--serve-artifacts",
    "--static-prefix",
    "-h",
    "-p",
)
"""Arguments of `mlflow server` that follow from settings, or that login, address and probes hang on."""
