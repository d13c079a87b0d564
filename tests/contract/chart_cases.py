"""The cases of the chart's facts, and the stand-in rendered for each by the real Helm.

`facts/chart/` has a file for each case: values, and what comes of them in a form of our own (`objects`), or
the error that refuses them. One that names another as `like` says only what differs; null takes away.
"""

from __future__ import annotations

import base64
import functools
import json
import subprocess
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from lab import charts
from tests.contract.chart_form import Facts

FACTS = Path(__file__).parent / "facts" / "chart"
CASES = sorted(file.stem for file in FACTS.glob("*.json"))


def patched(base: Any, patch: Any) -> Any:
    """`base` with a JSON merge patch (RFC 7396) laid over it."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(base) if isinstance(base, Mapping) else {}
    for key, value in patch.items():
        result[key] = patched(result.get(key), value)
    return {key: value for key, value in result.items() if value is not None}


@functools.cache
def facts(case: str) -> Facts:
    """A case with what it is like filled in."""
    own: Facts = json.loads((FACTS / f"{case}.json").read_text())
    if "like" not in own:
        return own
    base = facts(own.pop("like"))
    if "refused" in own:
        base = {key: value for key, value in base.items() if key != "objects"}
    result: Facts = patched(base, own)
    return result


class Renders:
    """Every case rendered once, all of them side by side."""

    def __init__(self, helm: Path, folder: Path, pool: ThreadPoolExecutor) -> None:
        self.helm = helm
        self.folder = folder
        self.pool = pool
        self.read: dict[str, list[Facts]] = {}
        self.cases = {case: self.start(case, facts(case)) for case in CASES}

    def start(self, name: str, of: Facts) -> Future[subprocess.CompletedProcess[str]]:
        """Begin to render the values of `of`."""
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(of["values"]))
        release, namespace = of.get("release", "mlflow"), of.get("namespace", "mlflow")
        args = ["template", release, str(charts.SOURCE), "--namespace", namespace, "--values", str(file)]
        return self.pool.submit(self.run, *args)

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run `helm` to its end, whatever the end."""
        return subprocess.run([str(self.helm), *args], capture_output=True, text=True, check=False)

    def objects(self, case: str) -> list[Facts]:
        """What a case renders; read once."""
        if case not in self.read:
            self.read[case] = objects(self.cases[case].result())
        return self.read[case]


def objects(done: subprocess.CompletedProcess[str]) -> list[Facts]:
    """What Helm rendered; it may not have refused."""
    assert done.returncode == 0, done.stderr
    # The C loader: the pure one takes longer than Helm does.
    return [found for found in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if found]


def secrets(found: list[Facts]) -> dict[str, dict[str, str]]:
    """The rendered Secrets' texts by name and key."""
    return {
        one["metadata"]["name"]: {key: base64.b64decode(value).decode() for key, value in one["data"].items()}
        for one in found
        if one["kind"] == "Secret"
    }
