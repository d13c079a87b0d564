"""A release that Helm made by hand becomes the stack's: same pods, same revision, same passwords, same runs.

The release goes into the state as it is, and its values into the stack's settings: what has a setting becomes
one, what else was given to Helm goes to `extraValues`, and where the program would do otherwise the release's
side is kept in `adoptedValues`. So nothing has to change in the cluster, and a preview says so.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from kubernetes import client

from components import names
from components.settings.rules import RESERVED
from components.tokens import RELEASE
from ops import cluster, recover
from ops.adoption import found, record, state
from ops.adoption.plan import Plan, plan
from ops.adoption.settings_file import restored, write
from ops.console import OpsError, err, step
from ops.stack import Stack, State

CHART = "mlflow"


def look(stack: Stack) -> tuple[Plan, client.CoreV1Api]:
    """What adopting would do, and the cluster; changes nothing. Raises `OpsError` where it cannot be done."""
    settings = stack.all_settings()
    if not settings.get("context"):
        raise OpsError("the stack names no cluster: `pulumi config set context NAME`")
    _require_empty(stack)
    api = cluster.connect(settings)
    live = record.latest(api, settings["namespace"], settings["releaseName"])
    where = f"release {live.name} in namespace {live.namespace}"
    if live.chart != CHART:
        raise OpsError(f"{where} is from chart {live.chart}: only a release of chart {CHART} can be adopted")
    if live.status != "deployed":
        raise OpsError(
            f"{where} is {live.status} at revision {live.revision}: finish that with Helm first"
            f" (`helm history {live.name} -n {live.namespace}`, then `helm rollback` or `helm upgrade`)"
        )
    found.require_login(api, live)
    others = [*found.shared(api, live), *({live.namespace} & RESERVED)]
    if others:
        err.print(
            f"The namespace stays outside the stack, as it is not the stack's alone: {', '.join(others)}"
        )
    enforced = found.pod_security(api, live)
    return plan(live, settings, found.own_s3(api, live), shared=bool(others), pod_security=enforced), api


def _require_empty(stack: Stack) -> None:
    """The stack has made nothing yet, nothing is under way, and it can keep secrets."""
    locks = recover.locks(stack.backend(), stack.name)
    deployment = stack.export()["deployment"]
    if locks or deployment.get("pending_operations"):
        raise OpsError(f"an earlier pulumi was cut short: `make recover STACK={stack.name}`, then adopt")
    there = deployment.get("resources", [])
    if any(resource["type"] == RELEASE for resource in there):
        raise OpsError(f"stack {stack.name} has a release already: `pulumi preview --stack {stack.name}`")
    if any(resource["custom"] for resource in there):
        raise OpsError(
            f"stack {stack.name} has created something already (`pulumi stack --stack {stack.name}` lists it)"
            f". Adopt into an empty stack: `pulumi destroy --stack {stack.name}` removes what a `pulumi up`"
            " left when it stopped at an existing namespace (in production with `--ignore-protect`)"
        )
    # Pulumi Cloud gives a new stack none (`cloudBackend.DefaultSecretManager`, Pulumi 3.259).
    if not deployment.get("secrets_providers"):
        named = f"pulumi stack change-secrets-provider default --stack {stack.name}"
        raise OpsError(
            f"the state of stack {stack.name} has no secrets provider yet: run `{named}`, then adopt"
        )


def adopt(stack: Stack, what: Plan, api: client.CoreV1Api) -> None:
    """Carry the plan out. Where anything fails, state and stack file are as before. Raises `OpsError`."""
    live = what.record
    pods = found.pods(api, live)
    with restored(stack) as before:
        with step("Writing the settings"):
            write(stack, what.changes, what.secrets)
        with step("Taking the release into the state"):
            _import(stack, what, before)
        if what.s3:
            found.hand_over(api, live.namespace, names.own(live.name, names.S3_SECRET))
        with step("Previewing: no change"):
            _unchanged(stack)
        with step("Reading the login (pulumi up)"):
            stack.up()
        with step("Previewing again: no change"):
            _unchanged(stack)
    after = record.latest(api, live.namespace, live.name)
    same = "no pod restarted" if found.pods(api, live) == pods else "pods have changed meanwhile"
    err.print(f"[green]adopted[/green] {live.name}: revision {after.revision} (was {live.revision}), {same}")


def _import(stack: Stack, what: Plan, before: State) -> None:
    hidden: dict[str, Any] = {"mlflow-release.repositoryOpts.password": what.chart_password}
    hidden[f"mlflow-{names.S3_SECRET}.data"] = _encoded(what.s3)
    try:
        seen = json.loads(stack.read("preview", "--json"))
    except OpsError as error:
        raise OpsError(
            f"the program cannot be previewed with the release's settings: {_told(stack)}"
        ) from error
    stack.put(state.with_adopted(before, seen, hidden))
    stack.refresh()


def _unchanged(stack: Stack) -> None:
    """A preview finds nothing to do. Raises `OpsError` with what it finds."""
    try:
        stack.read("preview", "--expect-no-changes")
    except OpsError as error:
        raise OpsError(f"the stack would still change the release: {_told(stack)}") from error


def _told(stack: Stack) -> str:
    """A preview as a person sees it; where it fails, what it ends with."""
    try:
        return stack.read("preview", "--diff", "--non-interactive").strip()
    except OpsError as error:
        return str(error)


def _encoded(data: Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
