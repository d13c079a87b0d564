"""The verdict on each rule, with the levels and options that the platform has declared.

They stand in `policy/config.json`, in the form that Pulumi gives the configuration of a policy pack.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from ops.console import OpsError
from ops.policy import images, network, pods, volumes
from ops.policy.evidence import Evidence
from ops.policy.rule import Breach, Level, Rule
from ops.stack import PROGRAM

RULES = (
    images.PATH,
    images.LATEST,
    images.DIGEST,
    pods.RESOURCES,
    pods.TLS,
    pods.AUTHENTICATION,
    pods.SECRETS,
    network.NETWORK,
    volumes.VOLUMES,
)
CONFIG = PROGRAM / "policy" / "config.json"
_LEVEL = "enforcementLevel"
_TYPES: Mapping[str, type] = {"array": list, "boolean": bool}


@dataclass(frozen=True)
class Declared:
    """What the platform has declared of a rule."""

    level: Level
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What came of one rule."""

    rule: Rule
    level: Level
    verdict: Literal["kept", "broken", "not asked"]
    breaches: tuple[Breach, ...]

    @property
    def stops(self) -> bool:
        """Whether the stack must not be deployed like this."""
        return self.verdict == "broken" and self.level == "mandatory"


def judge(evidence: Evidence, declared: Mapping[str, Declared]) -> list[Verdict]:
    """The verdict on each rule."""
    return [_judge(rule, evidence, declared[rule.name]) for rule in RULES]


def _judge(rule: Rule, evidence: Evidence, declared: Declared) -> Verdict:
    if declared.level == "disabled" or not asked(rule, evidence, declared.options):
        return Verdict(rule, declared.level, "not asked", ())
    found = tuple(rule.check(evidence, declared.options))
    return Verdict(rule, declared.level, "broken" if found else "kept", found)


def asked(rule: Rule, evidence: Evidence, options: Mapping[str, Any]) -> bool:
    """Whether a rule is one for this stack."""
    return not rule.production or evidence.production or bool(options["everywhere"])


def declared(file: Path = CONFIG) -> dict[str, Declared]:
    """Level and options of every rule: those in `file`, mandatory and the defaults for the rest.

    Raises `OpsError` with what is wrong in it.
    """
    try:
        given = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise OpsError(f"the policy's configuration cannot be read: {file}: {error}") from error
    if not isinstance(given, dict):
        raise OpsError(f"{file}: must be a map of rules")
    rules = {rule.name: rule for rule in RULES}
    for name in given.keys() - rules.keys():
        near = difflib.get_close_matches(name, rules, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise OpsError(f"{file}: no rule {name}{hint} (accepted: {', '.join(rules)})")
    return {name: _declared(file, rule, given.get(name, {})) for name, rule in rules.items()}


def _declared(file: Path, rule: Rule, given: Any) -> Declared:
    """One rule's part: a level, or a map with a level and options."""
    told = {_LEVEL: given} if isinstance(given, str) else given
    if not isinstance(told, dict):
        raise OpsError(f"{file}: {rule.name}: must be a level or a map of options")
    level = told.get(_LEVEL, "mandatory")
    if level not in get_args(Level):
        raise OpsError(f"{file}: {rule.name}: level {level!r} (accepted: {', '.join(get_args(Level))})")
    options = {name: schema["default"] for name, schema in rule.schema.items()}
    for name, value in told.items():
        if name == _LEVEL:
            continue
        if name not in rule.schema:
            raise OpsError(f"{file}: {rule.name}: no option {name} (accepted: {_LEVEL}{_named(rule)})")
        kind = rule.schema[name]["type"]
        texts = not isinstance(value, list) or all(isinstance(item, str) and item for item in value)
        if not isinstance(value, _TYPES[kind]) or not texts:
            raise OpsError(
                f"{file}: {rule.name}: {name} is {json.dumps(value)} (accepted: {_accepted(kind)})"
            )
        options[name] = value
    return Declared(level, options)


def _named(rule: Rule) -> str:
    return "".join(f", {name}" for name in rule.schema)


def _accepted(kind: str) -> str:
    return "true or false" if kind == "boolean" else "a list of strings"
