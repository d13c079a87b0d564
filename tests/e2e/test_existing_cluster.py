"""`make up CONTEXT=...`: on a cluster that was there before; here the lab's, as anybody else's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from lab import api, paths
from ops.home import STACK
from tests.e2e.deployment import Deployment, run

CONTEXT = "mlflow-lab"
NAMESPACE = "mlflow-existing"


@pytest.fixture
def theirs(
    deployment: Deployment, undisturbed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A person's own kubeconfig and state folder; where the chart is out of reach they name a mirror."""
    monkeypatch.setenv("KUBECONFIG", api.environ()["KUBECONFIG"])
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "mlflow-pulumi" / CONTEXT
    folder.mkdir(parents=True)
    mirror = {f"mlflow:{key}": value for key, value in api.settings().items()}
    YAML().dump({"config": mirror}, folder / f"Pulumi.{STACK}.yaml")
    return folder


def test_an_existing_cluster_gets_a_verified_mlflow_and_is_left_as_it_was(
    theirs: Path, deployment: Deployment
) -> None:
    """Without an object store: artifacts are on a volume of the default class. The lab's own stays."""
    up = [sys.executable, "-m", "ops", "up", "--context", CONTEXT, "--namespace", NAMESPACE]
    printed = run(*up)
    assert "MLflow is up and verified" in printed
    assert f"make down CONTEXT={CONTEXT}" in printed
    assert "Nothing changed." in run(*up)
    env = run("make", "-s", "env", f"CONTEXT={CONTEXT}")
    password = subprocess.run(
        ["bash", "-euc", f"{env}\npulumi stack output admin_password --show-secrets"],
        cwd=paths.REPO,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert len(password) >= 12
    assert password != deployment.output("admin_password")
    pods = deployment.shell(f"kubectl get pods -n {NAMESPACE} --no-headers").splitlines()
    assert pods
    assert all("Running" in pod for pod in pods)

    run("make", "down", f"CONTEXT={CONTEXT}")
    assert NAMESPACE not in deployment.shell("kubectl get namespaces --no-headers")
    assert not theirs.exists()
    assert "Nothing changed." in deployment.make("up")
