"""Wrong configurations, one line each: what is changed in a good one, the key to name, the fix to give."""

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


VALUES = [
    Case("context", "pulumi config set context ", {"context": None}),
    one("context", ""),
    one("context", "two words"),
    one("kubeconfig", "relative/path"),
    one("namespace", "Mlflow"),
    one("namespace", "under_score"),
    one("namespace", "a" * 64),
    one("namespace", ""),
    one("namespace", "kube-system", says="destroying the stack deletes it"),
    one("namespace", "default"),
    one("createNamespace", "yes", "pulumi config set createNamespace true"),
    one("releaseName", "1mlflow"),
    one("releaseName", "a" * 42, says="1 to 41"),
    one("releaseName", "mlflow-"),
    one("timeout", "5m"),
    one("timeout", "0"),
    one("timeout", "600.0"),
    one("releaseHistory", "-1"),
    one("chart", "bitnami/mlflow"),
    one("chart", "https://charts.example.com/mlflow"),
    one("chart", "oci://registry.example.com/mlflow:5.1.17"),
    one("chartVersion", "5.1"),
    one("chartVersion", "latest"),
    one("chartVersion", "v5.1.17"),
    Case("chartPassword", "pulumi config set --secret chartPassword", {"chartUsername": "robot"}),
    Case("chartUsername", "pulumi config set chartUsername ", {"chartCaFile": "/etc/ca.pem"}),
    one("chartCaFile", "ca.pem"),
    one("imageRegistry", "https://docker.io"),
    one("imageRegistry", "docker.io/bitnamilegacy"),
    one("imageMlflow", "bitnami/mlflow", "pulumi config set imageMlflow bitnamilegacy/mlflow"),
    one("imageGit", "docker.io/bitnami/git:1", "pulumi config set imageGit bitnamilegacy/git"),
    one("imageMlflow", "bitnamilegacy/mlflow@sha256:abc"),
    one("imagePostgresql", "bitnamilegacy/postgresql@md5:" + "a" * 64),
    one("imageOsShell", "BitnamiLegacy/os-shell"),
    one("imagePostgresExporter", "exporter:"),
    path("imagePullSecrets", "regcred", "a list"),
    path("imagePullSecrets", ["Not A Name"], "a list"),
]
NETWORK = [
    one("ingressHost", "https://mlflow.example.com"),
    one("ingressHost", "mlflow.example.com:443"),
    one("ingressHost", "mlflow"),
    one("ingressHost", "MLflow.example.com"),
    one("ingressHost", "mlflow..example.com"),
    Case("ingressClusterIssuer", "pulumi config set ingressClusterIssuer letsencrypt", {**HOST}),
    one(
        "ingressIssuer",
        "le",
        "pulumi config rm ingressIssuer",
        **HOST,
        ingressClusterIssuer="le",
        ingressTlsSecret="t",
    ),
    vain("ingressClusterIssuer", "letsencrypt", **HOST, ingressTls="false"),
    vain("ingressClusterIssuer", "letsencrypt"),
    vain("ingressClass", "nginx"),
    vain("ingressTls", "false"),
    path("ingressAnnotations", ["a"], "a map"),
    one("serviceMonitor", "true", "pulumi config set metrics true"),
    vain("serviceMonitorInterval", "30s"),
    one("serviceMonitorInterval", "30", metrics="true", serviceMonitor="true"),
]
STORES = [
    one("artifactStore", "minio"),
    one("artifactsProxied", "False"),
    one("workloadIdentity", "1"),
    path("serviceAccountAnnotations", "arn", "a map"),
    one("s3Endpoint", ""),
    one("s3Endpoint", "minio.example.com"),
    one("s3Endpoint", "ftp://minio.example.com"),
    one("s3Endpoint", "https://minio.example.com/mlflow"),
    one("s3Endpoint", "https://minio.example.com?x=1"),
    one("s3Endpoint", "https://user:PlantedUrlPassword@minio.example.com"),
    one("s3Endpoint", "https://minio.example.com:99999"),
    one("s3Endpoint", "https://minio.example.com:0"),
    one("s3Bucket", "My_Bucket"),
    one("s3Bucket", ""),
    Case("s3AccessKeyId", "pulumi config set --secret s3AccessKeyId", secrets=NO_KEYS),
    Case(
        "s3SecretAccessKey",
        "pulumi config set --secret s3SecretAccessKey",
        secrets={"s3SecretAccessKey": None},
    ),
    Case(
        "s3SecretAccessKey", "pulumi config rm s3SecretAccessKey", {"s3ExistingSecret": "s"}, says="no effect"
    ),
    Case("s3AccessKeyId", "pulumi config rm s3AccessKeyId", {"workloadIdentity": "true"}),
    Case("s3AccessKeyId", "pulumi config set --secret s3AccessKeyId", secrets={"s3AccessKeyId": "a b"}),
    vain("s3ExistingSecretAccessKeyIdKey", "id"),
    Case("s3AccessKeyId", "pulumi config rm s3AccessKeyId", VOLUME),
    Case("s3Bucket", "pulumi config rm s3Bucket", {**GCS, "s3Bucket": "other"}, NO_KEYS),
    Case("gcsBucket", "pulumi config set gcsBucket ", {**GCS, "gcsBucket": None}, NO_KEYS),
    Case("gcsCredentials", "pulumi config set --secret gcsCredentials", {**GCS}, NO_KEYS),
    Case(
        "gcsExistingSecretKey", "pulumi config rm gcsExistingSecretKey", {**GCS, "gcsExistingSecretKey": "k"}
    ),
    Case("azureStorageAccount", "pulumi config set azure", {**AZURE, "azureStorageAccount": None}, NO_KEYS),
    Case("azureStorageAccount", "pulumi config set azure", {**AZURE, "azureStorageAccount": "Has-Dash"}),
    Case("azureContainer", "pulumi config set azure", {**AZURE, "azureContainer": "a--b"}),
    Case("azureAccessKey", "pulumi config set --secret azureAccessKey", {**AZURE}, NO_KEYS),
    Case(
        "azureConnectionString",
        "pulumi config rm azureConnectionString",
        {**AZURE},
        {**NO_KEYS, "azureAccessKey": "k", "azureConnectionString": "AccountName=a"},
    ),
    Case(
        "azureTenantId", "pulumi config set azureTenantId", {**AZURE}, {**NO_KEYS, "azureClientSecret": "k"}
    ),
    Case("azureClientId", "pulumi config rm azureClientId", {**AZURE, "azureClientId": UUID}, NO_KEYS),
    Case("azureExistingSecretAccessKeyKey", "pulumi config set azure", {**AZURE, "azureExistingSecret": "s"}),
    Case("azureExistingSecretClientSecretKey", "rm", {**AZURE, "azureExistingSecretClientSecretKey": "k"}),
    Case("workloadIdentity", "pulumi config rm workloadIdentity", {**VOLUME, "workloadIdentity": "true"}),
    Case(
        "artifactsProxied", "pulumi config set artifactsProxied true", {**VOLUME, "artifactsProxied": "false"}
    ),
]
DATABASE = [
    one("database", "mysql"),
    vain("databaseHost", "db.example.com"),
    vain("databasePort", "5433"),
    Case("databasePassword", "pulumi config rm databasePassword", secrets={"databasePassword": "abc"}),
    Case(
        "databaseHost",
        "pulumi config set databaseHost ",
        {"database": "external"},
        {"databasePassword": "a1"},
    ),
    Case("databasePassword", "pulumi config set --secret databasePassword", {**EXTERNAL}),
    Case(
        "databasePassword", "--secret databasePassword", {**EXTERNAL}, {"databasePassword": "Planted%Pass="}
    ),
    Case(
        "databaseExistingSecret",
        "pulumi config rm databaseExistingSecret",
        {**EXTERNAL, "databaseExistingSecret": "s"},
        {"databasePassword": "abc"},
    ),
    one("databasePort", "0", **EXTERNAL),
    one("databaseUser", "drop table", **EXTERNAL),
    vain("databaseSize", "1Gi", **EXTERNAL),
    vain("storageClass", "fast", **EXTERNAL),
    one("databaseSize", "8GB"),
    one("databaseSize", "0"),
    path("databaseResources", {"limits": {"memory": "1 Gi"}}, "limits.memory"),
]
SERVER = [
    one("trackingReplicas", "two"),
    one("trackingReplicas", "0"),
    one("trackingReplicas", "2", "pulumi config set trackingVolume false", trackingVolume="true"),
    Case(
        "trackingReplicas",
        "pulumi config set trackingVolumeAccessMode ReadWriteMany",
        {**VOLUME, "trackingReplicas": "2"},
        NO_KEYS,
    ),
    one("trackingWorkers", "0"),
    one("trackingThreads", "1e3"),
    one("trackingWorkerTimeout", "5"),
    path("trackingResources", {"requests": {"memory": "4Gi"}, "limits": {"memory": "2Gi"}}, "above"),
    path("trackingResources", {"request": {"memory": "4Gi"}}, "neither requests nor limits"),
    path("trackingResources", {"limits": {"ephemeral-storage": "4Gi"}}, "trackingScratchSize"),
    path("trackingResources", "{broken", "requests and limits"),
    path("trackingResources", {"limits": "2Gi"}, "requests and limits"),
    one("trackingScratchSize", "plenty"),
    one("storageClass", "Fast!"),
    vain("trackingVolumeSize", "1Gi"),
    one("trackingVolumeAccessMode", "RWX", trackingVolume="true"),
    vain("autoscalingMax", "9"),
    vain("trackingReplicas", "2", autoscaling="true"),
    one("autoscalingMin", "9", "pulumi config set autoscalingMin 5", autoscaling="true"),
    one("autoscalingCpu", "0", "pulumi config rm autoscalingCpu", autoscaling="true"),
    one("autoscalingMax", "many", autoscaling="true"),
    Case(
        "trackingResources",
        "trackingResources.requests.cpu 500m",
        {"autoscaling": "true", "trackingResources": '{"requests": {"cpu": ""}}'},
    ),
]
EXTRA = [
    path("extraValues", "tracking.auth.enabled=false", "a map"),
    extra({"tracking": {"auth": {"enabled": False}}}, "tracking.auth.enabled"),
    extra({"tracking": {"auth": {"password": "PlantedValue"}}}, "tracking.auth.password"),
    extra({"tracking": None}, "tracking"),
    extra({"tracking": {"args": ["server"]}}, "tracking.args[0]"),
    extra({"tracking": {"extraArgs": ["--app-name=open"]}}, "tracking.extraArgs[0]"),
    extra(
        {"tracking": {"extraEnvVars": [{"name": "API_TOKEN", "value": "PlantedValue"}]}},
        "tracking.extraEnvVars[0].value",
    ),
    extra(
        {"tracking": {"extraEnvVars": [{"name": "MLFLOW_AUTH_CONFIG_PATH"}]}}, "tracking.extraEnvVars[0].name"
    ),
    extra({"tracking": {"extraArgs": "- --app-name=open"}}, "tracking.extraArgs"),
    extra({"tracking": {"extraArgs": ["-p", "8080"]}}, "tracking.extraArgs[0]"),
    extra({"tracking": {"extraEnvVars": {"A": "b"}}}, "tracking.extraEnvVars.A"),
    extra(
        {"tracking": {"extraEnvVars": [{"name": "CLIENT_SECRET", "value": "PlantedValue"}]}},
        "tracking.extraEnvVars[0].value",
    ),
    extra({"tracking": {"enableDefaultInitContainers": False}}, "tracking.enableDefaultInitContainers"),
    extra(
        {"postgresql": {"primary": {"persistence": {"enabled": False}}}},
        "postgresql.primary.persistence.enabled",
    ),
    extra({"postgresql": {"auth": {"password": "PlantedValue"}}}, "postgresql.auth.password"),
    extra({"postgresql": {"ldap": {"bindpw": "PlantedValue"}}}, "postgresql.ldap.bindpw"),
    extra({"postgresql": {"image": {"repository": "x"}}}, "postgresql.image.repository"),
    extra({"image": {"tag": "latest"}}, "image.tag"),
    extra({"minio": {"enabled": True}}, "minio.enabled"),
    extra({"run": {"enabled": True}}, "run.enabled"),
    extra({"externalS3": {"accessKeySecret": "PlantedValue"}}, "externalS3.accessKeySecret"),
    extra({"volumePermissions": {"enabled": True}}, "volumePermissions.enabled"),
    extra({"global": {"security": {"allowInsecureImages": True}}}, "global.security.allowInsecureImages"),
    extra({"postgresql": {"primary": {"nodeSelector": None}}}, "postgresql.primary.nodeSelector"),
    extra({"fullnameOverride": "x"}, "fullnameOverride"),
    extra({"traking": {"nodeSelector": {"a": "b"}}}, "traking"),
]
KEYS = [
    Case("contxt", "pulumi config rm contxt", {"contxt": "lab"}, says="the nearest is context"),
    Case("S3Endpoint", "pulumi config rm S3Endpoint", {"S3Endpoint": "x"}, says="the nearest is s3Endpoint"),
    Case("zzz", "pulumi config rm zzz", {"zzz": "x"}, says="docs/configuration.md"),
    Case(
        "s3AccesKeyId", "rm s3AccesKeyId", {"s3AccesKeyId": "PlantedValue"}, says="nearest is s3AccessKeyId"
    ),
    Case(
        "mlfow:namespace",
        "rm mlfow:namespace",
        {"mlfow:namespace": "PlantedValue"},
        says="the prefix mlflow:",
    ),
    Case("kubernetes:context", "pulumi config rm kubernetes:context", {"kubernetes:context": "other"}),
    Case(
        "s3AccessKeyId", "--secret s3AccessKeyId", {"s3AccessKeyId": "PlantedValue"}, {"s3AccessKeyId": None}
    ),
    Case("chartPassword", "--secret chartPassword", {"chartPassword": "PlantedValue", "chartUsername": "u"}),
    Case(
        "s3Bucket",
        "pulumi config rm s3Bucket, then",
        secrets={"s3Bucket": "PlantedValue"},
        says="a Pulumi secret",
    ),
]
REST = [
    one("autoscaling", "on"),
    one("autoscalingMemory", "101%", autoscaling="true"),
    Case(
        "azureClientSecret", "--secret azureClientSecret", {**AZURE}, {**NO_KEYS, "azureClientSecret": "a b"}
    ),
    one("azureExistingSecret", "Not_A_Name"),
    one("azureExistingSecretConnectionStringKey", "a/b"),
    one("databaseAuthName", "auth-db", **EXTERNAL),
    vain("databaseClass", "fast", **EXTERNAL),
    one("databaseClass", "Fast"),
    one("databaseExistingSecretKey", "", **EXTERNAL),
    one("databaseName", "1db", **EXTERNAL),
    one("gcsExistingSecret", "Not A Name"),
    one("gcsProject", "My Project"),
    one("ingressTlsSecret", "tls_secret", **HOST),
    one("metrics", "TRUE"),
    one("s3ExistingSecret", "UPPER"),
    vain("s3ExistingSecretSecretAccessKeyKey", "key"),
    one("s3Region", "eu central"),
    path("serviceMonitorLabels", {"release": {"nested": "map"}}, "release"),
    one("trackingVolume", "2"),
    one("trackingVolumeClass", "Fast", trackingVolume="true"),
    path("waitResources", {"limits": {"memory": None}}, "limits.memory"),
]
CASES = [*REST, *VALUES, *NETWORK, *STORES, *DATABASE, *SERVER, *EXTRA, *KEYS]
