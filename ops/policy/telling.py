"""How verdicts are told: lines for a person, plain data for a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape

from ops.console import out
from ops.policy.judge import Verdict

_COLOURS = {"kept": "green", "broken": "red", "not asked": "dim"}


def report(stack: str, found: Sequence[Verdict]) -> None:
    """A row for each rule, below it where it is broken and the fix; then one line that sums up."""
    for each in found:
        colour = _COLOURS[each.verdict]
        row = f"{each.rule.name:<18}{each.level:<11}{escape(each.rule.asks)}"
        out.print(f"[{colour}]{each.verdict:<11}[/{colour}]{row}")
        for breach in each.breaches:
            out.print(f"{'':<11}[dim]where[/dim] {escape(f'{breach.where}: {breach.found}')}")
            out.print(f"{'':<11}[dim]fix  [/dim] {escape(breach.fix)}")
    out.print(summary(stack, found))


def summary(stack: str, found: Sequence[Verdict]) -> str:
    """One line: which rules stop the stack, which are only told."""
    stops = [each.rule.name for each in found if each.stops]
    told = [each.rule.name for each in found if each.verdict == "broken" and not each.stops]
    advice = f" (advisory: {', '.join(told)})" if told else ""
    if stops:
        return f"{stack} breaks mandatory rules: {', '.join(stops)}{advice}"
    return f"{stack} keeps every mandatory rule that applies to it{advice}"


def as_json(stack: str, found: Sequence[Verdict]) -> dict[str, Any]:
    """The same as plain data."""
    rules = [
        {
            "rule": each.rule.name,
            "asks": each.rule.asks,
            "level": each.level,
            "verdict": each.verdict,
            "breaches": [asdict(breach) for breach in each.breaches],
        }
        for each in found
    ]
    return {"stack": stack, "kept": not any(each.stops for each in found), "rules": rules}
