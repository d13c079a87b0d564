"""What the lab needs of Debian: packages, and a Go that is new enough."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from filelock import FileLock

from lab import cache
from lab.shell import CommandError, run

FOR_BUILDS = {
    "go": "golang-go",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
}
"""What the engine and Helm are built with, on any cluster: Debian package by program (or file)."""

FOR_CHECKS = {**FOR_BUILDS, "jq": "jq", "shellcheck": "shellcheck"}
"""The same for the fast tests."""

FOR_TESTS = {
    "chromium": "chromium",
    "certutil": "libnss3-tools",
    "prometheus": "prometheus",
    "skopeo": "skopeo",
}
"""What the end-to-end tests need besides the lab."""

PACKAGES = {
    **FOR_BUILDS,
    "etcd": "etcd-server",
    "containerd": "containerd",
    "runc": "runc",
    "docker-registry": "docker-registry",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "gcc": "gcc",
    "mount": "mount",
    "zstd": "zstd",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/include/stdlib.h": "libc6-dev",
}
"""The same for all of the lab."""

POLICY = Path("/usr/sbin/policy-rc.d")
NO_SERVICES = "#!/bin/sh\n# Of the MLflow lab, while it installs packages.\nexit 101\n"
"""Then come the packages, so that the next run completes what a killed one left."""

LOCK = Path("/run/mlflow-lab-packages.lock")
"""Of the machine, as the policy is; nobody but root makes it, or installs anything."""

SYSTEMD = Path("/run/systemd/system")
"""There where systemd runs."""

LOCK_SECONDS = 300
"""How long to wait for another apt-get, such as the machine's own updates."""

GO_VERSION = "1.26.8"
"""The Go that builds the lab's programs where the machine's own is older than its modules ask."""


def missing(packages: Mapping[str, str] | None = None) -> list[str]:
    """The Debian packages to install (of all, unless given): those whose program or file is not there."""
    packages = PACKAGES if packages is None else packages
    return sorted(
        package
        for program, package in packages.items()
        if not (Path(program).exists() if program.startswith("/") else _which(program))
    )


def _which(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def install(log: Path, packages: Mapping[str, str] | None = None) -> None:
    """Install what is missing; none of the packages' services starts, now or with the machine."""
    if not missing(packages) and _left() is None:
        return
    # Another run may be at it right now, which has not left anything.
    with FileLock(LOCK) if os.geteuid() == 0 else contextlib.nullcontext():
        _install(log, missing(packages), _left())


def _install(log: Path, wanted: list[str], left: list[str] | None) -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    apt = ["apt-get", "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}"]
    install = [*apt, "install", "-y", "--no-install-recommends", *wanted]
    configure = ["dpkg", "--configure", "-a"]
    if left is not None:
        run(configure, log=log, env=quiet)
    with _services_stay_down([*(left or []), *wanted]):
        if not wanted:
            return
        try:
            run(install, log=log, env=quiet)
        except CommandError:
            # An interrupted installation refuses later ones; the lists of packages may be missing or old.
            run(configure, log=log, env=quiet)
            run([*apt, "update"], log=log, env=quiet)
            run(install, log=log, env=quiet)


def _left() -> list[str] | None:
    """The packages that a killed run was installing, or nothing when none was killed."""
    try:
        text = POLICY.read_text()
    except FileNotFoundError:
        return None
    return text.removeprefix(NO_SERVICES).split()[1:] if text.startswith(NO_SERVICES) else None


@contextlib.contextmanager
def _services_stay_down(packages: list[str]) -> Iterator[None]:
    """Debian's way to keep packages from starting services; a person's own policy stays as it is.

    An interrupted installation leaves it, with all that is still to be done.
    """
    ours = not POLICY.exists() or _left() is not None
    if ours:
        POLICY.write_text(f"{NO_SERVICES}# {' '.join(packages)}\n")
        POLICY.chmod(0o755)
    failed: CommandError | None = None
    try:
        yield
    except CommandError as error:
        failed = error
    if SYSTEMD.exists():
        _disable(packages)
    if ours:
        POLICY.unlink()
    if failed:
        raise failed


def _disable(packages: list[str]) -> None:
    """Debian enables services as it installs them: after a reboot they would have the lab's ports."""
    files = subprocess.run(["dpkg", "--listfiles", *packages], capture_output=True, text=True, check=False)
    units = re.findall(r"/systemd/system/([^/]+\.service)$", files.stdout, re.M)
    if units:
        subprocess.run(["systemctl", "disable", "--quiet", *units], capture_output=True, check=False)


def go_on_path() -> Path | None:
    """The machine's Go, when it is at least as new as the lab's modules ask."""
    found = _which("go")
    if not found:
        return None
    text = subprocess.run([found, "version"], capture_output=True, text=True, check=True).stdout
    # One that is not released yet has other words behind its number.
    version = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?\s", text)
    oldest = [int(part) for part in GO_VERSION.split(".")]
    if version is None or [int(part or 0) for part in version.groups()] < oldest:
        return None
    return Path(found)


def go() -> Path:
    """A Go that can build the lab's programs.

    An older one (Debian's is 1.19) fetches the official toolchain, which is a Go module whose
    checksum the Go checksum database knows; a module's files lose their execute bits on the way.
    """
    return go_on_path() or cache.cached("go", {"version": GO_VERSION}, _fetch_toolchain) / "bin" / "go"


def _fetch_toolchain(out: Path, log: Path) -> None:
    old = _which("go")
    if old is None:
        raise RuntimeError("no Go on this machine: apt-get install golang-go")
    module = f"golang.org/toolchain@v0.0.1-go{GO_VERSION}.linux-amd64"
    scratch = out / ".gopath"
    env = {**os.environ, "GOPATH": str(scratch), "GOFLAGS": "-modcacherw", "GO111MODULE": "on"}
    run([old, "mod", "download", module], log=log, cwd=out, env=env)
    (source,) = (scratch / "pkg" / "mod" / "golang.org").glob("toolchain@*")
    shutil.copytree(source, out, dirs_exist_ok=True)
    shutil.rmtree(scratch)
    for program in (*(out / "bin").iterdir(), *(out / "pkg" / "tool").rglob("*")):
        if program.is_file():
            program.chmod(0o755)
