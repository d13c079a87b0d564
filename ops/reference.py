"""Write what is generated from the settings: the `config` of Pulumi.yaml and the configuration tables.

`python -m ops.reference` writes, with `--check` it only says what is out of date (exit code 1).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from components.settings.fields import Group, knob_of
from components.settings.model import GROUPS
from ops.stack import PROGRAM

_TABLE = ("<!-- configuration:start -->", "<!-- configuration:end -->")
_CONFIG = ("  # configuration:start (written by `make docs`)", "  # configuration:end")


def kind(annotation: Any) -> str:
    """The type of a setting in a person's words."""
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    plain = get_origin(annotation) or annotation
    kinds = {SecretStr: "secret", str: "string", bool: "boolean", int: "integer", list: "list", dict: "map"}
    return kinds[plain]


def _default(field: FieldInfo) -> Any:
    return "" if isinstance(field.default, SecretStr) else field.default


def table() -> str:
    """All settings as Markdown, one table for each group."""
    return "\n\n".join("\n".join(_group(group)) for group in GROUPS)


def _group(group: type[Group]) -> Iterator[str]:
    heading, _, rest = str(group.__doc__).partition(".")
    yield f"### {heading}\n"
    if rest.strip():
        yield f"{' '.join(rest.split())}\n"
    yield "| key | type | default | promoted | what it does; what it accepts |"
    yield "| --- | --- | --- | --- | --- |"
    for field in group.model_fields.values():
        knob = knob_of(field)
        default = _default(field)
        text = json.dumps(default) if isinstance(default, bool | dict | list) else str(default)
        cells = (
            f"`{field.alias}`",
            kind(field.annotation),
            f"`{text}`" if text else "",
            "yes" if knob.promotable else "",
            f"{knob.description} Accepts {knob.accepted}.",
        )
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def config() -> str:
    """The settings as Pulumi.yaml declares them, each with type, description and default.

    `type` stands only where the engine cannot refuse by it before the program runs: it would stop at the
    first mistake and name no fix. `secret` cannot stand there at all: it refuses its own default.
    """
    declared: dict[str, Any] = {}
    for group in GROUPS:
        for field in group.model_fields.values():
            name = kind(field.annotation).replace("`", "")
            entry: dict[str, Any] = {"type": "string"} if isinstance(_default(field), str) else {}
            entry["description"] = f"({name}) {knob_of(field).description}"
            declared[str(field.alias)] = {**entry, "default": _default(field)}
    dumped = yaml.safe_dump(declared, sort_keys=False, width=10_000, allow_unicode=True)
    return "\n".join(f"  {line}" for line in dumped.splitlines())


def targets() -> dict[Path, tuple[tuple[str, str], str]]:
    """The files with generated parts: their markers and what belongs between these."""
    pages = (PROGRAM / "docs" / "configuration.md", PROGRAM / "README.md")
    tables = {page: (_TABLE, f"\n{table()}\n") for page in pages if page.exists()}
    return {PROGRAM / "Pulumi.yaml": (_CONFIG, config()), **tables}


def generated(path: Path, markers: tuple[str, str], part: str) -> str:
    """The text of a file with `part` between its markers. Raises ValueError where it has none."""
    text = path.read_text()
    start, end = markers
    if text.count(start) != 1 or text.count(end) != 1:
        raise ValueError(f"{path.name} needs the lines {start.strip()} and {end.strip()}, each once")
    before, _, rest = text.partition(start)
    return f"{before}{start}\n{part}\n{end}{rest.partition(end)[2]}"


def outdated() -> Iterator[tuple[Path, str]]:
    """Files whose generated part differs from the settings, each with the text it should have."""
    for path, (markers, part) in targets().items():
        text = generated(path, markers, part)
        if text != path.read_text():
            yield path, text


def main(check: bool) -> int:
    """Write all generated parts, or only name the outdated ones. Gives the exit code."""
    stale = list(outdated())
    for path, text in stale:
        if not check:
            path.write_text(text)
        sys.stderr.write(f"{path.name}: {'out of date; run `make docs`' if check else 'written'}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
