"""Names that the chart's values have, so that a mistyped one is told: Helm ignores it in silence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

VERSION = "5.1.17"
"""The chart whose names these are; in another one a name that is far from all of these may be new."""

_WORDS = {
    "": """
        apiVersions clusterDomain commonAnnotations commonLabels diagnosticMode externalAzureBlob
        externalDatabase externalGCS externalS3 extraDeploy fullnameOverride gitImage global image
        kubeVersion minio nameOverride namespaceOverride postgresql run tracking volumePermissions
        waitContainer
        """,
    "tracking": """
        affinity args auth automountServiceAccountToken autoscaling command containerPorts
        containerSecurityContext customLivenessProbe customReadinessProbe customStartupProbe
        enableDefaultInitContainers enabled extraArgs extraEnvVars extraEnvVarsCM extraEnvVarsSecret
        extraVolumeMounts extraVolumes host hostAliases ingress initContainers lifecycleHooks
        livenessProbe metrics networkPolicy nodeAffinityPreset nodeSelector pdb persistence
        podAffinityPreset podAnnotations podAntiAffinityPreset podLabels podSecurityContext
        priorityClassName readinessProbe replicaCount resources resourcesPreset runUpgradeDB
        schedulerName service serviceAccount sidecars startupProbe terminationGracePeriodSeconds tls
        tolerations topologySpreadConstraints updateStrategy
        """,
    "tracking.ingress": """
        annotations enabled extraHosts extraPaths extraRules extraTls hostname ingressClassName path
        pathType secrets selfSigned tls
        """,
    "postgresql": """
        architecture audit auth backup clusterDomain commonAnnotations commonLabels containerPorts
        diagnosticMode enabled extraDeploy fullnameOverride global image kubeVersion ldap metrics
        nameOverride namespaceOverride passwordUpdateJob postgresqlDataDir
        postgresqlSharedPreloadLibraries primary psp rbac readReplicas replication secretAnnotations
        serviceAccount serviceBindings shmVolume tls volumePermissions
        """,
    "postgresql.primary": """
        affinity annotations args automountServiceAccountToken command configuration
        containerSecurityContext customLivenessProbe customReadinessProbe customStartupProbe
        existingConfigmap existingExtendedConfigmap extendedConfiguration extraEnvVars extraEnvVarsCM
        extraEnvVarsSecret extraPodSpec extraVolumeMounts extraVolumes hostAliases hostIPC hostNetwork
        initContainers initdb labels lifecycleHooks livenessProbe name networkPolicy nodeAffinityPreset
        nodeSelector pdb persistence persistentVolumeClaimRetentionPolicy pgHbaConfiguration
        podAffinityPreset podAnnotations podAntiAffinityPreset podLabels podSecurityContext preInitDb
        priorityClassName readinessProbe resources resourcesPreset schedulerName service sidecars
        standby startupProbe terminationGracePeriodSeconds tolerations topologySpreadConstraints
        updateStrategy
        """,
}
NAMES = {path: frozenset(words.split()) for path, words in _WORDS.items()}
"""Names below a path of the chart's values; only where every name is known."""


def unknown(values: Mapping[str, Any], version: str) -> Iterator[tuple[str, str]]:
    """Path of each name that the chart does not have, and the nearest that it has or an empty text."""
    for path, names in NAMES.items():
        for name in _at(values, path):
            if name in names:
                continue
            near = difflib.get_close_matches(name, names, 1, 0.5 if version == VERSION else 0.8)
            if near or version == VERSION:
                yield joined(path, name), (near[0] if near else "")


def joined(path: str, key: str) -> str:
    """`path` and one key more, as `pulumi config set --path` reads it."""
    if not re.fullmatch(r"[A-Za-z_][-\w]*", key):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key


def _at(values: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The map at a dotted path; empty where there is none."""
    found: Any = values
    for key in path.split(".") if path else ():
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
