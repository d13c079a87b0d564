"""What is put in place of an object: what was recorded, and nothing lost that is no change of it."""

from __future__ import annotations

from typing import Any

from ops.replacement import comparable, replacement, title

RECORDED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "mlflow-tracking", "namespace": "mlflow", "labels": {"app": "mlflow"}},
    "spec": {"template": {"metadata": {"labels": {"app": "mlflow"}}, "spec": {"containers": []}}},
}


def live(**metadata: Any) -> dict[str, Any]:
    """The live object, with more metadata."""
    return {
        **RECORDED,
        "metadata": {**RECORDED["metadata"], "uid": "1", "resourceVersion": "2", "generation": 3, **metadata},
        "spec": {
            "replicas": 4,
            "template": {
                "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now", "by": "hand"}},
                "spec": {"containers": []},
            },
        },
        "status": {"replicas": 4},
    }


def managed(manager: str, kind: str, *keys: str) -> dict[str, Any]:
    """What the API server notes of a manager that has set labels or annotations."""
    fields: dict[str, Any] = {f"f:{kind}": {"f:.": {}, **{f"f:{key}": {} for key in keys}}}
    return {"manager": manager, "operation": "Update", "fieldsV1": {"f:metadata": fields}}


def test_what_the_server_and_controllers_write_is_carried_over() -> None:
    """An autoscaler's replicas, a rollout's time, finalizers, owners, the status."""
    found = live(finalizers=["hold"], ownerReferences=[{"kind": "X"}])
    made = replacement(RECORDED, found)
    assert made["spec"]["replicas"] == 4
    assert made["spec"]["template"]["metadata"]["annotations"] == {"kubectl.kubernetes.io/restartedAt": "now"}
    assert made["metadata"]["finalizers"] == ["hold"]
    assert made["metadata"]["ownerReferences"] == [{"kind": "X"}]
    assert made["metadata"]["resourceVersion"] == "2"
    assert made["status"] == {"replicas": 4}
    assert "replicas" not in RECORDED["spec"]


def test_what_was_recorded_wins() -> None:
    recorded = {**RECORDED, "spec": {**RECORDED["spec"], "replicas": 1}}
    assert replacement(recorded, live())["spec"]["replicas"] == 1
    volume = {"kind": "PersistentVolumeClaim", "metadata": {"name": "v"}, "spec": {"storageClassName": "a"}}
    bound = {**volume, "spec": {"storageClassName": "b", "volumeName": "pv"}}
    assert replacement(volume, bound)["spec"] == {"storageClassName": "a", "volumeName": "pv"}


def test_the_default_class_that_an_ingress_got_when_it_was_made_is_no_change() -> None:
    """Admission fills it in at the creation only, so a PUT without it would take it away."""
    recorded = {"kind": "Ingress", "metadata": {"name": "i"}, "spec": {"rules": []}}
    found = {**recorded, "spec": {"ingressClassName": "traefik", "rules": []}}
    assert replacement(recorded, found)["spec"] == found["spec"]
    named = {**recorded, "spec": {"ingressClassName": "nginx", "rules": []}}
    assert replacement(named, found)["spec"]["ingressClassName"] == "nginx"


def test_a_controller_s_notes_stay_and_a_person_s_go() -> None:
    notes = {"field.cattle.io/x": "1", "by": "hand", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    found = live(
        annotations=notes,
        labels={"app": "other", "mine": "yes"},
        managedFields=[
            managed("rancher", "annotations", "field.cattle.io/x"),
            managed("kubectl-annotate", "annotations", *list(notes)[1:]),
            managed("kubectl-label", "labels", "mine", "app"),
        ],
    )
    metadata = replacement(RECORDED, found)["metadata"]
    assert set(metadata["annotations"]) == set(notes) - {"by"}
    assert metadata["labels"] == {"app": "mlflow"}


def test_bookkeeping_and_status_are_not_compared() -> None:
    wanted = {**live(), "metadata": RECORDED["metadata"]}
    del wanted["status"]
    assert comparable(live()) == wanted


def test_an_object_is_named_by_kind_and_name() -> None:
    assert title(RECORDED) == "Deployment mlflow-tracking"
