"""Registries of a test's own, and how images of the lab get into one."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.e2e.containers import wait
from tests.e2e.control_plane import free_port
from tests.tls import signed

USER, PASSWORD = "robot", "of-a-test-alone"
_LOGIN = f"{USER}:$2b$05$r.AhTbDhkCo5Wa9c.DUT3.EbdYfQ8M.Q3GDMQCFzV3eSPp/IwIlKK\n"
"""As `htpasswd` writes it; the hash is of `PASSWORD`."""


@dataclass(frozen=True)
class Registry:
    """One that runs."""

    host: str
    """`host:port`, as references have it."""
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def authority(self) -> Path:
        """Who signs for it, where it has TLS."""
        return self.folder / "authority" / "ca.crt"

    def asked(self) -> list[str]:
        """What it was asked for, a line of its log each."""
        return [line for line in (self.folder / "registry.log").read_text().splitlines() if "HTTP/" in line]

    def repositories(self) -> set[str]:
        """What it has, by the folders in which it keeps it."""
        top = self.folder / "registry" / "docker" / "registry" / "v2" / "repositories"
        return {str(found.parent.relative_to(top)) for found in top.rglob("_manifests")}

    def stop(self) -> None:
        """It is out of reach from now on."""
        self.process.terminate()
        self.process.wait(20)


@contextmanager
def served(folder: Path, address: str = "127.0.0.1", *, login: bool = False) -> Iterator[Registry]:
    """An OCI registry: on loopback with plain HTTP, elsewhere with TLS of its own authority.

    With `login` it lets in `USER` alone.
    """
    port = free_port()
    config: dict[str, object] = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
        "http": {"addr": f"{address}:{port}"},
    }
    local = address == "127.0.0.1"
    if not local:
        config["http"] = {"addr": f"{address}:{port}", "tls": _certified(folder, address)}
    if login:
        (folder / "htpasswd").write_text(_LOGIN)
        config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
    (folder / "registry.json").write_text(json.dumps(config))
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(folder / "registry.json")], stdout=log, stderr=log
        )
    made = Registry(f"{'localhost' if local else address}:{port}", folder, process)
    try:
        wait(lambda: _answers(f"{'http' if local else 'https'}://{made.host}/"))
        yield made
    finally:
        made.stop()


def _certified(folder: Path, address: str) -> dict[str, str]:
    authority, certificate, key = signed(address)
    (folder / "authority").mkdir()
    for name, text in {"authority/ca.crt": authority, "server.crt": certificate, "server.key": key}.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text)
    return {"certificate": str(folder / "server.crt"), "key": str(folder / "server.key")}


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, verify=False, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def skopeo(*args: str, stdin: str = "") -> None:
    """Run skopeo to its good end."""
    done = subprocess.run(["skopeo", *args], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def put(registry: Registry, archive: Path, repository: str, tag: str) -> None:
    """An image of the lab, with a layer of its own at the bottom: nothing that the node has fits on that.

    Else containerd would take the layers that it has unpacked already, and ask the registry for none.
    """
    fast = ("--quiet", "--dest-compress-level=1", "--dest-tls-verify=false")
    skopeo("copy", *fast, f"docker-archive:{archive}", f"docker://{registry.host}/{repository}:{tag}")
    url = f"http://{registry.host}/v2/{repository}"
    with httpx.Client(trust_env=False, timeout=60) as client:
        manifest = (
            client.get(f"{url}/manifests/{tag}", headers={"Accept": MANIFEST}).raise_for_status().json()
        )
        config = client.get(f"{url}/blobs/{manifest['config']['digest']}").raise_for_status().json()
        bottom = _layer(registry.host)
        config["rootfs"]["diff_ids"].insert(0, _digest(bottom))
        config["history"].insert(0, {"created": "1970-01-01T00:00:00Z", "created_by": "a test"})
        packed, text = gzip.compress(bottom, mtime=0), json.dumps(config).encode()
        for content in (packed, text):
            _upload(client, url, content)
        manifest["layers"].insert(0, {"mediaType": LAYER, "size": len(packed), "digest": _digest(packed)})
        manifest["config"] |= {"size": len(text), "digest": _digest(text)}
        headers = {"Content-Type": MANIFEST}
        client.put(f"{url}/manifests/{tag}", json=manifest, headers=headers).raise_for_status()


def _layer(content: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo(f"of-a-test-{os.getpid()}")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content.encode()))
    return made.getvalue()


def _upload(client: httpx.Client, url: str, content: bytes) -> None:
    begun = client.post(f"{url}/blobs/uploads/").raise_for_status()
    where = httpx.URL(begun.headers["Location"]).copy_merge_params({"digest": _digest(content)})
    client.put(where, content=content).raise_for_status()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
