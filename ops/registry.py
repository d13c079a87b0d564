"""Image registries, through the `skopeo` program: a person's own logins and trust hold there as they are.

skopeo finds logins in the file that `skopeo login` writes, or REGISTRY_AUTH_FILE names, and authorities in
the system's store or SSL_CERT_FILE. No password is ever in an argument.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.settings.images import Image
from ops.console import OpsError

OLDEST = (1, 9)
"""The first skopeo that this is tried with, Debian 12's."""
TIMEOUT = "60s"
"""How long a registry may take to say what it has."""

_AWAY = (
    r"no such host|i/o timeout|connection refused|dial tcp|TLS handshake|deadline exceeded|server misbehaving"
)
_UNTRUSTED = r"x509|certificate signed by unknown"
_PLAIN = r"server gave HTTP response to HTTPS client"
_LOGIN = r"unauthorized|authentication required|invalid username/password|denied|\b40[13]\b"
_NO_HELPER = r"getting credentials|executable file not found"
"""The person's settings name a program that keeps the logins, which does not work or is not there."""
_GONE = r"manifest unknown|name unknown|not found|NAME_UNKNOWN|MANIFEST_UNKNOWN|\b404\b"
_LIMIT = r"toomanyrequests|\b429\b|rate limit"


@dataclass(frozen=True)
class Registries:
    """The registries of the world; `trusted` is an authority more (`ca.crt` in a folder) for one of them."""

    program: str
    scratch: Path
    host: str = ""
    trusted: Path | None = None

    def digest(self, image: Image, *login: str) -> str | None:
        """The digest that a reference stands for; None where there is no such image. Raises `OpsError`.

        The digest is computed here from what the registry sent. `login` are skopeo's options of whom to be.
        """
        options = ["--raw", *login, *self._options(image.registry, "")]
        command = ["--command-timeout", TIMEOUT, "inspect", *options, f"docker://{name(image)}"]
        done = self._skopeo(*command)
        if done.returncode == 0:
            return f"sha256:{hashlib.sha256(done.stdout).hexdigest()}"
        said = _last(done.stderr)
        if re.search(_GONE, said) and not re.search(f"{_AWAY}|{_UNTRUSTED}|{_NO_HELPER}", said):
            return None
        raise _refused(image.registry, said)

    def copy(self, source: Image, target: Image) -> None:
        """Copy an image for all its platforms, as it is to the last byte. Raises `OpsError`."""
        command = ["copy", "--quiet", "--all", "--preserve-digests", "--retry-times=3"]
        command += [*self._options(source.registry, "src-"), *self._options(target.registry, "dest-")]
        done = self._skopeo(*command, f"docker://{name(source)}", f"docker://{name(target)}")
        if done.returncode:
            said = _last(done.stderr)
            # Whoever may read may not write: of both ends it is the target that refuses then.
            raise OpsError(f"{name(source)} was not copied: {_refused(target.registry, said)}")

    def login(self, host: str, user: str, password: str) -> str:
        """Skopeo's option by which it is this user, from a file of its own. Raises `OpsError`."""
        file = self.scratch / "login.json"
        options = [f"--authfile={file}", f"--username={user}", "--password-stdin", *self._options(host, "")]
        done = self._skopeo("login", *options, host, stdin=password.encode())
        if done.returncode:
            said = _last(done.stderr)
            if re.search(_LOGIN, said) and not re.search(_AWAY, said):
                raise OpsError(f"{host} does not let {user} in with this password")
            raise _refused(host, said)
        return f"--authfile={file}"

    def _options(self, host: str, side: str) -> list[str]:
        """How to speak to a host. Plain HTTP for this machine only, as Helm and Kubernetes have it."""
        here = host.partition(":")[0] in ("localhost", "127.0.0.1")
        trusting = [f"--{side}cert-dir={self.trusted}"] if self.trusted and host == self.host else []
        return [*trusting, *([f"--{side}tls-verify=false"] if here else [])]

    def _skopeo(self, *args: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([self.program, *args], input=stdin, capture_output=True, check=False)


@contextmanager
def registries(host: str = "", authority: Path | None = None) -> Iterator[Registries]:
    """The registries; `authority` is the file of who signs for `host`. Raises `OpsError` without skopeo."""
    program = _program()
    with tempfile.TemporaryDirectory() as scratch:
        trusted = None
        if authority:
            trusted = Path(scratch) / "trusted"
            trusted.mkdir()
            shutil.copy(authority, trusted / "ca.crt")
        yield Registries(program, Path(scratch), host, trusted)


def name(image: Image) -> str:
    """A reference as skopeo takes it: by digest where there is one, for it takes no tag beside."""
    version = f"@{image.digest}" if image.digest else f":{image.tag}"
    return f"{image.registry}/{image.repository}{version}"


def _program() -> str:
    """The program that is on PATH, new enough."""
    install = "`apt-get install skopeo` on Debian and Ubuntu, `brew install skopeo` on macOS"
    program = shutil.which("skopeo")
    if program is None:
        raise OpsError(
            f"skopeo is not on PATH, and registries are queried and images copied with it: {install}"
        )
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"version (\d+)\.(\d+)", told)
    if version is None or (int(version[1]), int(version[2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise OpsError(
            f"skopeo is {told.strip() or 'of unknown version'}; {oldest} or newer is needed: {install}"
        )
    return program


def _last(errors: bytes) -> str:
    """The line in which skopeo says what went wrong, without its time and level."""
    lines = errors.decode(errors="replace").strip().splitlines() or ["it said nothing"]
    told = re.search(r'msg="?(.*?)"?$', lines[-1])
    return told[1].replace('\\"', '"') if told else lines[-1]


def _refused(host: str, said: str) -> OpsError:
    """What it means that a registry did not do what it was asked for."""
    if re.search(_UNTRUSTED, said):
        what = (
            "shows a certificate that this machine does not trust: add its CA to the system's trusted CAs"
            " (`make mirror` takes --ca-file)"
        )
    elif re.search(_NO_HELPER, said):
        what = "was not contacted: this machine's logins (credHelpers, credsStore) cannot be read"
    elif re.search(_PLAIN, said):
        what = "speaks HTTP without TLS, which is accepted from localhost only"
    elif re.search(_AWAY, said):
        what = "cannot be reached from this machine"
    elif re.search(_LIMIT, said):
        what = f"serves no more for now (rate limit): `skopeo login {host}`, or wait"
    elif re.search(_LOGIN, said):
        file = os.environ.get("REGISTRY_AUTH_FILE", "")
        known = f" (it writes {file})" if file else ""
        what = f"requires a login that is allowed to do this: `skopeo login {host}`{known}"
    else:
        what = "failed"
    return OpsError(f"registry {host} {what} ({said})")
