"""The kinds of values that settings have: names, hosts, image references, maps."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from components.settings.fields import Flag, Whole, matching, optional, secret_matching, unless_empty
from components.settings.quantities import Amounts, size

LABEL = r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?"
HOST = rf"{LABEL}(?:\.{LABEL})*"
_PART = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
NAME = rf"{_PART}(?:\.{_PART})*"
DIGEST = r"sha256:[0-9a-f]{64}"
PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])(?![0-9])"
NO_YAML = r"(?!(?i:true|false|null|yes|no|on|off|y|n|0[xob][0-9a-f_]+|[-0-9._]+(?:e[-0-9]+)?)\Z)"
"""In front of a name: none that YAML reads as a number or the like. The chart writes most without quotes."""
QUALIFIED = rf"(?:{HOST}/)?[A-Za-z0-9](?:[-._A-Za-z0-9]{{0,61}}[A-Za-z0-9])?"
LABEL_VALUE = r"(?:[A-Za-z0-9](?:[-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?"


def _url(text: str) -> str:
    """A server's URL: scheme, host and port, nothing else. Raises ValueError."""
    bare = text.removesuffix("/")
    if not re.fullmatch(rf"https?://{HOST}(?::{PORT})?", bare) or len(urlsplit(bare).netloc) > 259:
        raise ValueError
    return bare


def _decoded(value: object) -> object:
    """Maps and lists reach the program as JSON text."""
    try:
        return json.loads(value, parse_constant=_no_number) if isinstance(value, str) else value
    except RecursionError:
        raise ValueError("too deeply nested") from None


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")


def _texts(value: object) -> object:
    """Numbers and booleans in a map of texts become their text: `cpu: 1` is `cpu: "1"`."""
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _key_file(value: SecretStr) -> SecretStr:
    """A service account's key file; its path or its name would be just as much text."""
    file = _decoded(value.get_secret_value())
    if not isinstance(file, dict) or "type" not in file:
        raise ValueError
    return value


def _map(keys: str, values: str, longest: int) -> AfterValidator:
    """Names the entry of a map of texts whose key or value is not of this form."""

    def check(entries: dict[str, str]) -> dict[str, str]:
        for key, text in entries.items():
            if len(key) > 317 or not re.fullmatch(keys, key):
                raise ValueError(f'the key "{key}" is not well formed')
            if len(text) > longest or not re.fullmatch(values, text, re.DOTALL):
                raise ValueError(f'the value of "{key}" is not well formed')
        return entries

    return AfterValidator(check)


Json = BeforeValidator(_decoded)
Label = Annotated[str, matching(LABEL)]
OptionalName = Annotated[str, optional(NO_YAML + NAME, longest=253)]
Host = Annotated[str, optional(rf"(?:{LABEL}\.)+(?![0-9]+\Z){LABEL}", longest=249)]
ServerHost = Annotated[str, optional(rf"(?![0-9]+\Z){HOST}", longest=253)]
Url = Annotated[str, unless_empty(_url)]
Bucket = Annotated[str, matching(r"(?!.*\.\.)(?![0-9.]+\Z)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")]
OptionalBucket = Annotated[str, optional(r"(?!.*\.\.)(?![0-9.]+\Z)[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")]
SecretKey = Annotated[str, matching(rf"(?!\.\.|\.\Z){NO_YAML}[-._a-zA-Z0-9]+", longest=253)]
OptionalSecretKey = Annotated[str, optional(rf"(?!\.\.|\.\Z){NO_YAML}[-._a-zA-Z0-9]+", longest=253)]
Identifier = Annotated[str, matching(r"[a-zA-Z_][a-zA-Z0-9_]*", longest=63)]
Uuid = Annotated[str, optional(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")]
Size = Annotated[str, AfterValidator(size)]
Boolean = Annotated[bool, Flag]
Port = Annotated[int, Whole, Field(ge=1, le=65535)]
Path = Annotated[str, optional(r"/[^\x00-\x1f]*")]
HomePath = Annotated[str, optional(r"(?:/|~/)[^\x00-\x1f]*")]
Token = Annotated[SecretStr, secret_matching(r"[!-~]+")]
Password = Annotated[SecretStr, secret_matching(r"[^\s\x00-\x1f\x7f]+")]
ConnectionString = Annotated[SecretStr, secret_matching(r"[A-Za-z]+=\S+")]
KeyFile = Annotated[SecretStr, unless_empty(_key_file)]
Alphanumeric = Annotated[SecretStr, secret_matching(r"[a-zA-Z0-9]+")]
# The last of several before-validators runs first.
Resources = Annotated[Amounts, BeforeValidator(_texts), Json]
Annotations = Annotated[dict[str, str], _map(QUALIFIED, r".*", 262_144), BeforeValidator(_texts), Json]
Labels = Annotated[dict[str, str], _map(QUALIFIED, LABEL_VALUE, 63), BeforeValidator(_texts), Json]
Names = Annotated[list[Annotated[str, matching(NO_YAML + NAME, longest=253)]], Json]
AnyMap = Annotated[dict[str, Any], Json]
_WHOLE = r"(?:0|[1-9][0-9]*)"
Version = Annotated[
    str,
    matching(
        rf"{_WHOLE}(?:\.{_WHOLE}){{2}}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z.-]+)?",
        longest=64,
    ),
]
_PATH = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
OciChart = Annotated[str, matching(rf"oci://{HOST}(?::{PORT})?(?:/{_PATH})+", longest=500)]
_REGISTRY = rf"(?:localhost|{LABEL}(?:\.{LABEL})+)(?::{PORT})?|{LABEL}:{PORT}"
Registry = Annotated[str, matching(_REGISTRY, longest=253)]
ImageReference = Annotated[
    str,
    matching(
        rf"(?:(?:{_REGISTRY})/)?{_PATH}(?:/{_PATH})*(?::[a-zA-Z0-9_][a-zA-Z0-9_.-]{{0,127}})?(?:@{DIGEST})?",
        longest=500,
    ),
]
