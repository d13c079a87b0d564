"""`make up` and what a person does with it: the issue's promises, one after the other, on one deployment."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from lab import api, paths
from lab.cluster.processes import find
from ops import verify
from tests.e2e.deployment import Deployment, end_pods, lab
from tests.e2e.machine import within

pytestmark = pytest.mark.alone
WARM_SECONDS = 120
AGAIN_SECONDS = 10
MEMORY_GIB = 3
START = "/api/2.0/mlflow/experiments/search?max_results=1"


def login(deployment: Deployment) -> tuple[str, str]:
    """User and password, as the stack's outputs say."""
    return deployment.output("admin_username"), deployment.output("admin_password")


def url(printed: str) -> str:
    """The address that `make up` printed."""
    (line,) = [line for line in printed.splitlines() if line.strip().startswith("Open ")]
    return line.split()[1]


@pytest.mark.bar
def test_make_up_ends_with_a_verified_mlflow_and_how_to_use_it(deployment: Deployment) -> None:
    """Caches warm, no lab running."""
    bar = within(WARM_SECONDS)
    print(f"make up, caches warm: {deployment.seconds:.1f} s (bar {WARM_SECONDS}, on this machine {bar:.0f})")
    assert "MLflow is up and verified" in deployment.printed
    for wanted in ("pulumi stack output admin_password --show-secrets", "mlflow.set_experiment", "make down"):
        assert wanted in deployment.printed
    assert httpx.get(url(deployment.printed) + START).status_code == 401
    assert httpx.get(url(deployment.printed) + START, auth=login(deployment)).status_code == 200
    assert deployment.seconds <= bar


@pytest.mark.bar
def test_a_second_make_up_says_that_nothing_changed(deployment: Deployment) -> None:
    for _ in range(3):
        began = time.monotonic()
        printed = deployment.make("up")
        seconds, bar = time.monotonic() - began, within(AGAIN_SECONDS)
        if seconds <= bar:
            break
    print(f"make up, nothing to do: {seconds:.1f} s (bar {AGAIN_SECONDS}, on this machine {bar:.0f})")
    assert "Nothing changed." in printed
    assert url(printed) == url(deployment.printed)
    assert seconds <= bar


def test_the_readme_s_commands_work_as_typed(deployment: Deployment) -> None:
    assert len(deployment.output("admin_password")) >= 12
    pods = deployment.shell("kubectl get pods -n mlflow --no-headers").splitlines()
    assert len(pods) == 2
    assert all(pod.split()[1:3] == ["1/1", "Running"] for pod in pods)
    assert "bitnamilegacy/mlflow" in deployment.shell("helm get values mlflow -n mlflow")


def test_make_images_lists_what_the_pods_run(deployment: Deployment) -> None:
    asked = "jsonpath={.items[*].spec['initContainers','containers'][*].image}"
    pods = set(deployment.shell(f'kubectl get pods -n mlflow -o "{asked}"').split())
    found = json.loads(deployment.shell("python -m ops images --json"))["images"]
    listed = {f"{image['registry']}/{image['repository']}:{image['tag']}" for image in found}
    assert pods
    assert pods <= listed
    assert all(image["frozen"] and image["used_by"] for image in found)


def test_the_first_run_that_make_up_suggests_can_be_pasted(deployment: Deployment) -> None:
    start = deployment.printed.index("  export MLFLOW_TRACKING_URI")
    end = deployment.printed.index("\n  PY\n") + len("\n  PY\n")
    pasted = "\n".join(line.removeprefix("  ") for line in deployment.printed[start:end].splitlines())
    deployment.shell(pasted)
    found = httpx.get(
        url(deployment.printed) + "/api/2.0/mlflow/experiments/get-by-name",
        params={"experiment_name": "first"},
        auth=login(deployment),
    )
    assert found.json()["experiment"]["lifecycle_stage"] == "active"


def test_the_checkout_stays_clean(deployment: Deployment) -> None:
    """Stack files, state, passphrase and kubeconfig are elsewhere; what is committed stays as it is."""
    tracked = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"], cwd=paths.REPO, capture_output=True, text=True
    ).stdout.split()
    assert [name for name in tracked if name.startswith("Pulumi.")] == []
    diff = ["git", "diff", "--exit-code", "--stat", "--", "Pulumi.yaml", "Pulumi.dev.yaml"]
    assert subprocess.run(diff, cwd=paths.REPO).returncode == 0


def test_preview_refresh_and_up_find_no_change(deployment: Deployment) -> None:
    deployment.shell("pulumi preview --expect-no-changes")
    deployment.shell("pulumi refresh --yes --skip-preview --expect-no-changes")
    deployment.shell("pulumi up --yes --skip-preview --expect-no-changes")


