"""Rules of what pods and their surroundings are given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from components.settings.extra import plain_secrets
from ops.policy.evidence import Evidence, containers
from ops.policy.rule import Breach, Rule
from ops.replacement import title

BASIC_AUTH = "basic-auth"
_SETTINGS = {
    "mlflow": "trackingResources",
    "postgresql": "databaseResources",
}
"""The setting of a container's resources by its name; the init containers of the server have another."""


def _resources(evidence: Evidence, options: Mapping[str, Any]) -> Iterator[Breach]:
    for where, container in containers(evidence.objects):
        given = container.get("resources") or {}
        for path in options["required"]:
            kind, _, resource = str(path).partition(".")
            if not (given.get(kind) or {}).get(resource):
                setting = _SETTINGS.get(container["name"], "waitResources")
                fix = f"pulumi config set --path {setting}.{path} AMOUNT"
                yield Breach(where, f"no {path}", fix)


def _tls(evidence: Evidence, _: Mapping[str, Any]) -> Iterator[Breach]:
    for body in evidence.objects:
        if body.get("kind") != "Ingress":
            continue
        spec = body["spec"]
        covered = {
            host for tls in spec.get("tls") or [] if tls.get("secretName") for host in tls.get("hosts") or []
        }
        for host in (str(rule.get("host", "")) for rule in spec.get("rules") or []):
            if host not in covered:
                fix = "pulumi config set ingressTls true, and ingressClusterIssuer or ingressTlsSecret"
                yield Breach(title(body), f"http://{host or '*'} without TLS", fix)


def _authentication(evidence: Evidence, _: Mapping[str, Any]) -> Iterator[Breach]:
    servers = list(_servers(evidence))
    for where, arguments in servers:
        if f"--app-name={BASIC_AUTH}" not in arguments:
            fix = "pulumi config rm --path extraValues.tracking.auth"
            yield Breach(where, "a server that asks nobody for a login", fix)
    if evidence.values and not servers:
        yield Breach(
            "the release", "no MLflow server", "give the program's own chart back: pulumi config rm chart"
        )


def _servers(evidence: Evidence) -> Iterator[tuple[str, list[str]]]:
    """Containers that serve MLflow, by what they run, with their arguments; `--app-name X` as one."""
    for where, container in containers(evidence.objects):
        run = [str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ()))]
        if run[:2] == ["mlflow", "server"]:
            yield where, [*run, *(f"{one}={two}" for one, two in pairwise(run))]


def _secrets(evidence: Evidence, _: Mapping[str, Any]) -> Iterator[Breach]:
    for values in evidence.values:
        for path in plain_secrets(values):
            yield Breach(f"values, {path}", "a secret in plain text", "put it in a Secret and name that")


RESOURCES = Rule(
    "resources",
    "Every container says what it needs",
    _resources,
    options={
        "required": {
            "type": "array",
            "items": {"type": "string"},
            "default": ["requests.cpu", "requests.memory", "limits.memory"],
        }
    },
)
TLS = Rule("tls", "Every host of an ingress has TLS", _tls)
AUTHENTICATION = Rule("authentication", "The server asks for a login", _authentication)
SECRETS = Rule("secret-in-values", "No secret stands in Helm's values", _secrets)
