"""`make rotate` under a running load: no request fails, the old credentials do, a re-run finishes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest
from kubernetes import client
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from components import names
from lab import api, paths
from ops import cluster, recover
from ops.rotation.admin import Admin
from ops.rotation.database import Database
from ops.rotation.login_text import MARK
from ops.rotation.postgres import ADMIN, Postgres
from ops.rotation.store import configure
from ops.rotation.target import Target
from ops.verify import SEARCH
from tests.e2e.commands import ops
from tests.e2e.containers import wait
from tests.e2e.deployment import Deployment
from tests.e2e.load import Load
from tests.e2e.s3_accounts import Accounts, s3_accounts
from tests.e2e.scratch import Scratch, scratch

CLIENTS = 4
LOGIN = names.tracking("mlflow")


@pytest.fixture(scope="module")
def store(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    """An S3 server whose keys can be changed."""
    with s3_accounts(tmp_path_factory.mktemp("s3")) as made:
        yield made


@pytest.fixture(scope="module")
def stack(store: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """A stack that is up and keeps its artifacts there."""
    given = {"s3Endpoint": store.endpoint}
    with scratch(tmp_path_factory.mktemp("rotate"), "mlflow-rotate", given) as made:
        configure(made.stack, next(iter(store.pairs.items())))
        made.run("up", "--yes", "--skip-preview")
        yield made


@pytest.fixture(scope="module")
def target(stack: Scratch) -> Target:
    """The stack as the rotation sees it."""
    return Target.of(stack.stack)


@pytest.fixture(scope="module")
def url(target: Target) -> str:
    """The service's address inside the cluster; this machine is its only node."""
    service = target.api.read_namespaced_service(LOGIN, target.namespace)
    assert service.spec is not None
    return f"http://{service.spec.cluster_ip}:{names.SERVICE_PORT}"


def login(target: Target) -> tuple[str, str]:
    """The login that the chart's Secret holds now."""
    found = target.secret(LOGIN)
    return found[names.ADMIN_USER_KEY], found[names.ADMIN_PASSWORD_KEY]


@contextmanager
def load(stack: Scratch, url: str) -> Iterator[Load]:
    """Clients that work while the block runs; none of their requests fails."""
    reader = Target.of(stack.stack)  # of their own: while one command runs in a pod, nobody else can ask
    made = Load(url, lambda: login(reader), CLIENTS)
    with made.running():
        time.sleep(2)
        yield made
        time.sleep(2)
    sys.stdout.write(f"{made}\n")
    assert made.done > CLIENTS
    assert not made.failed


def start(*options: str) -> subprocess.Popen[str]:
    """`python -m ops rotate` as a person runs it, in a process of its own."""
    command = [sys.executable, "-m", "ops", "rotate", "--stack", "dev", "--yes", *options]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=paths.REPO, text=True, start_new_session=True, **pipes)  # type: ignore[call-overload,no-any-return]


def rotate(*options: str, keys: Sequence[str] = (), code: int = 0) -> str:
    """Rotate to the end; what it printed."""
    done = ops("rotate", "--stack", "dev", "--yes", *options, answers="\n".join(keys))
    printed = done.stdout + done.stderr
    assert done.returncode == code, printed
    assert not any(key in printed for key in keys)
    return printed


def settled(stack: Scratch, target: Target, url: str) -> None:
    """Outputs, Secret and MLflow agree, and nothing of the rotation is left.

    That nothing waits for `pulumi up` is what the next rotation begins with; after the last it is looked at.
    """
    outputs = stack.stack.outputs()
    assert (outputs["admin_username"], outputs["admin_password"]) == login(target)
    assert status(url, login(target)) == 200
    assert target.begun() == set()
    postgres, secret = Postgres.of(target), target.secret("mlflow-database")
    assert postgres.accepts(postgres.role, secret["password"])
    assert postgres.accepts(ADMIN, secret["postgres-password"])
    assert MARK not in rules(postgres, secret["postgres-password"])


@retry(
    retry=retry_if_exception_type(httpx.TransportError),
    # The service hears a moment later that a pod is ready again.
    stop=stop_after_delay(30),
    wait=wait_fixed(0.5),
    reraise=True,
)
def status(url: str, auth: tuple[str, str]) -> int:
    """What MLflow answers to a login."""
    return httpx.get(url + SEARCH, auth=auth, timeout=30).status_code


