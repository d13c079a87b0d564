"""A planned production stack that keeps every rule, as plain data to break."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from components.tokens import COMPONENT, NAMESPACE, PASSWORD, RELEASE, SECRET
from ops.policy.evidence import Evidence, Planned

IMAGE = f"docker.io/bitnamilegacy/mlflow:3.3.2@sha256:{'0' * 64}"
AMOUNTS = {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}

Plan = dict[str, Any]


def container(name: str, *arguments: str) -> dict[str, Any]:
    """A container of a good image with resources."""
    return {"name": name, "image": IMAGE, "args": [*arguments], "resources": copy.deepcopy(AMOUNTS)}


def _labelled(component: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app.kubernetes.io/component": component, "more": "than is selected"}}}


def _closed(component: str) -> dict[str, Any]:
    """A policy that lets one client in."""
    client = {"podSelector": {"matchLabels": {"client": "true"}}}
    return {
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/component": component}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": [{"port": 5000}], "from": [client]}],
        }
    }


def plan() -> Plan:
    """`planned` by name, `values`, and `objects` by kind (and, of more of a kind, a name)."""
    server = {
        **container("mlflow", "server", "--artifacts-destination=/bitnami/mlflow", "--app-name=basic-auth"),
        "command": ["mlflow"],
    }
    pod = {"initContainers": [container("wait-for-database")], "containers": [server]}
    types = {"mlflow-namespace": NAMESPACE, "mlflow-s3-creds": SECRET, "mlflow-database-user": PASSWORD}
    job = {"spec": {"template": {"spec": {"containers": [container("store")]}}}}
    return {
        "planned": {
            "mlflow": [COMPONENT, {"production": True}, False],
            **{name: [type_, {}, True] for name, type_ in types.items()},
            "mlflow-release": [RELEASE, {}, True],
        },
        "values": {"tracking": {"auth": {"enabled": True}}},
        "objects": {
            "Deployment": {"spec": {"template": {"spec": pod, **_labelled("tracking")}}},
            "StatefulSet": {
                "spec": {
                    "template": {"spec": {"containers": [container("postgresql")]}, **_labelled("primary")}
                }
            },
            "NetworkPolicy": _closed("tracking"),
            "NetworkPolicy/database": _closed("primary"),
            "CronJob": {"spec": {"jobTemplate": job}},
            "Service": {"spec": {"ports": []}},
            "Ingress": {
                "spec": {
                    "rules": [{"host": "mlflow.example.com"}],
                    "tls": [{"hosts": ["mlflow.example.com"], "secretName": "mlflow-tls"}],
                }
            },
            "PersistentVolumeClaim": {"metadata": {"annotations": {"helm.sh/resource-policy": "keep"}}},
        },
    }


def evidence(change: Callable[[Plan], Any] = lambda _: None) -> Evidence:
    """The good plan with a change made to it."""
    made = plan()
    change(made)
    objects = [
        {**body, "kind": kind.split("/")[0], "metadata": {"name": "mlflow", **body.get("metadata", {})}}
        for kind, body in made["objects"].items()
    ]
    planned = (Planned(each[0], name, each[1], each[2]) for name, each in made["planned"].items())
    return Evidence(tuple(planned), (made["values"],), tuple(objects))
