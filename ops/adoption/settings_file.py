"""The stack's settings: written with the file's comments kept, put back on failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ops import stack_file
from ops.console import err
from ops.stack import Stack, State


def write(stack: Stack, changes: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
    """Set `changes` (None: the default) in the stack's file; `pulumi` itself encrypts `secrets`."""
    file = stack.file
    text = file.read_text() if file.exists() else ""
    stack_file.replace(file, stack_file.edited(text, changes))
    stack.hide(secrets)


@contextmanager
def restored(stack: Stack) -> Iterator[State]:
    """Gives the stack's state; puts it and the file back where the block fails, for whatever reason."""
    file = stack.file
    text = file.read_text() if file.exists() else None
    before = stack.export()
    try:
        yield before
    except BaseException:
        if text is None:
            file.unlink(missing_ok=True)
        else:
            stack_file.replace(file, text)
        stack.put(before)
        err.print("The stack's state and settings are as before; the release was not touched.")
        raise
