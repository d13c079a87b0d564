"""Restores a backup into a stack that is new or empty, or whose contents are given up.

All is checked before anything is touched, in the pod that restores. The server is stopped only for the
transactions of both databases, of which neither or both are done, and it is started again whatever happens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import typer
from kubernetes import client

from components import backup_pods, housekeeping_pods, names
from components.scheduled import DEADLINE
from components.settings.backup_rules import unfit
from ops import cluster, destroy, parsed, questions
from ops.at_work import jobs, refuse_beside
from ops.backup import MEMORY, lines
from ops.console import OpsError, err, out, step
from ops.jobs import Job
from ops.rotation import rollout
from ops.rotation.target import Target
from ops.stack import Stack
from ops.verify import signed_in

_BEGUN = "mlflow.restore/begun"
"""Annotation of the program's ConfigMap while the server is stopped: how many pods it had."""


def ask(stack: str, wanted: str, *, replace: bool, yes: bool, confirm: str | None) -> None:
    """Ask, and go on where the answer is the wanted one.

    Raises `OpsError`, and `typer.BadParameter` where the options contradict each other.
    """
    name = stack.rsplit("/", 1)[-1]
    if (confirm is not None) != (yes and replace) or confirm not in (None, name):
        raise typer.BadParameter(f"--yes with --replace needs --confirm {name}; nothing else takes --confirm")
    if replace and not yes:
        lost = f"All runs, models and users of stack {name} will be lost."
        destroy.ask(name, f"{lost} Type its name to restore {wanted} into it")
    elif not yes:
        questions.confirm(f"Restore {wanted} into stack {name}?")


def restore(stack: Stack, wanted: str, *, replace: bool) -> dict[str, Any]:
    """Restore the backup `wanted`; what was restored.

    `wanted` is "latest", a name, or the `s3://` address of another stack's; `replace` gives up what the
    target has. Raises `OpsError`: then the target is as it was, or a second run finishes.
    """
    target, settings = parsed.opened(stack, unfit)
    begun = _begun(target)
    if begun is not None:
        err.print(
            "[yellow]note:[/yellow] a restore was cut short here, and the server is stopped: starting over"
        )
    _end_earlier(target)
    replicas = _replicas(target)
    program = _program(target, begun)
    _refuse_housekeeping(target, begun)
    given_up = replace or (begun is not None and not replicas)
    spec = {
        "activeDeadlineSeconds": DEADLINE,
        "template": backup_pods.restore(settings, program, wanted, given_up),
    }
    job = Job.begin(target, program, spec, MEMORY, labels=backup_pods.labels(settings))
    stopped, so_far = begun is not None, ""
    try:
        found = _checked(job)
        stopped = True
        _stopped(target, begun or replicas)
        with step("Restoring both databases"):
            pod = job.running("restore")
            go = ["touch", f"{backup_pods.WORK}/go"]
            with cluster.executed(target.api, target.namespace, pod, "restore", go) as socket:
                socket.run_forever(timeout=60)
            job.ended("restore")
        so_far = f"{wanted} is restored"
    except cluster.FAULTS as error:
        so_far = cluster.told(error)
        raise
    finally:
        _put_back(target, job, begun or replicas, so_far, stopped=stopped)
    with step("Signing in with the login in the outputs"):
        signed_in(stack.outputs(), target.config)
    return found


def _checked(job: Job) -> dict[str, Any]:
    """Fetch and check the backup, then bring its artifacts; what it is."""
    with step("Fetching the backup and checking its manifest, checksums and artifacts"):
        job.ended("fetch")
    found = job.told("fetch")
    with step("Reading both dumps, comparing schema and rows, checking that the target is empty"):
        job.ended("check")
    with step("Copying the artifacts that are missing"):
        job.ended("artifacts")
    return found


def _program(target: Target, begun: int | None) -> str:
    """The ConfigMap of the program, made or brought up to date; its name."""
    name = names.restore(target.release)
    data = {**backup_pods.program(), names.UNDER_WAY: "true"}
    body: Any = {"metadata": {"name": name}, "data": data}
    if begun is None:
        _forget(target)
        target.api.create_namespaced_config_map(target.namespace, body)
    else:
        target.api.patch_namespaced_config_map(name, target.namespace, body)
    return name


