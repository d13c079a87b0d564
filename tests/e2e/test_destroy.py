"""A stack that is destroyed and comes back to what it kept, and one that is not destroyed by accident."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from components import names
from ops.console import OpsError
from ops.forward import Service, forwarded
from tests.e2e import commands
from tests.e2e.deployment import Deployment
from tests.e2e.scratch import Scratch, scratch

NAMESPACE = "mlflow-destroy"
UP = ("up", "--yes", "--skip-preview", "--non-interactive")
DESTROY = ("destroy", "--yes", "--skip-preview", "--non-interactive")
CLAIMS = {"data-mlflow-postgresql-0", "mlflow-tracking"}
ARTIFACT = "/api/2.0/mlflow-artifacts/artifacts/0/kept.txt"


def kubectl(*args: str) -> str:
    """What kubectl prints."""
    done = subprocess.run(["kubectl", *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ops(*args: str, answers: str = "") -> subprocess.CompletedProcess[str]:
    """`python -m ops destroy ARGS`, answered on its standard input."""
    return commands.ops("destroy", "--stack", "dev", *args, answers=answers)


def claims() -> set[str]:
    """The claims of the namespace."""
    found = json.loads(kubectl("get", "persistentvolumeclaims", "-n", NAMESPACE, "-o", "json"))
    return {one["metadata"]["name"] for one in found["items"]}


@contextmanager
def guest(folder: Path) -> Iterator[Scratch]:
    """A stack that is not up yet in a namespace of others', with database and artifacts on claims."""
    without = dict.fromkeys(("s3Endpoint", "s3Bucket", "s3AccessKeyId", "s3SecretAccessKey"))
    with scratch(folder, NAMESPACE, {**without, "artifactStore": "volume", "createNamespace": False}) as made:
        yield made


@retry(
    retry=retry_if_exception_type((httpx.HTTPError, OpsError)),
    # The forward may have found a pod that ends meanwhile.
    stop=stop_after_delay(60),
    wait=wait_fixed(1),
    reraise=True,
)
def artifact(stack: Scratch, content: bytes | None = None) -> bytes:
    """Send an artifact, or fetch it, with the login of the outputs."""
    outputs = stack.stack.outputs()
    user = (outputs["admin_username"], outputs["admin_password"])
    with forwarded(Service("mlflow-lab", NAMESPACE, names.tracking("mlflow"))) as url:
        method = "GET" if content is None else "PUT"
        answer = httpx.request(method, url + ARTIFACT, content=content, auth=user, timeout=30)
    return answer.raise_for_status().content


@pytest.fixture(scope="module")
def kept(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """A stack that logged an experiment and an artifact, and was destroyed by plain `pulumi destroy`."""
    with guest(tmp_path_factory.mktemp("first")) as made:
        kubectl("create", "namespace", NAMESPACE)
        try:
            made.run(*UP)
            made.create_experiment("kept")
            artifact(made, b"kept")
            made.run(*DESTROY)
            assert (made.login(), claims()) == (None, CLAIMS)
            yield made
            made.run(*DESTROY)
        finally:
            kubectl("delete", "namespace", NAMESPACE)


def test_the_same_stack_comes_back_with_its_data(kept: Scratch) -> None:
    """All its passwords are new: of the database's roles and of the administrator."""
    kept.run(*UP)
    assert "kept" in kept.experiments()
    assert artifact(kept) == b"kept"
    kept.run("preview", "--expect-no-changes")


def test_a_stack_that_never_knew_it_takes_it_over(kept: Scratch, tmp_path: Path) -> None:
    """Its state was lost, and every password. Now it is production, and not destroyed by accident."""
    kept.run(*DESTROY)
    with guest(tmp_path) as stack:
        stack.run("config", "set", "production", "true")
        stack.run(*UP)
        try:
            assert "kept" in stack.experiments()
            assert artifact(stack) == b"kept"
            stack.run("preview", "--expect-no-changes")
            refuses(stack)
        finally:
            done = ops("--yes", "--confirm", "dev", "--unprotect")
        assert done.returncode == 0, done.stderr
        assert "data-mlflow-postgresql-0, mlflow-tracking in namespace mlflow-destroy" in done.stderr
        assert (stack.login(), claims()) == (None, CLAIMS)
        assert "nothing to destroy" in ops("--yes", "--confirm", "dev").stderr


def held(stack: Scratch) -> set[tuple[str, str]]:
    """The resources of the stack's own, with their ids in the cluster; what is only read is read again."""
    resources = json.loads(stack.stack.read("stack", "export"))["deployment"]["resources"]
    return {(one["urn"], one.get("id", "")) for one in resources if not one.get("external")}


def refuses(stack: Scratch) -> None:
    """Neither `pulumi destroy` nor a wrong answer takes anything away."""
    before = stack.login(), held(stack)
    with pytest.raises(OpsError, match="exit code"):
        stack.run(*DESTROY)
    stack.run("config", "set", "releaseName", "other-mlflow")
    with pytest.raises(OpsError, match="exit code"):
        stack.run(*UP)
    stack.run("config", "set", "releaseName", "mlflow")
    stack.run("preview", "--expect-no-changes")
    told = json.loads(ops("--json").stdout)
    ends = ("database", "database-admin", "database-user", "release")
    assert sorted(told["protected"]) == [f"mlflow-{end}" for end in ends]
    assert (told["experiments"], told["namespace_goes"]) == (2, False)
    assert {one["name"] for one in told["claims"] if not one["goes"] and one["size"] == "8Gi"} == CLAIMS
    for args, answers, code in (
        ([], "dev\n", 1),
        (["--unprotect"], "prod\n", 1),
        (["--unprotect"], "dev\nyes\n", 1),
        (["--yes", "--confirm", "prod", "--unprotect"], "", 2),
    ):
        done = ops(*args, answers=answers)
        assert done.returncode == code, done.stderr
        assert "changed" in done.stderr
    assert (stack.login(), held(stack)) == before
    assert "kept" in stack.experiments()
