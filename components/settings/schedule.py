"""Schedules of cron, as a CronJob of Kubernetes takes them, checked field by field."""

from __future__ import annotations

import re

ACCEPTED = 'a cron schedule, "minute hour day month weekday", or @daily and the like'
_MACROS = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("weekday", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
"""Name, least, most and words of each field; Sunday is 0 and 7 is none (robfig/cron v3, Kubernetes 1.34)."""
_PART = re.compile(r"(?:\*|([a-z]{3}|[0-9]{1,2})(?:-([a-z]{3}|[0-9]{1,2}))?)(?:/([0-9]{1,2}))?")


def cron(text: str) -> str:
    """`text` where it is a schedule. Raises ValueError with the field that is wrong."""
    if text in _MACROS:
        return text
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(f"{len(fields)} fields instead of 5")
    for field, (name, least, most, words) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            _check(part, name, least, most, words)
    return " ".join(fields)


def _check(part: str, name: str, least: int, most: int, words: dict[str, int]) -> None:
    found = _PART.fullmatch(part.lower())
    if not found:
        raise ValueError(f'{name} "{part}"')
    first, last, step = found.groups()
    numbers = [words.get(each, -1) if each.isalpha() else int(each) for each in (first, last) if each]
    if not all(least <= number <= most for number in numbers):
        raise ValueError(f'{name} "{part}" is not within {least} to {most}')
    if numbers != sorted(numbers):
        raise ValueError(f'{name} "{part}" ends before it begins')
    if step == "0":
        raise ValueError(f'{name} "{part}" has a step of 0')
