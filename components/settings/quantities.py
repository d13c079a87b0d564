"""Kubernetes quantities: sizes of volumes, and resources of pods."""

from __future__ import annotations

import re
from decimal import Decimal

from pydantic import AfterValidator

Amounts = dict[str, dict[str, str]]
"""`requests` and `limits`, each a map of resources to quantities."""

_NUMBER = r"(?:0|[1-9][0-9]{0,14})"
_CPU = re.compile(rf"{_NUMBER}(?:m|\.[0-9]{{1,3}})?")
_BYTES = re.compile(rf"{_NUMBER}(?:\.[0-9]{{1,9}})?(?:k|[KMGTPE]i|[MGTPE])?")
_COUNT = re.compile(_NUMBER)
_EXTENDED = re.compile(r"[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?/[A-Za-z0-9](?:[-._A-Za-z0-9]*[A-Za-z0-9])?")

_SCALE = {"m": Decimal("0.001"), "k": Decimal(1000)}
_SCALE |= {unit: Decimal(1000) ** power for power, unit in enumerate("MGTPE", 2)}
_SCALE |= {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)}
_LEAST = Decimal(1024) ** 2
"""Bytes. Less than 1Mi of memory or disk is a forgotten unit: `8` for `8Gi`, `512m` for `512Mi`."""


def quantity(text: str) -> Decimal:
    """The number that a Kubernetes quantity such as `500m` or `2Gi` stands for."""
    number, unit = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", text).groups()  # type: ignore[union-attr]
    return Decimal(number) * _SCALE.get(unit, Decimal(1))


def size(text: str) -> str:
    """`text` where it is a quantity of at least 1Mi. Raises ValueError."""
    if not _BYTES.fullmatch(text) or quantity(text) < _LEAST:
        raise ValueError
    return text


def laid_over(default: Amounts) -> AfterValidator:
    """Lays given resources over `default`: one can be set without the rest, an empty text removes one."""

    def merge(value: Amounts) -> Amounts:
        merged = {side: {**default.get(side, {}), **value.get(side, {})} for side in {**default, **value}}
        return _resources({side: {k: v for k, v in amounts.items() if v} for side, amounts in merged.items()})

    return AfterValidator(merge)


def _resources(value: Amounts) -> Amounts:
    """Holds `requests` and `limits`, each quantity well formed, no request above its limit."""
    for side, amounts in value.items():
        if side not in ("requests", "limits"):
            raise ValueError(f'"{side}" is neither requests nor limits')
        for name, amount in amounts.items():
            _amount(f"{side}.{name}", name, amount)
    for name, amount in value.get("requests", {}).items():
        limit = value.get("limits", {}).get(name)
        if limit is not None and quantity(amount) > quantity(limit):
            raise ValueError(f"requests.{name} {amount} is above limits.{name} {limit}")
    return value


def _amount(where: str, name: str, amount: str) -> None:
    """Raises ValueError where `amount` is none of the resource called `name`."""
    if name == "cpu":
        form, least, kind = _CPU, Decimal("0.001"), "CPUs, such as 500m or 2"
    elif name in ("memory", "ephemeral-storage") or name.startswith("hugepages-"):
        form, least, kind = _BYTES, _LEAST, "bytes, such as 512Mi or 2Gi, at least 1Mi"
    elif _EXTENDED.fullmatch(name):
        form, least, kind = _COUNT, Decimal(1), "whole units, such as 1"
    else:
        raise ValueError(f'{where}: "{name}" is not a resource (cpu, memory, ephemeral-storage, domain/name)')
    if not form.fullmatch(amount) or quantity(amount) < least:
        raise ValueError(f'{where} "{amount}" is not a quantity of {kind}')
