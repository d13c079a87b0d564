"""Who gets in, tried from real pods: NetworkPolicies are enforced, and nothing answers that should not."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from components import backup_pods, names
from lab.cluster import network
from tests.e2e import flows
from tests.e2e.commands import ops
from tests.e2e.deployment import Deployment
from tests.e2e.flows import Client
from tests.e2e.planted import cluster
from tests.e2e.scratch import Scratch, scratch

NAMESPACE = "mlflow-network"
HOST = "network.lab.test"
SETTINGS = {
    "ingressHost": HOST,
    "ingressController": "traefik",
    "ingressNamespace": "mlflow-network-edge",
    "ingressTls": False,
    "metrics": True,
    "metricsNamespace": "mlflow-network-metrics",
    "networkFrom": ["mlflow-network-friends", "mlflow-network-jobs/app=worker"],
    "backupSchedule": "0 0 1 1 *",
}
"""Namespaces of the test's own: other modules share the cluster."""
SERVER = {"server", "server-service"}
DATABASE = {"database", "database-service"}
INGRESS = Client("controller", "mlflow-network-edge")
PROMETHEUS = Client("prometheus", "mlflow-network-metrics")
STRANGER = Client("stranger", "mlflow-network-strangers", {"app": "worker"})
ASKS_SERVER = Client("asks-server", NAMESPACE, {"mlflow-client": "true"})
ASKS_DATABASE = Client("asks-database", NAMESPACE, {"mlflow-postgresql-client": "true"})
BACKUP = Client(
    "like-a-backup", NAMESPACE, {**backup_pods.selector("mlflow"), "mlflow-postgresql-client": "true"}
)
REACHED: dict[Client, set[str]] = {
    INGRESS: SERVER,
    PROMETHEUS: SERVER,
    Client("friend", "mlflow-network-friends"): SERVER,
    Client("worker", "mlflow-network-jobs", {"app": "worker"}): SERVER,
    Client("idler", "mlflow-network-jobs", {"app": "other"}): set(),
    STRANGER: set(),
    Client("neighbour", NAMESPACE): set(),
    ASKS_SERVER: SERVER,
    ASKS_DATABASE: DATABASE,
    BACKUP: DATABASE,
}
"""Who asks, and who answers: nobody else does."""


@pytest.fixture(scope="module")
def stack(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """A stack behind an ingress, with the clients around it."""
    with scratch(tmp_path_factory.mktemp("network"), NAMESPACE, SETTINGS) as made:
        made.run("up", "--yes", "--skip-preview")
        with flows.clients(*REACHED, own=NAMESPACE):
            yield made


@pytest.fixture(scope="module")
def targets(stack: Scratch) -> dict[str, tuple[str, int]]:
    """What is asked: pods and services of the server and of its database."""
    server = flows.address(NAMESPACE, "app.kubernetes.io/component=tracking")
    database = flows.address(NAMESPACE, "app.kubernetes.io/component=primary")
    return {
        "server": (server, 5000),
        "server-service": (f"mlflow-tracking.{NAMESPACE}.svc", names.SERVICE_PORT),
        "database": (database, 5432),
        "database-service": (f"mlflow-postgresql.{NAMESPACE}.svc", 5432),
    }


@pytest.mark.parametrize("client", REACHED, ids=lambda client: client.name)
def test_who_is_answered(client: Client, targets: dict[str, tuple[str, int]]) -> None:
    """By the pods and by their services alike."""
    assert client.reaches(targets) == REACHED[client]


def test_the_node_gets_in(targets: dict[str, tuple[str, int]]) -> None:
    """Probes and `kubectl port-forward` come from there; its names are not the pods'."""
    pods = {name: where for name, where in targets.items() if "service" not in name}
    assert flows.node_reaches(pods) == {"server", "database"}


def test_the_ingress_gets_in(stack: Scratch) -> None:
    """The lab's own, through which a run with an artifact is logged: so the server's own ways are open."""
    url = f"http://{network.GATEWAY}"
    answer = httpx.get(f"{url}/health", headers={"Host": HOST}, trust_env=False, timeout=30)
    assert answer.status_code == 200
    assert httpx.get(f"{url}/api/2.0/mlflow/experiments/search", headers={"Host": HOST}).status_code == 401
    stack.create_experiment("behind-a-policy")
    assert "behind-a-policy" in stack.experiments()


def test_prometheus_is_asked_for_its_login(stack: Scratch, targets: dict[str, tuple[str, int]]) -> None:
    """It is let in to the port, and no further than anybody."""
    host, port = targets["server"]
    script = (
        f"exec 3<>/dev/tcp/{host}/{port}; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; head --lines=1 <&3"
    )
    assert "401" in PROMETHEUS.run(script)


def test_nobody_reaches_the_pods_of_backups_and_these_reach_no_stranger(stack: Scratch) -> None:
    """They have DNS, the database and the store; of other pods nothing."""
    store = {"store": (network.GATEWAY, 9000), "api": (network.GATEWAY, 10250)}
    assert BACKUP.reaches(store) == {"store"}
    assert STRANGER.reaches(store) == {"store", "api"}, "the lab's network lets through what no policy names"
    listening = {one.name: (one.address(), flows.PORT) for one in (BACKUP, STRANGER)}
    for client in (INGRESS, ASKS_DATABASE):
        assert client.reaches(listening) == {STRANGER.name}


def test_no_pod_has_a_token(stack: Scratch) -> None:
    """Of the API server, which it could ask: no policy keeps the server from that."""
    for pod, container in (("deployment/mlflow-tracking", "mlflow"), ("mlflow-postgresql-0", "postgresql")):
        where = ("--namespace", NAMESPACE, "exec", pod, "-c", container, "--")
        assert "none" in cluster(
            *where, "bash", "-c", "ls /var/run/secrets/kubernetes.io 2>/dev/null || echo none"
        )


def test_a_backup_is_made(stack: Scratch) -> None:
    """With its own policy, which is enforced here too."""
    done = ops("backup", "--stack", stack.stack.name, env=stack.stack.environ())
    assert done.returncode == 0, done.stdout + done.stderr


def test_access_is_a_setting(stack: Scratch, targets: dict[str, tuple[str, int]]) -> None:
    """`cluster` lets strangers in to the server, never to its database; nothing restarts."""
    stack.run("config", "rm", "ingressNamespace")
    stack.run("config", "set", "networkAccess", "cluster")
    stack.run("up", "--yes", "--skip-preview")
    _until(STRANGER, targets, SERVER)
    stack.run("config", "set", "networkAccess", "ingress")
    stack.run("up", "--yes", "--skip-preview")
    _until(STRANGER, targets, set())
    assert targets["server"][0] == flows.address(NAMESPACE, "app.kubernetes.io/component=tracking")


@retry(
    retry=retry_if_exception_type(AssertionError),
    stop=stop_after_delay(20),
    wait=wait_fixed(0.5),
    reraise=True,
)
def _until(client: Client, targets: dict[str, tuple[str, int]], wanted: set[str]) -> None:
    """The policy counts once the enforcer has heard of it."""
    assert client.reaches(targets) == wanted
