"""Drift planted by hand on a real cluster: each is found and named, put back, and then there is none."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.home import STACK
from tests.e2e.deployment import Deployment
from tests.e2e.drifting import EDITED, Drifting, Looked
from tests.e2e.scratch import scratch
from tests.tls import certificate

UP = ("up", "--yes", "--skip-preview", "--non-interactive")
HOST = "mlflow-drift.example.com"
NAMESPACE = "mlflow-drift"


def tls(days: int) -> str:
    """A TLS Secret whose certificate ends in `days`, as kubectl takes it."""
    made, key = certificate(HOST, days)
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {"name": "host-tls"},
            "stringData": {"tls.crt": made, "tls.key": key},
        }
    )


@pytest.fixture(scope="module")
def stack(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drifting]:
    """A stack that is up, with an ingress."""
    with scratch(tmp_path_factory.mktemp("drift"), NAMESPACE) as made:
        made.run("config", "set", "ingressHost", HOST)
        made.run("config", "set", "ingressTlsSecret", "host-tls")
        made.run(*UP)
        yield Drifting(made)


def test_a_certificate_that_is_missing_or_near_its_end_is_drift(stack: Drifting) -> None:
    missing = stack.look()
    assert (missing.code, missing.whats()) == (3, ["Secret host-tls"])
    stack.kubectl("apply", "-f", "-", stdin=tls(days=3))
    (near,) = stack.look().drift
    assert near["kind"] == "certificate"
    assert near["what"] == f"Certificate CN={HOST} in Secret host-tls"
    assert "in 2 days" in near["found"]
    stack.kubectl("apply", "-f", "-", stdin=tls(days=60))


def test_a_clean_stack_has_no_drift(stack: Drifting) -> None:
    """Whatever has been restarted meanwhile."""
    stack.kubectl("rollout", "restart", "deployment/mlflow-tracking")
    stack.kubectl("rollout", "status", "deployment/mlflow-tracking", "--timeout=180s")
    began = time.monotonic()
    clean = stack.look()
    print(f"drift of a clean stack: {time.monotonic() - began:.1f} s")
    assert (clean.code, clean.drift) == (0, [])
    said = stack.ops("drift")
    assert (said.returncode, said.stdout) == (0, f"No drift: stack {STACK} is as it was deployed\n")


def test_what_was_edited_or_deleted_in_the_release_is_named_and_put_back(stack: Drifting) -> None:
    container = "spec.template.spec.containers[mlflow]"
    stack.kubectl("set", "env", "deployment/mlflow-tracking", f"BY_HAND={EDITED}", "-c", "mlflow")
    stack.kubectl("set", "image", "deployment/mlflow-tracking", "mlflow=localhost:1/none:1")
    stack.kubectl("delete", "service", "mlflow-tracking")
    stack.patch("configmap", "mlflow-tracking-auth-overrides", data={"more.ini": EDITED})
    stack.kubectl("annotate", "ingress", "mlflow-tracking", f"example.com/by={EDITED}")
    wanted = {
        "ConfigMap mlflow-tracking-auth-overrides: data.more.ini",
        "Service mlflow-tracking",
        f"Deployment mlflow-tracking: {container}.env[BY_HAND]",
        f"Deployment mlflow-tracking: {container}.image",
        "Ingress mlflow-tracking: metadata.annotations.example.com/by",
    }
    looked = _until(stack, lambda found: any(each["kind"] == "pod" for each in found.drift))
    objects = {found["what"] for found in looked.drift if found["kind"] == "object"}
    assert (looked.code, objects) == (3, wanted)
    (image,) = (found for found in looked.drift if found["kind"] == "image")
    assert image["found"] == "localhost:1/none:1"
    assert "bitnamilegacy/mlflow" in image["expected"]
    mended = stack.repaired()
    assert (mended.code, mended.drift) == (0, [])
    assert set(mended.put_back) == {what.partition(":")[0] for what in wanted}
    assert "Default" in stack.stack.experiments()
    assert stack.look().drift == []


def _until(stack: Drifting, seen: Callable[[Looked], bool]) -> Looked:
    """Look until what controllers have to do first is seen."""
    for _ in range(10):
        looked = stack.look()
        if seen(looked):
            break
    return looked


def test_a_changed_login_is_put_back_from_the_outputs(stack: Drifting) -> None:
    before = stack.stack.login()
    stack.patch("secret", "mlflow-tracking", stringData={"admin-password": EDITED})
    assert stack.look().whats() == ["Secret mlflow-tracking: data.admin-password"]
    assert stack.repaired().drift == []
    assert stack.stack.login() == before
    stack.kubectl("delete", "secret", "mlflow-tracking")
    assert stack.look().whats() == ["Secret mlflow-tracking"]
    assert stack.repaired().drift == []
    assert stack.stack.login() == before


def test_an_edited_secret_of_the_stack_is_put_back_by_repair_and_by_up(stack: Drifting) -> None:
    """Though another field manager owns what was edited."""
    before = stack.get("secret", "mlflow-database")["data"]
    for mend in (stack.repaired, lambda: stack.stack.run(*UP, "--refresh")):
        stack.patch("secret", "mlflow-database", stringData={"password": EDITED})
        assert stack.look().whats() == ["Secret mlflow-database: data.password"]
        mend()
        assert stack.get("secret", "mlflow-database")["data"] == before
        assert stack.look().drift == []


def test_a_secret_that_was_put_back_can_be_changed_by_its_setting(stack: Drifting) -> None:
    stack.patch("secret", "mlflow-s3-creds", stringData={"AWS_ACCESS_KEY_ID": EDITED})
    assert stack.look().whats() == ["Secret mlflow-s3-creds: data.AWS_ACCESS_KEY_ID"]
    assert stack.repaired().drift == []
    stack.stack.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")


def test_a_setting_that_was_not_deployed_is_told_and_left_to_up(stack: Drifting) -> None:
    stack.stack.run("config", "set", "trackingThreads", "31")
    looked = stack.repaired()
    assert (looked.code, looked.put_back) == (3, [])
    assert {found["kind"] for found in looked.drift} == {"settings"}
    assert all("pulumi up" in found["fix"] for found in looked.drift)
    stack.stack.run("config", "rm", "trackingThreads")
    assert stack.look().drift == []


def test_a_release_upgraded_by_hand_is_upgraded_back(stack: Drifting) -> None:
    """Though a value was taken away, which `pulumi refresh` does not see."""
    values = json.loads(stack.ops("values", "--json").stdout)
    assert stack.ops("compare").returncode == 0
    settings = stack.stack.stack.config()
    del values["tracking"]["lifecycleHooks"]
    upgrade = ("helm", "upgrade", "mlflow", settings["chart"])
    subprocess.run(
        [*upgrade, "--version", settings["chartVersion"], "--namespace", NAMESPACE, "--values", "-"],
        input=json.dumps(values),
        text=True,
        capture_output=True,
        check=True,
    )
    looked = stack.look()
    assert "Helm release mlflow: value tracking.lifecycleHooks" in looked.whats()
    assert "Helm release mlflow: revision" in looked.whats()
    compared = stack.ops("compare", "--json")
    assert compared.returncode == 3
    wrong = {row["path"] for row in json.loads(compared.stdout) if row["differs"]}
    assert wrong == {"tracking.lifecycleHooks.preStop.exec.command"}
    mended = stack.repaired()
    assert (mended.code, mended.put_back) == (0, ["Helm release mlflow"])
    assert stack.ops("compare").returncode == 0
    assert stack.look().drift == []


def test_a_release_uninstalled_by_hand_comes_back_with_login_and_data(stack: Drifting) -> None:
    stack.stack.create_experiment("kept")
    before = stack.stack.login()
    uninstall = ["helm", "uninstall", "mlflow", "--namespace", NAMESPACE, "--wait"]
    subprocess.run(uninstall, check=True, capture_output=True)
    looked = stack.look()
    assert (looked.code, looked.whats()) == (3, ["Helm release mlflow"])
    mended = stack.repaired()
    assert (mended.code, mended.put_back) == (0, ["Helm release mlflow"])
    assert stack.stack.login() == before
    assert "kept" in stack.stack.experiments()
    stack.stack.run("preview", "--expect-no-changes")


def test_a_stack_that_pulumi_works_on_is_not_judged(stack: Drifting, tmp_path: Path) -> None:
    """What is under way would all be drift."""
    backend = stack.stack.stack.backend().removeprefix("file://")
    lock = Path(backend) / f".pulumi/locks/organization/mlflow/{STACK}/by-hand.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps({"pid": 1, "hostname": "elsewhere", "timestamp": "2026-11-24T22:34:21Z"}))
    try:
        done = stack.ops("drift")
    finally:
        lock.unlink()
    assert done.returncode == 1
    assert "is locked since 2026-11-24T22:34:21Z (pid 1 on elsewhere)" in done.stderr
