"""The platform's rules on the stack of `make up`: by `make policy`, and by the engine with the pack."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab import paths
from tests.e2e.deployment import Deployment, run

RUNTIME = "mlflow-test"
LAUNCHER = f"""#!/bin/sh
exec {paths.REPO}/policy/.venv/bin/python -u -m pulumi.policy "$1" "$2"
"""
"""Starts the pack as the CLI's own language host does. The lab's (3.78) cannot: it looks for a pack where
engines of its own age said where it is. What serves another runtime's packs the engine looks for on PATH."""


@dataclass
class Packed:
    """The deployment's stack with the pack; settings are changed in a copy of its file."""

    deployment: Deployment
    folder: Path

    def attempt(self, command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command with settings laid over the stack's."""
        file = self.folder / "Pulumi.changed.yaml"
        changes = "\n".join(f"pulumi config set {key} '{value}' >&2" for key, value in settings.items())
        return self.deployment.attempt(
            f'cp "$PULUMI_OPTION_CONFIG_FILE" {file}; export PULUMI_OPTION_CONFIG_FILE={file}\n'
            f"export PATH={self.folder}/bin:$PATH\n{changes}\n{command}"
        )

    def engine(self, what: str, **settings: str) -> tuple[int, str]:
        """The exit code of `pulumi WHAT` with the pack, and all that it printed."""
        done = self.attempt(
            f"pulumi {what} --policy-pack {self.folder}/policy --non-interactive --color never 2>&1",
            **settings,
        )
        return done.returncode, done.stdout

    def judged(self, **settings: str) -> tuple[int, dict[str, Any]]:
        """What `ops policy --json` says, and its exit code."""
        done = self.attempt("python -m ops policy --json", **settings)
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def packed(deployment: Deployment, undisturbed: None, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """The pack in its own environment, and what starts it on PATH."""
    run("make", "policy-pack")
    folder = tmp_path_factory.mktemp("policy")
    pack, programs = folder / "policy", folder / "bin"
    pack.mkdir()
    programs.mkdir()
    # Copies: what a platform declares stands beside them, and a test changes it.
    for part in ("ops", "components"):
        shutil.copytree(paths.REPO / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("__main__.py", "config.json"):
        shutil.copy(paths.REPO / "policy" / file, pack)
    told = (paths.REPO / "policy" / "PulumiPolicy.yaml").read_text()
    (pack / "PulumiPolicy.yaml").write_text(f"{told.partition('runtime:')[0]}runtime: {RUNTIME}\n")
    launcher = programs / f"pulumi-analyzer-policy-{RUNTIME}"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    return Packed(deployment, folder)


def rules(told: dict[str, Any], verdict: str) -> set[str]:
    return {each["rule"] for each in told["rules"] if each["verdict"] == verdict}


def named(printed: str) -> set[str]:
    """The mandatory rules that the engine says are broken."""
    return set(re.findall(r"\[mandatory\]\s+(\S+)", printed))


def test_what_make_up_brings_keeps_every_rule(packed: Packed) -> None:
    done = packed.attempt("make -s policy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "keeps every mandatory rule that applies to it" in done.stdout
    code, told = packed.judged()
    assert (code, rules(told, "broken")) == (0, set())
    assert rules(told, "not asked") == {"image-digest", "volumes"}


def test_the_engine_lets_it_pass(packed: Packed) -> None:
    code, printed = packed.engine("preview")
    assert code == 0, printed
    assert "mlflow@v" in printed, "the pack was asked"
    assert named(printed) == set()


LATEST = "bitnamilegacy/os-shell:latest"


def test_both_refuse_the_same(packed: Packed) -> None:
    code, told = packed.judged(imageOsShell=LATEST)
    assert (code, rules(told, "broken")) == (1, {"image-latest"})
    code, printed = packed.engine("preview", imageOsShell=LATEST)
    assert code != 0
    assert named(printed) == {"image-latest"}, printed
    assert "pulumi config set imageOsShell docker.io/bitnamilegacy/os-shell:TAG" in printed


def test_what_the_platform_declares_counts_for_the_engine_too(packed: Packed) -> None:
    """Options as well as levels."""
    file = packed.folder / "policy" / "config.json"
    committed = file.read_text()
    own = {"image-path": {"allowed": ["registry.example.com/team"]}, "image-digest": {"everywhere": True}}
    try:
        file.write_text(json.dumps({**json.loads(committed), **own}))
        code, printed = packed.engine("preview")
    finally:
        file.write_text(committed)
    assert code != 0
    assert named(printed) == {"image-path", "image-digest"}, printed


def test_an_update_is_refused_before_it_changes_anything(packed: Packed) -> None:
    """Even without a preview: the rules are asked before each resource."""
    before = packed.deployment.shell("helm history mlflow -n mlflow -o json")
    code, printed = packed.engine("up --yes --skip-preview", imageOsShell=LATEST)
    assert code != 0
    assert named(printed) == {"image-latest"}, printed
    assert packed.deployment.shell("helm history mlflow -n mlflow -o json") == before


def test_more_is_asked_of_production(packed: Packed) -> None:
    """Digests, which the lab's images have no registry to tell; protection it has."""
    code, told = packed.judged(production="true")
    assert (code, rules(told, "broken")) == (1, {"image-digest"})
    assert "volumes" in rules(told, "kept")
    code, printed = packed.engine("preview", production="true")
    assert code != 0
    assert named(printed) == {"image-digest"}, printed
