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
    **dict.fromkeys(
        ("mlflow", "get-default-auth-conf", "render-auth-conf", "upgrade-db", "upgrade-db-auth"),
        "trackingResources",
    ),
    "postgresql": "databaseResources",
    "wait-for-database": "waitResources",
    "wait-for-s3": "waitResources",
    "dump": "backupResources",
    "store": "backupResources",
    "gc": "housekeepingResources",
}
"""The setting of a container's resources by its name."""


def _resources(evidence: Evidence, options: Mapping[str, Any]) -> Iterator[Breach]:
    for where, container in containers(evidence.objects):
        given = container.get("resources") or {}
        for path in options["required"]:
            kind, _, resource = str(path).partition(".")
            if not (given.get(kind) or {}).get(resource):
                yield Breach(where, f"no {path}", _more(str(container["name"]), f"{path} AMOUNT"))


def _more(container: str, what: str) -> str:
    """How a container gets resources."""
    setting = _SETTINGS.get(container)
    where = f"pulumi config set --path {setting}" if setting else "where it is declared: resources"
    return f"{where}.{what}"


def _tls(evidence: Evidence, _: Mapping[str, Any]) -> Iterator[Breach]:
    for body in evidence.objects:
        if body.get("kind") != "Ingress":
            continue
        spec = body["spec"]
        covered = {
            host for tls in spec.get("tls") or [] if tls.get("secretName") for host in tls.get("hosts") or []
        }
        # Without a rule its default backend answers for all hosts.
        for host in (str(rule.get("host", "")) for rule in spec.get("rules") or [{}]):
            if not covered & {host, f"*.{host.partition('.')[2]}"}:
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
            "the release", "no MLflow server", "go back to the program's own chart: pulumi config rm chart"
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
SECRETS = Rule("secret-in-values", "No secret is in Helm's values", _secrets)
