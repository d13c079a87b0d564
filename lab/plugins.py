"""Pulumi's provider plugins: the official ones wherever they are to be had, else the lab's stand-ins.

An official plugin is never overwritten: a stand-in carries a marker file, and what has none is left alone.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lab import cache, paths, prerequisites, tools
from lab.proxies import answers as _answers
from lab.shell import run

PROVIDERS = ("kubernetes", "random")
MARKER = "stand-in"
"""A file in a plugin's folder: the lab made it, and may replace it."""

DOWNLOADS = "https://get.pulumi.com/releases/plugins/"
DOWNLOAD_SECONDS = 300.0

SOURCES = paths.LAB / "provider"


@dataclass(frozen=True)
class Plugin:
    """One provider plugin, at the version that the installed Python SDK asks for."""

    name: str
    version: str

    @property
    def folder(self) -> str:
        """The name of its folder in `plugins`."""
        return f"resource-{self.name}-v{self.version}"

    @property
    def program(self) -> str:
        """The name of its executable."""
        return f"pulumi-resource-{self.name}"


def wanted(name: str) -> Plugin:
    """The plugin for the installed SDK package `pulumi-NAME`. Raises `PackageNotFoundError` without one."""
    for file in metadata.files(f"pulumi-{name}") or []:
        if file.name == "pulumi-plugin.json":
            return Plugin(name, str(json.loads(file.read_text())["version"]))
    raise metadata.PackageNotFoundError(f"pulumi-{name} (without a pulumi-plugin.json)")


def build() -> Path:
    """The folder with `helm` and the stand-ins, which share one Go module and so one build."""
    go = prerequisites.go()
    inputs = {
        "sources": cache.digest_tree(SOURCES),
        "go": subprocess.run([go, "version"], capture_output=True, text=True, check=True).stdout,
    }
    return cache.cached("helm-and-providers", inputs, _build)


def _build(out: Path, log: Path) -> None:
    flags = f"-s -w -X helm.sh/helm/v3/internal/version.version=v{tools.HELM}"
    for packages in (["tool"], ["."]):
        run(
            [prerequisites.go(), "build", "-trimpath", "-ldflags", flags, "-o", f"{out}/", *packages],
            log=log,
            cwd=SOURCES,
            env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"},
        )
    for name in PROVIDERS:
        os.link(out / "provider", out / f"stand-in-{name}")
    (out / "provider").unlink()


def ensure(home: Path, pulumi: Path) -> None:
    """Have every provider plugin in `home` (a PULUMI_HOME): the official one if it can be had.

    In this order: what is there already, what the person's own ~/.pulumi has, a download by `pulumi`
    (not tried when its host does not answer soon), the stand-in. Raises `CommandError`.
    """
    reachable: bool | None = None
    for plugin in map(wanted, PROVIDERS):
        target = home / "plugins" / plugin.folder
        if _official(target, plugin):
            continue
        own = Path.home() / ".pulumi" / "plugins" / plugin.folder
        if own != target and _official(own, plugin):
            _clear(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(own)
            continue
        reachable = _answers(DOWNLOADS) if reachable is None else reachable
        if reachable and _downloaded(plugin, home, pulumi):
            continue
        reachable = False
        _stand_in(plugin, target)


def _official(folder: Path, plugin: Plugin) -> bool:
    """An executable that is not the lab's; a download that was cut leaves `.partial` beside the folder."""
    return (
        os.access(folder / plugin.program, os.X_OK)
        and not (folder / MARKER).exists()
        and not folder.with_name(f"{folder.name}.partial").exists()
    )


def _downloaded(plugin: Plugin, home: Path, pulumi: Path) -> bool:
    """Whether `pulumi` could fetch the official plugin; what it says about a failure is no concern here."""
    scratch = home / "download"
    shutil.rmtree(scratch, ignore_errors=True)
    command = [str(pulumi), "plugin", "install", "resource", plugin.name, f"v{plugin.version}"]
    environment = {**os.environ, "PULUMI_HOME": str(scratch), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    fetched = scratch / "plugins" / plugin.folder
    try:
        subprocess.run(command, env=environment, capture_output=True, timeout=DOWNLOAD_SECONDS, check=True)
        if not _official(fetched, plugin):
            return False
        target = home / "plugins" / plugin.folder
        _clear(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        fetched.rename(target)
        return True
    except (OSError, subprocess.SubprocessError):
        return False
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _clear(target: Path) -> None:
    """Remove a stand-in or a link; never called where an official plugin is."""
    if target.is_symlink():
        target.unlink()
    elif target.exists():
        shutil.rmtree(target)
    target.with_name(f"{target.name}.partial").unlink(missing_ok=True)


def _stand_in(plugin: Plugin, target: Path) -> None:
    """Put the stand-in where the engine looks; its folder takes its name when it is whole."""
    source = build() / f"stand-in-{plugin.name}"
    marker = f"{source}\n"
    if (target / MARKER).exists() and (target / MARKER).read_text() == marker:
        return
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    scratch.mkdir(parents=True)
    try:
        # A copy: the cache may be emptied while stacks still need their plugins.
        shutil.copy2(source, scratch / plugin.program)
        (scratch / MARKER).write_text(marker)
        _clear(target)
        scratch.rename(target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
