"""Drift planted by hand on a real cluster: each is found and named, put back, and then there is none."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from ops.home import STACK
from tests.e2e.deployment import Deployment
from tests.e2e.drifting import EDITED, OWN, SECRETS, Drifting, Looked, tls
from tests.e2e.scratch import scratch

UP = ("up", "--yes", "--skip-preview", "--non-interactive")
HOST = "mlflow-drift.example.com"
NAMESPACE = "mlflow-drift"


@pytest.fixture(scope="module")
def stack(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drifting]:
    """A stack that is up, with an ingress."""
    given = {"ingressHost": HOST, "ingressTlsSecret": "host-tls"}
    with scratch(tmp_path_factory.mktemp("drift"), NAMESPACE, given) as made:
        made.run(*UP)
        drifting = Drifting(made)
        drifting.kubectl("apply", "-f", "-", stdin=tls(HOST, days=60))
        yield drifting


def test_a_certificate_that_is_missing_or_near_its_end_is_drift(stack: Drifting) -> None:
    stack.kubectl("delete", "secret", "host-tls")
    missing = stack.look()
    assert (missing.code, missing.whats()) == (3, ["Secret host-tls"])
    stack.kubectl("apply", "-f", "-", stdin=tls(HOST, days=3))
    (near,) = stack.look().drift
    assert near["kind"] == "certificate"
    assert near["what"] == f"Certificate CN={HOST} in Secret host-tls"
    assert "in 2 days" in near["found"]
    stack.kubectl("apply", "-f", "-", stdin=tls(HOST, days=60))


def test_a_clean_stack_has_no_drift(stack: Drifting) -> None:
    """Whatever has been restarted meanwhile."""
    stack.kubectl("rollout", "restart", "deployment/mlflow-tracking")
    stack.kubectl("rollout", "status", "deployment/mlflow-tracking", "--timeout=180s")
    began = time.monotonic()
    clean = stack.look()
    print(f"drift of a clean stack: {time.monotonic() - began:.1f} s")
    assert (clean.code, clean.drift) == (0, [])


def test_the_runbook_s_own_look_ups(stack: Drifting) -> None:
    """Values and defaults as Helm has them, both beside the stack's, and the login that works."""
    settings = stack.stack.stack.config()
    shown = stack.helm("show", "values", settings["chart"], "--version", settings["chartVersion"])
    in_force = json.loads(stack.helm("get", "values", "mlflow", "-o", "json"))
    assert (
        yaml.safe_load(stack.make("values")) == json.loads(stack.ops("values", "--json").stdout) == in_force
    )
    assert yaml.safe_load(shown)["image"]["repository"]
    assert yaml.safe_load(stack.make("defaults")) == yaml.safe_load(shown)
    assert json.loads(stack.ops("defaults", "--json").stdout) == yaml.safe_load(shown)
    assert "The values in force are the stack's" in stack.make("compare")
    rows = {row["path"]: row for row in json.loads(stack.ops("compare", "--json").stdout)}
    row = rows["minio.enabled"]
    assert (row["stack"], row["helm"], row["default"], row["differs"]) == ("false", "false", "true", False)
    user, password = stack.stack.login() or ("", "")
    printed = f"url: https://{HOST}\nusername: {user}\npassword: {password}\n"
    assert stack.make("credentials") == printed
    assert stack.make("drift") == f"No drift: stack {STACK} is as it was deployed\n"


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


def _until(stack: Drifting, seen: Callable[[Looked], bool]) -> Looked:
    """Look until what controllers have to do first is seen."""
    for _ in range(10):
        looked = stack.look()
        if seen(looked):
            return looked
    raise AssertionError(looked.drift)


def test_edited_and_deleted_secrets_are_put_back(stack: Drifting) -> None:
    """The login from the outputs, for Helm's record may be older; the stack's own from its state."""
    before = stack.held()
    for name, key in SECRETS.items():
        stack.patch("secret", name, stringData={key: EDITED})
    assert set(stack.look().whats()) == {f"Secret {name}: data.{key}" for name, key in SECRETS.items()}
    assert stack.repaired().drift == []
    assert stack.held() == before
    stack.kubectl("delete", "secret", *SECRETS)
    assert set(stack.look().whats()) == {f"Secret {name}" for name in SECRETS}
    assert stack.repaired().drift == []
    assert stack.held() == before


def test_an_edited_secret_of_the_stack_is_put_back_by_up_as_well(stack: Drifting) -> None:
    """Though another field manager owns what was edited."""
    before = stack.held()
    for name, key in OWN.items():
        stack.patch("secret", name, stringData={key: EDITED})
    stack.stack.run(*UP, "--refresh")
    assert stack.held() == before


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
    del values["tracking"]["lifecycleHooks"]
    settings = stack.stack.stack.config()
    chart = (settings["chart"], "--version", settings["chartVersion"])
    stack.helm("upgrade", "mlflow", *chart, "--values", "-", stdin=json.dumps(values))
    looked = stack.look()
    assert "Helm release mlflow: value tracking.lifecycleHooks" in looked.whats()
    assert "Helm release mlflow: revision" in looked.whats()
    compared = stack.ops("compare", "--json")
    assert compared.returncode == 3
    wrong = {row["path"] for row in json.loads(compared.stdout) if row["differs"]}
    assert wrong == {f"tracking.lifecycleHooks.{hook}.exec.command" for hook in ("postStart", "preStop")}
    mended = stack.repaired()
    assert (mended.code, mended.put_back) == (0, ["Helm release mlflow"])
    assert stack.ops("compare").returncode == 0


def test_a_release_uninstalled_by_hand_comes_back_with_login_and_data(stack: Drifting) -> None:
    stack.stack.create_experiment("kept")
    before = stack.stack.login()
    stack.helm("uninstall", "mlflow", "--wait")
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
    assert "has been locked since 2026-11-24T22:34:21Z (pid 1 on elsewhere)" in done.stderr
