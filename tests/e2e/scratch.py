"""A stack of a test's own on the lab's cluster: its own namespace, backend and stack file."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import psutil
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from components import names
from lab import api, paths
from lab.cluster.processes import find
from ops.console import OpsError
from ops.forward import Service, forwarded
from ops.home import STACK, Home
from ops.stack import Stack
from tests.e2e.deployment import end_pods, lab, shell_environ

SMALL: Mapping[str, object] = {
    "trackingWorkers": 1,
    "trackingResources": {"requests": {"cpu": "50m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
    "databaseResources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
    "waitResources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "192Mi"}},
}
"""Of every such stack: several pods stand side by side, on a node that others use too, and each worker
imports all of MLflow, which is most of what a start costs."""


@contextmanager
def scratch(
    folder: Path,
    namespace: str,
    settings: Mapping[str, object] = MappingProxyType({}),
    *,
    name: str = STACK,
    like: Mapping[str, object] = SMALL,
) -> Iterator[Scratch]:
    """A stack that is not up yet. Inside the block this process's environment means it; it is destroyed.

    Its settings are `like`, with `settings` laid over them: None takes one away. Stacks of several names in
    one folder share a backend and a passphrase.
    """
    home = Home(folder, shell_environ(), name)
    access, secret = api.s3_keys()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in home.environ().items():
            patch.setenv(name, value)
        given = {**api.settings(), **like, "namespace": namespace, **settings}
        keys = {"s3AccessKeyId": access, "s3SecretAccessKey": secret}
        home.prepare(
            {
                key: one if one is None or isinstance(one, str) else json.dumps(one)
                for key, one in given.items()
            },
            {key: text for key, text in keys.items() if given.get(key, text) is not None},
        )
        made = Scratch(home.stack(), namespace)
        try:
            yield made
        finally:
            end_pods(namespace)
            made.run("destroy", "--yes", "--skip-preview")


class Scratch:
    """The stack, driven by the `pulumi` program."""

    def __init__(self, stack: Stack, namespace: str) -> None:
        self.stack = stack
        self.namespace = namespace

    def run(self, *args: str) -> float:
        """Run `pulumi ARGS` to its good end; its seconds."""
        began = time.monotonic()
        self.stack.read(*args)
        return time.monotonic() - began

    def cut(self, victim: str, seconds: float, *args: str) -> bool:
        """Start `pulumi ARGS` and kill `victim` after `seconds`, without warning; whether it was at work.

        The victim is `everything` (engine, program and plugins), `plugin` (the Kubernetes one alone) or
        `server` (the API server, which the lab brings back at once).
        """
        process = subprocess.Popen(
            ["pulumi", *args, "--stack", self.stack.name],
            cwd=paths.REPO,
            env=self.stack.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(seconds)
        hit = process.poll() is None
        if victim == "everything":
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        elif victim == "plugin":
            plugins = _plugins(process.pid)
            hit = bool(plugins)
            for plugin in plugins:
                with suppress(psutil.NoSuchProcess):
                    plugin.kill()
        else:
            server = find(paths.run() / "pids" / "kube-apiserver.json")
            assert server is not None
            server.kill()
            lab("up")
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return hit

    def login(self) -> tuple[str, str] | None:
        """User and password in the chart's Secret, if there is one."""
        where = ("-n", self.namespace, names.tracking("mlflow"), "-o", "json")
        done = subprocess.run(
            ["kubectl", "get", "secret", *where], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return None
        data = json.loads(done.stdout)["data"]
        user, password = (
            base64.b64decode(data[key]).decode() for key in (names.ADMIN_USER_KEY, names.ADMIN_PASSWORD_KEY)
        )
        return user, password

    def experiments(self) -> set[str]:
        """The names of all experiments, as the administrator of the stack's outputs sees them."""
        answer = self._ask("search", {"max_results": 100})
        return {found["name"] for found in answer["experiments"]}

    def create_experiment(self, name: str) -> None:
        """Make an experiment, to be found again."""
        self._ask("create", {"name": name})

    @retry(
        retry=retry_if_exception_type((httpx.HTTPError, OpsError)),
        # The forward may have found a pod of the old revision, which ends meanwhile.
        stop=stop_after_delay(60),
        wait=wait_fixed(1),
        reraise=True,
    )
    def _ask(self, what: str, body: dict[str, object]) -> dict[str, Any]:
        outputs = self.stack.outputs()
        user = (outputs["admin_username"], outputs["admin_password"])
        with forwarded(Service("mlflow-lab", self.namespace, names.tracking("mlflow"))) as url:
            answer = httpx.post(
                f"{url}/api/2.0/mlflow/experiments/{what}", json=body, auth=user, timeout=30
            ).raise_for_status()
        return dict(answer.json())


def _plugins(pid: int) -> list[psutil.Process]:
    """The Kubernetes plugins below a process; none where it has ended."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if child.name().startswith("pulumi-resource-k"):
                    found.append(child)
    return found


@contextmanager
def signed_in(made: Scratch, user: tuple[str, str] | None = None) -> Iterator[httpx.Client]:
    """A client of the server, by the stack's outputs or as `user`."""
    outputs = made.stack.outputs()
    login = user or (outputs["admin_username"], outputs["admin_password"])
    with (
        forwarded(Service("mlflow-lab", made.namespace, names.tracking("mlflow"))) as url,
        httpx.Client(base_url=f"{url}/api/2.0/mlflow/", auth=login, timeout=60) as client,
    ):
        yield client
