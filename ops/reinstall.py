"""Brings a Helm release back to what the stack deployed last, whatever was done to it by hand."""

from __future__ import annotations

from components import names
from components.tokens import RELEASE
from ops import pending
from ops.console import OpsError
from ops.record import owned
from ops.site import CHARTS, Site
from ops.stack import Stack
from ops.survey import Survey


def due(site: Site, found: Survey) -> bool:
    """Whether the release differs and may be brought back.

    Not while Helm works on it, and not with settings that were never deployed: they would be deployed too.
    """
    kinds = {finding.kind for finding in found.findings}
    busy = site.helm is not None and site.helm.status.startswith("pending")
    return "release" in kinds and "settings" not in kinds and not busy


def bring_back(site: Site, found: Survey) -> None:
    """Upgrade the release, or install it again where it is gone. Raises `OpsError`."""
    if site.helm:
        _upgrade(site.stack, found)
    else:
        _install(site, found)


def _upgrade(stack: Stack, found: Survey) -> None:
    """Upgrade with the stack's values, whether or not the provider sees a difference. Raises `OpsError`.

    It sees none where a value was taken away by hand, or an upgrade failed (pulumi/pulumi-kubernetes#2672).
    What did not come up whole, by the state, is updated by the next `up` in any case.
    """
    _all_deployed(stack, found, "the release is not as it was deployed", "")
    state = stack.export()
    for resource in state["deployment"]["resources"]:
        if resource["type"] == RELEASE:
            resource["initErrors"] = ["Helm's latest revision is not the one that was deployed from here"]
    stack.put(state)
    stack.up()


def _install(site: Site, found: Survey) -> None:
    """Install again, with the login that the database knows: without its Secret the chart makes another."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": names.tracking(site.release), "namespace": site.namespace},
        "type": "Opaque",
        "data": site.state.login(),
    }
    secret = owned(secret, site.release, site.namespace)
    if site.objects.live(secret) is None:
        site.objects.create(secret, CHARTS, dry_run=False)
    _all_deployed(site.stack, found, "the release is gone", "pulumi refresh, then ")
    site.stack.refresh()
    site.stack.up()


def _all_deployed(stack: Stack, found: Survey, what: str, first: str) -> None:
    """Raise `OpsError` where settings were never deployed: the `up` that brings the release back would.

    A survey whose preview failed has not seen them; it does not fail once the login's Secret is there again.
    """
    if not found.previewed and pending.findings(stack):
        raise OpsError(
            f"{what}, and stack {stack.name} has settings that were never deployed: revert them, or deploy"
            f" them with it ({first}pulumi up --stack {stack.name})"
        )
