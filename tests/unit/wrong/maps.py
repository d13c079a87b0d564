"""Wrong quantities, maps, secrets and extra values that a first check lets through."""

from __future__ import annotations

import json

from tests.unit.cases import (
    AZURE,
    EXTERNAL,
    GCS,
    HOST,
    NO_KEYS,
    SECRETS,
    Case,
    extra,
    one,
    path,
)

QUANTITIES = [
    one("databaseSize", "8"),
    one("databaseSize", "8gi"),
    one("databaseSize", "-8Gi"),
    one("databaseSize", "1e3"),
    one("databaseSize", "\u0668Gi"),
    one("databaseSize", " 8Gi"),
    one("databaseSize", "512m"),
    one("trackingVolumeSize", "08Gi", trackingVolume="true"),
    one("trackingScratchSize", "10Mi", says="at least 50Mi"),
    path("trackingResources", {"limits": {"memory": "512m"}}, "limits.memory"),
    path("trackingResources", {"limits": {"memory": "2"}}, "limits.memory"),
    path("trackingResources", {"requests": {"cpu": "1Gi"}}, "requests.cpu"),
    path("trackingResources", {"requests": {"cpu": "100mi"}}, "requests.cpu"),
    path("trackingResources", {"requests": {"cpu": 0}}, "requests.cpu"),
    path("trackingResources", {"requests": {"cpu": -1}}, "requests.cpu"),
    path("trackingResources", {"requests": {"mem": "1Gi"}}, '"mem" is not a resource'),
    path("trackingResources", {"limits": {"nvidia.com/gpu": "0.5"}}, "nvidia.com/gpu"),
    path("trackingResources", "[]", "requests and limits"),
    path("waitResources", {"limits": None}, "requests and limits"),
]


MAPS = [
    path("ingressAnnotations", {"no good key!": "x"}, "not well formed"),
    path("ingressAnnotations", {f"{'a' * 254}/x": "x"}, "not well formed"),
    path("serviceAccountAnnotations", {"": "x"}, "not well formed"),
    path("serviceMonitorLabels", {"release": "two words"}, "release"),
    path("serviceMonitorLabels", {"release": "a" * 64}, "release"),
    path("grafanaDashboardLabels", {"grafana_dashboard": "two words"}, "grafana_dashboard"),
    Case(
        "ingressAnnotations",
        "pulumi config rm --path 'ingressAnnotations[\"cert-manager.io/issuer\"]'",
        {**HOST, "ingressTlsSecret": "t", "ingressAnnotations": '{"cert-manager.io/issuer": "x"}'},
        says="use ingressIssuer",
    ),
    path("extraValues", "[" * 100_000, "a map"),
    path("extraValues", '{"tracking": {"pdb": {"minAvailable": Infinity}}}', "a map"),
    path("extraValues", "null", "a map"),
    path("extraValues", '"tracking"', "a map"),
]


HIDDEN = [
    Case(key, f"pulumi config set --secret {key}", {**config}, {**NO_KEYS, key: value}, "not well formed")
    for key, value, config in (
        ("s3AccessKeyId", "Planted\n", {}),
        ("s3SecretAccessKey", "Plantedü", {}),
        ("chartPassword", "Planted\x00", {"chartUsername": "u"}),
        ("imagePassword", "two Planted", {"imageUsername": "u"}),
        ("gcsCredentials", "/home/me/Planted.json", GCS),
        ("gcsCredentials", '["Planted"]', GCS),
        ("gcsCredentials", '{"Planted": 1}', GCS),
        ("azureConnectionString", "Planted", AZURE),
        ("databasePassword", "Planted$ecret", EXTERNAL),
    )
]


EXTRA = [
    Case(
        "extraValues",
        "pulumi config rm --path 'extraValues[\"tracking.auth.enabled\"]'",
        {"extraValues": '{"tracking.auth.enabled": false}'},
    ),
    extra({"tracking": {"nodeSelecter": {"a": "b"}}}, "tracking.nodeSelecter"),
    extra({"tracking": {"ingress": {"extrahosts": []}}}, "tracking.ingress.extrahosts"),
    extra({"postgresql": {"primary": {"tolerationz": []}}}, "postgresql.primary.tolerationz"),
    extra(
        {"tracking": {"auth": {"extraOverrides": {"admin_username": "x"}}}},
        "tracking.auth.extraOverrides.admin_username",
    ),
    extra(
        {"tracking": {"extraEnvVars": [{"name": "MLFLOW_TRACKING_USERNAME", "value": "boss"}]}},
        "tracking.extraEnvVars[0].name",
    ),
    extra(
        {"tracking": {"extraEnvVars": [{"name": "MLFLOW_{{ print 1 }}", "value": "x"}]}},
        "tracking.extraEnvVars[0].name",
    ),
    extra({"tracking": {"extraArgs": ["-p8080"]}}, "tracking.extraArgs[0]"),
    extra({"tracking": {"extraArgs": ["--static-prefix=/ml"]}}, "tracking.extraArgs[0]"),
    extra({"tracking": {"extraArgs": ["--artifacts-only"]}}, "tracking.extraArgs[0]"),
    extra({"tracking": {"extraArgs": ["{{ print `--app-name=x` }}"]}}, "tracking.extraArgs[0]"),
    extra(
        {"tracking": {"extraArgs": ["--registry-store-uri=postgresql://u:PlantedValue@db/x"]}},
        "tracking.extraArgs[0]",
    ),
    extra({"tracking": {"ingress": {"extraTls": {"hosts": []}}}}, "tracking.ingress.extraTls.hosts"),
    extra({"tracking": {"resourcesPreset": "large"}}, "tracking.resourcesPreset"),
    extra({"tracking": {"startupProbe": {"periodSeconds": 9}}}, "tracking.startupProbe.periodSeconds"),
    extra({"tracking": {"host": "127.0.0.1"}}, "tracking.host"),
    extra(
        {"postgresql": {"global": {"postgresql": {"auth": {"existingSecret": "x"}}}}},
        "postgresql.global.postgresql.auth.existingSecret",
    ),
    extra({"postgresql": {"diagnosticMode": {"enabled": True}}}, "postgresql.diagnosticMode.enabled"),
    extra({"postgresql": {"extraDeploy": [{"kind": "Secret"}]}}, "postgresql.extraDeploy[0].kind"),
    extra({"global": {"storageClass": "fast"}}, "global.storageClass"),
    Case(
        "extraValues",
        """rm --path 'extraValues.tracking.podAnnotations["it'"'"'s"]'""",
        {"extraValues": json.dumps({"tracking": {"podAnnotations": {"it's": None}}})},
    ),
]


UNKNOWN = [
    Case("a b", "pulumi config rm 'a b'", {"a b": "PlantedValue"}),
    Case("s3SecretAccesKey", "rm s3SecretAccesKey", secrets={**SECRETS, "s3SecretAccesKey": "PlantedValue"}),
    Case("mlflow2:context", "pulumi config rm mlflow2:context", {"mlflow2:context": "PlantedValue"}),
]
