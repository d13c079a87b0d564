"""Runs inside the tracking server's container: whether the server's own way to its stores works.

Sent as `python -c SOURCE`; reads one JSON line and prints one: for `database`, `users` and `store` what
is wrong, as `code` (empty: it works) and `message`. It only reads. Addresses and passwords come from the
server's own arguments (process 1), configuration and environment; no secret of these is printed.
"""

import configparser
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SECONDS = 4
HIDDEN = "***"


def main() -> None:
    """Ask all three side by side."""
    sys.stdin.readline()
    arguments = Path("/proc/1/cmdline").read_text().split("\0")
    given = dict(one[2:].split("=", 1) for one in arguments if one.startswith("--") and "=" in one)
    root = given.get("artifacts-destination") or given.get("default-artifact-root", "")
    ini = configparser.ConfigParser(interpolation=None)
    ini.read(os.environ.get("MLFLOW_AUTH_CONFIG_PATH", "/bitnami/mlflow-basic-auth/basic_auth.ini"))
    users = ini.get("mlflow", "database_uri", fallback="")
    asked = {
        "database": (_database, given.get("backend-store-uri", "")),
        "users": (_database, users),
        "store": (_store, root),
    }
    secrets = _secrets(given.get("backend-store-uri", ""), users)
    with ThreadPoolExecutor() as side_by_side:
        answers = {
            which: side_by_side.submit(_asked, ask, where, secrets) for which, (ask, where) in asked.items()
        }
        print(json.dumps({which: answer.result() for which, answer in answers.items()}))


def _secrets(*uris: str) -> list[str]:
    """Every secret that an error could hold."""
    named = [
        value
        for name, value in os.environ.items()
        if any(part in name for part in ("KEY", "PASS", "SECR", "TOKEN", "CONN"))
    ]
    passwords = [uri.partition("://")[2].rpartition("@")[0].partition(":")[2] for uri in uris]
    return sorted({text for text in [*named, *passwords] if len(text) > 3}, key=len, reverse=True)


def _asked(ask, where: str, secrets: list[str]) -> dict[str, str]:  # type: ignore[no-untyped-def]
    try:
        if where:
            ask(where)
        return {"code": "", "message": ""}
    except Exception as error:
        response = getattr(error, "response", None)
        code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
        message = " ".join(str(error).split())
        for secret in secrets:
            message = message.replace(secret, HIDDEN)
        return {"code": str(code or type(error).__name__), "message": message[:500]}


def _database(uri: str) -> None:
    """One connection, as the server makes its own."""
    if not uri.startswith("postgresql"):
        return
    import sqlalchemy

    engine = sqlalchemy.create_engine(uri, connect_args={"connect_timeout": SECONDS})
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 1"))


def _store(root: str) -> None:
    """List what the server would list; a folder must be one that it can write to."""
    kind, _, rest = root.partition("://")
    if not rest:
        if not os.access(root, os.W_OK):
            raise PermissionError(f"{root} cannot be written to")
    elif kind == "s3":
        _s3(rest)
    else:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        get_artifact_repository(root).list_artifacts()


def _s3(rest: str) -> None:
    import boto3
    from botocore.client import Config

    bucket, _, prefix = rest.partition("/")
    style = os.environ.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", "auto")
    config = Config(
        connect_timeout=SECONDS,
        read_timeout=SECONDS,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": style},  # type: ignore[arg-type]
    )
    client = boto3.client(
        "s3",
        endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL"),
        verify=None if os.environ.get("MLFLOW_S3_IGNORE_TLS") != "true" else False,
        config=config,
    )
    client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)


if __name__ == "__main__":
    main()
