"""The rules as a policy pack of Pulumi's: the engine asks before each resource is made or changed.

Runs in the pack's own virtual environment (`policy/requirements.txt`): `pulumi-policy` wants an older
protobuf than the program's SDK. What cannot be judged (no `helm`, a chart out of reach) ends the update.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from components.tokens import COMPONENT
from ops.policy.evidence import Evidence, Planned, evidence
from ops.policy.judge import RULES, Declared, asked, declared
from ops.policy.rule import Rule

_servers: dict[str, Planned] = {}
"""The server that a resource is part of, by its URN: the engine tells of each before its children."""


def serve() -> None:
    """Answer the engine until it ends."""
    told = declared()
    PolicyPack("mlflow", [_policy(rule, told[rule.name]) for rule in RULES])


def _policy(rule: Rule, told: Declared) -> ResourceValidationPolicy:
    return ResourceValidationPolicy(
        name=rule.name,
        description=rule.asks,
        enforcement_level=EnforcementLevel(told.level),
        config_schema=PolicyConfigSchema(properties=_options(rule, told)),
        validate=_validation(rule, told),
    )


def _options(rule: Rule, told: Declared) -> dict[str, Any]:
    """The rule's options; the engine gives back the defaults, which are what the platform has declared."""
    return {key: {**each, "default": told.options[key]} for key, each in rule.schema.items()}


def _validation(rule: Rule, told: Declared) -> Callable[[ResourceValidationArgs, ReportViolation], None]:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        options = {**told.options, **args.get_config()}
        found = _evidence(args)
        if found and asked(rule, found, options):
            for breach in rule.check(found, options):
                report(f"{breach.where}: {breach.found}\nfix: {breach.fix}", args.urn)

    return validate


def _evidence(args: ResourceValidationArgs) -> Evidence | None:
    """One resource, and the server that it is part of; None for what else there is in a program."""
    if args.resource_type == COMPONENT:
        _servers[args.urn] = Planned(COMPONENT, args.name, plain(args.props), args.opts.protect)
    elif server := _servers.get(args.opts.parent or ""):
        _servers[args.urn] = server
    if args.urn not in _servers:
        return None
    found = _judged(args.resource_type, args.name, json.dumps(plain(args.props)), args.opts.protect)
    return Evidence((*found.planned, _servers[args.urn]), found.values, found.objects)


@functools.cache
def _judged(kind: str, name: str, inputs: str, protected: bool) -> Evidence:
    """The evidence of a resource: all rules look at the same, and a chart is rendered once."""
    return evidence([Planned(kind, name, json.loads(inputs), protected)])


def plain(value: Any) -> Any:
    """Inputs as plain data; None for what is not known before the update."""
    if isinstance(value, Mapping):
        return {key: plain(_known(value, key)) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(_known(value, index)) for index in range(len(value))]
    return value


def _known(holder: Any, key: Any) -> Any:
    try:
        return holder[key]
    except UnknownValueError:
        return None
