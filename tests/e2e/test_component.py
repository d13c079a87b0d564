"""The component in other programs, with the real engine: each example as committed, on the lab's cluster.

The lab's language host is older than plugins that are folders, and than the command that writes an SDK. So a
program on PATH starts the plugin, as a newer host does, and Pulumi's own generator writes the SDK.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from components.hosted import Host
from components.settings.model import KEYS
from lab import api, tools
from lab.cluster import services
from ops.home import STACK
from ops.stack import PROGRAM
from tests.e2e.deployment import Deployment
from tests.e2e.scratch import SMALL

EXAMPLES = PROGRAM / "examples"
CONFIG = {"context": "mlflow-lab", "s3Endpoint": services.S3_ENDPOINT}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin's program, the host of YAML programs, and the SDK in `sdk`."""
    folder = tmp_path_factory.mktemp("programs")
    built = tools.LANGUAGES.build()
    (folder / "pulumi-language-yaml").symlink_to(built / "pulumi-language-yaml")
    plugin = folder / "pulumi-resource-mlflow"
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {PROGRAM / "plugin"} "$@"\n')
    plugin.chmod(0o755)
    schema = str(Host().schema)
    subprocess.run([built / "pulumi-generate-python", folder / "sdk"], input=schema, text=True, check=True)
    # As an installer leaves it: the SDK asks for its own version.
    about = folder / "sdk" / "pulumi_mlflow-0.0.0.dist-info" / "METADATA"
    about.parent.mkdir()
    about.write_text("Metadata-Version: 2.1\nName: pulumi_mlflow\nVersion: 0.0.0\n")
    return folder


class Example:
    """An example's stack, driven by the `pulumi` program."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = env

    def pulumi(self, *args: str, stdin: str = "") -> str:
        """Run `pulumi ARGS` to its good end; its standard output."""
        done = self.attempt(*args, stdin=stdin)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def attempt(self, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Like `pulumi`, and gives whatever came of it."""
        return subprocess.run(
            ["pulumi", *args, "--stack", STACK, "--non-interactive"],
            cwd=self.folder,
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )


def adapt(folder: Path) -> None:
    """What the lab has otherwise: where its chart is served, and a node that others use too."""
    given = {**api.settings(), **SMALL}
    program = folder / "__main__.py"
    if program.exists():
        wanted = "".join(f"    {KEYS[key]}={value!r},\n" for key, value in given.items())
        program.write_text(program.read_text().replace('    "tracking",\n', f'    "tracking",\n{wanted}'))
    else:
        text = YAML().load((folder / "Pulumi.yaml").read_text())
        text["resources"]["tracking"]["properties"].update(given)
        YAML().dump(text, folder / "Pulumi.yaml")


@contextmanager
def example(name: str, programs: Path, folder: Path) -> Iterator[Example]:
    """A copy of the example with its settings, not up yet; what it made is destroyed with the block."""
    shutil.copytree(EXAMPLES / name, folder / name)
    project = folder / name / "Pulumi.yaml"
    text = YAML().load(project.read_text())
    # On PATH here; where the example says, the engine would ask its host to start it.
    del text["packages"]
    YAML().dump(text, project)
    adapt(folder / name)
    (folder / "state").mkdir()
    path = [str(programs), str(Path(sys.executable).parent), str(api.bin_folder()), os.environ["PATH"]]
    made = Example(
        folder / name,
        {
            **os.environ,
            **api.environ(),
            "PATH": os.pathsep.join(path),
            "PYTHONPATH": str(programs / "sdk"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "of a test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        },
    )
    made.pulumi("stack", "init")
    for key, value in CONFIG.items():
        made.pulumi("config", "set", key, value)
    for key, value in zip(("s3AccessKeyId", "s3SecretAccessKey"), api.s3_keys(), strict=True):
        made.pulumi("config", "set", "--secret", key, stdin=value)
    try:
        yield made
    finally:
        made.pulumi("destroy", "--yes", "--skip-preview")


def test_a_yaml_program_installs_a_server(programs: Path, deployment: Deployment, tmp_path: Path) -> None:
    with example("yaml", programs, tmp_path) as program:
        program.pulumi("preview")
        program.pulumi("up", "--yes", "--skip-preview")
        program.pulumi("preview", "--expect-no-changes")
        outputs = json.loads(program.pulumi("stack", "output", "--json"))
        assert outputs["url"] == "http://mlflow-tracking.team-yaml.svc"
        assert outputs["password"] == "[secret]"
        state = program.pulumi("stack", "export")
        assert not any(key in state for key in api.s3_keys())


def test_a_python_program_is_previewed(programs: Path, deployment: Deployment, tmp_path: Path) -> None:
    with example("python", programs, tmp_path) as program:
        shown = program.pulumi("preview", "--json")
        steps = {step["newState"]["type"] for step in json.loads(shown)["steps"]}
        assert {"mlflow:index:MlflowTracking", "kubernetes:helm.sh/v3:Release"} <= steps


def test_mistakes_are_told_by_argument(programs: Path, deployment: Deployment, tmp_path: Path) -> None:
    with example("python", programs, tmp_path) as program:
        program.pulumi("config", "set", "s3Endpoint", "nonsense")
        told = program.attempt("preview")
        assert told.returncode != 0
        assert "s3Endpoint" in told.stdout + told.stderr
        assert 'given: "nonsense"; accepted: http(s)://host[:port]' in told.stdout + told.stderr
