"""The stand-in plugins under a real engine and a real API server: up, preview, drift, failure, destroy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import plugins, tools
from tests.e2e import control_plane

CHART = """
apiVersion: v1
kind: ConfigMap
metadata: {name: map, namespace: "{{ .Release.Namespace }}"}
data: {text: "{{ .Values.text }}"}
---
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: "{{ .Release.Namespace }}"}
stringData: {password: known-to-the-test}
{{- if .Values.pod }}
---
apiVersion: v1
kind: Pod
metadata: {name: never-ready, namespace: "{{ .Release.Namespace }}"}
spec: {containers: [{name: it, image: none}]}
{{- end }}
"""

PROGRAM = """
import base64
import pulumi, pulumi_kubernetes as k8s, pulumi_random as random

config = pulumi.Config()
force = config.get_bool("force")
provider = k8s.Provider("cluster", kubeconfig=config.require("kubeconfig"), enable_patch_force=force)
cluster = pulumi.ResourceOptions(provider=provider)
password = random.RandomPassword("password", length=32, special=False).result
space = k8s.core.v1.Namespace("space", metadata={"name": "m"}, opts=cluster)
data = {"key": password.apply(lambda text: base64.b64encode(text.encode()).decode())}
metadata = {"name": "held", "namespace": space.metadata["name"]}
held = k8s.core.v1.Secret("held", metadata=metadata, data=data, opts=cluster)
release = k8s.helm.v3.Release(
    "release", chart="./chart", name="m", namespace=held.metadata["namespace"], timeout=4,
    values={"text": config.require("text"), "pod": config.require_bool("pod")}, opts=cluster,
)
login_id = pulumi.Output.concat(release.status.namespace, "/login")
login = k8s.core.v1.Secret.get("login", login_id, opts=cluster)
pulumi.export("generated", pulumi.Output.secret(password))
pulumi.export("read", login.data["password"])
pulumi.export("revision", release.status.revision)
"""


class Stack:
    """One stack of `PROGRAM` on a folder of its own."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self.folder = folder
        self.kubeconfig = kubeconfig
        home = folder / "home"
        tools.link(plugins.build())
        plugins.ensure(home, tools.bin_folder() / "pulumi")
        (folder / "state").mkdir()
        programs = [str(Path(sys.executable).parent), str(tools.bin_folder()), os.environ["PATH"]]
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join(programs),
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "of a test",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "KUBECONFIG": str(kubeconfig),
        }
        (folder / "Pulumi.yaml").write_text("name: plugins\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        (folder / "chart" / "templates").mkdir(parents=True)
        (folder / "chart" / "Chart.yaml").write_text("apiVersion: v2\nname: tiny\nversion: 1.2.3\n")
        (folder / "chart" / "templates" / "all.yaml").write_text(CHART)
        self.pulumi("stack", "init", "test")
        self.set(kubeconfig=str(kubeconfig), text="one", pod="false")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program here, whatever comes of it."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )

    def pulumi(self, *arguments: str) -> str:
        """Run pulumi, and expect it to work."""
        done = self.run("pulumi", *arguments, "--non-interactive")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def set(self, **settings: str) -> None:
        """Set configuration."""
        for key, value in settings.items():
            self.pulumi("config", "set", key, value)

    def output(self, name: str) -> str:
        """An output, secret or not."""
        return self.pulumi("stack", "output", name, "--show-secrets").strip()

    def resources(self) -> dict[str, Any]:
        """The resources in the state, by name."""
        exported = json.loads(self.pulumi("stack", "export"))["deployment"]["resources"]
        return {resource["urn"].rpartition("::")[2]: resource for resource in exported}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack, up."""
    folder = tmp_path_factory.mktemp("control-plane")
    with control_plane.running(folder) as kubeconfig:
        stack = Stack(tmp_path_factory.mktemp("stack"), kubeconfig)
        stack.pulumi("up", "--yes")
        yield stack


def test_nothing_changes_after_up(stack: Stack) -> None:
    """Neither in a preview nor in a refresh."""
    stack.pulumi("preview", "--expect-no-changes")
    stack.pulumi("refresh", "--yes", "--expect-no-changes")


def test_the_state_has_ids_as_the_official_plugin_and_no_plain_secret(stack: Stack) -> None:
    """The generated password is in no form to be read in the exported state."""
    resources = stack.resources()
    ids = {name: resources[name]["id"] for name in ("space", "held", "release", "login", "password")}
    expected = {"space": "m", "held": "m/held", "release": "m/m", "login": "m/login", "password": "none"}
    assert ids == expected
    assert resources["release"]["outputs"]["resourceNames"] == {
        "ConfigMap/v1": ["m/map"],
        "Secret/v1": ["m/login"],
    }
    assert stack.output("generated") not in json.dumps(resources)


def test_an_object_deleted_by_hand_comes_back(stack: Stack) -> None:
    """After a refresh has seen it gone; with the password it had."""
    before = stack.output("generated")
    stack.run("kubectl", "delete", "secret", "held", "--namespace=m")
    stack.pulumi("refresh", "--yes")
    stack.pulumi("up", "--yes", "--skip-preview")
    assert stack.output("generated") == before
    assert stack.run("kubectl", "get", "secret", "held", "--namespace=m").returncode == 0


def test_a_field_that_another_manager_owns_is_a_conflict_unless_it_is_forced(stack: Stack) -> None:
    """By `enablePatchForce`, as the official plugin does since 4.29 (pulumi/pulumi-kubernetes#2280)."""
    before = stack.run("kubectl", "get", "secret", "held", "--namespace=m", "-o", "json").stdout
    edit = ("kubectl", "patch", "secret", "held", "--namespace=m", "-p", '{"data": {"key": "ZWRpdGVk"}}')
    assert stack.run(*edit).returncode == 0
    stack.pulumi("refresh", "--yes")
    failed = stack.run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
    assert failed.returncode != 0
    assert 'conflict with "kubectl-patch"' in failed.stdout + failed.stderr
    stack.set(force="true")
    stack.pulumi("up", "--yes", "--skip-preview")
    after = stack.run("kubectl", "get", "secret", "held", "--namespace=m", "-o", "json").stdout
    assert json.loads(after)["data"] == json.loads(before)["data"]
    stack.pulumi("preview", "--expect-no-changes")


def test_a_value_upgrades_and_a_failed_upgrade_is_mended_by_the_next(stack: Stack) -> None:
    """A release that does not become ready stays in the state with its error."""
    stack.set(text="two")
    stack.pulumi("up", "--yes", "--skip-preview")
    assert stack.output("revision") == "2"
    stack.set(pod="true")
    failed = stack.run("pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
    assert failed.returncode != 0
    assert "failed to become available within allocated timeout" in failed.stdout + failed.stderr
    assert stack.resources()["release"]["initErrors"]
    stack.set(pod="false")
    stack.pulumi("up", "--yes", "--skip-preview")
    assert stack.output("revision") == "4"
    assert "initErrors" not in stack.resources()["release"]


def test_zz_destroy_leaves_nothing(stack: Stack) -> None:
    """The last one: the namespace is gone when it returns."""
    stack.pulumi("destroy", "--yes", "--skip-preview")
    assert stack.run("kubectl", "get", "namespace", "m").returncode != 0
