"""What the lab needs of Debian: packages, and a Go that is new enough."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

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
"""Known by its text, so that the next run removes what a killed one left."""

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
    """Install what is missing, without starting any of the packages' services."""
    wanted = missing(packages)
    if not wanted:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    apt = ["apt-get", "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}"]
    install = [*apt, "install", "-y", "--no-install-recommends", *wanted]
    with _services_stay_down():
        try:
            run(install, log=log, env=quiet)
        except CommandError:
            # An interrupted installation refuses later ones; the lists of packages may be missing or old.
            run(["dpkg", "--configure", "-a"], log=log, env=quiet)
            run([*apt, "update"], log=log, env=quiet)
            run(install, log=log, env=quiet)


@contextlib.contextmanager
def _services_stay_down() -> Iterator[None]:
    """Debian's way to keep packages from starting services; a person's own policy stays as it is."""
    ours = not POLICY.exists() or POLICY.read_text() == NO_SERVICES
    if ours:
        POLICY.write_text(NO_SERVICES)
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if ours:
            POLICY.unlink()


def go_on_path() -> Path | None:
    """The machine's Go, when it is at least as new as the lab's modules ask."""
    found = _which("go")
    if not found:
        return None
    text = subprocess.run([found, "version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"go(\d+)\.(\d+)", text)
    if version is None or (int(version[1]), int(version[2])) < tuple(map(int, GO_VERSION.split(".")[:2])):
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
