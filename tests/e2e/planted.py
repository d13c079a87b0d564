"""Stacks with a fault in them, and the services of a test's own that the faults are in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.client import Config

from lab import api, paths
from lab.cluster import network
from ops.home import STACK, Home
from ops.stack import Stack
from tests.e2e.commands import ops
from tests.e2e.containers import wait
from tests.e2e.control_plane import free_port
from tests.e2e.deployment import end_pods, shell_environ
from tests.e2e.machine import within
from tests.e2e.registries import served

BAR = 30.0
"""Seconds within which a fault that shows must be named."""
SMALL: dict[str, str | None] = {
    f"{part}Resources": '{"requests": {"cpu": ""}}' for part in ("tracking", "database", "wait")
}
"""Many stacks fit on the one node, and nothing but the fault keeps a pod from it."""


@dataclass(frozen=True)
class Named:
    """What a diagnosis said, and after how many seconds."""

    seconds: float
    said: dict[str, Any]

    @property
    def first(self) -> dict[str, Any]:
        return dict(self.said["causes"][0])


class Planted:
    """A stack in a namespace of its own. Nothing of it is in this process's environment."""

    def __init__(
        self, folder: Path, namespace: str, settings: Mapping[str, str | None], **secrets: str
    ) -> None:
        self.folder = folder
        self.namespace = namespace
        self.home = Home(folder, shell_environ())
        self.stack: Stack = self.home.stack()
        keys = dict(zip(("s3AccessKeyId", "s3SecretAccessKey"), api.s3_keys(), strict=True))
        given = {**api.settings(), **SMALL, "namespace": namespace, **settings}
        self.home.prepare(given, {**keys, **secrets})
        self._running: subprocess.Popen[bytes] | None = None

    def set(self, *args: str, stdin: str = "") -> None:
        """`pulumi config ARGS`."""
        self.stack.read("config", *args, stdin=stdin)

    def up(self) -> None:
        """`pulumi up` to its good end."""
        self.stack.read("up", "--yes", "--skip-preview", "--non-interactive")

    def begin(self) -> None:
        """`pulumi up` in the background."""
        with (self.folder / "up.log").open("wb") as log:
            self._running = subprocess.Popen(
                ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", STACK],
                cwd=paths.REPO,
                env=self.stack.environ(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self) -> int:
        """End that `pulumi up` in order; its exit code."""
        process = self._running
        assert process is not None
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            return process.wait(90)
        finally:
            self._running = None

    def destroy(self) -> None:
        """End what runs, and take the stack away; its namespace goes with it."""
        if self._running is not None:
            self.end()
        end_pods(self.namespace)
        self.stack.read("destroy", "--yes", "--skip-preview", "--non-interactive")

    def kubectl(self, *args: str, stdin: str = "") -> str:
        """Kubectl in the stack's namespace; what it prints."""
        done = api.kubectl("--namespace", self.namespace, *args, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def diagnose(self) -> tuple[int, dict[str, Any]]:
        """`python -m ops diagnose`: its exit code, and what it says."""
        done = ops("diagnose", "--stack", STACK, "--json", env=self.stack.environ())
        assert done.returncode in (0, 3), done.stderr
        return done.returncode, dict(json.loads(done.stdout))

    def named(self, cause: str) -> Named:
        """Ask for a diagnosis until it names `cause` first: within the bar, with evidence and a fix."""
        bar = within(BAR)
        began, asked = time.monotonic(), ""
        while True:
            code, said = self.diagnose()
            seconds = time.monotonic() - began
            found = [one["name"] for one in said["causes"]]
            if found[:1] == [cause]:
                break
            asked += f"; after {seconds:.1f} s: {', '.join(found) or 'nothing'}"
            assert seconds < bar, f"{cause} was not named{asked}; {said['causes']}"
        assert code == 3
        assert said["causes"][0]["evidence"]
        assert said["causes"][0]["fix"]
        told = f"{seconds:.1f} s (bar {BAR:.0f} s, here {bar:.0f})"
        print(f"\n{cause}: named in {told}{asked}; {said['causes'][0]['what']}")
        assert seconds < bar
        return Named(seconds, said)


def shown(is_there: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until a fault shows: from here on it counts."""
    wait(is_there, seconds)


class Bucketed:
    """An S3 server of the test's own on the lab's bridge, with one bucket."""

    def __init__(self, folder: Path, bucket: str) -> None:
        self.folder = folder
        self.bucket = bucket
        self.port = free_port()
        self.url = f"http://{network.GATEWAY}:{self.port}"
        (folder / "data" / bucket).mkdir(parents=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, access: str, secret: str) -> None:
        """Serve, to whom has these keys."""
        self.stop()
        with (self.folder / "s3.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(api.bin_folder() / "versitygw"),
                    "--quiet",
                    f"--port={network.GATEWAY}:{self.port}",
                    "posix",
                    str(self.folder / "data"),
                ],
                env={**os.environ, "ROOT_ACCESS_KEY_ID": access, "ROOT_SECRET_ACCESS_KEY": secret},
                stdout=log,
                stderr=log,
            )
        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=access,
            aws_secret_access_key=secret,
            config=Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1}),
        )

        def ready() -> bool:
            try:
                return bool(client.list_buckets())
            except Exception:
                return False

        wait(ready)

    def stop(self) -> None:
        """Serve nobody."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def lose(self) -> None:
        """The bucket goes."""
        (self.folder / "data" / self.bucket).rename(self.folder / "gone")

    def find(self) -> None:
        """It comes back."""
        (self.folder / "gone").rename(self.folder / "data" / self.bucket)


@contextmanager
def private_registry(folder: Path) -> Iterator[str]:
    """An OCI registry on loopback that lets nobody in without a login; its `localhost:port`."""
    with served(folder, login=True) as made:
        yield made.host


def cluster(*args: str, stdin: str = "") -> str:
    """Kubectl on the whole cluster."""
    done = api.kubectl(*args, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def applied(*objects: Mapping[str, Any]) -> Iterator[None]:
    """Objects of the cluster, for as long as the block runs."""
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    # The first who asks a busy API server for all its kinds waits longer than for anything else.
    cluster("apply", "--server-side", "--request-timeout=60s", "-f", "-", stdin=listed)
    try:
        yield
    finally:
        cluster("delete", "--ignore-not-found", "-f", "-", stdin=listed)


def crd(group: str, kind: str, scope: str) -> dict[str, Any]:
    """A kind of somebody's operator, without the operator."""
    plural = f"{kind.lower()}s"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
