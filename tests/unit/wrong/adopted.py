"""What a release may not keep from the time before it was adopted."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.cases import Case


def adopted(values: Any, where: str, says: str = "") -> Case:
    """Adopted values that are refused at `where`."""
    return Case(
        "adoptedValues", f"rm --path '{where}'", {"adoptedValues": json.dumps(values)}, says=says or where
    )


ADOPTED = [
    Case(
        "adoptedValues", "pulumi config ", {"adoptedValues": '"Planted"'}, says="something that is not a map"
    ),
    adopted({"tracking": {"auth": {"enabled": False}}}, "adoptedValues.tracking.auth.enabled", "stays on"),
    adopted({"tracking": {"args": ["x"]}}, "adoptedValues.tracking.args[0]"),
    adopted(
        {"tracking": {"service": {"ports": {"http": 8080}}}}, "adoptedValues.tracking.service.ports.http"
    ),
    adopted({"fullnameOverride": "x"}, "adoptedValues.fullnameOverride"),
    adopted({"minio": None}, "adoptedValues.minio", "false (the artifact store is not part"),
    adopted({"minio": {"enabled": True}}, "adoptedValues.minio.enabled"),
    adopted({"externalDatabase": {"dialectDriver": "x"}}, "adoptedValues.externalDatabase.dialectDriver"),
    adopted({"tracking": {"auth": {"password": "Planted"}}}, "adoptedValues.tracking.auth.password"),
    adopted({"externalS3": {"accessKeySecret": "Planted"}}, "adoptedValues.externalS3.accessKeySecret"),
    adopted(
        {"tracking": {"extraEnvVars": [{"name": "API_TOKEN", "value": "Planted"}]}},
        "adoptedValues.tracking.extraEnvVars[0].value",
    ),
    adopted(
        {"tracking": {"podAnnotations": {"it's": "http://u:Planted@h"}}},
        """adoptedValues.tracking.podAnnotations["it'"'"'s"]""",
        "no secret in values",
    ),
]
