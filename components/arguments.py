"""The component's arguments for other Pulumi programs: a TypedDict, made of the settings themselves.

The engine hands a component a plain dict, and makes its schema from the type of that. Each setting is an
argument by construction, so the two cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, get_args, get_origin

import pulumi
from pydantic import SecretStr

from components.settings import Settings, parse
from components.settings.mistakes import Mistake
from components.settings.model import KEYS, about, key_of, set_command


def _plain(annotation: Any) -> Any:
    """The type of a setting in the words of a schema; what holds a secret may be an output."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation is SecretStr:
        return pulumi.Input[str]  # type: ignore[misc]  # an alias of a union, and generic all the same
    if origin is Annotated:
        return _plain(inner[0])
    if origin is Literal:
        return str
    return origin[tuple(map(_plain, inner))] if inner else annotation


if TYPE_CHECKING:
    MlflowTrackingArgs = dict[str, Any]
else:
    MlflowTrackingArgs = TypedDict(
        "MlflowTrackingArgs",
        {name: _plain(field.annotation) for name, field in Settings.model_fields.items()},
        total=False,
    )


def settings_of(args: Mapping[str, Any]) -> Settings:
    """The settings that these arguments make. Raises `WrongSettings` with all that is wrong."""
    later = {key_of(name): value for name, value in args.items() if isinstance(value, pulumi.Output)}
    given = {key_of(name): _whole(value) for name, value in args.items() if key_of(name) not in later}
    return parse({key: value for key, value in given.items() if not _unset(key, value)}, later)


def early(inputs: Mapping[str, Any]) -> list[Mistake]:
    """What is wrong with outputs among a component's inputs: only a secret may be one.

    All else decides which resources there are, or stands in Helm's record in plain text.
    """
    given = "a secret, or an output of another resource"
    return [
        Mistake(key, given, f"plain, and known before the update: {knob.accepted}", set_command(KEYS[key]))
        for key, value in inputs.items()
        if key in KEYS and not (knob := about(KEYS[key])).secret and _has_output(value)
    ]


def _has_output(value: object) -> bool:
    """Whether a value is an output, or has one in it."""
    if isinstance(value, Mapping):
        return any(map(_has_output, value.values()))
    return any(map(_has_output, value)) if isinstance(value, list) else isinstance(value, pulumi.Output)


def _unset(key: str, value: object) -> bool:
    """An empty secret is none, as in a stack's file."""
    return about(KEYS[key]).secret and value == ""


def _whole(value: Any) -> Any:
    """Numbers come over the wire as floats, whole ones too: 8080.0 is a port."""
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
