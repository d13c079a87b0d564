"""`make up` as a person runs it, and what is seen of it from outside."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import psutil

from lab import api, paths
from tests.e2e import footprint


def run(*command: str) -> str:
    """Run a command in the checkout; both of its outputs together. Fails with them."""
    done = subprocess.run(
        command, cwd=paths.REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def lab(command: str) -> str:
    """`python -m lab COMMAND`, in a process of its own: what it starts outlives the tests' own."""
    return run(sys.executable, "-m", "lab", command)


def shell_environ() -> dict[str, str]:
    """What a shell of the lab has: its cluster, and the programs of the checkout and of the lab."""
    programs = [str(Path(sys.executable).parent), str(api.bin_folder()), os.environ["PATH"]]
    return {**api.environ(), "PATH": os.pathsep.join(programs)}


def end_pods(namespace: str) -> None:
    """End all pods of a namespace at once, before it goes.

    Kubernetes looks again after half of the time that a pod may take to end: 16 s, though all are gone in 3.
    """
    where = ("--namespace", namespace, "delete", "--all")
    api.kubectl(
        *where, "deployments,replicasets,statefulsets,cronjobs,jobs", "--cascade=orphan", "--ignore-not-found"
    )
    # A database that is being made does not hear that it shall end.
    api.kubectl(*where, "pods", "--grace-period=1", "--request-timeout=60s")


class Deployment:
    """The deployment of `make up` in a lab of its own; everything is done through a shell."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.printed = ""
        self.seconds = 0.0
        self.commands: set[str] = set()
        """The arguments of all processes seen during `up`, those of pods left out."""

    def up(self) -> str:
        """`make up` to its end; what it printed. Everything that runs meanwhile is looked at."""
        done = threading.Event()
        watcher = threading.Thread(target=self._watch, args=[done])
        watcher.start()
        began = time.monotonic()
        try:
            self.printed = self.make("up")
        finally:
            done.set()
            watcher.join()
        self.seconds = time.monotonic() - began
        return self.printed

    def _watch(self, done: threading.Event) -> None:
        looks: dict[int, int] = {}
        while not done.wait(0.1):
            # A second after its start a process is what it will be: looked at for ever, all of them cost
            # the machine as much as `make up` does.
            looks = {pid: looks.get(pid, 0) + 1 for pid in psutil.pids()}
            for pid in (pid for pid, times in looks.items() if times <= 10):
                # Asked first: what starts in a pod is in its control group before it has its arguments.
                if not footprint.in_pod(pid):
                    with contextlib.suppress(psutil.Error):
                        self.commands.add(" ".join(psutil.Process(pid).cmdline()))

    def make(self, *target: str) -> str:
        """Run `make TARGET`; both of its outputs together. Fails with them."""
        return run("make", *target)

    def shell(self, script: str) -> str:
        """Run a script in a plain shell after the one line of the README; its standard output."""
        done = self.attempt(script)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @cached_property
    def _env(self) -> str:
        """What the README's one line evaluates; the same for all shells."""
        return self.make("-s", "env")

    def attempt(self, script: str) -> subprocess.CompletedProcess[str]:
        """Like `shell`, and gives whatever came of it."""
        lines = f"set -euo pipefail\n{self._env}\n{script}"
        return subprocess.run(
            ["bash", "-c", lines], cwd=paths.REPO, capture_output=True, text=True, check=False
        )

    def up_killed_after(self, seconds: float) -> bool:
        """Start `make up` and kill it and all that it started, with no warning; whether it still ran."""
        process = subprocess.Popen(
            ["make", "up"],
            cwd=paths.REPO,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        return False

    def output(self, name: str) -> str:
        """A stack output, in clear."""
        return self.shell(f"pulumi stack output {name} --show-secrets").strip()

    def secrets(self) -> Sequence[str]:
        """All secrets of this deployment: the lab's S3 keys, the login, the database's passwords."""
        script = r"""
            kubectl get secret -n mlflow mlflow-s3-creds mlflow-database mlflow-tracking -o json |
            python -c 'import base64, json, sys
            for item in json.load(sys.stdin)["items"]:
                for key, text in item["data"].items():
                    if key != "admin-user": print(base64.b64decode(text).decode())'
        """
        lines = self.shell(re.sub(r"\n {12}", "\n", script)).split()
        return [*lines, (self.home / "run" / "stack" / "passphrase").read_text()]
