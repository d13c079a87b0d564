"""Wrong settings of artifact stores and database."""

from __future__ import annotations

from tests.unit.cases import (
    AZURE,
    EXTERNAL,
    GCS,
    NO_KEYS,
    UUID,
    VOLUME,
    Case,
    one,
    path,
    vain,
)

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
