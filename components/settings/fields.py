"""How a setting is declared: its default and what people and tools need to know of it, in one place."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo


class Group(BaseModel):
    """Settings that belong together; its docstring is their heading in the table.

    Frozen, no unknown keys, and no input echoed in an error: it could be a secret.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        defer_build=True,  # of the groups only their union is ever filled in
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        validate_default=False,
    )


@dataclass(frozen=True)
class Knob:
    """What is known of a setting besides its type and default."""

    description: str
    accepted: str
    example: str
    promotable: bool
    secret: bool
    unit: str = ""


def knob(
    default: object,
    description: str,
    *,
    accepted: str = "",
    unit: str = "",
    example: str = "",
    promotable: bool = False,
) -> Any:
    """A setting. `example` is what the fix of a mistake shows after `pulumi config set KEY`.

    What is accepted is said here where the type does not say it; `unit` is that of a number.
    `promotable` marks what `make promote` moves from one environment to the next: the version of the server
    and how it is tuned (of an image its tag and digest). All else is an environment's own, its size included.
    """
    meta = Knob(description, accepted, example or _text(default), promotable, secret=False, unit=unit)
    return Field(default=default, json_schema_extra={"knob": meta})  # type: ignore[dict-item]


def _text(default: object) -> str:
    """A default as a person types it after `pulumi config set KEY`."""
    return str(default).lower() if isinstance(default, bool) else str(default)


def secret(description: str, *, accepted: str) -> Any:
    """A setting that is accepted only as a Pulumi secret; unset by default."""
    meta = Knob(description, accepted, "", promotable=False, secret=True)
    return Field(default=SecretStr(""), json_schema_extra={"knob": meta})  # type: ignore[dict-item]


def knob_of(field: FieldInfo) -> Knob:
    """What `knob` or `secret` recorded of a field."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict)  # noqa: S101 - a field made without `knob` is a fault of this package
    made: Knob = extra["knob"]  # type: ignore[assignment]
    return made if made.accepted else replace(made, accepted=_accepted(field, made.unit))


def _accepted(field: FieldInfo, unit: str) -> str:
    """What the type of a field accepts, in words: a truth value, one of some words, or a number in bounds."""
    if field.annotation is bool:
        return "true or false"
    if get_origin(field.annotation) is Literal:
        *others, last = get_args(field.annotation)
        return f"{', '.join(others)} or {last}"
    bounds = {
        bound: getattr(each, bound)
        for each in field.metadata
        for bound in ("ge", "le")
        if hasattr(each, bound)
    }
    return f"a whole number{f' of {unit}' if unit else ''}, {bounds['ge']} to {bounds['le']}"


def matching(pattern: str, *, longest: int = 4096) -> AfterValidator:
    """Accepts text that matches all of `pattern` and is not longer than `longest` characters."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if len(text) > longest or not compiled.fullmatch(text):
            raise ValueError
        return text

    return AfterValidator(check)


def unless_empty(check: Callable[[Any], Any]) -> AfterValidator:
    """Applies `check` to a value that is given; an empty one means "not set" and passes."""
    return AfterValidator(lambda value: check(value) if value else value)


def optional(pattern: str, *, longest: int = 4096) -> AfterValidator:
    """Like `matching`, and an empty text means "not set"."""
    return matching(f"(?:{pattern})?", longest=longest)


def secret_matching(pattern: str) -> AfterValidator:
    """Like `optional`, for a secret."""
    compiled = re.compile(f"(?:{pattern})?", re.DOTALL)

    def check(value: SecretStr) -> SecretStr:
        if not compiled.fullmatch(value.get_secret_value()):
            raise ValueError
        return value

    return AfterValidator(check)


def _strict_bool(value: object) -> object:
    """Pulumi writes true and false; "yes" or "1" is more likely a slip than a wish."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise ValueError


def _strict_int(value: object) -> object:
    """Whole decimal numbers only: no "1.0", "1_000", " 1" or "010" (eight, in YAML)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"0|-?[1-9][0-9]{0,8}", value):
        return int(value)
    raise ValueError


Flag = BeforeValidator(_strict_bool)
Whole = BeforeValidator(_strict_int)
