"""A stack's chart, read by Helm: its defaults (`helm show values`), and what it renders (`helm template`)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops import helm_yaml
from ops.adoption.reading import at
from ops.console import OpsError
from ops.stack import Stack

IMAGES = {
    "imageMlflow": "image",
    "imageGit": "gitImage",
    "imageOsShell": "waitContainer.image",
    "imagePostgresql": "postgresql.image",
    "imagePostgresExporter": "postgresql.metrics.image",
}
"""Where the values of the chart have the image of a setting (5.1.17)."""


@dataclass(frozen=True, repr=False)
class Chart:
    """Where a chart is, and the login of its registry; it holds a secret, so it is never printed."""

    reference: str
    version: str
    username: str = ""
    password: str = ""
    ca_file: str = ""


def of(settings: Mapping[str, str], password: Callable[[], str]) -> Chart:
    """The chart that a stack's settings name; `password` is asked for where its registry wants a login."""
    user = settings.get("chartUsername", "")
    return Chart(
        settings["chart"],
        settings["chartVersion"],
        user,
        password() if user else "",
        settings.get("chartCaFile", ""),
    )


def password(stack: Stack) -> str:
    """The password of the chart's registry, in clear. Raises `OpsError`."""
    return stack.read("config", "get", "chartPassword").strip()


def defaults(chart: Chart) -> str:
    """The default values of a chart, as YAML with its comments. Raises `OpsError`."""
    with _signed_in(chart) as env:
        return _helm("show", "values", *_source(chart), env=env)


def rendered(chart: Chart, release: str, namespace: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects that the chart makes of `values` on a first install; no cluster is asked.

    What it generates (passwords) is another at every call. Raises `OpsError`, also where the chart refuses.
    """
    where = (release, *_source(chart), f"--namespace={namespace}", "--values=-")
    with _signed_in(chart) as env:
        return [*helm_yaml.documents(_helm("template", *where, env=env, stdin=json.dumps(values)))]


def tags(chart: Chart) -> dict[str, str]:
    """The tags that the chart itself gives, by the setting of their image; of its sub-charts too.

    Raises `OpsError`. `helm show values` has no defaults of sub-charts, so the chart is fetched.
    """
    with _signed_in(chart) as env, tempfile.TemporaryDirectory() as scratch:
        _helm("pull", *_source(chart), "--untar", f"--untardir={scratch}", env=env)
        (top,) = (entry for entry in Path(scratch).iterdir() if entry.is_dir())
        values = helm_yaml.mapping((top / "values.yaml").read_text())
        below = {
            file.parent.name: helm_yaml.mapping(file.read_text()) for file in top.glob("charts/*/values.yaml")
        }
    found = {key: at(values, f"{path}.tag") or at(below, f"{path}.tag") for key, path in IMAGES.items()}
    return {key: str(tag) for key, tag in found.items() if tag}


def _source(chart: Chart) -> tuple[str, ...]:
    return (chart.reference, f"--version={chart.version}", *_trust(chart))


def _trust(chart: Chart) -> list[str]:
    return [f"--ca-file={chart.ca_file}"] if chart.ca_file else []


@contextmanager
def _signed_in(chart: Chart) -> Iterator[Mapping[str, str]]:
    """The environment in which Helm may read the chart.

    A login of a private registry goes through standard input into a store of its own, which is removed;
    the person's own is left alone.
    """
    with tempfile.TemporaryDirectory() as scratch:
        env = dict(os.environ)
        if chart.username:
            env["HELM_REGISTRY_CONFIG"] = str(Path(scratch) / "config.json")
            host = chart.reference.removeprefix("oci://").partition("/")[0]
            user = (f"--username={chart.username}", "--password-stdin")
            _helm("registry", "login", host, *user, *_trust(chart), env=env, stdin=chart.password)
        yield env


def _helm(*args: str, env: Mapping[str, str], stdin: str = "") -> str:
    program = shutil.which("helm", path=env.get("PATH"))
    if program is None:
        raise OpsError("helm is not on PATH, and charts are read with it: install Helm 3")
    done = subprocess.run(
        [program, *args], env=dict(env), input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OpsError(f"`helm {args[0]} {args[1]}` failed: {done.stderr.strip()}")
    return done.stdout
