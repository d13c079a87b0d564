"""Databases and artifact stores."""

from __future__ import annotations

from ops.snapshot import Answer
from tests.unit.objects import (
    container,
    pod,
)
from tests.unit.readings.seen import (
    EXTERNAL,
    KEY,
    SERVES,
    Seen,
    failing,
    logged,
)

CASES = [
    Seen(
        "database-schema",
        "databaseUpgrade",
        {"pods": [pod(containers=[failing()])]},
        logged("Detected out-of-date database schema (found version a, but expected b)", "mlflow"),
    ),
    Seen(
        "database-schema",
        "newer than this MLflow",
        {"pods": [pod(init=[failing("upgrade-db-auth")])]},
        logged("Can't locate revision identified by 'abc'"),
    ),
    Seen(
        "database-missing",
        "databaseAuthName",
        {"pods": [pod(init=[failing("upgrade-db-auth")])]},
        logged('FATAL:  database "mlflow_auth" does not exist'),
    ),
    Seen(
        "database-password",
        "databasePassword",
        {"pods": [pod(init=[failing("upgrade-db-auth")])]},
        logged('FATAL:  password authentication failed for user "mlflow"'),
        EXTERNAL,
    ),
    Seen(
        "database-unreachable",
        "does db.example.com:5432 answer",
        {"pods": [pod(init=[failing("upgrade-db-auth")])]},
        logged('could not translate host name "db.example.com" to address'),
        EXTERNAL,
    ),
    Seen(
        "database-unreachable",
        "(mlflow-postgresql)",
        SERVES,
        {"answers": {"database": Answer("OperationalError", "connection refused", "pod/a")}},
    ),
    Seen(
        "database-missing",
        "databaseAuthName",
        SERVES,
        {"answers": {"users": Answer("OperationalError", 'role "x" does not exist', "pod/a")}},
    ),
    Seen(
        "s3-access-denied",
        "list, get, put and delete",
        SERVES,
        {"answers": {"store": Answer("AccessDenied", "Access Denied", "pod/a")}},
    ),
    Seen(
        "s3-access-denied",
        "Secret own-keys",
        SERVES,
        {"answers": {"store": Answer("403", "Forbidden", "pod/a")}},
        {"s3ExistingSecret": "own-keys"},
    ),
    Seen(
        "s3-certificate",
        "AWS_CA_BUNDLE",
        SERVES,
        {"answers": {"store": Answer("SSLError", "certificate verify failed", "pod/a")}},
    ),
    Seen(
        "store-refuses",
        "s3Region",
        SERVES,
        {"answers": {"store": Answer("PermanentRedirect", "use the other endpoint", "pod/a")}},
    ),
    Seen(
        "store-refuses",
        "(gcs)",
        SERVES,
        {"answers": {"store": Answer("Forbidden", "no", "pod/a")}},
        {"artifactStore": "gcs"},
    ),
    Seen(
        "s3-access-denied",
        "may not use bucket",
        SERVES,
        {"logs": {f"{KEY}/mlflow": "botocore.exceptions.ClientError: (AccessDenied) when calling Put"}},
    ),
    Seen(
        "s3-unreachable",
        "cannot reach",
        SERVES,
        {"logs": {f"{KEY}/mlflow": "botocore.exceptions.EndpointConnectionError: Could not connect"}},
    ),
    Seen(
        "s3-unreachable",
        "s3Endpoint URL",
        {"pods": [pod(init=[container("wait-for-s3", running={"startedAt": "2026-11-25T01:00:00Z"})])]},
        {"now": "2026-11-25T01:00:11Z"},
        certain=False,
    ),
    Seen(
        "database-unreachable",
        "does db.example.com:5432 answer",
        {"pods": [pod(init=[container("wait-for-database", running={"startedAt": "2026-11-25T01:00:00Z"})])]},
        {"answers": {"wait-for-database": Answer("unreachable", "no", "pod/a")}},
        EXTERNAL,
    ),
    Seen(
        "s3-key-wrong",
        "pulumi config set --secret s3AccessKeyId",
        SERVES,
        {"answers": {"store": Answer("XAdminUserNotFound", "No user has the provided access key ID", "p/a")}},
    ),
]
