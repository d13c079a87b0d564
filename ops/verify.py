"""Proves that a deployed MLflow works, the way its users will use it.

Who may not enter is refused; who may logs an experiment, a run with parameters and metrics, and an
artifact that comes back equal; the run is in the database and the artifact in the artifact store.
"""

from __future__ import annotations

import importlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from ops.console import OpsError, step
from ops.forward import Service, forwarded

if TYPE_CHECKING:
    from mlflow.client import MlflowClient

    from ops.stack import Stack

EXPERIMENT = "verify"
ARTIFACT = "verify.bin"
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"


@dataclass(frozen=True)
class Deployment:
    """What a check needs to know of a deployed stack; the password stays out of its repr."""

    url: str
    username: str
    password: str
    config: Mapping[str, str]
    namespace: str
    release: str

    def __repr__(self) -> str:
        """Without the password."""
        return f"Deployment({self.url}, {self.config['context']}, {self.namespace}/{self.release})"


@dataclass(frozen=True)
class Proof:
    """What was seen: ids of the run, its rows in the database, the artifact's size in bytes."""

    url: str
    experiment_id: str
    run_id: str
    database: str
    params: int
    metrics: int
    store: str
    artifact_bytes: int


def in_cluster(outputs: Mapping[str, Any], config: Mapping[str, str]) -> Service | None:
    """The service to forward to when the stack's address opens only inside the cluster, else `None`."""
    service = httpx.URL(outputs["service_url"])
    if httpx.URL(outputs["tracking_url"]).host != service.host:
        return None
    name, port = service.host.split(".")[0], service.port or 80
    return Service(config["context"], outputs["namespace"], name, port, config.get("kubeconfig", ""))


@contextmanager
def reachable(
    outputs: Mapping[str, Any], config: Mapping[str, str], url: str | None = None
) -> Iterator[Deployment]:
    """The deployment that a stack's outputs and settings describe, at an address this machine can open.

    `url` wins over the output. An in-cluster address is reached by a port-forward for as long as
    the block runs.
    """
    user, password = outputs["admin_username"], outputs["admin_password"]
    where = (config, outputs["namespace"], outputs["release"]["name"])
    service = in_cluster(outputs, config)
    if url or service is None:
        yield Deployment(url or outputs["tracking_url"], user, password, *where)
        return
    with forwarded(service) as local:
        yield Deployment(local, user, password, *where)


@retry(
    retry=retry_if_exception_type(httpx.TransportError),
    # A pod that starts again (after a reboot, say) is met here.
    stop=stop_after_delay(120),
    wait=wait_fixed(0.5),
    reraise=True,
)
def _status(url: str, auth: tuple[str, str] | None) -> int:
    return httpx.get(url, auth=auth, timeout=30).status_code


def _expect(url: str, auth: tuple[str, str] | None, wanted: int, who: str) -> None:
    got = _status(url + SEARCH, auth)
    if got != wanted:
        raise OpsError(f"{url} answered {got} to a request {who}; {wanted} was expected")


def prepare() -> None:
    """Import what takes long, while there is something else to wait for."""
    importlib.import_module("mlflow.client")
    importlib.import_module("ops.cluster")


