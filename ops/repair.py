"""Puts a stack back as it was deployed: objects as they were recorded, the release by one more revision."""

from __future__ import annotations

from collections.abc import Iterator

from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from ops import pods, reinstall
from ops.console import step
from ops.finding import Finding
from ops.replacement import Object, title
from ops.site import Site, opened
from ops.stack import Stack
from ops.survey import Survey, survey


def repair(stack: Stack) -> tuple[list[str], list[Finding]]:
    """Put back what can be put back and wait for the pods: what was done, and what is still not right.

    The API server has accepted every change as a dry run before the first one is made. Raises `OpsError`.
    """
    with opened(stack) as site:
        found = survey(site)
        with step("Putting objects back as they were deployed"):
            done = list(_objects(site, found))
        if reinstall.due(site, found):
            with step(f"Bringing release {site.release} back to the stack's values (pulumi up)"):
                reinstall.bring_back(site, found)
            done.append(f"Helm release {site.release}")
    if not done:
        return [], found.findings
    # What Helm has recorded may be another now.
    with opened(stack) as site:
        with step("Waiting for the pods"):
            settle(site)
        return done, survey(site).findings


def _objects(site: Site, found: Survey) -> Iterator[str]:
    """Put each object back; what was changed has been tried by the survey itself."""
    gone = [each.recorded for each in found.broken if each.gone]
    # Without the namespace nothing in it can be tried.
    homeless = any(recorded.body["kind"] == "Namespace" for recorded in gone)
    for recorded in gone:
        if not homeless:
            site.objects.create(recorded.body, recorded.manager, dry_run=True)
    for each in found.broken:
        body, manager = each.recorded.body, each.recorded.manager
        if each.gone:
            site.objects.create(body, manager, dry_run=False)
        else:
            site.objects.replaced(body, manager, dry_run=False)
        yield title(body)


def settle(site: Site) -> None:
    """Wait, as long as Helm would, until every workload runs what it was given; then pods tell the rest."""
    patient = retry(
        retry=retry_if_result(bool),
        stop=stop_after_delay(int(site.settings["timeout"])),
        wait=wait_fixed(1),
        retry_error_callback=lambda _: [],
    )
    patient(_unsettled)(site)


def _unsettled(site: Site) -> list[str]:
    """Workloads whose controllers are not done, and pods that are not ready."""
    objects = site.helm.objects if site.helm else ()
    workloads = [body for body in objects if body["kind"] in ("Deployment", "StatefulSet")]
    rolling = [title(body) for body in workloads if not rolled_out(site.objects.live(body))]
    there = pods.alive(site.api, site.namespace, site.release)
    return rolling + [finding.what for finding in pods.findings(there, objects) if finding.kind == "pod"]


def rolled_out(live: Object | None) -> bool:
    """Whether a Deployment or StatefulSet has all its pods, ready and of its latest template."""
    if live is None:
        return False
    wanted, status = live["spec"].get("replicas", 1), live.get("status", {})
    if status.get("observedGeneration", 0) < live["metadata"]["generation"]:
        return False
    counted = [status.get(key, 0) for key in ("replicas", "readyReplicas", "updatedReplicas")]
    return counted == [wanted] * 3
