"""Pods: which are not right, and why."""

from __future__ import annotations

from typing import Any

from ops import pods, workloads

IMAGE = "docker.io/bitnamilegacy/mlflow:3.3.2"
DEPLOYMENT: dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"name": "mlflow-tracking", "namespace": "mlflow"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "mlflow"}},
        "template": {
            "spec": {
                "initContainers": [{"name": "wait", "image": "shell"}],
                "containers": [{"name": "mlflow", "image": IMAGE}],
            }
        },
    },
}


def pod(ready: bool = True, image: str = IMAGE, /, **status: Any) -> dict[str, Any]:
    """A pod of the Deployment."""
    return {
        "metadata": {"name": "mlflow-1", "namespace": "mlflow", "labels": {"app": "mlflow", "hash": "1"}},
        "spec": {
            "initContainers": [{"name": "wait", "image": "shell"}],
            "containers": [{"name": "mlflow", "image": image}],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
            **status,
        },
    }


def told(*found: Any) -> list[tuple[str, str, str | None]]:
    """Kind, what and found of all findings."""
    return [(each.kind, each.what, each.found) for each in pods.findings(list(found), [DEPLOYMENT])]


def test_a_ready_pod_of_the_right_image_is_no_finding() -> None:
    """However often it has started."""
    started: dict[str, Any] = {
        "containerStatuses": [{"name": "mlflow", "restartCount": 7, "state": {"running": {}}}]
    }
    assert told(pod(**started)) == []


def test_a_pod_that_is_not_ready_says_why() -> None:
    def waiting(reason: str) -> dict[str, Any]:
        return {"name": "mlflow", "state": {"waiting": {"reason": reason}}}

    pulling = pod(False, containerStatuses=[waiting("ImagePullBackOff")])
    assert told(pulling) == [("pod", "Pod mlflow-1", "not ready: mlflow ImagePullBackOff")]
    crashing = pod(
        False,
        initContainerStatuses=[{**waiting("CrashLoopBackOff"), "name": "wait"}],
        containerStatuses=[waiting("PodInitializing")],
    )
    assert told(crashing)[0][2] == "not ready: wait CrashLoopBackOff"
    nowhere = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    assert told(pod(False, conditions=[nowhere]))[0][2] == "not ready: Unschedulable"
    assert (
        told(pod(False, conditions=[{"type": "PodScheduled", "status": "True"}]))[0][2]
        == "not ready: Running"
    )


def test_a_job_s_pod_need_not_be_ready() -> None:
    of_a_job = pod(False)
    of_a_job["metadata"]["ownerReferences"] = [{"kind": "Job"}]
    assert [kind for kind, *_ in told(of_a_job)] == []


def test_a_workload_that_has_too_few_pods_is_named() -> None:
    """Those that are not made (a quota) have no status of their own to tell it."""
    assert told() == [("pod", "Pods of Deployment mlflow-tracking", "0")]
    assert told(pod(), {**pod(), "metadata": {"name": "other", "namespace": "mlflow"}}) == []


def test_another_image_is_named_with_the_pinned_one() -> None:
    (found,) = pods.findings([pod(True, "evil")], [DEPLOYMENT])
    assert (found.kind, found.expected, found.found) == ("image", IMAGE, "evil")
    assert found.what == "Image of mlflow in pod mlflow-1"


def test_a_digest_that_an_admission_added_is_no_other_image() -> None:
    added = "@sha256:" + "a" * 64
    assert told(pod(True, IMAGE + added)) == []
    assert [kind for kind, *_ in told(pod(True, "evil" + added))] == ["image"]


def test_a_container_that_somebody_injected_is_not_of_the_release() -> None:
    meshed = pod()
    meshed["spec"]["containers"].append({"name": "istio-proxy", "image": "istio"})
    assert told(meshed) == []


def test_pods_that_have_ended_or_are_ending_do_not_count() -> None:
    ending = pod()
    ending["metadata"] = {**ending["metadata"], "deletionTimestamp": "now"}
    listed = [pod(phase="Succeeded"), pod(phase="Failed"), ending, pod()]

    class Api:
        class api_client:  # noqa: N801 - the client's own name
            @staticmethod
            def sanitize_for_serialization(found: Any) -> Any:
                return {"items": found}

        @staticmethod
        def list_namespaced_pod(namespace: str, label_selector: str) -> Any:
            assert (namespace, label_selector) == ("mlflow", "app.kubernetes.io/instance=mlflow")
            return listed

    api: Any = Api()
    assert pods.alive(api, "mlflow", "mlflow") == listed[-1:]


def test_the_pods_of_every_kind_of_workload_are_found() -> None:
    spec: dict[str, Any] = {"containers": []}
    cron = {"spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}}
    assert workloads.template(cron) == spec
    assert workloads.template({"spec": {"template": {"spec": spec}}}) == spec
    others: list[dict[str, Any]] = [{}, {"spec": None}, {"spec": {"template": {"spec": {"x": 1}}}}]
    assert [workloads.template(other) for other in [*others, {"spec": {"rules": []}}]] == [None] * 4