@contextmanager
def _client(deployment: Deployment) -> Iterator[MlflowClient]:
    """MLflow's own client, signed in; the environment is as before afterwards."""
    signed_in = {
        "MLFLOW_TRACKING_URI": deployment.url,
        "MLFLOW_TRACKING_USERNAME": deployment.username,
        "MLFLOW_TRACKING_PASSWORD": deployment.password,
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    before = {key: os.environ.get(key) for key in signed_in}
    os.environ.update(signed_in)
    try:
        from mlflow.client import MlflowClient

        yield MlflowClient(deployment.url)
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def _log_run(client: MlflowClient, content: bytes) -> tuple[str, str]:
    """Log a finished run with three parameters, five steps of a metric and an artifact; its ids."""
    from mlflow.entities import Metric, Param

    found = client.get_experiment_by_name(EXPERIMENT)
    experiment_id = str(found.experiment_id if found else client.create_experiment(EXPERIMENT))
    run_id = str(client.create_run(experiment_id, run_name=EXPERIMENT).info.run_id)
    now = int(time.time() * 1000)
    metrics = [Metric("loss", 1 / (epoch + 1), now, epoch) for epoch in range(5)]
    given = {"model": "baseline", "epochs": "5", "seed": "1"}
    params = [Param(key, value) for key, value in given.items()]  # type: ignore[no-untyped-call]
    # MLflow hashes a password twice for each answer, and has several workers: what can goes side by side.
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as beside:
        logged = beside.submit(client.log_batch, run_id, metrics, params)
        file = Path(folder) / ARTIFACT
        file.write_bytes(content)
        client.log_artifact(run_id, str(file))
        file.unlink()
        logged.result()
        ended = beside.submit(client.set_terminated, run_id)
        if Path(client.download_artifacts(run_id, ARTIFACT, folder)).read_bytes() != content:
            raise OpsError("the artifact came back different from what was sent")
        ended.result()
    run = client.get_run(run_id)
    if (run.data.params.get("model"), run.data.metrics.get("loss")) != ("baseline", 0.2):
        raise OpsError(f"run {run_id} came back without its parameters or metrics")
    return experiment_id, run_id


@contextmanager
def _stores(deployment: Deployment) -> Iterator[Callable[..., dict[str, Any]]]:
    """Asks the database and the artifact store for a run, from the server's own pod."""
    from ops import cluster

    api = cluster.connect(deployment.config)
    pod = cluster.tracking_pod(api, deployment.namespace, deployment.release)
    source = files("ops").joinpath("pod_probe.py").read_text()
    with cluster.python_in_pod(api, deployment.namespace, pod, source) as ask:
        yield ask


def verify(deployment: Deployment, size: int = 1 << 20) -> Proof:
    """Check all of it, with an artifact of `size` bytes. Raises `OpsError` naming what is wrong."""
    content = secrets.token_bytes(size)
    user = (deployment.username, deployment.password)
    with step("Refuses a request without credentials (401)"):
        _expect(deployment.url, None, 401, "without credentials")
    # From here on a server is there, and so is its pod.
    with _stores(deployment) as ask:
        with (
            step("Refuses wrong credentials (401), accepts the stack's (200)"),
            ThreadPoolExecutor() as beside,
        ):
            wrong = (user[0], secrets.token_hex(12))
            refused = beside.submit(_expect, deployment.url, wrong, 401, "with a wrong password")
            _expect(deployment.url, user, 200, "with the stack's credentials")
            refused.result()
        with step("Logs a run and gets its artifact back, identical"), _client(deployment) as client:
            experiment_id, run_id = _log_run(client, content)
        with step("Finds the run in the database and the artifact in its store"):
            found = ask(run_id, experiment_id, ARTIFACT)
            wanted = {"rows": {"runs": 1, "params": 3, "metrics": 5}, "size": size}
            if {key: found[key] for key in wanted} != wanted:
                raise OpsError(f"the stores do not hold what was logged: {found}")
    return Proof(
        deployment.url, experiment_id, run_id, str(found["database"]), 3, 5, str(found["store"]), size
    )


def verified(stack: Stack, url: str | None = None, config: Mapping[str, str] | None = None) -> Proof:
    """Check a stack by what it says of itself; `url` wins over its address. Raises `OpsError`.

    `config` are its plain settings, where they are known already.
    """
    with reachable(stack.outputs(), config or stack.config(), url) as deployment:
        return verify(deployment)


@retry(
    retry=retry_if_exception_type(OpsError),
    # A proxy in front may need a moment to find a server that has just been started.
    stop=stop_after_delay(60),
    wait=wait_fixed(1),
    reraise=True,
)
def signed_in(outputs: Mapping[str, Any], config: Mapping[str, str]) -> None:
    """The login of a stack's outputs is let in. Raises `OpsError`."""
    with reachable(outputs, config) as deployment:
        user = (deployment.username, deployment.password)
        _expect(deployment.url, user, 200, "with the stack's credentials")


def as_json(proof: Proof) -> dict[str, object]:
    """The proof as plain data."""
    return asdict(proof)
