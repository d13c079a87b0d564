"""What a rule between settings finds: a mistake, and the fields that led to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from components.settings.mistakes import Mistake, shown
from components.settings.model import (
    Settings,
    about,
    is_given,
    key_of,
    remove_command,
    set_command,
)


@dataclass(frozen=True)
class Finding:
    """A mistake and the names of the fields it follows from.

    Where one of these is wrong in itself, the finding says nothing.
    """

    mistake: Mistake
    fields: frozenset[str]


def given(settings: Settings, name: str) -> str:
    """A field's value for a message; never a secret's."""
    if about(name).secret:
        return "a secret" if is_given(settings, name) else "nothing"
    value = getattr(settings, name)
    return "nothing" if value in ("", [], {}) else shown(value)


def wrong(settings: Settings, name: str, accepted: str, fix: str, *others: str, what: str = "") -> Finding:
    """`name` has a value that does not go with `others`."""
    return Finding(
        Mistake(key_of(name), what or given(settings, name), accepted, fix), frozenset({name, *others})
    )


def missing(name: str, why: str, *others: str) -> Finding:
    """`name` has no value and needs one."""
    accepted = f"{about(name).accepted} ({why})"
    return Finding(Mistake(key_of(name), "nothing", accepted, set_command(name)), frozenset({name, *others}))


def no_effect(settings: Settings, name: str, when: str, *others: str) -> Iterator[Finding]:
    """`name` has a value that nothing reads `when` ...: it is set in vain, most likely by mistake."""
    if is_given(settings, name):
        yield wrong(settings, name, f"nothing: it has no effect {when}", remove_command(name), *others)


def one_of(settings: Settings, names: Sequence[str], when: str, *others: str) -> Iterator[Finding]:
    """Exactly one of `names` has a value."""
    chosen = [name for name in names if is_given(settings, name)]
    keys = ", ".join(key_of(name) for name in names)
    if not chosen:
        fix = " or ".join(set_command(name) for name in names)
        mistake = Mistake(key_of(names[0]), "nothing", f"exactly one of {keys} {when}", fix)
        yield Finding(mistake, frozenset({*names, *others}))
    for name in chosen[1:]:
        accepted = f"exactly one of {keys} {when}; {key_of(chosen[0])} is set"
        yield wrong(settings, name, accepted, remove_command(name), *names, *others)
