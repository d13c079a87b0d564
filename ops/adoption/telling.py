"""What adopting would do, for a person and as data."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby

from components import names
from components.settings.mistakes import shown
from ops.adoption.plan import Plan
from ops.adoption.reasons import Held
from ops.console import err


def show(what: Plan) -> None:
    """Settings to write, and what stays as Helm left it, with the program's reasons. Shows no secret."""
    live = what.record
    _say(f"Release {live.name}: {live.chart} {live.chart_version}, revision {live.revision}, stays as it is")
    _say(f"Into the stack's state: {', '.join(_objects(what))}")
    _say("Into the stack's settings:")
    for key, value in sorted(what.changes.items()):
        if key != "adoptedValues":
            _say(f"  {key}: {'(the default)' if value is None else shown(value)}")
    for key in what.secrets:
        _say(f"  {key}: (a secret)")
    if what.held:
        _say("Kept as Helm left it, in adoptedValues. If you take these over, the program changes:")
    for why, group in groupby(sorted(what.held, key=_reason), key=_reason):
        _say(f"  {why}")
        for one in group:
            _say(f"    {one.path}: {one.release} -> {one.program}")


def _say(text: str) -> None:
    err.print(text, markup=False)


def _reason(one: Held) -> str:
    return one.why


def _objects(what: Plan) -> list[str]:
    """What becomes the stack's own."""
    live = what.record
    secret = f"Secret {names.own(live.name, names.S3_SECRET)}"
    namespace = f"namespace {live.namespace} (`pulumi destroy` deletes it, with all in it)"
    found = {f"release {live.name}": True, secret: bool(what.s3), namespace: what.owns_namespace}
    return [name for name, owned in found.items() if owned]


def as_json(what: Plan) -> dict[str, object]:
    """The plan as plain data; of secrets the keys alone."""
    live = what.record
    return {
        "release": f"{live.namespace}/{live.name}",
        "chart_version": live.chart_version,
        "revision": live.revision,
        "objects": _objects(what),
        "settings": what.changes,
        "secrets": sorted(what.secrets),
        "held": [asdict(one) for one in what.held],
    }
