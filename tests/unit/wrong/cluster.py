"""Wrong settings of cluster, chart, images, ingress and metrics; keys that are no setting."""

from __future__ import annotations

from tests.unit.cases import (
    HOST,
    Case,
    one,
    path,
    vain,
)

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
    one("production", "prod"),
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
