"""`python -m components.pod_backup save | list | fetch NAME | artifacts`: prints JSON, or an error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.pod_backup import catalogue
from components.pod_backup.fetch import bring_back, fetch
from components.pod_backup.manifest import BackupError
from components.pod_backup.save import Place, save
from components.pod_bucket import opened, told


def run(arguments: Sequence[str], env: Mapping[str, str]) -> dict[str, Any]:
    """Do what the arguments say with what the environment names. Raises `BackupError`."""
    from mlflow.version import VERSION

    bucket, work = opened(env["BACKUP_BUCKET"]), Path(env["BACKUP_WORK"])
    place = Place(
        env["BACKUP_PREFIX"],
        env["BACKUP_NAMESPACE"],
        env["BACKUP_RELEASE"],
        env["MLFLOW_S3_ENDPOINT_URL"],
        VERSION,
    )
    match arguments:
        case ["save"]:
            return save(bucket, place, work, int(env["BACKUP_KEEP"]), env["BACKUP_ARTIFACTS"] == "true")
        case ["list"]:
            found = catalogue.entries(bucket, place.home)
            kept = {one.name: one.manifest.as_json() if one.manifest else None for one in found}
            faults = {one.name: one.fault for one in found}
            return {"where": f"s3://{bucket.name}/{place.home}", "backups": kept, "faults": faults}
        case ["fetch", wanted]:
            return fetch(opened, bucket, place, work, wanted)
        case _:
            return bring_back(opened, bucket, work)


def main() -> None:
    """Run; an error is one line of standard error."""
    try:
        print(json.dumps(run(sys.argv[1:], os.environ)))
    except BackupError as error:
        sys.exit(f"error: {error}")
    except Exception as error:
        sys.exit(f"error: {told(error)}")


if __name__ == "__main__":
    main()
