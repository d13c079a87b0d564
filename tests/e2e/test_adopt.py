"""A release of the runbook, made by kubectl and helm, becomes a stack's: what ran goes on running."""

from __future__ import annotations

import base64
import gzip
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from bench.against_helm import RUNBOOK
from lab import api
from ops.adopt import adopt, look
from ops.console import OpsError
from ops.forward import Service, forwarded
from tests.e2e.commands import ops
from tests.e2e.deployment import Deployment
from tests.e2e.scratch import Scratch, scratch

NAMESPACE = "mlflow-adopt"
UP = ("up", "--yes", "--skip-preview", "--non-interactive")


class ByHand:
    """A release that Helm made with the runbook's values, and a stack that has made nothing."""

    def __init__(self, stack: Scratch) -> None:
        self.stack = stack
        self.settings = stack.stack.config()
        self.file = Path(os.environ["PULUMI_OPTION_CONFIG_FILE"])

    def install(self) -> None:
        """The runbook: namespace, Secret, `helm upgrade --install`; and a run in the server."""
        kubectl("create", "namespace", NAMESPACE)
        # From files, as a process's arguments are everybody's to read.
        folder = self.file.parent / "keys"
        folder.mkdir(mode=0o700)
        keys = dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), api.s3_keys(), strict=True))
        for name, text in keys.items():
            (folder / name).write_text(text)
        files = [f"--from-file={name}={folder / name}" for name in keys]
        kubectl("create", "secret", "generic", "mlflow-s3-creds", "--namespace", NAMESPACE, *files)
        self.helm("upgrade", "--install", "mlflow", self.settings["chart"], "--values", str(RUNBOOK))

    def helm(self, *args: str) -> None:
        """Run Helm to its good end, with waiting."""
        where = ("--namespace", NAMESPACE, "--kube-context", self.settings["context"])
        version = ("--version", self.settings["chartVersion"])
        done = subprocess.run(
            ["helm", *args, *where, *version, "--wait", "--timeout=5m"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def ask(self, what: str, body: dict[str, object]) -> dict[str, Any]:
        """An answer of MLflow's API to the administrator, by the login in the chart's Secret."""
        login = self.secret("mlflow-tracking")
        user = (login["admin-user"], login["admin-password"])
        with forwarded(Service(self.settings["context"], NAMESPACE, "mlflow-tracking")) as url:
            answer = httpx.post(f"{url}/api/2.0/mlflow/{what}", json=body, auth=user, timeout=60)
        return dict(answer.raise_for_status().json())

    def log_run(self) -> None:
        """A run with a metric, in the default experiment."""
        run = self.ask("runs/create", {"experiment_id": "0", "run_name": "before-adoption", "start_time": 1})
        run_id = run["run"]["info"]["run_id"]
        self.ask("runs/log-metric", {"run_id": run_id, "key": "loss", "value": 0.2, "timestamp": 1})

    def runs(self) -> dict[str, float]:
        """The metric of each run in the default experiment, by name."""
        found = self.ask("runs/search", {"experiment_ids": ["0"]})["runs"]
        return {run["info"]["run_name"]: run["data"]["metrics"][0]["value"] for run in found}

    def forget_keys(self) -> None:
        """The stack knows no key of the store: adopting finds them."""
        for key in ("s3AccessKeyId", "s3SecretAccessKey"):
            self.stack.run("config", "rm", key)

    def pods(self) -> dict[str, int]:
        """Restarts of each pod, by uid."""
        found = json.loads(kubectl("get", "pods", "--namespace", NAMESPACE, "-o", "json"))["items"]
        return {
            pod["metadata"]["uid"]: sum(one["restartCount"] for one in pod["status"]["containerStatuses"])
            for pod in found
        }

    def revisions(self) -> list[str]:
        """Names of Helm's records."""
        asked = ("get", "secrets", "--namespace", NAMESPACE, "-l", "owner=helm", "-o", "name")
        return sorted(kubectl(*asked).split())

    def secret(self, name: str) -> dict[str, str]:
        """The data of a Secret."""
        found = json.loads(kubectl("get", "secret", name, "--namespace", NAMESPACE, "-o", "json"))
        return {key: base64.b64decode(text).decode() for key, text in found["data"].items()}

    def values(self) -> Any:
        """What Helm says that the release was given."""
        asked = ("get", "values", "mlflow", "--namespace", NAMESPACE, "--output", "yaml")
        done = subprocess.run(["helm", *asked], capture_output=True, text=True, check=True)
        return yaml.safe_load(done.stdout)

    def unchanged(self) -> None:
        """Neither a preview nor a refresh finds anything."""
        self.stack.run("preview", "--expect-no-changes")
        self.stack.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")


def kubectl(*args: str, stdin: str = "") -> str:
    """What kubectl prints. Fails with its errors."""
    done = api.kubectl(*args, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def by_hand(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByHand]:
    """The release, running, and the empty stack; both are gone afterwards, adopted or not."""
    kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    with scratch(tmp_path_factory.mktemp("adopt"), NAMESPACE, like={}) as stack:
        made = ByHand(stack)
        try:
            with pytest.raises(OpsError, match=f"Helm knows no release mlflow in namespace {NAMESPACE}"):
                look(stack.stack)
            made.install()
            made.log_run()
            made.forget_keys()
            yield made
        finally:
            stack.run("destroy", "--yes", "--skip-preview")
            left = api.kubectl("get", "namespace", NAMESPACE).returncode == 0
            kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
        assert not left, "the adopted namespace goes with the stack"


@pytest.fixture(scope="module")
def state_before(by_hand: ByHand) -> tuple[str, str]:
    """The stack's file and state before anything is adopted."""
    return by_hand.file.read_text(), by_hand.stack.stack.read("stack", "export")


@pytest.mark.parametrize(
    ("status", "chart", "said"),
    [("pending-upgrade", "mlflow", "is pending-upgrade"), ("deployed", "nginx", "is from chart nginx")],
)
def test_what_cannot_be_adopted_is_refused(by_hand: ByHand, status: str, chart: str, said: str) -> None:
    """A second record of Helm's says so; it is gone again afterwards."""
    name = "sh.helm.release.v1.mlflow.v1"
    found = json.loads(kubectl("get", "secret", name, "--namespace", NAMESPACE, "-o", "json"))
    told = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(found["data"]["release"]))))
    told |= {"version": 2, "info": {**told["info"], "status": status}}
    told["chart"]["metadata"]["name"] = chart
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(told).encode()))).decode()
    labels = {**found["metadata"]["labels"], "version": "2", "status": status}
    second = name.replace("v1.mlflow.v1", "v1.mlflow.v2")
    record = {
        **found,
        "data": {"release": packed},
        "metadata": {"name": second, "namespace": NAMESPACE, "labels": labels},
    }
    kubectl("create", "-f", "-", stdin=json.dumps(record))
    try:
        with pytest.raises(OpsError, match=said):
            look(by_hand.stack.stack)
    finally:
        kubectl("delete", "secret", second, "--namespace", NAMESPACE)


