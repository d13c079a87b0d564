"""Fast authentication beside MLflow's own check, on one database: every worker and pod answers the same."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from ops import cluster
from tests.e2e.containers import wait
from tests.e2e.deployment import Deployment
from tests.e2e.logins import NON_ASCII, OTHER, PASSWORD, headers, outcomes
from tests.e2e.machine import scrypt_seconds
from tests.e2e.scratch import scratch
from tests.e2e.servers import ASIDE, LEFT, OWN, OWN_PORT, RESTORE, WHO, Servers

WORKERS = REPLICAS = 2


@pytest.fixture(scope="module")
def servers(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Two pods of two workers each."""
    given = {"trackingReplicas": REPLICAS, "trackingWorkers": WORKERS}
    with scratch(tmp_path_factory.mktemp("fast"), "mlflow-fast", given) as stack:
        stack.run("up", "--yes", "--skip-preview")
        made = Servers(stack)
        assert len(made.pods) == REPLICAS
        for user, password in (("ada", PASSWORD), ("bob", PASSWORD), ("eve", PASSWORD), NON_ASCII):
            made.manage("POST", "create", username=user, password=password)
        yield made


def test_every_worker_of_every_replica_has_it_and_says_so(servers: Servers) -> None:
    """And nothing that it says is secret."""

    def on() -> bool:
        assert servers.answers("ada", PASSWORD) == {200}
        return all(
            len(set(re.findall(r"fast authentication is on in worker (\d+)", log))) == WORKERS
            for log in servers.logs().values()
        )

    wait(on, 60)
    assert not any(PASSWORD in log or servers.admin[1] in log for log in servers.logs().values())


def test_a_changed_password_counts_at_once_everywhere(servers: Servers) -> None:
    """And a restored database: what had matched before matches again, and nothing else."""
    assert servers.answers("bob", PASSWORD) == {200}
    before = str(servers.python(RESTORE, "bob", "")["stored"])
    servers.manage("PATCH", "update-password", username="bob", password=OTHER)
    assert servers.answers("bob", PASSWORD) == {401}
    assert servers.answers("bob", OTHER) == {200}
    after = str(servers.python(RESTORE, "bob", before)["stored"])
    assert servers.answers("bob", OTHER) == {401}
    assert servers.answers("bob", PASSWORD) == {200}
    servers.python(RESTORE, "bob", after)
    assert servers.answers("bob", PASSWORD) == {401}


def test_a_deleted_user_is_gone_at_once_everywhere(servers: Servers) -> None:
    """And made again with another password gets in with that one alone."""
    assert servers.answers("eve", PASSWORD) == {200}
    servers.manage("DELETE", "delete", username="eve")
    assert servers.answers("eve", PASSWORD) == {401}
    servers.manage("POST", "create", username="eve", password=OTHER)
    assert servers.answers("eve", PASSWORD) == {401}
    assert servers.answers("eve", OTHER) == {200}
    servers.manage("DELETE", "delete", username="eve")


@pytest.fixture(scope="module")
def own(servers: Servers) -> Iterator[str]:
    """The URL of a server beside, with MLflow's own check."""
    pod, address = next(iter(servers.pods.items()))
    url = f"http://{address}:{OWN_PORT}"

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/health").is_success
        except httpx.TransportError:
            return False

    with cluster.python_in_pod(servers.target.api, servers.target.namespace, pod, OWN):
        wait(answers)
        yield url


def test_it_answers_as_mlflow_s_own_does(servers: Servers, own: str) -> None:
    """Status, challenge and text of each kind of login, before and after it is known."""
    with httpx.Client(timeout=60) as client:
        for kind, header in headers(servers.admin).items():
            expected = outcomes(client, own, header)
            for url in servers.urls * 2:
                assert outcomes(client, url, header) == expected, kind


def test_many_users_at_once_are_each_themselves(servers: Servers) -> None:
    users = [f"user{number}" for number in range(12)]
    for user in users:
        servers.manage("POST", "create", username=user, password=f"{user} {PASSWORD}")
    failed: list[str] = []

    def client(user: str) -> None:
        with httpx.Client(timeout=60, verify=False) as made:
            for number in range(10):
                for other in (user, users[number]):
                    login = (user, f"{other} {PASSWORD}")
                    answer = made.get(servers.urls[number % REPLICAS] + WHO, auth=login)
                    if answer.status_code != (200 if other == user else 401):
                        failed.append(f"{user} with that of {other}: {answer.status_code}")

    threads = [threading.Thread(target=client, args=[user]) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_what_a_browser_fetched_is_not_left_in_the_pod(servers: Servers, own: str) -> None:
    """MLflow alone leaves each artifact in /tmp, until the pod has no room for more."""
    content = os.urandom(100_000)
    with httpx.Client(timeout=60, auth=servers.admin) as client:
        asked = {"experiment_id": "0", "start_time": 1}
        made = client.post(f"{own}/api/2.0/mlflow/runs/create", json=asked).raise_for_status()
        run = made.json()["run"]["info"]
        path = run["artifact_uri"].partition(":/")[2]
        sent = client.put(f"{own}/api/2.0/mlflow-artifacts/artifacts/{path}/model.bin", content=content)
        sent.raise_for_status()
        for url, left in ((servers.urls[0], 0), (own, 1)):
            came = client.get(f"{url}/get-artifact", params={"path": "model.bin", "run_uuid": run["run_id"]})
            assert came.content == content
            assert len(servers.python(LEFT)["left"]) == left


@pytest.mark.parametrize(
    ("version", "sources", "why"),
    [
        ("3.4.0", "", "it was written for MLflow 3.3.2, and this is 3.4.0"),
        ("", "0", "this MLflow checks logins otherwise than 3.3.2 does"),
    ],
)
def test_beside_another_mlflow_it_steps_aside(servers: Servers, version: str, sources: str, why: str) -> None:
    found = servers.python(ASIDE, version, sources)
    assert found["function"] == "mlflow.server.auth:authenticate_request_basic_auth"
    assert found["said"] == [f"fast authentication steps aside, every request computes scrypt: {why}"]


def seconds(url: str) -> float:
    """Of a request with a login that is known, on the average."""
    with httpx.Client(timeout=60, auth=("ada", PASSWORD)) as client:
        for measured in (False, True):
            began = time.monotonic()
            for _ in range(30 if measured else 10):
                client.get(url + WHO).raise_for_status()
    return (time.monotonic() - began) / 30


@pytest.mark.bar
def test_a_known_login_costs_no_scrypt(servers: Servers, own: str) -> None:
    """All of its request takes less than one check of MLflow's own, which makes two or more."""
    fast, slow = seconds(servers.urls[0]), seconds(own)
    sys.stdout.write(f"a known login: {fast * 1000:.0f} ms, with MLflow's own check {slow * 1000:.0f} ms\n")
    assert fast < scrypt_seconds() < slow / 2
