"""The namespace of `make up` enforces the Pod Security Standard `restricted`, and the release lives by it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from ops import cluster
from tests.e2e.deployment import Deployment

NAMESPACE = "mlflow"
GOOD: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


@pytest.fixture(scope="module")
def api(deployment: Deployment) -> client.CoreV1Api:
    """The lab's cluster."""
    kubeconfig = deployment.shell('printf %s "$KUBECONFIG"')
    return cluster.connect({"context": "mlflow-lab", "kubeconfig": kubeconfig})


def admit(api: client.CoreV1Api, context: dict[str, Any], **spec: Any) -> None:
    """Whether the API server would take a pod; a dry run, so none is made."""
    container = {"name": "a", "image": "example.com/none:1", "securityContext": context}
    body: Any = {"metadata": {"name": "planted"}, "spec": {"containers": [container], **spec}}
    api.create_namespaced_pod(NAMESPACE, body, dry_run="All")


@pytest.mark.parametrize(
    ("context", "spec", "why"),
    [
        ({"privileged": True}, {}, "privileged"),
        ({}, {}, "allowPrivilegeEscalation"),
        ({**GOOD, "runAsNonRoot": False}, {}, "runAsNonRoot"),
        ({**GOOD, "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}}, {}, "NET_ADMIN"),
        (GOOD, {"hostNetwork": True}, "host namespaces"),
        (GOOD, {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "hostPath"),
    ],
)
def test_a_pod_that_may_do_more_is_refused(
    api: client.CoreV1Api, context: dict[str, Any], spec: dict[str, Any], why: str
) -> None:
    with pytest.raises(ApiException) as refused:
        admit(api, context, **spec)
    assert refused.value.status == 403
    message = json.loads(str(refused.value.body))["message"]
    assert 'violates PodSecurity "restricted:latest"' in message
    assert why in message


def test_one_that_keeps_to_it_is_taken(api: client.CoreV1Api) -> None:
    """So the refusals above are the standard's."""
    admit(api, GOOD)


def test_the_release_runs_in_it_and_has_no_token(api: client.CoreV1Api) -> None:
    """Each of its pods is made again as a dry run; and none can speak to the API server."""
    pods = api.list_namespaced_pod(NAMESPACE, label_selector="app.kubernetes.io/instance=mlflow").items
    assert len(pods) >= 2
    for pod in api.api_client.sanitize_for_serialization(pods):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        volumes = json.dumps(spec["volumes"])
        assert "serviceAccountToken" not in volumes
        kept = {key: value for key, value in spec.items() if key != "nodeName"}
        body: Any = {"metadata": {"name": "planted", "labels": pod["metadata"]["labels"]}, "spec": kept}
        api.create_namespaced_pod(NAMESPACE, body, dry_run="All")
