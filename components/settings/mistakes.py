"""How a wrong setting is told: key, what was given, what is accepted, and the command that fixes it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

import pulumi

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_USER = re.compile(r'[^\s"]*:[^\s"]*@(?!(?:sha256|sha512|md5):)')
"""Not the `name:tag@` of an image."""
_LONG = 2000
"""Characters. What is longer is no value that a person typed, and looking through it takes too long."""
_QUERY = re.compile(r'\?[^\s"]+')


@dataclass(frozen=True)
class Mistake:
    """One wrong setting; holds no secret value, ever."""

    key: str
    given: str
    accepted: str
    fix: str

    def __str__(self) -> str:
        """Four lines, the key first."""
        lines = (self.key, f"given:    {self.given}", f"accepted: {self.accepted}", f"fix:      {self.fix}")
        return "\n     ".join(_CONTROL.sub("?", line) for line in lines)


class WrongSettings(pulumi.RunError):
    """All that is wrong with a stack's settings; the engine prints it without a traceback."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = f"{len(self.mistakes)} mistake{'s' if len(self.mistakes) > 1 else ''}"
        listed = "\n".join(f"  {number}. {mistake}" for number, mistake in enumerate(self.mistakes, 1))
        super().__init__(f"{count} in the settings of this stack; the cluster was not contacted.\n{listed}")


def shown(value: object) -> str:
    """A value as it stands in a message: on one line, cut at 80 characters, without what a URL may hide.

    That is `user:password@`, wherever it stands, and all after a question mark.
    """
    text = f'"{value}"' if isinstance(value, str) else json.dumps(value, default=str)
    if len(text) > _LONG:
        return f"{len(text)} characters"
    text = _USER.sub("...@", " ".join(text.split()))
    text = _QUERY.sub("?...", text)
    return text if len(text) <= 80 else f"{text[:77]}..."
