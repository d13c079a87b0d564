"""Runs inside the tracking server's container: whether a pair of S3 keys works, and is the server's own.

Sent as `python -c SOURCE`; reads one JSON line, [access_key_id, secret_access_key], and prints one. It asks
with the server's own settings (endpoint, region, certificates) and from where the server itself asks.
"""

import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Put, get and delete a small object below the server's root of artifacts."""
    from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

    pair = json.loads(sys.stdin.readline())
    arguments = Path("/proc/1/cmdline").read_text().split("\0")
    roots = [
        argument.split("=", 1)[1] for argument in arguments if argument.startswith("--artifacts-destination=")
    ]
    repository = S3ArtifactRepository(roots[0], *pair)
    bucket, folder = repository.parse_s3_compliant_uri(roots[0])  # type: ignore[no-untyped-call]
    store: Any = repository._get_s3_client()  # type: ignore[no-untyped-call]
    text = secrets.token_bytes(16)
    where = {"Bucket": bucket, "Key": "/".join(filter(None, (folder, f"rotation-{secrets.token_hex(8)}")))}
    refused = ""
    try:
        action = "put"
        store.put_object(**where, Body=text)
        action = "get"
        equal = store.get_object(**where)["Body"].read() == text
        action = "delete"
        store.delete_object(**where)
        if not equal:
            refused = "it returned something other than it was given"
    except Exception as error:
        # The store's own code, such as InvalidAccessKeyId; its message may repeat what it was given.
        code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
        refused = f"{action}: {code or type(error).__name__}"
    own = [os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    print(json.dumps({"refused": refused, "own": own == pair}))


if __name__ == "__main__":
    main()
