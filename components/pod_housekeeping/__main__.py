"""`python -m components.pod_housekeeping list | remove`: a line of JSON for each item, and one for all."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from components.pod_bucket import told
from components.pod_housekeeping import sweep
from components.pod_housekeeping.artifacts import Artifacts
from components.pod_housekeeping.database import Database
from components.pod_housekeeping.items import FAILED, GOES, REMOVED, STAYS, HousekeepingError, Outcome


def run(what: str, env: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Do what is said with what the environment names. Raises `HousekeepingError` where some could not go."""
    if "HOUSEKEEPING_RESTORE" in env:
        raise HousekeepingError("a restore is under way, or was cut short: nothing was removed")
    older_than = int(env["HOUSEKEEPING_OLDER_THAN"])
    before = int(env.get("HOUSEKEEPING_BEFORE") or time.time() * 1000 - older_than)
    database = Database.opened(env["RUNS_DATABASE"])
    course = sweep.removed if what == "remove" else sweep.listed
    found: list[Outcome] = []
    for outcome in course(database, Artifacts(env.get("HOUSEKEEPING_STORE", "")), before):
        found.append(outcome)
        yield outcome.as_json()
    failed = [one for one in found if one.what == FAILED]
    yield {
        "before": before,
        **_counts([one for one in found if one.what in (GOES, REMOVED)]),
        "stay": sum(one.what == STAYS for one in found),
        "failed": len(failed),
    }
    if failed and what == "remove":
        raise HousekeepingError(
            f"{len(failed)} of {len(found)} could not be removed and are tried again the next time,"
            f" as {failed[0].item}: {failed[0].why}"
        )


def _counts(gone: list[Outcome]) -> dict[str, int]:
    weights = [one.weight for one in gone if one.weight]
    return {
        "runs": sum(one.item.kind == "run" for one in gone),
        "experiments": sum(one.item.kind == "experiment" for one in gone),
        "objects": sum(weight.objects for weight in weights),
        "bytes": sum(weight.bytes for weight in weights),
    }


def main() -> None:
    """Run; an error is one line of standard error."""
    try:
        for line in run(sys.argv[1], os.environ):
            print(json.dumps(line), flush=True)
    except HousekeepingError as error:
        sys.exit(f"error: {error}")
    except Exception as error:
        sys.exit(f"error: {told(error)}")


if __name__ == "__main__":
    main()
