"""What adopting a release writes into the stack's settings, and what is held back; changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.settings import Mistake, Settings, WrongSettings, parse
from components.settings.adopted_rules import not_adoptable
from components.settings.extra import leaves
from components.settings.model import KEYS, default_of
from components.values import merged, own_values, patched, values
from ops.adoption.mapping import mapped
from ops.adoption.patch import beyond, difference, text_of
from ops.adoption.reasons import Held, held
from ops.console import OpsError
from ops.record import Record

S3_KEYS = {"s3AccessKeyId": "AWS_ACCESS_KEY_ID", "s3SecretAccessKey": "AWS_SECRET_ACCESS_KEY"}
_LEAVABLE = ("image", "tracking", "autoscaling", "databaseSize", "databaseResources", "serviceMonitor")
"""Beginnings of the settings that an adopted release can do without: none tells where something is."""


@dataclass(frozen=True)
class Plan:
    """Settings to write by key (None: take it away), secrets to encrypt, and what is held back."""

    record: Record
    changes: dict[str, Any]
    secrets: dict[str, str]
    chart_password: str | None
    """The stack's own, for the registry of the chart."""
    s3: Mapping[str, str]
    """The data of the store's Secret where it becomes the stack's, else empty."""
    owns_namespace: bool
    held: list[Held]

    def __repr__(self) -> str:
        """Without secrets."""
        return f"Plan({self.record}, {self.changes}, {len(self.held)} held back)"


def plan(
    record: Record,
    config: Mapping[str, str],
    s3: Mapping[str, str],
    *,
    shared: bool,
    pod_security: str = "none",
) -> Plan:
    """How the stack with this `config` (texts, secrets in clear) becomes the owner of the release.

    `s3` is the data of the store's Secret where it can be the stack's own, else empty. `shared` says that the
    namespace is not the release's alone, `pod_security` what it enforces. Raises `OpsError` where the release
    cannot be the stack's.
    """
    _refuse(record, not_adoptable(record.values))
    _refuse(record, {path: "no null" for path, value in leaves(record.values) if path and value is None})
    wanted = mapped(record.values, record.chart_version, record.name)
    if shared:
        wanted["createNamespace"] = False
    outside = shared or config.get("createNamespace") == "false"
    wanted["podSecurity"] = None if outside else pod_security
    secrets = _secrets(config, s3)
    if secrets:
        wanted |= {key: None for key in wanted if key.startswith("s3ExistingSecret")}
    kept = {key: text for key, text in config.items() if key not in {*wanted, "adoptedValues"}} | secrets
    wanted = _fitting(kept, wanted)
    extra = _explicit(kept, wanted, record.values)
    wanted["extraValues"] = extra or None
    own = own_values(_settings(kept, wanted))
    patch = difference(own, record.values, record.defaults)
    _refuse(record, not_adoptable(patch))
    wanted["adoptedValues"] = patch or None
    settings = _settings(kept, wanted)
    if text_of(patched(record.defaults, values(settings))) != text_of(
        patched(record.defaults, record.values)
    ):
        raise OpsError(
            f"the values of {record.name} cannot be expressed as settings: please report this as a bug"
        )
    changes = {key: value for key, value in wanted.items() if _differs(key, value, config)}
    new = {key: text for key, text in secrets.items() if not config.get(key)}
    password = config.get("chartPassword")
    return Plan(record, changes, new, password, s3, settings.create_namespace, list(held(patch, own)))


def _refuse(record: Record, reasons: Mapping[str, str]) -> None:
    if reasons:
        listed = "\n".join(f"  {path}: {why}" for path, why in reasons.items())
        raise OpsError(
            f"release {record.name} has values that this program cannot run with. Nothing was changed."
            f"\n{listed}\n"
            "Change them in your values file, run `helm upgrade`, and adopt again. A password that the chart"
            " has put into its Secret stays there when you remove it from the values."
        )


def _secrets(config: Mapping[str, str], s3: Mapping[str, str]) -> dict[str, str]:
    """The store's keys as settings; the stack may have none yet, or the same."""
    found = {key: s3[entry] for key, entry in S3_KEYS.items() if s3}
    for key, text in found.items():
        if config.get(key) not in (None, "", text):
            raise OpsError(
                f"the stack's {key} is not the one in the release's Secret: `pulumi config rm {key}`, then"
                " adopt again; change keys afterwards"
            )
    return found


def _settings(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> Settings:
    return parse({**kept, **{key: value for key, value in wanted.items() if value is not None}})


def _mistakes(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[Mistake, ...]:
    try:
        _settings(kept, wanted)
    except WrongSettings as wrong:
        return wrong.mistakes
    return ()


def _fitting(kept: Mapping[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """`wanted` without what the program would refuse and the release can keep as it is."""
    while mistakes := _mistakes(kept, wanted):
        wrong = {mistake.key for mistake in mistakes if wanted.get(mistake.key) is not None}
        if not wrong or not all(key.startswith(_LEAVABLE) for key in wrong):
            told = "\n".join(f"  {number}. {mistake}" for number, mistake in enumerate(mistakes, 1))
            raise OpsError(
                f"the stack's settings conflict with what the release says. Nothing was changed.\n{told}"
            )
        wanted = {key: None if key in wrong else value for key, value in wanted.items()}
    return wanted


def _explicit(kept: Mapping[str, Any], wanted: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """`extraValues`: what the stack has there, and what else was given to Helm and may stand there."""
    found: dict[str, Any] = json.loads(kept.get("extraValues") or "{}")
    for path, value in beyond(own_values(_settings(kept, wanted)), live):
        more = value
        for key in reversed(path):
            more = {key: more}
        if not _mistakes(kept, {**wanted, "extraValues": more}):
            found = merged(found, more)
    return found


def _differs(key: str, value: Any, config: Mapping[str, str]) -> bool:
    """Whether the setting is another one than the stack has now."""
    default = default_of(KEYS[key])
    asked = default if value is None else value
    now = config.get(key, default)
    return _plain(asked) != _plain(now)


def _plain(value: Any) -> str:
    """A setting as the engine writes it."""
    if isinstance(value, str):
        return value if value[:1] not in ("{", "[") else text_of(json.loads(value))
    return text_of(value)
