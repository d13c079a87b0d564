"""The committed stacks under the platform's rules: what Helm renders of them, and what the program plans."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from components.tokens import RELEASE
from lab import charts, plugins
from ops.policy import evidence, judge
from ops.policy.evidence import Evidence, Planned
from tests.unit.cases import SECRETS
from tests.unit.engine import Engine, awaited, start
from tests.unit.program import run, stack_file

LACKING = {
    "dev": {},
    "staging": {
        "context": "staging",
        "ingressHost": "mlflow.example.com",
        "s3Endpoint": "https://s3.example.com",
    },
    "prod": {"context": "prod", "s3Endpoint": "https://s3.example.com"},
}
"""What a committed stack file leaves to whoever deploys it."""
TAGS = {
    "imageMlflow": "mlflow:3.3.2-debian-12-r0",
    "imagePostgresql": "postgresql:17.6.0-debian-12-r4",
    "imageOsShell": "os-shell:12-debian-12-r51",
}
PINNED = {key: f"bitnamilegacy/{image}@sha256:{'0' * 64}" for key, image in TAGS.items()}
BACKUP = {"backupSchedule": "@daily"}


@pytest.fixture(autouse=True)
def helm(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The lab's `helm` on PATH."""
    monkeypatch.setenv("PATH", str(plugins.build()), prepend=os.pathsep)
    yield


def looked_at(engine: Engine) -> Evidence:
    """What the program registered, with the stand-in for the chart."""
    found = []
    for each in engine.resources.values():
        inputs = {**each.inputs, **({"chart": str(charts.SOURCE)} if each.type == RELEASE else {})}
        if not each.id:
            found.append(Planned(each.type, each.name, inputs, each.protected))
    return evidence.whole(found)


def broken(stack: str, **more: str) -> pulumi.Output[set[str]]:
    """The rules that a committed stack breaks, with settings laid over its own."""
    config = {**stack_file(stack), **LACKING[stack], **more}
    engine = start(config, SECRETS if config.get("artifactStore", "s3") == "s3" else {})

    def judged(_: dict[str, Any]) -> set[str]:
        found = judge.judge(looked_at(engine), judge.declared())
        return {each.rule.name for each in found if each.verdict == "broken"}

    judged_later: pulumi.Output[set[str]] = run(judged)
    return judged_later


def equal(found: pulumi.Output[set[str]], wanted: set[str]) -> Any:
    def check(names: set[str]) -> None:
        assert names == wanted

    return found.apply(check)


@pytest.mark.parametrize("stack", ["dev", "staging"])
@awaited
def test_dev_and_staging_keep_every_rule(stack: str) -> Any:
    return equal(broken(stack, **BACKUP), set())


@awaited
def test_prod_lacks_digests_and_nothing_else() -> Any:
    """Its tags are the chart's own; digests are for whoever can ask the registry."""
    return equal(broken("prod", **BACKUP), {"image-digest"})


@awaited
def test_prod_with_digests_keeps_every_rule() -> Any:
    """Those of backups are the same settings."""
    return equal(broken("prod", **BACKUP, **PINNED), set())


@awaited
def test_artifacts_on_a_volume_are_protected_in_prod() -> Any:
    volume = {"artifactStore": "volume", "s3Endpoint": ""}
    return equal(broken("prod", **volume, **PINNED), set())


@awaited
def test_settings_that_break_a_rule_are_seen_in_what_helm_renders() -> Any:
    more = {
        "imageMlflow": "registry.example.com/mlflow:3.3.2",
        "imageOsShell": "bitnamilegacy/os-shell:latest",
        "databaseResources": '{"limits": {"memory": ""}}',
        "ingressTls": "false",
        "ingressClusterIssuer": "",
    }
    return equal(broken("staging", **more), {"image-path", "image-latest", "resources", "tls"})


@awaited
def test_prod_without_protection_is_seen() -> Any:
    """The rule is asked by what the program says of itself; a caller's option may still undo it."""
    config = {**stack_file("prod"), **LACKING["prod"], **PINNED}
    engine = start(config, SECRETS)

    def check(_: dict[str, Any]) -> None:
        for each in engine.resources.values():
            each.protected = False
        found = judge.judge(looked_at(engine), judge.declared())
        assert {each.rule.name for each in found if each.verdict == "broken"} == {"volumes"}

    return run(check)
