"""Wrong texts that a first check lets through: numbers, names, hosts, images."""

from __future__ import annotations

from tests.unit.cases import (
    AZURE,
    EXTERNAL,
    GCS,
    HOST,
    Case,
    one,
    path,
)

DIGEST = f"sha256:{'a' * 64}"


NUMBERS = [
    one("timeout", " 600"),
    one("timeout", "0600"),
    one("timeout", "1_000"),
    one("timeout", "\u0666\u0660\u0660"),
    one("timeout", "9" * 40),
    one("trackingReplicas", "true"),
    one("trackingWorkers", "[]"),
    one("trackingWorkers", '"2"'),
    one("createNamespace", ""),
    one("databasePort", "65536", **EXTERNAL),
    one("databasePort", "-5432", **EXTERNAL),
    one("databasePort", "05432", **EXTERNAL),
]


NAMES = [
    one("context", "$(id)"),
    one("context", "-x"),
    one("context", "a\x1b[31m", says="?[31m"),
    one("kubeconfig", "~root/config"),
    one("namespace", "mlflow "),
    one("namespace", "mlflow\n"),
    one("namespace", "mlflów"),
    one("namespace", "{{ .Release.Name }}"),
    one("releaseName", "true"),
    one("releaseName", "null"),
    one("storageClass", "123", says="123"),
    one("storageClass", "1e3"),
    one("storageClass", "a..b"),
    one("trackingVolumeClass", "-", trackingVolume="true"),
    one("s3ExistingSecret", "0x1f"),
    one("s3ExistingSecret", "a" * 254),
    one("s3ExistingSecretAccessKeyIdKey", "..", s3ExistingSecret="s"),
    Case(
        "gcsExistingSecretKey",
        "pulumi config set gcsExistingSecretKey key.json",
        {**GCS, "gcsExistingSecret": "s", "gcsExistingSecretKey": "123"},
    ),
    one("ingressClass", "nginx/public", **HOST),
    one("chartUsername", "robot:PlantedPassword"),
    one("chartUsername", "two words"),
    one("chartCaFile", "~/ca.pem"),
    Case("azureClientId", "pulumi config set azureClientId ", {**AZURE, "azureClientId": "-" * 36}),
    one("s3Region", "-"),
]


HOSTS = [
    one("ingressHost", "*.example.com"),
    one("ingressHost", "10.0.0.1"),
    one("ingressHost", "mlflow.example.com."),
    one("ingressHost", f"{'a' * 64}.example.com"),
    one("ingressHost", "mlflow.example.com/ui"),
    one("ingressHost", "münchen.example.com"),
    one("s3Endpoint", "https://[::1]:9000"),
    one("s3Endpoint", "https://minio.example.com:65536"),
    one("s3Endpoint", "https://minio.example.com:0443"),
    one("s3Endpoint", "https://minio.example.com:"),
    one("s3Endpoint", "https://minio.example.com."),
    one("s3Endpoint", "https://MinIO.example.com"),
    one("s3Endpoint", "HTTPS://minio.example.com"),
    one("s3Endpoint", "https://minio.example.com#bucket"),
    one("s3Endpoint", " https://minio.example.com"),
    one("s3Endpoint", "https://user:PlantedUrl/Password@minio.example.com"),
    one("s3Endpoint", "https://minio.example.com?token=PlantedToken"),
    one("s3Endpoint", f"https://{'a' * 64}.example.com"),
    one("s3Endpoint", "https://" + ".".join(["a" * 63] * 5)),
    one("s3Bucket", "my..bucket"),
    one("s3Bucket", "192.168.0.1"),
    one("s3Bucket", "mlflow/runs"),
    one("databaseHost", "postgresql://u:PlantedPassword@db", database="external"),
    one("databaseHost", "5432", database="external"),
    one("databaseHost", "db.example.com:5432", database="external"),
    one("databaseUser", "mlflow:PlantedPassword", **EXTERNAL),
]


IMAGES = [
    one("imageRegistry", "bitnamilegacy"),
    one("imageRegistry", "registry.example.com:99999"),
    one("imageRegistry", "registry.example.com/"),
    one("imageMlflow", "host:0/mlflow"),
    one("imageMlflow", f"bitnamilegacy/mlflow@sha256:{'a' * 63}"),
    one("imageMlflow", f"bitnamilegacy/mlflow@sha256:{'A' * 64}"),
    one("imageMlflow", "bitnamilegacy/mlflow:1@2"),
    one("imageMlflow", f"bitnamilegacy/mlflow:{'1' * 129}"),
    one("imageMlflow", "bitnamilegacy/mlflow:ü"),
    one("imageMlflow", "bitnamilegacy//mlflow"),
    one("imageMlflow", "../mlflow"),
    one("imageMlflow", ""),
    one("chart", "oci://registry.example.com:70000/mlflow"),
    one("chart", "oci://-/mlflow"),
    one("chart", f"oci://registry.example.com/mlflow@{DIGEST}"),
    one("chartVersion", "05.1.17"),
    one("chartVersion", "5.1.\u0667"),
    path("imagePullSecrets", "{}", "a list"),
    path("imagePullSecrets", [{"name": "regcred"}], "a list"),
    path("imagePullSecrets", {"auths": {"ghcr.io": {"auth": "PlantedAuth"}}}, "a list"),
    path("imagePullSecrets", "[NaN]", "a list"),
]
