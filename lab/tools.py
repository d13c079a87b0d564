"""The lab's programs, built from pinned Go modules and kept by content."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab import cache, paths, prerequisites
from lab.shell import run

PULUMI = "3.259.0"
HELM = "3.20.0"
KUBERNETES = "1.34.4"
TRAEFIK = "3.6.12"

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
        return cache.cached(self.name, self._inputs(), self._build)

    def _inputs(self) -> dict[str, object]:
        """What the build is made from."""
        return {
            "sources": cache.digest_tree(self.folder),
            "go": _go("version"),
            "ldflags": self.ldflags,
        }

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
        sdk = f"github.com/pulumi/pulumi/sdk/v3@v{PULUMI}"
        run([prerequisites.go(), "mod", "download", sdk], log=log, cwd=paths.LAB / "go" / "pulumi")
        script = out / "pulumi-language-python-exec"
        shutil.copy(Path(_go("env", "GOMODCACHE").strip()) / sdk / "python" / "cmd" / script.name, script)
        script.chmod(0o755)


@dataclass(frozen=True)
class Addons(Module):
    """Some have kinds of their own: the definitions come with the source, and stand beside the programs."""

    kinds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """By program: the module that has the definitions, and their files in it, as a pattern."""

    def _inputs(self) -> dict[str, object]:
        return {**super()._inputs(), "kinds": self.kinds}

    def _build(self, out: Path, log: Path) -> None:
        super()._build(out, log)
        for program, (source, pattern) in self.kinds.items():
            folder = Path(_go("list", "-m", "-f", "{{.Dir}}", source, cwd=self.folder).strip())
            files = sorted(folder.glob(pattern))
            if not files:
                raise RuntimeError(f"{source} has no {pattern}")
            (out / f"{program}-kinds.yaml").write_text("\n---\n".join(file.read_text() for file in files))


def _go(*args: str, cwd: Path | None = None) -> str:
    """What `go ARGS` prints."""
    go = prerequisites.go()
    return subprocess.run([go, *args], capture_output=True, text=True, check=True, cwd=cwd).stdout


ENGINE = [
    Module("pulumi", _PULUMI_VERSION),
    LanguageHost("pulumi-language-python", _PULUMI_VERSION),
]
"""What deploys; needed on any cluster."""

CLUSTER = [
    Module("kubernetes", _KUBERNETES_VERSION),
    Module("versitygw", "-X main.Version=v1.8.0"),
    # One module, so that each library has one version: what they share, most of it, is compiled once.
    Addons(
        "addons",
        f"-X github.com/traefik/traefik/v3/pkg/version.Version={TRAEFIK}",
        {
            "traefik": (
                "github.com/traefik/traefik/v3",
                "docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml",
            ),
            "certificates": ("github.com/cert-manager/cert-manager", "deploy/crds/cert-manager.io_*.yaml"),
        },
    ),
]
"""What the lab's own cluster runs on."""

CHECKS = [Module("actionlint")]
"""What fast tests run besides Helm."""

LANGUAGES = Module("languages")
"""Pulumi's host of YAML programs and its generator of Python SDKs, for the examples."""


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
