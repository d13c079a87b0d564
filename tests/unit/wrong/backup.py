"""Wrong settings of backups."""

from __future__ import annotations

from tests.unit.cases import EXTERNAL, GCS, NO_KEYS, VOLUME, Case, one, path, vain

SCHEDULES = {
    "daily": "1 fields instead of 5",
    "* * * * * *": "6 fields instead of 5",
    "60 2 * * *": 'minute "60" is not within 0 to 59',
    "0 24 * * *": 'hour "24" is not within 0 to 23',
    "0 0 0 * *": 'day "0" is not within 1 to 31',
    "0 0 1 foo *": 'month "foo" is not within 1 to 12',
    "0 0 * * 7": 'weekday "7" is not within 0 to 6',
    "5-1 0 * * *": 'minute "5-1" ends before it begins',
    "*/0 0 * * *": 'minute "*/0" has a step of 0',
    "1,,2 0 * * *": 'minute ""',
    "@reboot": "1 fields instead of 5",
}
BACKUP = [
    *(one("backupSchedule", text, says=says) for text, says in SCHEDULES.items()),
    one("backupPrefix", "1/backups"),
    one("backupPrefix", "/backups"),
    one("backupPrefix", "backups/", backupSchedule="@daily"),
    one("backupKeep", "0", backupSchedule="@daily"),
    vain("backupKeep", "3"),
    vain("backupArtifacts", "false"),
    one("backupArtifacts", "no", backupSchedule="@daily"),
    path("backupResources", {"limits": {"memory": "8"}}, "at least 1Mi"),
    Case(
        "backupSchedule",
        "pulumi config rm backupSchedule",
        {**GCS, "backupSchedule": "@daily", "workloadIdentity": "true"},
        NO_KEYS,
        says="nothing with artifactStore gcs",
    ),
    Case(
        "backupSchedule",
        "pulumi config rm backupSchedule",
        {**VOLUME, "backupSchedule": "@daily"},
        NO_KEYS,
        says="nothing with artifactStore volume",
    ),
    Case(
        "databaseAuthName",
        "pulumi config set databaseAuthName mlflow_auth",
        {**EXTERNAL, "backupSchedule": "@daily", "databaseAuthName": "mlflow"},
        {"databasePassword": "PlantedPassword"},
        says="a database other than databaseName",
    ),
    Case(
        "imageMlflow",
        "pulumi config set imageMlflow bitnamilegacy/mlflow:TAG",
        {
            "backupSchedule": "@daily",
            "chartVersion": "5.2.0",
            "imagePostgresql": "bitnamilegacy/postgresql:18",
        },
        says="a tag or a digest",
    ),
]
