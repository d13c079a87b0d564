"""Durations as `mlflow gc --older-than` takes them (MLflow 3.3.2), checked: days, hours, minutes, seconds."""

from __future__ import annotations

import re
from datetime import timedelta

ACCEPTED = "a duration of days, hours, minutes and seconds, in that order, such as 30d or 1d12h; at least 1s"
_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,9})?"
_FORM = re.compile(
    "".join(rf"(?:(?P<{name}>{_NUMBER}){name[0]})?" for name in ("days", "hours", "minutes", "seconds"))
)
_MOST = timedelta(days=36500)


def milliseconds(text: str) -> int:
    """How long a duration is. Raises ValueError with what is wrong."""
    found = _FORM.fullmatch(text)
    parts = {name: float(number) for name, number in found.groupdict().items() if number} if found else {}
    if not parts:
        raise ValueError("the units are d, h, m and s, in that order")
    if max(parts.values()) > _MOST.total_seconds() or (length := timedelta(**parts)) > _MOST:
        raise ValueError("longer than 100 years")
    if length < timedelta(seconds=1):
        raise ValueError("too short: what was deleted by mistake a moment ago could not be restored")
    return length // timedelta(milliseconds=1)


def duration(text: str) -> str:
    """`text` where it is a duration. Raises ValueError."""
    milliseconds(text)
    return text
