"""Wrong settings of the server and its volumes; extra values that break a guarantee."""

from __future__ import annotations

import json

from tests.unit.cases import (
    AZURE,
    EXTERNAL,
    HOST,
    NO_KEYS,
    VOLUME,
    Case,
    extra,
    one,
    path,
    vain,
)

SERVER = [
    one("trackingReplicas", "two"),
    one("trackingReplicas", "0"),
    one("trackingReplicas", "2", "pulumi config set trackingVolume false", trackingVolume="true"),
    Case(
        "trackingReplicas",
        "pulumi config set trackingVolumeAccessMode ReadWriteMany",
        {**VOLUME, "trackingReplicas": "2"},
        NO_KEYS,
    ),
    one("trackingWorkers", "0"),
    one("trackingThreads", "1e3"),
    one("trackingWorkerTimeout", "5"),
    path("trackingResources", {"requests": {"memory": "4Gi"}, "limits": {"memory": "2Gi"}}, "above"),
    path("trackingResources", {"request": {"memory": "4Gi"}}, "neither requests nor limits"),
    path("trackingResources", {"limits": {"ephemeral-storage": "4Gi"}}, "trackingScratchSize"),
    path("trackingResources", "{broken", "requests and limits"),
    path("trackingResources", {"limits": "2Gi"}, "requests and limits"),
    one("trackingScratchSize", "plenty"),
    one("storageClass", "Fast!"),
    vain("trackingVolumeSize", "1Gi"),
    one("trackingVolumeAccessMode", "RWX", trackingVolume="true"),
    vain("autoscalingMax", "9"),
    vain("trackingReplicas", "2", autoscaling="true"),
    one("autoscalingMin", "9", "pulumi config set autoscalingMin 5", autoscaling="true"),
    one("autoscalingCpu", "0", "pulumi config rm autoscalingCpu", autoscaling="true"),
    one("autoscalingMax", "many", autoscaling="true"),
    Case(
        "trackingResources",
        "trackingResources.requests.cpu 500m",
        {"autoscaling": "true", "trackingResources": '{"requests": {"cpu": ""}}'},
    ),
]


