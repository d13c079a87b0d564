"""Wrong settings of housekeeping."""

from __future__ import annotations

from tests.unit.cases import AZURE, GCS, Case, one, path

ON = {"housekeepingSchedule": "@daily"}
DURATIONS = {
    "": "the units are d, h, m and s, in that order",
    "30": "the units are d, h, m and s, in that order",
    "30 d": "the units are d, h, m and s, in that order",
    "30D": "the units are d, h, m and s, in that order",
    "1h2d": "the units are d, h, m and s, in that order",
    "4w": "the units are d, h, m and s, in that order",
    "-1d": "the units are d, h, m and s, in that order",
    "1.2.3d": "the units are d, h, m and s, in that order",
    ".d": "the units are d, h, m and s, in that order",
    "0d": "too short: what was deleted by mistake a moment ago could not be restored",
    "0.5s": "too short: what was deleted by mistake a moment ago could not be restored",
    "36501d": "longer than 100 years",
    "36500d1s": "longer than 100 years",
    "999999999d": "longer than 100 years",
}
HOUSEKEEPING = [
    one("housekeepingSchedule", "weekly", says="1 fields instead of 5"),
    one("housekeepingSchedule", "0 24 * * *", says='hour "24" is not within 0 to 23'),
    *(one("housekeepingOlderThan", text, says=says) for text, says in DURATIONS.items()),
    one("housekeepingOlderThan", "soon", **ON),
    path("housekeepingResources", {"limits": {"memory": "8"}}, "at least 1Mi"),
    *(
        Case(
            "artifactsProxied",
            "pulumi config set artifactsProxied true",
            {**store, **ON, "workloadIdentity": "true", "artifactsProxied": "false"},
            {"s3AccessKeyId": None, "s3SecretAccessKey": None},
            says="true with housekeeping",
        )
        for store in (GCS, AZURE)
    ),
    Case(
        "imageMlflow",
        "pulumi config set imageMlflow bitnamilegacy/mlflow:TAG",
        {**ON, "chartVersion": "5.2.0"},
        says="a tag or a digest: housekeeping runs it too",
    ),
    Case(
        "imageMlflow",
        "pulumi config set imageMlflow bitnamilegacy/mlflow:TAG",
        {**ON, "backupSchedule": "@daily", "chartVersion": "5.2.0", "imagePostgresql": "acme/postgresql:18"},
        says="a tag or a digest: backups run it too",
    ),
]
