"""The lab's programs, built from pinned Go modules and kept by content."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import cache, paths, prerequisites
from lab.shell import run

PULUMI = "3.259.0"
HELM = "3.20.0"
KUBERNETES = "1.34.4"

_PULUMI_VERSION = f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{PULUMI}"
_KUBERNETES_VERSION = " ".join(
    [
        f"-X k8s.io/component-base/version.gitVersion=v{KUBERNETES}",
        f"-X k8s.io/client-go/pkg/version.gitVersion=v{KUBERNETES}",
        *(
            f"-X k8s.io/component-base/version.git{part}={number}"
            for part, number in zip(("Major", "Minor"), KUBERNETES.split("."), strict=False)
        ),
    ]
)


@dataclass(frozen=True)
class Module:
    """One Go module below `lab/go` whose `tool` directives name the programs to build."""

    name: str
    ldflags: str = ""

    @property
    def folder(self) -> Path:
        """Where its go.mod and go.sum are."""
        return paths.LAB / "go" / self.name

    def build(self) -> Path:
        """The folder with its programs, built now if need be."""
        go = prerequisites.go()
        inputs = {
            "sources": cache.digest_tree(self.folder),
            "go": subprocess.run([go, "version"], capture_output=True, text=True, check=True).stdout,
            "ldflags": self.ldflags,
        }
        return cache.cached(self.name, inputs, self._build)

    def _build(self, out: Path, log: Path) -> None:
        run(
            [
                prerequisites.go(),
                "build",
                "-trimpath",
                "-ldflags",
                f"-s -w {self.ldflags}",
                "-o",
                f"{out}/",
                "tool",
            ],
            log=log,
            cwd=self.folder,
            env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"},
        )


class LanguageHost(Module):
    """Pulumi's Python language host; the script that runs a program comes with the engine's own SDK."""

    def _build(self, out: Path, log: Path) -> None:
        super()._build(out, log)
        go = prerequisites.go()
        sdk = f"github.com/pulumi/pulumi/sdk/v3@v{PULUMI}"
        run([go, "mod", "download", sdk], log=log, cwd=paths.LAB / "go" / "pulumi")
        modules = subprocess.run(
            [go, "env", "GOMODCACHE"], capture_output=True, text=True, check=True
        ).stdout.strip()
        script = out / "pulumi-language-python-exec"
        shutil.copy(Path(modules) / sdk / "python" / "cmd" / script.name, script)
        script.chmod(0o755)


ENGINE = [
    Module("pulumi", _PULUMI_VERSION),
    LanguageHost("pulumi-language-python", _PULUMI_VERSION),
]
"""What deploys; needed on any cluster."""

CLUSTER = [
    Module("kubernetes", _KUBERNETES_VERSION),
    Module("coredns"),
    Module("volumes"),
    Module("versitygw", "-X main.Version=v1.8.0"),
]
"""What the lab's own cluster runs on."""


def bin_folder() -> Path:
    """One folder with every program built so far."""
    return paths.root() / "bin"


def link(*folders: Path) -> None:
    """Put the programs of these builds into `bin_folder`.

    By hard links: the engine looks for its language host beside its own file, where a symbolic link leads.
    """
    bin_folder().mkdir(parents=True, exist_ok=True)
    for folder in folders:
        for program in folder.iterdir():
            entry = bin_folder() / program.name
            if entry.exists() and entry.samefile(program):
                continue
            scratch = bin_folder() / f".{program.name}.{os.getpid()}"
            scratch.hardlink_to(program)
            scratch.replace(entry)