def rules(postgres: Postgres, password: str) -> str:
    """The rules of who is let in."""
    return postgres.ask(password, "SELECT pg_read_file(current_setting('hba_file'));")


def restart_container(target: Target) -> None:
    """End the server in its pod, in order, and wait until the same pod serves again."""
    pod = cluster.tracking_pod(target.api, target.namespace, target.release)

    def server() -> client.V1ContainerStatus:
        found = target.api.read_namespaced_pod(pod, target.namespace)
        assert found.status is not None
        (one,) = found.status.container_statuses or []
        return one

    count = server().restart_count
    # Process 1 hands no signal on (`components/values_server.py`); it ends when gunicorn does.
    end = ("pkill", "-TERM", "--oldest", "--full", "--", "-m gunicorn")
    done = api.kubectl("exec", "--namespace", target.namespace, pod, "--container=mlflow", "--", *end)
    assert done.returncode == 0, done.stderr
    wait(lambda: server().restart_count == count + 1 and server().ready)


@pytest.mark.bar
def test_the_administrator_s_password_changes_under_load(stack: Scratch, target: Target, url: str) -> None:
    """A client that reads it again fails in nothing; the old one is refused, also after a container's end.

    The next start runs the hook (`components/pod_login.py`) with the configuration of the pod's own start.
    """
    before = login(target)
    with load(stack, url):
        rotate("--admin")
    assert login(target)[1] != before[1]
    assert status(url, before) == 401
    settled(stack, target, url)
    restart_container(target)
    assert status(url, before) == 401
    settled(stack, target, url)


@pytest.mark.bar
def test_database_and_store_change_under_load_and_nobody_notices(
    stack: Scratch, target: Target, store: Accounts, url: str
) -> None:
    """No request is refused, not even at first, and none of the old credentials is taken or needed."""
    before = target.secret("mlflow-database")
    old, new = next(iter(store.pairs)), store.make()
    with load(stack, url) as clients:
        rotate("--database", "--store", keys=new)
        store.revoke(old)
    assert not clients.again
    postgres = Postgres.of(target)
    assert not postgres.accepts(postgres.role, before["password"])
    assert not postgres.accepts(ADMIN, before["postgres-password"])
    settled(stack, target, url)


def test_keys_that_the_store_refuses_change_nothing(stack: Scratch, target: Target, store: Accounts) -> None:
    secret, file = target.secret("mlflow-s3-creds"), stack.stack.read("config", "get", "s3AccessKeyId")
    printed = rotate("--store", keys=("unknown", "to-the-store"), code=1)
    assert "the store refuses these keys (put: " in printed
    assert target.secret("mlflow-s3-creds") == secret
    assert stack.stack.read("config", "get", "s3AccessKeyId") == file
    assert target.begun() == set()


def test_cut_between_mlflow_and_the_secret_a_re_run_finishes(
    stack: Scratch, target: Target, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only point at which the password that works stands in neither Secret nor outputs."""
    before = login(target)

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Target, "change", cut)
        Admin().rotate(target)
    assert login(target) == before
    assert status(url, before) == 401
    assert "finishing what was begun before: admin" in rotate("--admin")
    settled(stack, target, url)


def test_killed_while_pods_are_replaced_a_re_run_finishes(stack: Scratch, target: Target, url: str) -> None:
    """The running pods still get in with the password that PostgreSQL no longer has."""
    old = target.secret("mlflow-database")
    with load(stack, url) as clients:
        process = start("--database")
        postgres = Postgres.of(target)
        wait(lambda: not postgres.accepts(postgres.role, old["password"]), 120)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert MARK in rules(postgres, target.secret("mlflow-database")["postgres-password"])
        assert "finishing what was begun before: database" in rotate("--database")
    assert not clients.again
    settled(stack, target, url)


def test_killed_in_pulumi_a_re_run_finishes(stack: Scratch, target: Target, url: str) -> None:
    """The engine's lock and what it was at are mended by the same command."""
    process = start("--database")
    wait(lambda: Database.name in target.begun(), 120)
    wait(lambda: recover.locks(stack.stack.backend(), stack.stack.name))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    printed = rotate("--database")
    assert "recovered: released 1 lock(s)" in printed
    assert "finishing what was begun before: database" in printed
    settled(stack, target, url)
    stack.run("preview", "--expect-no-changes")
