"""`mlflow server` as a person starts it, beside the stack's own: same machine, image, database and store.

It has MLflow's own defaults: four workers that do one request at a time, and no login.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from bench.programs import BenchError
from bench.published import Published
from ops import cluster

PORT = 5055
SECONDS = 60.0

SERVER = f"""
import os, pathlib, signal, subprocess, sys
for process in pathlib.Path("/proc").glob("[0-9]*"):
    if b"\\0gunicorn\\0" in (process / "cmdline").read_bytes():
        break
env = dict(one.split("=", 1) for one in (process / "environ").read_text().split("\\0") if one)
env["MLFLOW_BACKEND_STORE_URI"] = env.pop("_MLFLOW_SERVER_FILE_STORE")
env["MLFLOW_ARTIFACTS_DESTINATION"] = env.pop("_MLFLOW_SERVER_ARTIFACT_DESTINATION")
command = ["mlflow", "server", "--host=0.0.0.0", "--port={PORT}"]
quiet = {{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}}
server = subprocess.Popen(command, env=env, start_new_session=True, **quiet)
sys.stdin.read()
os.killpg(server.pid, signal.SIGKILL)
"""
"""Runs in a pod of the server, which has what it takes: the URI of the database, the keys of the store."""


@contextmanager
def by_hand(made: Published) -> Iterator[str]:
    """Its URL, in the block. Raises `BenchError` where it does not answer."""
    pod, address = next(iter(made.pods().items()))
    url = f"http://{address}:{PORT}"
    api = cluster.connect(made.stack.config())
    with cluster.python_in_pod(api, made.namespace, pod, SERVER):
        deadline = time.monotonic() + SECONDS
        while not _answers(url):
            if time.monotonic() > deadline:
                raise BenchError(f"`mlflow server` by hand does not answer within {SECONDS:.0f} s")
            time.sleep(0.2)
        yield url


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").is_success
    except httpx.TransportError:
        return False
