"""A port-forward leads to its service, or it is said who has its port."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ops import forward, ports
from ops.forward import Service
from tests.ports import listening, stolen

KUBECTL = """#!{python}
import socket, sys, time
with socket.create_server(("127.0.0.1", int(sys.argv[-1].split(":")[0]))):
    time.sleep(60)
"""
SERVICE = Service("lab", "mlflow", "mlflow-tracking")


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The record of a forward whose `kubectl` only listens; it is ended afterwards."""
    program = tmp_path / "kubectl"
    program.write_text(KUBECTL.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    started: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[call-overload]
            started.append(self)

    monkeypatch.setattr(forward.subprocess, "Popen", Recorded)  # type: ignore[attr-defined]
    yield tmp_path / "forward.json"
    forward.stop(tmp_path / "forward.json")
    for process in started:
        process.wait(20)


def start(record: Path, preferred: int = 0) -> int:
    return forward.start(SERVICE, record, record.with_suffix(".log"), preferred)


def test_who_has_a_port_is_told_by_name_and_pid() -> None:
    with listening() as port:
        found = ports.holder(port)
    assert found is not None
    assert found.pid == os.getpid()
    assert str(found) == f"port {port} is held by {psutil.Process().name()} (pid {os.getpid()})"


def test_nobody_has_a_free_port() -> None:
    with listening() as port:
        pass
    assert ports.holder(port) is None


def test_a_system_that_does_not_tell_accuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: str) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", denied)
    with listening() as port:
        assert ports.holder(port) is None


def test_another_user_s_program_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as port:
        own = next(
            found for found in psutil.net_connections("tcp") if found.laddr and found.laddr.port == port
        )
        monkeypatch.setattr(psutil, "net_connections", lambda _: [own._replace(pid=None)])
        found = ports.holder(port)
    assert str(found) == f"port {port} is held by a program of another user"


def test_who_ends_while_it_is_looked_for_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `kubectl port-forward` does on its first connection, where the pod does not listen yet."""
    monkeypatch.setattr(psutil, "net_connections", lambda _: [])
    with listening() as port:
        assert ports.holder(port) is None


def test_a_taken_port_is_told_with_who_has_it_and_another_is_used(
    record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with listening() as taken:
        port = start(record, taken)
    assert port != taken
    told = capsys.readouterr().err
    assert f"port {taken} is held by {psutil.Process().name()} (pid {os.getpid()}): {port} instead" in told
    assert forward.intruder(record) is None
    assert start(record, taken) == port, "a forward that works is kept"


def test_who_takes_a_forward_s_port_is_found_and_the_next_start_goes_elsewhere(record: Path) -> None:
    port = start(record)
    with stolen(record, port):
        found = forward.intruder(record)
        assert found is not None
        assert found.pid == os.getpid()
        assert start(record) != port
    assert json.loads(record.read_text())["port"] != port


def test_no_forward_has_no_intruder(tmp_path: Path) -> None:
    assert forward.intruder(tmp_path / "none.json") is None
