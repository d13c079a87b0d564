"""No setting is in vain: another accepted value of each changes what the engine gets."""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest

from components.backup import backups
from components.housekeeping import housekeeping
from components.settings import Settings
from components.settings.model import KEYS, about, default_of
from components.values import own_values, patched
from tests.unit.cases import EXTERNAL, GOOD, HOST, SECRETS

FOLLOWED = {
    *("context", "kubeconfig", "createNamespace", "podSecurity", "production", "timeout", "releaseHistory"),
    *("chart", "chartVersion", "chartUsername", "chartPassword", "chartCaFile", "imagePassword"),
    *("grafanaDashboard", "grafanaDashboardLabels"),
}
"""Settings that reach neither values nor pods: tests of the whole program follow them."""
SUBCHART, TRAEFIK = {"database": "subchart"}, {"ingressController": "traefik"}
MATTERS: dict[str, dict[str, Any]] = {
    "autoscaling": {"autoscaling": True},
    "azure": {"artifactStore": "azure"},
    "azureExistingSecret": {"azureExistingSecret": "mine"},
    "backup": {"backupSchedule": "@daily"},
    "database": EXTERNAL,
    **dict.fromkeys(("databaseClass", "databaseResources", "databaseSize"), SUBCHART),
    "gcs": {"artifactStore": "gcs"},
    "housekeeping": {"housekeepingSchedule": "@weekly"},
    "ingress": HOST,
    **dict.fromkeys(("ingressHsts", "ingressTls"), TRAEFIK),
    "metricsNamespace": {"metrics": True, **HOST},
    "networkFrom": HOST,
    "serviceMonitor": {"metrics": True, "serviceMonitor": True},
    "trackingVolume": {"trackingVolume": True},
}
"""What settings whose keys begin so take effect with."""
OTHER: dict[str, Any] = {
    "artifactStore": "gcs",
    "azureConnectionString": "AccountName=other",
    "database": "external",
    "gcsCredentials": '{"type": "service_account"}',
    "housekeepingOlderThan": "7d",
    "imageRegistry": "registry.example.com",
    "ingressNamespace": "other",
    "networkAccess": "any",
    "trackingVolumeAccessMode": "ReadWriteMany",
    **dict.fromkeys(("azureExistingSecret", "gcsExistingSecret", "s3ExistingSecret"), "other"),
    **dict.fromkeys(("databaseSize", "trackingScratchSize", "trackingVolumeSize"), "7Gi"),
    **{key: {"limits": {"memory": "7Gi"}} for key in KEYS if key.endswith("Resources")},
}
"""Values of settings that do not take any word, or whose example changes nothing."""


def another(key: str) -> Any:
    """An accepted value of a setting, other than its default."""
    if key in OTHER:
        return OTHER[key]
    match default_of(KEYS[key]):
        case bool(default):
            return not default
        case int(default):
            return default + 1
        case list():
            return ["other"]
        case dict():
            return {"other": "true"}
        case default:
            example = about(KEYS[key]).example
            return "other" if example in ("", default) else example


@functools.cache
def found(given: str) -> tuple[Any, ...]:
    """What follows from settings, given as JSON: of rules between them none is asked."""
    settings = Settings.model_validate_json(given)
    return patched(own_values(settings), settings.adopted_values), backups(settings), housekeeping(settings)


@pytest.mark.parametrize("key", sorted(KEYS.keys() - FOLLOWED))
def test_a_changed_value_of_each_setting_changes_what_the_engine_gets(key: str) -> None:
    given: dict[str, Any] = {**GOOD, **SECRETS}
    for start, others in MATTERS.items():
        given |= others if key.startswith(start) else {}
    given.pop(key, None)
    assert found(json.dumps({**given, key: another(key)})) != found(json.dumps(given))
