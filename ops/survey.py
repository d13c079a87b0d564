"""Finds what differs between a deployed stack and its cluster, and which objects can be put back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from components import names
from ops import certificates, pending, pods
from ops.console import OpsError
from ops.differences import ABSENT, Difference, differences
from ops.finding import Finding
from ops.objects import RefusedError
from ops.replacement import Object, comparable, title
from ops.site import Recorded, Site


@dataclass(frozen=True, repr=False)
class Broken:
    """An object that can be put back as it was deployed; `gone` where it has to be made again."""

    recorded: Recorded
    gone: bool


@dataclass(frozen=True, repr=False)
class Survey:
    """All that was found, and the objects of it that can be put back."""

    findings: list[Finding]
    broken: list[Broken]
    previewed: bool
    """Whether a setting that was never deployed would be among the findings."""


def survey(site: Site) -> Survey:
    """Look at everything; changes nothing. Raises `OpsError`."""
    with ThreadPoolExecutor(1) as beside:
        preview = beside.submit(pending.findings, site.stack)
        found: list[Finding] = list(_release(site))
        broken: list[Broken] = []
        for recorded in site.recorded():
            differing, mendable = _object(site, recorded)
            found += differing
            broken += mendable
        if site.helm:
            there = pods.alive(site.api, site.namespace, site.release)
            found += pods.findings(there, site.helm.objects)
            found += certificates.findings(site.api, site.namespace, site.helm.objects)
        try:
            return Survey([*preview.result(), *found], broken, previewed=True)
        except OpsError:
            # Without the login's Secret every preview fails, and that it is gone is told already.
            login = f"Secret {names.tracking(site.release)}"
            if site.helm and not any(each.gone and title(each.recorded.body) == login for each in broken):
                raise
            return Survey(found, broken, previewed=False)


def mend(stack: str) -> str:
    """The command that puts back what can be put back."""
    return f"make drift STACK={stack} ARGS=--repair"


def _release(site: Site) -> Iterator[Finding]:
    """The release in the state against Helm's latest record."""
    what = f"Helm release {site.release}"
    state, helm, stack = site.state, site.helm, site.stack.name
    if helm is None:
        yield Finding("release", what, f"revision {state.release['revision']}", None, mend(stack))
        return
    fix = f"make recover STACK={stack}" if helm.status.startswith("pending") else mend(stack)
    facts = {
        "status": ("deployed", helm.status),
        "revision": (str(state.release["revision"]), str(helm.revision)),
        "chart version": (str(state.release["version"]), helm.chart_version),
    }
    for fact, (expected, found) in facts.items():
        if expected != found:
            yield Finding("release", f"{what}: {fact}", expected, found, fix)
    for difference in differences(state.values, helm.values):
        if not (_nothing(difference.expected) and _nothing(difference.found)):
            yield Finding("release", f"{what}: value {difference}", *difference.shown(), fix)


def _nothing(value: Any) -> bool:
    """For Helm a value of null is no value."""
    return value is None or value is ABSENT


def _object(site: Site, recorded: Recorded) -> tuple[list[Finding], list[Broken]]:
    """What differs in one object, and the object itself where it can be put back."""
    body, fix = recorded.body, mend(site.stack.name)
    if site.objects.live(body) is None:
        return [Finding("object", title(body), "to be there", None, fix)], [Broken(recorded, gone=True)]
    try:
        live, wanted = site.objects.replaced(body, recorded.manager, dry_run=True)
    except RefusedError as error:
        return _fixed(site, body, error), []
    changed = list(differences(comparable(wanted), comparable(live)))
    if title(body) == f"Secret {names.database(site.release)}":
        # Made by the chart: the database goes by the password that it was made with, whatever is recorded.
        fix = "put the password that the database accepts back into the Secret"
        return _named(body, changed, fix), []
    return _named(body, changed, fix), [Broken(recorded, gone=False)] if changed else []


def _fixed(site: Site, body: Object, error: RefusedError) -> list[Finding]:
    """What differs in an object whose fields cannot be set back: a volume that has grown, say."""
    live = site.objects.live(body) or {"metadata": {}}
    changed = differences(comparable(body), comparable(live))
    fix = f"set it in the stack to what it is now; the API server says: {error}"
    return _named(body, [each for each in changed if each.expected is not ABSENT], fix)


def _named(body: Object, changed: list[Difference], fix: str) -> list[Finding]:
    return [Finding("object", f"{title(body)}: {each}", *each.shown(), fix) for each in changed]
