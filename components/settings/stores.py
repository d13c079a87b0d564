"""Settings: where artifacts are kept, and with whose credentials."""

from __future__ import annotations

from typing import Annotated, Literal

from components.settings import types as t
from components.settings.fields import Group, knob, matching, optional, secret

_NAME = "the name of a Secret in the namespace"
_KEY = "a key of that Secret"
_BUCKET = (
    '3 to 63 characters of a-z, 0-9, "-" and single ".", first and last a letter or digit, no IP address'
)


class Artifacts(Group):
    """Artifacts."""

    artifact_store: Literal["s3", "gcs", "azure", "volume"] = knob(
        "s3", "Where artifacts are kept; volume: the tracking volume."
    )
    artifacts_proxied: t.Boolean = knob(
        True, "Clients send artifacts through the server; false: straight to the store."
    )
    workload_identity: t.Boolean = knob(
        False,
        "The store identifies the server by its service account or node: no credentials.",
    )
    service_account_annotations: t.Annotations = knob(
        {},
        "Annotations of the server's service account, for workload identity.",
        accepted="a map of annotation names to strings",
        example="--path 'serviceAccountAnnotations[\"eks.amazonaws.com/role-arn\"]' arn:aws:iam::1:role/ml",
    )


class S3(Group):
    """S3 and compatible stores. Credentials: two secrets, an existing Secret, or workload identity."""

    s3_endpoint: t.Url = knob(
        "",
        "URL of the S3 service. Required with artifactStore s3.",
        accepted="http(s)://host[:port], without path, query or user",
        example="https://minio.example.com",
    )
    s3_bucket: t.Bucket = knob("mlflow", "Bucket; it must exist.", accepted=_BUCKET)
    s3_region: Annotated[str, optional(r"[a-z0-9]+(?:-[a-z0-9]+)*", longest=63)] = knob(
        "", "Region, where the service needs one.", accepted='a-z, 0-9 and "-"', example="eu-central-1"
    )
    s3_access_key_id: t.Token = secret("Access key id.", accepted="an access key id without spaces")
    s3_secret_access_key: t.Token = secret(
        "Secret access key.", accepted="a secret access key without spaces"
    )
    s3_existing_secret: t.OptionalName = knob(
        "", "An existing Secret with the credentials.", accepted=_NAME, example="mlflow-s3-creds"
    )
    s3_existing_secret_access_key_id_key: t.SecretKey = knob(
        "AWS_ACCESS_KEY_ID", "Its key for the access key id.", accepted=_KEY
    )
    s3_existing_secret_secret_access_key_key: t.SecretKey = knob(
        "AWS_SECRET_ACCESS_KEY", "Its key for the secret access key.", accepted=_KEY
    )


class Gcs(Group):
    """Google Cloud Storage."""

    gcs_bucket: t.OptionalBucket = knob(
        "",
        "Bucket. Required with artifactStore gcs.",
        accepted='3 to 222 characters of a-z, 0-9, ".", "_" and "-", first and last a letter or digit',
        example="mlflow-artifacts",
    )
    gcs_project: Annotated[str, optional(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")] = knob(
        "", "Google Cloud project.", accepted="a project id", example="my-project"
    )
    gcs_credentials: t.KeyFile = secret(
        "Service account key file (JSON).", accepted="the text of a JSON key file, not its path"
    )
    gcs_existing_secret: t.OptionalName = knob(
        "", "An existing Secret with the key file.", accepted=_NAME, example="mlflow-gcs-creds"
    )
    gcs_existing_secret_key: t.SecretKey = knob("key.json", "Its key for the key file.", accepted=_KEY)


class Azure(Group):
    """Azure Blob Storage. Credentials: one of three secrets, an existing Secret, or workload identity."""

    azure_storage_account: Annotated[str, optional(r"[a-z0-9]{3,24}")] = knob(
        "",
        "Storage account. Required with artifactStore azure.",
        accepted="3 to 24 characters of a-z and 0-9",
        example="mlflowartifacts",
    )
    azure_container: Annotated[str, matching(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")] = knob(
        "mlflow", "Blob container; it must exist.", accepted='3 to 63 characters of a-z, 0-9 and single "-"'
    )
    azure_access_key: t.Token = secret("Access key of the account.", accepted="an access key without spaces")
    azure_connection_string: t.ConnectionString = secret(
        "Connection string of the account.",
        accepted="a connection string: name=value pairs, separated by semicolons",
    )
    azure_client_id: t.Uuid = knob(
        "",
        "Client id of a service principal or workload identity.",
        accepted="a UUID",
        example="00000000-0000-0000-0000-000000000000",
    )
    azure_tenant_id: t.Uuid = knob(
        "", "Its tenant id.", accepted="a UUID", example="00000000-0000-0000-0000-000000000000"
    )
    azure_client_secret: t.Token = secret(
        "Client secret of a service principal.", accepted="a client secret without spaces"
    )
    azure_existing_secret: t.OptionalName = knob(
        "", "An existing Secret with the credentials.", accepted=_NAME, example="mlflow-azure-creds"
    )
    azure_existing_secret_access_key_key: t.OptionalSecretKey = knob(
        "", "Its key for the access key.", accepted=_KEY, example="AZURE_STORAGE_ACCESS_KEY"
    )
    azure_existing_secret_connection_string_key: t.OptionalSecretKey = knob(
        "", "Its key for the connection string.", accepted=_KEY, example="AZURE_STORAGE_CONNECTION_STRING"
    )
    azure_existing_secret_client_secret_key: t.OptionalSecretKey = knob(
        "", "Its key for the client secret.", accepted=_KEY, example="AZURE_CLIENT_SECRET"
    )