def test_a_wrong_setting_is_refused_before_anything_is_changed(deployment: Deployment) -> None:
    # The option also writes the key into the stack file.
    wrong = deployment.attempt(
        "trap 'pulumi config rm trackingReplica' EXIT\npulumi preview --config trackingReplica=2"
    )
    assert wrong.returncode != 0
    told = wrong.stdout + wrong.stderr
    assert "the cluster was not contacted" in told
    assert "trackingReplicas" in told


def test_no_secret_stands_anywhere_in_plain_text(deployment: Deployment, tmp_path: Path) -> None:
    """State and its history and backups, previews, logs, Helm's values, arguments, the checkout."""
    secrets = deployment.secrets()
    assert len(secrets) >= 6
    assert all(len(secret) >= 10 for secret in secrets)
    assert any("pulumi" in command for command in deployment.commands)
    places = {
        "output of make up": deployment.printed,
        "process arguments": "\n".join(deployment.commands),
        "preview": deployment.shell("pulumi preview --diff --show-config --show-sames"),
        "outputs": deployment.shell("pulumi stack output; pulumi stack output --json"),
        "stack": deployment.shell("pulumi stack export; pulumi config; pulumi stack --show-urns"),
        "helm values": deployment.shell("helm get values --all mlflow -n mlflow"),
        "helm history": deployment.shell("helm history mlflow -n mlflow; helm status mlflow -n mlflow"),
        "checkout": subprocess.run(
            ["git", "grep", "-hI", ""], cwd=paths.REPO, capture_output=True, text=True, check=True
        ).stdout,
    }
    stack = deployment.home / "run" / "stack"
    for folder in (stack, paths.logs()):
        for file in folder.rglob("*"):
            if file.is_file() and file.name != "passphrase":
                places[str(file)] = file.read_text(errors="replace")
    assert len(places) > 20
    assert [place for place, text in places.items() if any(secret in text for secret in secrets)] == []


def test_a_server_ends_in_order_and_long_before_kubernetes_would_kill_it(deployment: Deployment) -> None:
    """Kubernetes allows 30 s; a new pod serves afterwards."""
    began = time.monotonic()
    deployment.shell("kubectl delete pod -n mlflow -l app.kubernetes.io/component=tracking --timeout=25s")
    print(f"a pod ends in {time.monotonic() - began:.1f} s")
    assert "Nothing changed." in deployment.make("up")


@pytest.mark.bar
def test_the_lab_is_small(deployment: Deployment) -> None:
    """Resident memory of the cluster and of MLflow with its database, each shared page counted once."""
    total = sum(memory for _, _, memory in api.status()) / 2**30
    print(f"lab with MLflow running: {total:.2f} GiB (bar {MEMORY_GIB})")
    assert 0.5 < total <= MEMORY_GIB


def test_what_is_killed_comes_back_with_make_up(deployment: Deployment) -> None:
    """Each program of the lab in its turn, without warning; nothing that was logged is lost."""
    password = deployment.output("admin_password")
    records = sorted((paths.run() / "pids").glob("*.json"))
    assert len(records) == 14
    for record in records:
        process = find(record)
        assert process is not None, record
        process.kill()
        lab("up")
        down = [name for name, pid, _ in api.status()[:-1] if pid is None]
        assert down == [], f"after {record.stem}"
    printed = deployment.make("up")
    assert "Nothing changed." in printed
    assert deployment.output("admin_password") == password


def test_a_reboot_loses_nothing(deployment: Deployment) -> None:
    """All processes, mounts, links and rules gone at once, files kept."""
    password = deployment.output("admin_password")
    lab("stop")
    printed = deployment.make("up")
    assert "Nothing changed." in printed
    assert deployment.output("admin_password") == password
    found = httpx.get(
        url(printed) + "/api/2.0/mlflow/experiments/get-by-name",
        params={"experiment_name": verify.EXPERIMENT},
        auth=login(deployment),
    )
    assert found.json()["experiment"]["name"] == verify.EXPERIMENT


@pytest.mark.parametrize("seconds", [2.0, 6.0, 12.0])
def test_make_up_can_be_killed_and_run_again(deployment: Deployment, seconds: float) -> None:
    """After a destroy, so that everything is made anew; killed while Pulumi and Helm make it."""
    end_pods("mlflow")
    deployment.shell("pulumi destroy --yes --skip-preview")
    assert deployment.up_killed_after(seconds)
    assert "MLflow is up and verified" in deployment.make("up")
    deployment.shell("pulumi preview --expect-no-changes")
