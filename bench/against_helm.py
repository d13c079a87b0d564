"""Pulumi against Helm, in pairs on one cluster: with nothing to change, and from nothing to a login."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import cluster
from bench.figures import Name, Pair, Reading, compared
from bench.programs import PLAIN, Done, run
from lab import api
from ops.console import step
from ops.home import STACK, Home
from ops.stack import Stack

RUNBOOK = Path(__file__).with_name("runbook.yaml")
PULUMI_NAMESPACE, HELM_NAMESPACE = cluster.OURS


@dataclass(frozen=True)
class Sides:
    """The lab's stack, and the programs to measure with what they need of the environment."""

    folder: Path
    tools: Mapping[str, str]

    @property
    def stack(self) -> Stack:
        """The stack that `make up` made."""
        return Home(api.run_folder() / "stack", self.tools).stack()

    def helm(self, what: str, *args: str) -> Done:
        """Run Helm; its own files go with the bench."""
        own = {f"HELM_{kind}_HOME": str(self.folder / "helm") for kind in ("CACHE", "CONFIG", "DATA")}
        return run(what, "helm", *args, env={**os.environ, **own})

    def upgrade(self, what: str, settings: Mapping[str, str], values: Path) -> Done:
        """`helm upgrade --install --wait` of the stack's chart in the bench's namespace."""
        return self.helm(
            what,
            *("upgrade", "--install", settings["releaseName"], settings["chart"], "--wait"),
            *("--version", settings["chartVersion"], "--kube-context", settings["context"]),
            *("--namespace", HELM_NAMESPACE, "--values", str(values)),
        )


@contextmanager
def sides() -> Iterator[Sides]:
    """Both sides, ready to measure; their scratch folder goes with the block."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(api.bin_folder()), PLAIN["PATH"]])
    tools = {**api.environ(), "PATH": path}
    # The port-forward of the login runs in this process's own environment.
    os.environ.update(tools)
    with tempfile.TemporaryDirectory(prefix="mlflow-bench-") as folder:
        yield Sides(Path(folder), tools)


def preview(pairs: int) -> Reading:
    """A preview of the lab's stack against an upgrade of the same release, both with nothing to change.

    The upgrade is of a copy, made by Helm of the same values and Secrets: the stack's own release would
    get a revision that the stack knows nothing of.
    """
    with sides() as both, cluster.scratch(HELM_NAMESPACE):
        settings = both.stack.config()
        namespace = settings["namespace"]
        cluster.kubectl("create", "namespace", HELM_NAMESPACE)
        cluster.copy_secrets(settings["releaseName"], namespace, HELM_NAMESPACE)
        values = both.folder / "values.yaml"
        asked = ("get", "values", settings["releaseName"], "--namespace", namespace, "--output", "yaml")
        given = both.helm("helm get values", *asked, "--kube-context", settings["context"]).output
        # Objects that the values bring name the stack's namespace.
        values.write_text(given.replace(f"namespace: {namespace}\n", f"namespace: {HELM_NAMESPACE}\n"))
        both.upgrade("helm upgrade --install of a copy (not measured)", settings, values)
        measured = [
            Pair(
                run(
                    f"pulumi preview {number} of {pairs}",
                    *("pulumi", "preview", "--expect-no-changes", "--non-interactive", "--stack", STACK),
                    env=both.stack.environ(),
                ).seconds,
                both.upgrade(f"helm upgrade {number} of {pairs}", settings, values).seconds,
            )
            for number in range(1, pairs + 1)
        ]
    return compared(Name.PREVIEW, measured)


def install(pairs: int) -> Reading:
    """A stack of its own, and the runbook by hand; each from nothing to a login that works."""
    with sides() as both:
        settings = both.stack.config()
        measured = [
            Pair(
                _by_pulumi(both, settings, f"{number} of {pairs}"),
                _by_helm(both, settings, f"{number} of {pairs}"),
            )
            for number in range(1, pairs + 1)
        ]
    return compared(Name.INSTALL, measured)


def _by_pulumi(both: Sides, settings: Mapping[str, str], which: str) -> float:
    """Seconds of `pulumi up` of a new stack with a backend of its own, and the login."""
    with cluster.scratch(PULUMI_NAMESPACE), tempfile.TemporaryDirectory(dir=both.folder) as folder:
        home = Home(Path(folder), both.tools)
        prepared(home)
        began = time.monotonic()
        run(
            f"pulumi up {which}",
            *("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", STACK),
            env=home.stack().environ(),
        )
        cluster.log_in(settings["context"], PULUMI_NAMESPACE, settings["releaseName"])
        return time.monotonic() - began


def prepared(home: Home, **more: str) -> None:
    """A stack in the bench's namespace that is not up yet; `more` are settings of its own."""
    with step("stack of the bench's own (not measured)"):
        access, secret = api.s3_keys()
        home.prepare(
            {**api.settings(), "namespace": PULUMI_NAMESPACE, **more},
            {"s3AccessKeyId": access, "s3SecretAccessKey": secret},
        )


def _by_helm(both: Sides, settings: Mapping[str, str], which: str) -> float:
    """Seconds of the runbook's steps: namespace, Secret, `helm upgrade --install --wait`, and the login."""
    with cluster.scratch(HELM_NAMESPACE):
        began = time.monotonic()
        cluster.kubectl("create", "namespace", HELM_NAMESPACE)
        cluster.create_s3_secret(HELM_NAMESPACE)
        both.upgrade(f"helm upgrade --install {which}", settings, RUNBOOK)
        cluster.log_in(settings["context"], HELM_NAMESPACE, settings["releaseName"])
        return time.monotonic() - began