CLAIM = {"tracking": {"persistence": {"existingClaim": "mine"}}}
EXTRA = [
    Case(
        "extraValues",
        "pulumi config rm --path 'extraValues.tracking.persistence.existingClaim'",
        {"extraValues": json.dumps(CLAIM)},
        says="no effect without a tracking volume",
    ),
    path("extraValues", "tracking.auth.enabled=false", "a map"),
    extra({"tracking": {"auth": {"enabled": False}}}, "tracking.auth.enabled"),
    extra({"tracking": {"auth": {"password": "PlantedValue"}}}, "tracking.auth.password"),
    extra({"tracking": None}, "tracking"),
    extra({"tracking": {"networkPolicy": {"enabled": False}}}, "tracking.networkPolicy.enabled"),
    extra(
        {"postgresql": {"primary": {"networkPolicy": {"allowExternal": True}}}},
        "postgresql.primary.networkPolicy.allowExternal",
    ),
    extra({"tracking": {"lifecycleHooks": {"postStart": {}}}}, "tracking.lifecycleHooks.postStart"),
    extra(
        {"postgresql": {"primary": {"preInitDb": {"scripts": "x"}}}}, "postgresql.primary.preInitDb.scripts"
    ),
    extra(
        {"postgresql": {"primary": {"preInitDb": {"scripts": {"passwords.sh": "exit"}}}}},
        'postgresql.primary.preInitDb.scripts["passwords.sh"]',
    ),
    extra(
        {"postgresql": {"primary": {"initdb": {"scripts": {"create_auth_db.sh": "exit"}}}}},
        'postgresql.primary.initdb.scripts["create_auth_db.sh"]',
    ),
    extra({"tracking": {"args": ["server"]}}, "tracking.args[0]"),
    extra({"tracking": {"extraArgs": ["--app-name=open"]}}, "tracking.extraArgs[0]"),
    extra(
        {"tracking": {"extraEnvVars": [{"name": "API_TOKEN", "value": "PlantedValue"}]}},
        "tracking.extraEnvVars[0].value",
    ),
    extra(
        {"tracking": {"extraEnvVars": [{"name": "MLFLOW_AUTH_CONFIG_PATH"}]}}, "tracking.extraEnvVars[0].name"
    ),
    extra({"tracking": {"extraArgs": "- --app-name=open"}}, "tracking.extraArgs"),
    extra({"tracking": {"extraArgs": ["-p", "8080"]}}, "tracking.extraArgs[0]"),
    extra({"tracking": {"extraEnvVars": {"A": "b"}}}, "tracking.extraEnvVars.A"),
    extra(
        {"tracking": {"extraEnvVars": [{"name": "CLIENT_SECRET", "value": "PlantedValue"}]}},
        "tracking.extraEnvVars[0].value",
    ),
    extra({"tracking": {"extraEnvVars": [{"name": "PYTHONPATH"}]}}, "tracking.extraEnvVars[0].name"),
    extra({"tracking": {"extraVolumes": {"a": "b"}}}, "tracking.extraVolumes.a"),
    extra(
        {"tracking": {"auth": {"extraOverrides": {"authorization_function": "open:all"}}}},
        "tracking.auth.extraOverrides.authorization_function",
    ),
    extra({"tracking": {"enableDefaultInitContainers": False}}, "tracking.enableDefaultInitContainers"),
    extra(
        {"postgresql": {"primary": {"persistence": {"enabled": False}}}},
        "postgresql.primary.persistence.enabled",
    ),
    extra({"postgresql": {"auth": {"password": "PlantedValue"}}}, "postgresql.auth.password"),
    extra({"postgresql": {"ldap": {"bindpw": "PlantedValue"}}}, "postgresql.ldap.bindpw"),
    extra({"postgresql": {"image": {"repository": "x"}}}, "postgresql.image.repository"),
    extra({"image": {"tag": "latest"}}, "image.tag"),
    extra({"minio": {"enabled": True}}, "minio.enabled"),
    extra({"run": {"enabled": True}}, "run.enabled"),
    extra({"externalS3": {"accessKeySecret": "PlantedValue"}}, "externalS3.accessKeySecret"),
    extra({"volumePermissions": {"enabled": True}}, "volumePermissions.enabled"),
    extra({"global": {"security": {"allowInsecureImages": True}}}, "global.security.allowInsecureImages"),
    extra({"postgresql": {"primary": {"nodeSelector": None}}}, "postgresql.primary.nodeSelector"),
    extra({"fullnameOverride": "x"}, "fullnameOverride"),
    extra({"traking": {"nodeSelector": {"a": "b"}}}, "traking"),
]


REST = [
    one("autoscaling", "on"),
    one("autoscalingMemory", "101%", autoscaling="true"),
    one("fastAuthentication", "on"),
    one("databaseUpgrade", "once"),
    extra({"tracking": {"runUpgradeDB": True}}, "tracking.runUpgradeDB"),
    one("strictPermissions", "on"),
    one("defaultPermission", "NONE"),
    extra(
        {"tracking": {"auth": {"extraOverrides": {"default_permission": "EDIT"}}}},
        "tracking.auth.extraOverrides.default_permission",
    ),
    Case(
        "azureClientSecret", "--secret azureClientSecret", {**AZURE}, {**NO_KEYS, "azureClientSecret": "a b"}
    ),
    one("azureExistingSecret", "Not_A_Name"),
    one("azureExistingSecretConnectionStringKey", "a/b"),
    one("databaseAuthName", "auth-db", **EXTERNAL),
    vain("databaseClass", "fast", **EXTERNAL),
    one("databaseClass", "Fast"),
    one("databaseExistingSecretKey", "", **EXTERNAL),
    one("databaseName", "1db", **EXTERNAL),
    one("gcsExistingSecret", "Not A Name"),
    one("gcsProject", "My Project"),
    one("ingressTlsSecret", "tls_secret", **HOST),
    one("metrics", "TRUE"),
    one("s3ExistingSecret", "UPPER"),
    vain("s3ExistingSecretSecretAccessKeyKey", "key"),
    one("s3Region", "eu central"),
    path("serviceMonitorLabels", {"release": {"nested": "map"}}, "release"),
    one("trackingVolume", "2"),
    one("trackingVolumeClass", "Fast", trackingVolume="true"),
    path("waitResources", {"limits": {"memory": None}}, "limits.memory"),
]
