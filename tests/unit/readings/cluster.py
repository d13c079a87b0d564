"""The ground that pods stand on, and Helm's records."""

from __future__ import annotations

from ops.snapshot import Object
from tests.unit.objects import (
    condition,
    event,
    named,
    pod,
    record,
    unscheduled,
)
from tests.unit.readings.seen import (
    BOUND,
    DEPLOYED,
    SERVES,
    Seen,
    mounted,
)


def autoscaled(*reasons: str) -> dict[str, list[Object]]:
    about = pod(conditions=[unscheduled("0/1 nodes are available: 1 Insufficient cpu.")])
    return {"pods": [about], "events": [event(about, reason, "") for reason in reasons]}


def unmade(message: str, made: int = 0) -> dict[str, list[Object]]:
    """A ReplicaSet that was refused a pod, and how many it has now."""
    owner = named("ReplicaSet", "r", spec={"replicas": 1}, status={"replicas": made})
    return {"replicasets": [owner], "events": [event(owner, "FailedCreate", message)]}


def asked() -> dict[str, list[Object]]:
    """A claim for which an outside provisioner was asked a minute ago."""
    claim = named(
        "PersistentVolumeClaim",
        "data",
        metadata={"creationTimestamp": "2026-11-25T01:00:00Z"},
        spec={"storageClassName": "nfs"},
        status={"phase": "Pending"},
    )
    waits = event(claim, "ExternalProvisioning", "Waiting for a volume to be created by csi.example.com")
    return {
        "claims": [claim],
        "events": [waits],
        "storage_classes": [named("StorageClass", "nfs", provisioner="csi.example.com")],
    }


CASES = [
    Seen(
        "no-default-storage-class",
        "no default one",
        {
            "claims": [named("P", "data", spec={}, status={"phase": "Pending"})],
            "storage_classes": [named("S", "slow")],
        },
    ),
    Seen("volume-not-mounted", "ReadWriteOnce", mounted("Multi-Attach error for volume"), certain=False),
    Seen("unschedulable", "trackingResources.requests.cpu", autoscaled()),
    Seen("unschedulable", "An autoscaler has asked", autoscaled("TriggeredScaleUp"), certain=False),
    Seen(
        "unschedulable",
        "nodeSelector",
        {"pods": [pod(conditions=[unscheduled("didn't match Pod's node affinity")])]},
    ),
    Seen(
        "node-not-ready",
        "is on it",
        {
            "pods": [pod(spec=BOUND)],
            "nodes": [
                named(
                    "Node",
                    "node-1",
                    spec={},
                    status={
                        "conditions": [
                            condition("Ready", "Unknown", message="Kubelet stopped posting node status.")
                        ]
                    },
                )
            ],
        },
    ),
    Seen(
        "namespace-terminating",
        "being deleted",
        {"namespace": [named("Namespace", "mlflow", status={"phase": "Terminating"})]},
    ),
    Seen("no-right-to-look", "may not read the pods", {}, {"denied": ("pods",)}, certain=False),
    Seen("helm-pending", "was killed", {"secrets": [*DEPLOYED, record(2, "pending-upgrade")]}),
    Seen(
        "helm-pending",
        "is working on it, or was killed",
        {"secrets": [record(1, "pending-install")]},
        {"working": None},
        certain=False,
    ),
    Seen("release-failed", "now everything is", {**SERVES, "secrets": [record(1, "failed")]}, certain=False),
    Seen("not-deployed", "no release mlflow", {"secrets": []}, certain=False),
    Seen(
        "refused-by-the-cluster",
        "names the policy",
        unmade('pods "r-" is forbidden: violates PodSecurity "restricted:latest"'),
    ),
    Seen("provisioner-silent", "csi.example.com", asked(), {"now": "2026-11-25T01:01:00Z"}, certain=False),
]
