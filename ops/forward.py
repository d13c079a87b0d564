"""A port of this machine that leads to a service in the cluster, for as long as it is wanted.

`kubectl port-forward` ends when its pod does, so it runs in a loop: a restarted server is reached
again at the same address.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tenacity import RetryCallState, retry, retry_if_result, stop_after_delay, wait_fixed

from lab.cluster.processes import end, find, remember
from ops.console import OpsError, err
from ops.ports import HOST, Holder, free_port, holder


@dataclass(frozen=True)
class Service:
    """A Kubernetes service's port, by kube context, namespace and name (and kubeconfig: not the default)."""

    context: str
    namespace: str
    name: str
    port: int = 80
    kubeconfig: str = ""


def _gave_up(state: RetryCallState) -> bool:
    raise OpsError(f"the port-forward did not open {HOST}:{state.args[0]} within 20 s")


@retry(
    retry=retry_if_result(lambda up: not up),
    stop=stop_after_delay(20),
    wait=wait_fixed(0.05),
    retry_error_callback=_gave_up,
)
def _wait_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _command(service: Service, port: int) -> list[str]:
    program = shutil.which("kubectl")
    if program is None:
        raise OpsError(
            "kubectl is not on PATH, and the server is reached through its port-forward: install it"
        )
    kubeconfig = [f"--kubeconfig={Path(service.kubeconfig).expanduser()}"] if service.kubeconfig else []
    return [
        program,
        *kubeconfig,
        "port-forward",
        f"--context={service.context}",
        f"--namespace={service.namespace}",
        f"--address={HOST}",
        f"service/{service.name}",
        f"{port}:{service.port}",
    ]


def keep(service: Service, port: int, pid_file: Path) -> None:
    """Forward until `pid_file` is gone or names another process."""
    child: subprocess.Popen[bytes] | None = None
    try:
        while _owned(pid_file):
            if child is None or child.poll() is not None:
                child = subprocess.Popen(_command(service, port), stdin=subprocess.DEVNULL)
            time.sleep(0.5)
    finally:
        if child is not None:
            child.terminate()


def _owned(pid_file: Path) -> bool:
    """Whether `pid_file` names this very process."""
    owner = find(pid_file)
    return owner is not None and owner.pid == os.getpid()


def _record(pid_file: Path) -> dict[str, object]:
    try:
        return dict(json.loads(pid_file.read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def start(service: Service, pid_file: Path, log: Path, preferred: int = 0) -> int:
    """Forward in the background; the port. One that already leads there is kept."""
    record = _record(pid_file)
    if find(pid_file) and record.get("service") == asdict(service) and not intruder(pid_file):
        return int(str(record["port"]))
    stop(pid_file)
    port = free_port(preferred)
    if preferred not in (0, port):
        err.print(
            f"[yellow]note[/yellow] {holder(preferred) or f'port {preferred} is taken'}: {port} instead"
        )
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    _command(service, port)  # refused here rather than in the log
    arguments = [json.dumps(asdict(service)), str(port), str(pid_file)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ops.forward", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=Path(__file__).resolve().parent.parent,
        )
    remember(pid_file, process.pid, port=port, service=asdict(service))
    _wait_open(port)
    other = intruder(pid_file)
    if other is not None:
        stop(pid_file)
        raise OpsError(f"{other}, taken just now: try again, and another port is used")
    return port


def intruder(pid_file: Path) -> Holder | None:
    """Who else has the port of the forward that `pid_file` names, if anybody has."""
    keeper, port = find(pid_file), _record(pid_file).get("port")
    found = holder(int(str(port))) if keeper and port else None
    if keeper is None or found is None:
        return None
    family = {keeper.pid, *(child.pid for child in keeper.children(recursive=True))}
    return None if found.pid in family else found


def stop(pid_file: Path) -> None:
    """End the forward that `pid_file` names, if it runs, and forget it."""
    process = find(pid_file)
    if process is not None:
        end([process, *process.children(recursive=True)])
    pid_file.unlink(missing_ok=True)


@contextmanager
def forwarded(service: Service) -> Iterator[str]:
    """The service's URL on loopback, while the block runs."""
    port = free_port()
    process = subprocess.Popen(_command(service, port), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        _wait_open(port)
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    wanted, local, record = sys.argv[1:]
    # The parent writes the pid file after it knows this process's pid.
    for _ in range(100):
        if _owned(Path(record)):
            break
        time.sleep(0.05)
    keep(Service(**json.loads(wanted)), int(local), Path(record))
