"""The defaults of a stack's chart, as `helm show values` prints them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ops.console import OpsError
from ops.stack import Stack


def defaults(stack: Stack) -> str:
    """The default values of the stack's chart at the stack's version, as YAML with its comments.

    A login of a private registry goes through standard input into a store of its own, which is removed;
    the person's own is left alone. Raises `OpsError`.
    """
    settings = stack.config()
    chart, version = settings["chart"], settings["chartVersion"]
    with tempfile.TemporaryDirectory() as scratch:
        env, trust = dict(os.environ), _trust(settings)
        if settings.get("chartUsername"):
            env["HELM_REGISTRY_CONFIG"] = str(Path(scratch) / "config.json")
            host = chart.removeprefix("oci://").partition("/")[0]
            password = stack.read("config", "get", "chartPassword").strip()
            user = f"--username={settings['chartUsername']}"
            _helm("registry", "login", host, user, "--password-stdin", *trust, env=env, stdin=password)
        return _helm("show", "values", chart, f"--version={version}", *trust, env=env)


def _trust(settings: Mapping[str, str]) -> list[str]:
    file = settings.get("chartCaFile")
    return [f"--ca-file={file}"] if file else []


def _helm(*args: str, env: Mapping[str, str], stdin: str = "") -> str:
    program = shutil.which("helm", path=env.get("PATH"))
    if program is None:
        raise OpsError("helm is not on PATH, and it is what reads a chart's defaults: install Helm 3")
    done = subprocess.run(
        [program, *args], env=dict(env), input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OpsError(f"`helm {args[0]} {args[1]}` failed: {done.stderr.strip()}")
    return done.stdout
