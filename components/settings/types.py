"""The kinds of values that settings have: names, hosts, quantities, image references."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from components.settings.fields import Flag, Whole, matching, optional, secret_matching, unless_empty

LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(?:\.{LABEL})*"
DIGEST = r"sha256:[0-9a-f]{64}"
QUANTITY = r"\d+(?:\.\d+)?(?:m|k|[KMGTPE]i|[MGTPE])?"

_SCALE = {"m": Decimal("0.001"), "k": Decimal(1000)}
_SCALE |= {unit: Decimal(1000) ** power for power, unit in enumerate("MGTPE", 2)}
_SCALE |= {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)}


Amounts = dict[str, dict[str, str]]
"""`requests` and `limits`, each a map of resources to quantities."""


def quantity(text: str) -> Decimal:
    """The number that a Kubernetes quantity such as `500m` or `2Gi` stands for."""
    number, unit = re.fullmatch(r"([\d.]+)([a-zA-Z]*)", text).groups()  # type: ignore[union-attr]
    return Decimal(number) * _SCALE.get(unit, Decimal(1))


def _size(text: str) -> str:
    if not re.fullmatch(QUANTITY, text) or quantity(text) < 1:
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
            if not re.fullmatch(QUANTITY, amount):
                raise ValueError(f'{side}.{name} "{amount}" is no quantity')
    for name, amount in value.get("requests", {}).items():
        limit = value.get("limits", {}).get(name)
        if limit is not None and quantity(amount) > quantity(limit):
            raise ValueError(f"requests.{name} {amount} is above limits.{name} {limit}")
    return value


def _url(text: str) -> str:
    """A server's URL: scheme, host and port, nothing else. Raises ValueError."""
    parts = urlsplit(text)
    host = parts.hostname or ""
    bare = f"{parts.scheme}://{host}{f':{parts.port}' if parts.port is not None else ''}"
    if parts.scheme not in ("http", "https") or not re.fullmatch(SUBDOMAIN, host) or parts.port == 0:
        raise ValueError
    if text.removesuffix("/") != bare:
        raise ValueError
    return bare


def _decoded(value: object) -> object:
    """Maps and lists reach the program as JSON text."""
    return json.loads(value) if isinstance(value, str) else value


def _texts(value: object) -> object:
    """Numbers and booleans in a map of texts become their text: `cpu: 1` is `cpu: "1"`."""
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Json = BeforeValidator(_decoded)
Label = Annotated[str, matching(LABEL, longest=63)]
OptionalLabel = Annotated[str, optional(LABEL, longest=63)]
OptionalName = Annotated[str, optional(SUBDOMAIN, longest=253)]
Host = Annotated[str, optional(rf"{LABEL}(?:\.{LABEL})+", longest=249)]
ServerHost = Annotated[str, optional(SUBDOMAIN, longest=253)]
Url = Annotated[str, unless_empty(_url)]
Bucket = Annotated[str, matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")]
OptionalBucket = Annotated[str, optional(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")]
SecretKey = Annotated[str, matching(r"[-._a-zA-Z0-9]+", longest=253)]
OptionalSecretKey = Annotated[str, optional(r"[-._a-zA-Z0-9]+", longest=253)]
Identifier = Annotated[str, matching(r"[a-zA-Z_][a-zA-Z0-9_]*", longest=63)]
Size = Annotated[str, AfterValidator(_size)]
Boolean = Annotated[bool, Flag]
Port = Annotated[int, Whole, Field(ge=1, le=65535)]
Token = Annotated[SecretStr, secret_matching(r"\S+")]
Text = Annotated[SecretStr, secret_matching(r".*\S.*")]
Alphanumeric = Annotated[SecretStr, secret_matching(r"[a-zA-Z0-9]+")]
# The last of several before-validators runs first.
Resources = Annotated[Amounts, BeforeValidator(_texts), Json]
TextMap = Annotated[dict[str, str], BeforeValidator(_texts), Json]
Names = Annotated[list[Annotated[str, matching(SUBDOMAIN, longest=253)]], Json]
AnyMap = Annotated[dict[str, Any], Json]
Version = Annotated[
    str,
    matching(
        r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z.-]+)?"
    ),
]
ImageReference = Annotated[
    str,
    matching(
        rf"(?:(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+)(?::\d{{1,5}})?/|[a-z0-9-]+:\d{{1,5}}/)?"
        rf"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
        rf"(?::[\w][\w.-]{{0,127}})?(?:@{DIGEST})?",
        longest=500,
    ),
]
