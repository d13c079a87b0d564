"""The Kubernetes resources of the program, as the provider's schema has them.

`pulumi_kubernetes.core.v1` and `.helm.v3` declare the same and hundreds more, and importing them takes
0.25 s: a third of all that a preview without changes takes. Types, properties and ids are equal, so is the
state; tests hold these against the SDK's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from components.tokens import NAMESPACE, RELEASE, SECRET


class Namespace(pulumi.CustomResource):
    """A namespace."""

    metadata: pulumi.Output[Mapping[str, Any]]

    def __init__(
        self, resource: str, name: str, labels: Mapping[str, str], opts: pulumi.ResourceOptions
    ) -> None:
        """`resource` is its name in the stack, `name` its name in the cluster."""
        metadata = {"name": name, **({"labels": labels} if labels else {})}
        inputs = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
        super().__init__(NAMESPACE, resource, inputs, opts)


class Secret(pulumi.CustomResource):
    """A Secret; its data is secret for the engine too, whatever the provider says."""

    data: pulumi.Output[Mapping[str, str]]

    def __init__(
        self,
        resource: str,
        metadata: Mapping[str, pulumi.Input[str]],
        data: Mapping[str, pulumi.Input[str]],
        opts: pulumi.ResourceOptions,
        form: str = "",
    ) -> None:
        """`data` is base64, as Kubernetes has it; `form` is the Secret's type, where it is none of all."""
        typed = {"type": form} if form else {}
        inputs = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **typed}
        super().__init__(SECRET, resource, {**inputs, "data": pulumi.Output.secret(data)}, _hidden(opts))


class ReadSecret(pulumi.CustomResource):
    """A Secret that somebody else made: read, never written."""

    data: pulumi.Output[Mapping[str, str]]

    def __init__(self, resource: str, secret_id: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        """`secret_id` is `namespace/name`; while it is unknown nothing is read."""
        known = pulumi.ResourceOptions.merge(_hidden(opts), pulumi.ResourceOptions(id=secret_id))
        super().__init__(SECRET, resource, {"data": None}, known)


class Own(pulumi.CustomResource):
    """Any other object of the stack's own."""

    def __init__(
        self,
        resource: str,
        kind: str,
        metadata: Mapping[str, Any],
        body: Mapping[str, Any],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """`kind` is `group/version:Kind`, `body` what the object has beside its metadata."""
        version, _, name = kind.partition(":")
        inputs = {"apiVersion": version.removeprefix("core/"), "kind": name, "metadata": metadata, **body}
        super().__init__(f"kubernetes:{kind}", resource, inputs, opts)


class Release(pulumi.CustomResource):
    """A Helm release, with the inputs of the provider's schema (`chart`, `values`, `timeout` ...)."""

    status: pulumi.Output[Mapping[str, Any]]
    """name, namespace, chart, version, appVersion, revision, status."""

    def __init__(self, resource: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        """`inputs` are written as the schema does, in camelCase; None is left out."""
        super().__init__(RELEASE, resource, {**inputs, "compat": "true", "status": None}, opts)


def _hidden(opts: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
    """`opts` with the outputs of a Secret that the state keeps encrypted, whatever the provider says."""
    hidden = pulumi.ResourceOptions(additional_secret_outputs=["data", "stringData"])
    return pulumi.ResourceOptions.merge(opts, hidden)
