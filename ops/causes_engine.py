"""Causes that `pulumi` itself tells, and what a killed one left in Helm's records."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ops.causes import Cause, Settings, line_with
from ops.release_pods import pods, ready
from ops.snapshot import Object, Snapshot, label

_CHART = r"FetchReference|oci://|chart .*(?:not found|problem)"
_TOLD: tuple[tuple[str, str, int, str, str], ...] = (
    (
        r"mistakes? in the settings of this stack",
        *("settings-wrong", 1, "Some of the stack's settings are wrong."),
        "each has its `fix:` line: pulumi preview shows them",
    ),
    (
        r"passphrase must be set|incorrect passphrase",
        *("passphrase-missing", 1, "This shell does not know the stack's passphrase."),
        'for `make up`: eval "$(make -s env)"; otherwise export PULUMI_CONFIG_PASSPHRASE_FILE',
    ),
    (
        r"currently locked by",
        *("stack-locked", 2, "Another `pulumi` is working on the stack, or one was killed."),
        "wait for it; if nobody is working on it: pulumi cancel (not needed on file://), then make recover",
    ),
    (
        r"Kubernetes cluster is unreachable|unable to load Kubernetes client|context .* does not exist",
        *("cluster-unreachable", 3, "`pulumi` cannot reach the cluster."),
        "kubectl config get-contexts -o name\npulumi config set context NAME",
    ),
    (
        r"cannot re-use a name that is still in use|another operation \(install/upgrade/rollback\)",
        *("helm-pending", 4, "A release of this name already exists, or was cut short."),
        "make recover, then pulumi up\nif it is not this stack's: another releaseName or namespace",
    ),
    (
        r"namespaces \"[^\"]*\" already exists",
        *("namespace-exists", 4, "The namespace already exists and is not this stack's."),
        "pulumi config set namespace NAME\nor use it: pulumi config set createNamespace false",
    ),
    (
        r"-tracking' does not exist",
        *("login-missing", 4, "Somebody deleted the login's Secret."),
        'docs/configuration.md, "When the login\'s Secret is gone"',
    ),
    (
        r"no resource plugin",
        *("plugin-missing", 4, "A plugin of `pulumi` is not installed."),
        "make up\nor, where pulumi.com can be reached: pulumi plugin install",
    ),
    (
        r"Unrecognized images",
        *("image-check", 5, "The chart refuses images that are not Bitnami's."),
        "name them with imageRegistry or the image settings, not with extraValues",
    ),
    (
        r"exceeded quota|failed quota",
        *("quota-exceeded", 12, "The namespace's quota does not allow what the release needs."),
        "kubectl describe quota -A; raise that quota",
    ),
    (
        r"admission webhook|violates PodSecurity",
        *("refused-by-the-cluster", 13, "A policy of the cluster refuses an object of the release."),
        "the message names the policy: change it for this namespace, or the object with extraValues",
    ),
)


def told(snapshot: Snapshot, settings: Settings) -> Iterator[Cause]:
    """What the engine said when it failed."""
    chart = line_with(snapshot.engine, _CHART)
    if chart and re.search(r"(?i)failed|problem|not found", chart):
        yield _chart(settings, chart)
    for pattern, name, rank, what, fix in _TOLD:
        if line := line_with(snapshot.engine, pattern):
            yield Cause(name, rank, what, fix, f"pulumi: {line}")


def _chart(settings: Settings, line: str) -> Cause:
    chart, version = settings.get("chart", ""), settings.get("chartVersion", "")
    seen = f"pulumi: {line}"
    if re.search(r"\b40[13]\b|nauthorized|denied|orbidden|no basic auth", line):
        what = f"The registry of chart {chart} asks for credentials."
        fix = "pulumi config set chartUsername USER\npulumi config set --secret chartPassword\npulumi up"
        return Cause("chart-credentials", 5, what, fix, seen)
    if re.search(r"no such host|timeout|refused|dial tcp|x509|EOF|server gave HTTP", line):
        what = f"The registry of chart {chart} does not answer this machine."
        fix = "make it reachable, or name a mirror: pulumi config set chart oci://HOST/PATH"
        return Cause("chart-registry-unreachable", 6, what, fix, seen)
    what = f"There is no chart {chart} with version {version}."
    fix = (
        "check both; back to the defaults: pulumi config rm chart, pulumi config rm chartVersion\n"
        f"see what exists: helm show chart {chart} --version VERSION\npulumi up"
    )
    return Cause("chart-not-found", 5, what, fix, seen)


def records(snapshot: Snapshot, _: Settings) -> Iterator[Cause]:
    """A release that Helm has begun and nobody works on, or that failed while all is well now."""
    record = latest(snapshot)
    if snapshot.working:
        return
    if record is None:
        if snapshot.knows("secrets"):
            yield Cause(
                "not-deployed",
                95,
                f"There is no release {snapshot.release} in namespace {snapshot.namespace}.",
                "pulumi up",
                f"namespace/{snapshot.namespace}: no record by Helm",
                certain=False,
                blocks=False,
            )
        return
    labels, name = record["metadata"]["labels"], record["metadata"]["name"]
    known = snapshot.working is not None
    if str(labels.get("status")).startswith("pending-"):
        yield Cause(
            "helm-pending",
            4,
            f"Helm's revision {labels['version']} was started and has not ended: "
            + ("a `pulumi` was killed." if known else "a `pulumi` is working on it, or was killed."),
            "make recover STACK=NAME\npulumi up",
            f"secret/{name}: status {labels['status']}",
            certain=known,
            mark=str(record["metadata"].get("uid", "")),
        )
    elif labels.get("status") == "failed":
        good = bool(snapshot.all("pods")) and all(ready(pod) for pod in pods(snapshot))
        yield Cause(
            "release-failed",
            85,
            "The last `pulumi up` ended before everything was ready"
            + ("; now everything is." if good else "."),
            "pulumi up\non a slow cluster: pulumi config set timeout 1200",
            f"secret/{name}: status failed",
            certain=False,
            blocks=False,
        )


def latest(snapshot: Snapshot) -> Object | None:
    """Helm's record of the release's latest revision, without its content."""
    found = [one for one in snapshot.all("secrets") if label(one, "owner") == "helm"]
    mine = [one for one in found if label(one, "name") == snapshot.release]
    return max(mine, key=lambda one: int(label(one, "version") or 0), default=None)


def revision(snapshot: Snapshot) -> int:
    """The number of that revision; 0 where there is none."""
    record = latest(snapshot)
    return int(label(record, "version") or 0) if record else 0


RULES = (told, records)