def test_a_failure_leaves_everything_as_it_was(by_hand: ByHand, state_before: tuple[str, str]) -> None:
    """The chart's registry does not have the chart: only a preview finds that."""
    stack = by_hand.stack.stack
    what, cluster = look(stack)
    pods, revisions = by_hand.pods(), by_hand.revisions()
    what.changes["chart"] = f"{by_hand.settings['chart']}-that-is-not-there"
    with pytest.raises(OpsError, match="that-is-not-there"):
        adopt(stack, what, cluster)
    assert by_hand.file.read_text() == state_before[0]
    before, after = (
        json.loads(text)["deployment"] for text in (state_before[1], stack.read("stack", "export"))
    )
    assert before.get("resources") == after.get("resources")
    assert (by_hand.pods(), by_hand.revisions()) == (pods, revisions)


@pytest.fixture(scope="module")
def adopted(by_hand: ByHand, state_before: tuple[str, str]) -> dict[str, Any]:
    """`python -m ops adopt` as a person runs it; what was before, and what it printed."""
    secrets = {name: by_hand.secret(name) for name in ("mlflow-tracking", "mlflow-postgresql")}
    before = {"pods": by_hand.pods(), "revisions": by_hand.revisions(), "values": by_hand.values(), **secrets}
    done = ops("adopt", "--stack", "dev", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    return {**before, "printed": json.loads(done.stdout), "told": done.stderr}


def test_nothing_in_the_cluster_changes(by_hand: ByHand, adopted: dict[str, Any]) -> None:
    """Same pods, same restarts, same revision, same values, same passwords."""
    assert by_hand.pods() == adopted["pods"]
    assert by_hand.revisions() == adopted["revisions"] == ["secret/sh.helm.release.v1.mlflow.v1"]
    assert by_hand.values() == adopted["values"] == yaml.safe_load(RUNBOOK.read_text())
    for name in ("mlflow-tracking", "mlflow-postgresql"):
        assert by_hand.secret(name) == adopted[name]
    assert "no pod restarted" in adopted["told"]


def test_the_stack_owns_it_and_has_no_change(by_hand: ByHand, adopted: dict[str, Any]) -> None:
    """Namespace, Secret and release are in the state; preview and refresh find nothing."""
    state = by_hand.stack.stack.read("stack", "export")
    found = {one["type"]: one for one in json.loads(state)["deployment"]["resources"] if one["custom"]}
    assert {"kubernetes:core/v1:Namespace", "kubernetes:helm.sh/v3:Release"} <= set(found)
    assert f"{NAMESPACE}/mlflow-s3-creds" in state
    assert found["kubernetes:helm.sh/v3:Release"]["outputs"]["status"]["revision"] == 1
    assert not [text for text in api.s3_keys() if text in state]
    by_hand.unchanged()


def test_what_is_held_back_is_told_with_its_reason(adopted: dict[str, Any]) -> None:
    """For a person on the terminal, and as data."""
    held = {one["path"]: one["why"] for one in adopted["printed"]["held"]}
    assert "one thread" in held["tracking.extraArgs"]
    assert "tracking.extraArgs" in adopted["told"]
    assert adopted["printed"]["settings"]["databaseExistingSecret"] == "mlflow-postgresql"


def test_the_outputs_are_the_login_that_works(by_hand: ByHand, adopted: dict[str, Any]) -> None:
    """It lets in, and the run of before is there."""
    outputs = by_hand.stack.stack.outputs()
    login = adopted["mlflow-tracking"]
    assert outputs["admin_username"] == login["admin-user"]
    assert outputs["admin_password"] == login["admin-password"]
    assert outputs["release"]["revision"] == 1
    by_hand.stack.create_experiment("after-adoption")
    assert {"Default", "after-adoption"} <= by_hand.stack.experiments()
    assert by_hand.runs() == {"before-adoption": 0.2}


def test_a_changed_setting_applies_by_pulumi_up(by_hand: ByHand, adopted: dict[str, Any]) -> None:
    """One that touches no pod: a key of the store, which the stack owns now, and Helm's history."""
    keys = by_hand.stack.stack.all_settings()
    by_hand.stack.stack.read("config", "set", "--secret", "s3SecretAccessKey", stdin="another-key")
    by_hand.stack.run(*UP)
    assert by_hand.secret("mlflow-s3-creds")["AWS_SECRET_ACCESS_KEY"] == "another-key"
    by_hand.stack.stack.read(
        "config", "set", "--secret", "s3SecretAccessKey", stdin=keys["s3SecretAccessKey"]
    )
    by_hand.stack.run("config", "set", "releaseHistory", "9")
    by_hand.stack.run(*UP)
    assert len(by_hand.revisions()) == 2
    assert by_hand.pods() == adopted["pods"]
    by_hand.unchanged()


def test_what_was_held_back_is_taken_over_when_wanted(by_hand: ByHand, adopted: dict[str, Any]) -> None:
    """The program's own values: the pods are new, login and data stay."""
    for pod in ("trackingResources", "databaseResources"):
        # Small requests: other releases of the tests may hold most of the machine.
        by_hand.stack.run("config", "set", "--path", f"{pod}.requests.cpu", "100m")
    by_hand.stack.run("config", "rm", "adoptedValues")
    by_hand.stack.run(*UP)
    assert not set(by_hand.pods()) & set(adopted["pods"])
    assert "--workers=2" in by_hand.values()["tracking"]["extraArgs"]
    assert by_hand.secret("mlflow-postgresql") == adopted["mlflow-postgresql"]
    assert "after-adoption" in by_hand.stack.experiments()
    assert by_hand.runs() == {"before-adoption": 0.2}
    by_hand.unchanged()
