"""Pods and containers that do not work."""

from __future__ import annotations

from tests.unit.objects import (
    container,
    named,
    pod,
)
from tests.unit.readings.seen import (
    BOUND,
    KEY,
    SERVES,
    Seen,
    failing,
    logged,
    mounted,
    waiting,
)

CASES = [
    Seen(
        "secret-missing",
        "Secret mlflow-db is not in",
        mounted('MountVolume.SetUp failed: secret "mlflow-db" not found'),
    ),
    Seen(
        "secret-missing",
        "has no key db-password",
        {
            "pods": [
                pod(
                    containers=[
                        waiting(
                            "CreateContainerConfigError",
                            "couldn't find key db-password in Secret mlflow/mlflow-db",
                        )
                    ]
                )
            ]
        },
    ),
    Seen(
        "out-of-memory",
        "databaseResources.limits.memory 2048Mi",
        {
            "pods": [
                pod(
                    component="primary",
                    containers=[
                        {
                            **failing("postgresql", reason="OOMKilled"),
                            "spec": {
                                "name": "postgresql",
                                "image": "x",
                                "resources": {"limits": {"memory": "1Gi"}},
                            },
                        }
                    ],
                )
            ]
        },
    ),
    Seen(
        "out-of-memory",
        "waitResources.limits.memory 512Mi",
        {"pods": [pod(init=[failing("wait-for-s3", reason="OOMKilled")])]},
    ),
    Seen(
        "out-of-memory",
        "fewer trackingWorkers",
        SERVES,
        {"logs": {f"{KEY}/mlflow": "Worker (pid:12) was sent SIGKILL! Perhaps out of memory?"}},
        certain=False,
    ),
    Seen(
        "evicted",
        "trackingScratchSize 32Gi",
        {
            "pods": [
                pod(
                    reason="Evicted",
                    phase="Failed",
                    message="Pod ephemeral local storage usage exceeds the total limit of containers 2Gi.",
                )
            ]
        },
        certain=False,
    ),
    Seen(
        "evicted",
        "kubectl describe node node-1",
        {
            "pods": [
                pod(
                    spec=BOUND,
                    reason="Evicted",
                    phase="Failed",
                    message="The node was low on resource: memory.",
                )
            ]
        },
        certain=False,
    ),
    Seen(
        "container-fails",
        "--previous",
        {"pods": [pod(containers=[failing()])]},
        logged("ValueError: cannot do it", "mlflow"),
    ),
    Seen(
        "container-fails",
        "exit code 1, 2 time(s)",
        {"pods": [pod(containers=[failing(restarts=1)])]},
        certain=False,
    ),
    Seen("not-ready-yet", "(at mlflow)", {"pods": [pod(containers=[container(running={})])]}, certain=False),
    Seen(
        "pod-of-older-revision",
        "kubectl delete pod",
        {
            "pods": [pod("mlflow-postgresql-0", component="primary", owner="StatefulSet-mlflow-postgresql")],
            "statefulsets": [
                named(
                    "StatefulSet", "mlflow-postgresql", spec={}, status={"updateRevision": "b", "replicas": 1}
                )
            ],
        },
    ),
]
