"""What Debian must bring: found by what the lab uses of it, installed without a service started."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lab import paths, prerequisites
from lab.shell import CancelledError, CommandError

NEWEST = prerequisites.GO_VERSION
OLDER = "1.19.8"


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that is all this machine has; files by path are below `files`."""
    monkeypatch.setenv("MLFLOW_LAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(os, "sync", lambda: None)
    programs = tmp_path / "bin"
    programs.mkdir()
    packages = {
        f"{tmp_path}/files{name}" if name.startswith("/") else name: package
        for name, package in prerequisites.PACKAGES.items()
    }
    monkeypatch.setattr(prerequisites, "PACKAGES", packages)
    monkeypatch.setattr(prerequisites, "_which", lambda name: shutil.which(name, path=str(programs)))
    monkeypatch.setattr(prerequisites, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(prerequisites, "SYSTEMD", tmp_path / "systemd")
    monkeypatch.setattr(prerequisites, "LOCK", tmp_path / "lock")
    for name in packages:
        _program(programs / name)
    return programs


def _program(file: Path, body: str = "") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{body}\n")
    file.chmod(0o755)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The commands that an installation runs, one line each."""
    lines: list[str] = []

    def run(command: list[str], *, log: Path, env: dict[str, str]) -> None:
        assert env["DEBIAN_FRONTEND"] == "noninteractive"
        assert "exit 101" in (tmp_path / "policy-rc.d").read_text()
        lines.append(" ".join(command))

    monkeypatch.setattr(prerequisites, "run", run)
    return lines


def test_a_machine_with_everything_misses_nothing_and_installs_nothing(
    called: list[str], tmp_path: Path
) -> None:
    assert prerequisites.missing() == []
    prerequisites.install(tmp_path / "log")
    assert called == []


@pytest.mark.parametrize(("gone", "package"), sorted(prerequisites.PACKAGES.items()))
def test_each_program_or_file_that_is_missing_names_its_package(
    gone: str, package: str, machine: Path, tmp_path: Path
) -> None:
    (tmp_path / f"files{gone}" if gone.startswith("/") else machine / gone).unlink()
    assert prerequisites.missing() == [package]


def test_what_is_missing_is_installed_at_once_and_alone(
    called: list[str], machine: Path, tmp_path: Path
) -> None:
    (machine / "etcd").unlink()
    (machine / "runc").unlink()
    prerequisites.install(tmp_path / "log")
    assert len(called) == 1
    assert called[0].endswith("install -y --no-install-recommends etcd-server runc")
    assert not prerequisites.POLICY.exists()


def test_a_failed_installation_is_repaired_given_new_lists_and_tried_once_more(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted dpkg refuses to install, and old lists name packages that are gone."""
    (machine / "etcd").unlink()
    tried: list[str] = []

    def run(command: list[str], **_: object) -> None:
        verb = next(word for word in command if word in ("--configure", "install", "update"))
        tried.append(verb)
        if verb == "install":
            raise CommandError("apt-get failed (100)")

    monkeypatch.setattr(prerequisites, "run", run)
    with pytest.raises(CommandError):
        prerequisites.install(tmp_path / "log")
    assert tried == ["install", "--configure", "update", "install"]
    assert not prerequisites.POLICY.exists()


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, CancelledError])
def test_an_interrupted_installation_is_completed_by_the_next_run(
    stopped: type[BaseException], machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it has unpacked is there and yet is not set up: whoever does that would start the services."""
    (machine / "etcd").unlink()

    def interrupted(*_: object, **__: object) -> None:
        _program(machine / "etcd")
        raise stopped

    monkeypatch.setattr(prerequisites, "run", interrupted)
    with pytest.raises(stopped):
        prerequisites.install(tmp_path / "log")
    assert prerequisites.missing() == []
    done: list[str] = []

    def busy(command: list[str], **_: object) -> None:
        done.append(" ".join(command))
        if len(done) == 1:
            raise CommandError("another dpkg has the lock")

    monkeypatch.setattr(prerequisites, "run", busy)
    with pytest.raises(CommandError):
        prerequisites.install(tmp_path / "log")
    prerequisites.install(tmp_path / "log")
    assert done == ["dpkg --configure -a"] * 2
    assert not prerequisites.POLICY.exists()


def test_a_person_s_own_policy_for_services_stays(called: list[str], machine: Path, tmp_path: Path) -> None:
    (machine / "etcd").unlink()
    prerequisites.POLICY.write_text("#!/bin/sh\nexit 101 # mine\n")
    prerequisites.install(tmp_path / "log")
    assert "# mine" in prerequisites.POLICY.read_text()


def test_the_policy_that_a_killed_run_left_goes_with_the_next(
    called: list[str], machine: Path, tmp_path: Path
) -> None:
    (machine / "etcd").unlink()
    prerequisites.POLICY.write_text(prerequisites.NO_SERVICES)
    prerequisites.install(tmp_path / "log")
    assert not prerequisites.POLICY.exists()


def test_what_a_killed_run_left_is_completed_also_when_nothing_is_missing(
    called: list[str], tmp_path: Path
) -> None:
    prerequisites.POLICY.write_text(prerequisites.NO_SERVICES)
    prerequisites.install(tmp_path / "log")
    assert called == ["dpkg --configure -a"]
    assert not prerequisites.POLICY.exists()


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("systemd", [False, True])
def test_what_is_installed_does_not_start_with_the_machine_either(
    killed: bool,
    systemd: bool,
    called: list[str],
    machine: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the person had before stays enabled; what a killed run was installing does not."""
    if systemd:
        prerequisites.SYSTEMD.mkdir()
    files = "for package in $*; do echo /lib/systemd/system/$package.service; done; echo /usr/bin/etcd"
    _program(machine / "dpkg", f"shift; {files}")
    _program(machine / "systemctl", f'echo "$*" >> {tmp_path}/told')
    monkeypatch.setenv("PATH", f"{machine}:{os.environ['PATH']}")
    if killed:
        prerequisites.POLICY.write_text(f"{prerequisites.NO_SERVICES}# etcd-server runc\n")
    else:
        (machine / "etcd").unlink()
        (machine / "runc").unlink()
    prerequisites.install(tmp_path / "log")
    told = tmp_path / "told"
    disabled = "disable --quiet etcd-server.service runc.service\n"
    assert (told.read_text() if told.exists() else "") == (disabled if systemd else "")


@pytest.mark.parametrize("version", [NEWEST, "1.27", "1.99.1", "2.0"])
def test_a_go_that_is_new_enough_is_taken(version: str, machine: Path) -> None:
    _program(machine / "go", f"echo go version go{version} linux/amd64")
    assert prerequisites.go() == machine / "go"


@pytest.mark.parametrize(
    "says",
    [
        *(f"go version go{version} linux/amd64" for version in (OLDER, "1.26", "1.26.7", "1.27rc1")),
        *("go version devel", "go version devel go1.27-0a1b2c linux/amd64", "go version go1.9"),
    ],
)
def test_an_older_go_fetches_the_pinned_one_once(says: str, machine: Path) -> None:
    """Whose programs can be executed, although a Go module's files cannot."""
    module = f"golang.org/toolchain@v0.0.1-go{NEWEST}.linux-amd64"
    tree = f"$GOPATH/pkg/mod/{module}"
    fetch = f'[ "$*" = "mod download {module}" ] || exit 9; echo fetched >> {machine}/fetched'
    files = (
        f"mkdir -p {tree}/bin {tree}/pkg/tool/a; touch {tree}/bin/go {tree}/pkg/tool/a/link {tree}/VERSION"
    )
    _program(machine / "go", f'[ "$1" = version ] && {{ echo {says}; exit; }}\n{fetch}; {files}')
    go = prerequisites.go()
    assert go.is_relative_to(paths.cache())
    assert os.access(go, os.X_OK)
    assert os.access(go.parent.parent / "pkg" / "tool" / "a" / "link", os.X_OK)
    assert not os.access(go.parent.parent / "VERSION", os.X_OK)
    assert prerequisites.go() == go
    assert (machine / "fetched").read_text() == "fetched\n"


def test_without_any_go_the_fix_is_named(machine: Path) -> None:
    (machine / "go").unlink()
    with pytest.raises(RuntimeError, match="apt-get install golang-go"):
        prerequisites.go()