def _refuse_housekeeping(target: Target, begun: int | None) -> None:
    """Raises `OpsError` while it is at work: it would judge the artifacts that come by the runs that go.

    What begins from now on sees the ConfigMap, and touches nothing.
    """
    try:
        keeping = {"housekeeping": housekeeping_pods.selector(target.release)}
        refuse_beside(target, keeping)
    except OpsError:
        if begun is None:
            _forget(target)
        raise


@cluster.patiently
def _forget(target: Target) -> None:
    """No restore is under way any more."""
    name = names.restore(target.release)
    cluster.unless_missing(lambda: target.api.delete_namespaced_config_map(name, target.namespace))


def _begun(target: Target) -> int | None:
    """How many pods the server had when a restore stopped it that was cut short; None where none was."""
    name = names.restore(target.release)
    found: Any = cluster.unless_missing(lambda: target.api.read_namespaced_config_map(name, target.namespace))
    text = ((found and found.metadata.annotations) or {}).get(_BEGUN)
    return None if text is None else int(json.loads(text))


def _end_earlier(target: Target) -> None:
    """End the Jobs of earlier restores: one may still be at it."""
    for found in jobs(target, backup_pods.selector(target.release)):
        if found.metadata.name.startswith(f"{names.restore(target.release)}-"):
            Job(target, found.metadata.name).end()


@cluster.patiently
def _replicas(target: Target) -> int:
    apps, name = client.AppsV1Api(target.api.api_client), names.tracking(target.release)
    scale: Any = apps.read_namespaced_deployment_scale(name, target.namespace)
    return int(scale.spec.replicas or 0)


@cluster.patiently
def _scale(target: Target, replicas: int) -> None:
    apps, name = client.AppsV1Api(target.api.api_client), names.tracking(target.release)
    apps.patch_namespaced_deployment_scale(name, target.namespace, {"spec": {"replicas": replicas}})


def _stopped(target: Target, replicas: int) -> None:
    """Stop the server, after it is written down how many pods it had."""
    _mark(target, replicas)
    with step("Stopping the server"):
        _scale(target, 0)
        rollout.gone(target, rollout.uids(target), "")


@cluster.patiently
def _mark(target: Target, replicas: int) -> None:
    mark = {"metadata": {"annotations": {_BEGUN: str(replicas)}}}
    target.api.patch_namespaced_config_map(names.restore(target.release), target.namespace, mark)


def _put_back(target: Target, job: Job, replicas: int, so_far: str, *, stopped: bool) -> None:
    """The server runs as before, and nothing of the restore is left.

    The server is started also where the pod does not go. Raises `OpsError` where one of this fails, which
    begins with `so_far`; `stopped` is whether the server was.
    """
    stays = _fault(job.end)
    try:
        starts = not _replicas(target)
        if starts:
            _scale(target, replicas)
    except cluster.FAULTS as error:
        still = "The server is stopped: run the same command again to finish" if stopped else ""
        raise OpsError("\n".join(filter(None, [so_far, stays, cluster.told(error), still]))) from error
    left = _fault(lambda: _forget(target))
    late = _fault(lambda: _started(target)) if starts else ""
    if stays or left or late:
        raise OpsError("\n".join(filter(None, [so_far, stays, left, late])))


def _started(target: Target) -> None:
    """Wait until the server's pods are ready. Raises `OpsError`."""
    with step("Starting the server"):
        rollout.gone(target, (), "`make diagnose` says what keeps them from starting")


def _fault(do: Callable[[], object]) -> str:
    """Do it; what went wrong, if something did."""
    try:
        do()
    except cluster.FAULTS as error:
        return cluster.told(error)
    return ""


def report(stack: Stack, found: Mapping[str, Any]) -> None:
    """What was restored."""
    out.print(f"[green]restored[/green] {found['found']['name']} into {stack.name}, from {found['where']}")
    for line in lines(found["found"]):
        out.print(f"  {line}", markup=False)
