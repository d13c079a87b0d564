"""Causes in volumes: classes that are not there, claims that are not served, mounts that fail."""

from __future__ import annotations

from collections.abc import Iterator

from ops.causes import Cause, Settings, seconds
from ops.release_pods import pods
from ops.snapshot import Object, Snapshot, annotation

_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_SLOW = 30.0
"""Seconds in which a provisioner that runs has made a volume."""
_AGAIN = (
    "a volume's class cannot be changed: on a new stack run `make destroy` first"
    " (ARGS=--unprotect if it is in production)\n"
    "pulumi config set storageClass NAME\n"
    "pulumi up"
)


def claims(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """Claims that no volume comes for."""
    if not snapshot.knows("storage_classes"):
        return
    classes = {found["metadata"]["name"]: found for found in snapshot.all("storage_classes")}
    listed = ", ".join(sorted(classes)) or "none"
    for claim in snapshot.all("claims"):
        if claim.get("status", {}).get("phase") != "Pending":
            continue
        name, wanted = claim["metadata"]["name"], claim["spec"].get("storageClassName")
        failed = snapshot.events(claim, "ProvisioningFailed", "FailedBinding")
        said = str(failed[-1]["message"]) if failed else "it is Pending"
        seen, mark = f"persistentvolumeclaim/{name}: {said}", str(claim["metadata"]["uid"])
        if wanted and wanted not in classes:
            yield Cause(
                "storage-class-missing",
                15,
                f'Storage class "{wanted}" does not exist (existing: {listed}); '
                f"volume {name} waits for it forever.",
                f"kubectl get storageclass\n{_AGAIN}",
                seen,
                mark=mark,
            )
        elif not wanted and not any(_default(found) for found in classes.values()):
            yield Cause(
                "no-default-storage-class",
                15,
                f"Volume {name} names no storage class, and the cluster has no default one "
                f"(existing: {listed}).",
                f"{_AGAIN}\nor make one the default: kubectl annotate storageclass NAME {_DEFAULT}=true",
                seen,
                mark=mark,
                patience=10,
            )
        elif failed and failed[-1]["reason"] == "ProvisioningFailed":
            yield Cause(
                "volume-not-provided",
                16,
                f'Storage class "{wanted}" provides no volume for {name}.',
                f"the message is its provisioner's ({_provisioner(classes, wanted)}), whose log says more\n"
                f"kubectl describe pvc -n {snapshot.namespace} {name}",
                seen,
                certain=False,
                mark=mark,
            )
        elif seconds(claim["metadata"].get("creationTimestamp", ""), snapshot.now) > _SLOW and _asked(
            snapshot, claim
        ):
            provisioner = _provisioner(classes, wanted)
            yield Cause(
                "provisioner-silent",
                17,
                f'Provisioner {provisioner} of storage class "{wanted}" creates no volume for {name}.',
                f"kubectl describe pvc -n {snapshot.namespace} {name}\n"
                f"is {provisioner} running? Its pods are usually in kube-system or a namespace of their own",
                f"persistentvolumeclaim/{name}: it was asked and has created no volume",
                certain=False,
                mark=mark,
            )


def _asked(snapshot: Snapshot, claim: Object) -> bool:
    """Whether an outside provisioner was asked for a claim's volume."""
    return bool(snapshot.events(claim, "ExternalProvisioning"))


def _default(storage_class: Object) -> bool:
    return annotation(storage_class, _DEFAULT) == "true"


def _provisioner(classes: dict[str, Object], name: str | None) -> str:
    return str(classes.get(name or "", {}).get("provisioner", "unknown"))


def mounts(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """Volumes that are there and do not reach the pod. A Secret that is not there is a cause of its own."""
    for pod in pods(snapshot):
        failed = snapshot.events(pod, "FailedMount", "FailedAttachVolume")
        waits = any(
            one.get("state", {}).get("waiting", {}).get("reason") in ("ContainerCreating", "PodInitializing")
            for field in ("initContainerStatuses", "containerStatuses")
            for one in pod.get("status", {}).get(field) or []
        )
        if not failed or not waits:
            continue
        said, name = str(failed[-1]["message"]), pod["metadata"]["name"]
        if "not found" in said and ("secret" in said or "configmap" in said):
            continue
        yield Cause(
            "volume-not-mounted",
            28,
            f"A volume of pod {name} cannot be attached or mounted.",
            f"kubectl describe pod -n {snapshot.namespace} {name}\n"
            "if the volume is ReadWriteOnce and a pod on another node still has it: delete that pod",
            f"pod/{name}: {said}",
            certain=False,
            mark=str(failed[-1]["metadata"].get("uid", "")),
        )


RULES = (claims, mounts)
