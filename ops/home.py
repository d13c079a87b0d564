"""Where `make up` keeps what belongs to one deployment and must never stand in the checkout.

A home holds the local state backend, the passphrase of the stack's secrets and the stack file that
`--config-file` names: the committed `Pulumi.dev.yaml` plus what only this deployment has.
"""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML

from ops.stack import CONFIG_FILE, PASSPHRASE_FILE, PREFIX, PROGRAM, Stack, pulumi

STACK = "dev"
COMMITTED = PROGRAM / f"Pulumi.{STACK}.yaml"
IDENTITY = (f"{PREFIX}namespace", f"{PREFIX}releaseName")
"""The settings whose change is the end of what is deployed, with its data: other names are other objects."""


@dataclass(frozen=True)
class Home:
    """One deployment's own folder; `tools` is what a shell needs besides to reach its cluster.

    Stacks of other names in the same folder share its backend and passphrase; each has a file of its own.
    """

    folder: Path
    tools: Mapping[str, str] = field(default_factory=dict)
    name: str = STACK

    @property
    def stack_file(self) -> Path:
        """The stack file outside the checkout."""
        return self.folder / f"Pulumi.{self.name}.yaml"

    @property
    def forward(self) -> Path:
        """The record of the port-forward that serves this deployment's URL."""
        return self.folder / "forward.json"

    def environ(self) -> dict[str, str]:
        """The variables that make `pulumi`, `kubectl` and `helm` mean this deployment."""
        return {
            **self.tools,
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            PASSPHRASE_FILE: str(self.folder / "passphrase"),
            CONFIG_FILE: str(self.stack_file),
            "PULUMI_DIY_BACKEND_GZIP": "false",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def stack(self) -> Stack:
        """The stack that lives here."""
        return Stack(self.name, self.environ())

    def setting(self, key: str) -> str | None:
        """A plain setting in the stack's file; None where there is no file yet, or no such setting in it."""
        if not self.stack_file.exists():
            return None
        value = YAML().load(self.stack_file)["config"].get(f"{PREFIX}{key}")
        return None if value is None else str(value)

    def prepare(self, settings: Mapping[str, str | None], confidential: Mapping[str, str]) -> None:
        """Make the passphrase, the stack and its file where they are missing.

        `settings` are written over the committed stack file's (`None` takes a key away); the names of an
        existing file (`IDENTITY`) change by `settings` alone, never by what is committed.
        `confidential` ones are encrypted by `pulumi` itself, which reads them from its standard input.
        """
        (self.folder / "state").mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        passphrase = self.folder / "passphrase"
        if not passphrase.exists():
            scratch = passphrase.with_suffix(".new")
            scratch.touch(mode=0o600)
            scratch.write_text(secrets.token_urlsafe(32))
            scratch.replace(passphrase)
        self._create_stack()
        known = self._write_stack_file(settings)
        missing = {key: text for key, text in confidential.items() if f"{PREFIX}{key}" not in known}
        self.stack().hide(missing)

    def _create_stack(self) -> None:
        """`pulumi stack init`, from a scratch folder: it writes a stack file where it runs."""
        if (self.folder / "state" / ".pulumi" / "stacks" / "mlflow" / f"{self.name}.json").exists():
            return
        with tempfile.TemporaryDirectory() as scratch:
            shutil.copy(PROGRAM / "Pulumi.yaml", scratch)
            pulumi(
                *("stack", "init", self.name, "--no-select"),
                cwd=Path(scratch),
                env={**self.stack().environ(), CONFIG_FILE: ""},
            )

    def _write_stack_file(self, settings: Mapping[str, str | None]) -> set[str]:
        """Bring the stack file up to the committed one and `settings`; the keys it has.

        Written only when one of these two has changed since: what a person set with `pulumi config
        set` stays.
        """
        yaml = YAML()
        base = self.folder / ("base.json" if self.name == STACK else f"base.{self.name}.json")
        asked = {key: value for key, value in settings.items() if f"{PREFIX}{key}" not in IDENTITY}
        given = json.dumps([COMMITTED.read_text(), asked], sort_keys=True)
        committed = yaml.load(COMMITTED)
        stack_file = yaml.load(self.stack_file) if self.stack_file.exists() else committed
        if self.stack_file.exists() and base.exists() and base.read_text() == given:
            return set(stack_file["config"])
        config = stack_file["config"]
        kept = IDENTITY if self.stack_file.exists() else ()
        config.update({key: value for key, value in committed["config"].items() if key not in kept})
        for key, value in settings.items():
            if value is None:
                config.pop(f"{PREFIX}{key}", None)
            else:
                config[f"{PREFIX}{key}"] = value
        scratch = self.stack_file.with_suffix(".new")
        yaml.dump(stack_file, scratch)
        scratch.replace(self.stack_file)
        base.write_text(given)
        return set(config)
