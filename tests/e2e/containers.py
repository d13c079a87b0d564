"""A containerd of its own for one test module: images run without Kubernetes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path


class Containers:
    """Runs images read-only, without capabilities, on the machine's network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.ids: dict[str, str] = {}
        """Each start has an id of its own: what clears away the last one may still be at it."""
        config = folder / "containerd.toml"
        config.write_text(
            f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'[grpc]\n  address = "{folder}/sock"\n'
            # It collects what nothing refers to; `ctr run` makes a container's files before the container.
            '[plugins."io.containerd.gc.v1.scheduler"]\n'
            '  mutation_threshold = 1000000\n  startup_delay = "1h"\n'
        )
        with (folder / "containerd.log").open("wb") as log:
            command = ["containerd", "--config", str(config), "--log-level=warn"]
            self.daemon = subprocess.Popen(command, stdout=log, stderr=log)
        wait(lambda: self.ctr("version").returncode == 0)

    def ctr(self, *args: str) -> subprocess.CompletedProcess[str]:
        command = ["ctr", "--address", f"{self.folder}/sock", *args]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def start(self, name: str, image: str, mounts: dict[Path, str], env: dict[str, str], *args: str) -> Path:
        """Start a container; gives the path of its log. The folders of `mounts` belong to user 1001."""
        options = ["--rm", "--read-only", "--net-host", "--seccomp"]
        for folder, place in mounts.items():
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, 1001, 1001)
            options.append(f"--mount=type=bind,src={folder},dst={place},options=rbind:rw")
        options += [f"--env={key}={value}" for key, value in env.items()]
        self.ids[name] = f"{name}-{uuid.uuid4().hex[:6]}"
        log = self.folder / f"{self.ids[name]}.log"
        with log.open("wb") as out:
            command = [
                "ctr",
                "--address",
                f"{self.folder}/sock",
                "run",
                *options,
                image,
                self.ids[name],
                *args,
            ]
            self.running[name] = subprocess.Popen(command, stdout=out, stderr=out)
        return log

    def execute(self, name: str, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside it, as its user.

        `--user` would mount its files once more to look that up, and a second mount takes the first one's
        scratch folder away while runc still makes the folders to mount on.
        """
        return self.ctr("task", "exec", f"--exec-id={uuid.uuid4().hex}", self.ids[name], *args)

    def stop(self, name: str, signal: str) -> float:
        """Seconds until the container is gone."""
        began = time.monotonic()
        self.ctr("task", "kill", f"--signal={signal}", self.ids[name])
        self.running.pop(name).wait(timeout=60)
        return time.monotonic() - began

    def close(self) -> None:
        for name in list(self.running):
            self.stop(name, "SIGKILL")
        self.daemon.terminate()
        self.daemon.wait(timeout=20)
        shutil.rmtree(self.folder / "root")  # 2 GB, which pytest would keep for three sessions


def wait(ready: object, seconds: float = 120, log: Path | None = None) -> None:
    """Wait until `ready` gives true; fails with what stands in `log`."""
    assert callable(ready)
    deadline = time.monotonic() + seconds
    while not ready():
        told = f":\n{log.read_text()}" if log else ""
        assert time.monotonic() < deadline, f"not ready after {seconds} s{told}"
        time.sleep(0.1)
