"""Write a container image as a docker archive, which `ctr images import` takes."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.shell import run


@dataclass(frozen=True)
class Settings:
    """What the image's configuration says of the process to start."""

    entrypoint: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "1001"
    stop_signal: str = "SIGTERM"


def layer(tree: Path, out: Path, log: Path, *options: str) -> Path:
    """Pack a file tree as one uncompressed layer: unpacking is then all that an import does."""
    how = ["--sort=name", "--numeric-owner", "--mtime=@0", "--format=gnu", *options]
    run(["tar", *how, "-C", tree, "-cf", out, "."], log=log)
    return out


def own_layer(tree: Path, out: Path, log: Path) -> Path:
    """The same of files of this checkout: pods run as another user, who may not read them here."""
    return layer(tree, out, log, "--mode=a+rX")


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def write(out: Path, reference: str, layers: Sequence[Path], settings: Settings) -> Path:
    """Write `image.tar` of `reference` into the folder `out`; layers from the lowest up."""
    digests = [_sha256(file) for file in layers]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "User": settings.user,
            "Env": [f"{key}={value}" for key, value in settings.env.items()],
            "Entrypoint": list(settings.entrypoint),
            "WorkingDir": settings.workdir,
            "StopSignal": settings.stop_signal,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "lab/images"} for _ in layers],
    }
    content = json.dumps(config).encode()
    name = f"{hashlib.sha256(content).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [reference], "Layers": [f"{digest}.tar" for digest in digests]}]
    archive = out / "image.tar"
    with tarfile.open(archive, "w") as tar:
        for member, data in ((name, content), ("manifest.json", json.dumps(manifest).encode())):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for digest, file in zip(digests, layers, strict=True):
            info = tarfile.TarInfo(f"{digest}.tar")
            info.size = file.stat().st_size
            with file.open("rb") as layer_content:
                tar.addfile(info, layer_content)
    return archive
