"""The images' recipes: what the chart asks of them, without building one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from lab import images
from lab.images import archive, base, packages

ROOTFS = images.HERE / "rootfs"


def program(image: str, name: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run one of an image's own programs on this machine."""
    file = ROOTFS / image / "usr/local/bin" / name
    shell = file.read_text().startswith("#!/bin/bash")
    command = ["bash" if shell else sys.executable, str(file), *args]
    return subprocess.run(
        command, env={"PATH": os.environ["PATH"], **env}, capture_output=True, text=True, check=False
    )


def test_the_images_carry_the_chart_s_names_and_tags() -> None:
    """Facts of the chart 5.1.17 with the images moved to bitnamilegacy."""
    assert [image.reference for image in images.IMAGES] == [
        "docker.io/bitnamilegacy/mlflow:3.3.2-debian-12-r0",
        "docker.io/bitnamilegacy/postgresql:17.6.0-debian-12-r4",
        "docker.io/bitnamilegacy/os-shell:12-debian-12-r51",
    ]


def test_every_image_runs_as_the_chart_s_user_and_the_database_stops_fast() -> None:
    assert {image.settings.user for image in images.IMAGES} == {"1001"}
    assert {image.name: image.settings.stop_signal for image in images.IMAGES} == {
        "mlflow": "SIGTERM",
        "postgresql": "SIGINT",
        "os-shell": "SIGTERM",
    }


def test_every_package_is_pinned_with_a_hash_and_mlflow_is_the_chart_s() -> None:
    pins = re.split(r"\n(?=\S)", packages.LOCK.read_text().strip())
    assert all(re.match(r"[\w.-]+(\[[\w,]+\])?==\S+ .*--hash=sha256:", pin, re.S) for pin in pins), pins
    names = {pin.split(" ")[0] for pin in pins}
    assert "mlflow==3.3.2" in names
    (sqlalchemy,) = [name for name in names if name.startswith("sqlalchemy==")]
    assert sqlalchemy < "sqlalchemy==2.1", "MLflow 3.3.2 breaks on 2.1"
    assert "://" not in packages.LOCK.read_text()


def test_an_archive_names_its_layers_by_content_and_is_the_same_twice(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_text("content")
    settings = archive.Settings(entrypoint=["/file"], env={"A": "b"}, workdir="/app", stop_signal="SIGINT")
    written = []
    for name in ("one", "two"):
        out = tmp_path / name
        out.mkdir()
        packed = archive.layer(tree, out / "layer.tar", tmp_path / "log")
        written.append(archive.write(out, "docker.io/a/b:1", [packed], settings).read_bytes())
        os.utime(tree / "file", (1, 1))
    assert written[0] == written[1]

    with tarfile.open(tmp_path / "one" / "image.tar") as tar:

        def read(member: str) -> bytes:
            content = tar.extractfile(member)
            assert content
            return content.read()

        (manifest,) = json.loads(read("manifest.json"))
        config = json.loads(read(manifest["Config"]))
        digests = [hashlib.sha256(read(layer)).hexdigest() for layer in manifest["Layers"]]
    assert manifest["RepoTags"] == ["docker.io/a/b:1"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{digest}" for digest in digests]
    assert config["config"] == {
        "User": "1001",
        "Env": ["A=b"],
        "Entrypoint": ["/file"],
        "WorkingDir": "/app",
        "StopSignal": "SIGINT",
    }


def test_other_users_can_read_what_nobody_else_may_here(tmp_path: Path) -> None:
    """Pods run as one; who has the checkout may keep its files to himself. The base has its own modes."""
    (tmp_path / "tree/bin").mkdir(parents=True)
    for name, mode in {"bin": 0o700, "bin/script": 0o750, "file": 0o600}.items():
        (tmp_path / "tree" / name).touch()
        (tmp_path / "tree" / name).chmod(mode)

    def modes(packed: Path) -> dict[str, int]:
        with tarfile.open(packed) as tar:
            return {member.name: member.mode for member in tar if member.name != "."}

    own = archive.own_layer(tmp_path / "tree", tmp_path / "own.tar", tmp_path / "log")
    assert modes(own) == {"./bin": 0o755, "./bin/script": 0o755, "./file": 0o644}
    kept = archive.layer(tmp_path / "tree", tmp_path / "kept.tar", tmp_path / "log")
    assert modes(kept)["./file"] == 0o600


@pytest.fixture
def apt(tmp_path: Path) -> Path:
    """A folder of apt's sources, with none."""
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            "sources.list",
            "# deb http://no.example/debian x\ndeb [signed-by=/k] http://m.example/debian bookworm main\n",
        ),
        (
            "sources.list.d/debian.sources",
            "Types: deb\nURIs: http://m.example/debian\nSuites: bookworm\nComponents: main\n",
        ),
        (
            "sources.list",
            "deb http://m.example/debian-security s main\ndeb http://m.example/debian/ bookworm main\n",
        ),
        (
            "sources.list",
            "deb http://d.example/linux/debian bookworm stable\ndeb http://m.example/debian bookworm main\n",
        ),
        (
            "sources.list.d/debian.sources",
            "Types: deb\nURIs: mirror+file://{apt}/mirrors.list\nSuites: bookworm\nComponents: main\n",
        ),
    ],
    ids=["one line", "deb822", "security", "docker", "cloud image"],
)
def test_the_mirror_is_the_machine_s_own_in_either_format(apt: Path, file: str, text: str) -> None:
    (apt / "mirrors.list").write_text("http://m.example/debian\nhttp://n.example/debian\n")
    (apt / file).write_text(text.format(apt=apt))
    assert base.mirror(apt) == ["http://m.example/debian"]


def test_a_machine_without_a_mirror_has_that_of_debootstrap(apt: Path) -> None:
    (apt / "sources.list").write_text("deb http://d.example/linux/debian bookworm stable\n")
    assert base.mirror(apt) == []


def test_render_template_fills_in_the_environment(tmp_path: Path) -> None:
    template = tmp_path / "a.ini"
    template.write_text("uri = {{ URI }}\nplain\nuser={{USER_NAME}}\n")
    done = program(
        "os-shell", "render-template", str(template), URI="postgresql://u:p%40@h/d", USER_NAME="me"
    )
    assert done.stdout == "uri = postgresql://u:p%40@h/d\nplain\nuser=me\n"


def test_ini_file_sets_one_key_and_keeps_the_others(tmp_path: Path) -> None:
    ini = tmp_path / "basic_auth.ini"
    ini.write_bytes((ROOTFS / "mlflow/bitnami/mlflow-basic-auth/basic_auth.ini").read_bytes())
    done = program(
        "os-shell", "ini-file", "set", "-s", "mlflow", "-k", "admin_password", "-v", "a=b%c==", str(ini)
    )
    assert done.returncode == 0, done.stderr
    got = [program("os-shell", "ini-file", "get", "-s", "mlflow", "-k", key, str(ini)).stdout for key in
           ("admin_password", "default_permission")]  # fmt: skip
    assert got == ["a=b%c==\n", "READ\n"]


def test_wait_for_port_sees_a_taken_port_and_gives_up_on_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        taken = program("os-shell", "wait-for-port", "--timeout=5", "--host=127.0.0.1", "--state=inuse", port)
    free = program("os-shell", "wait-for-port", "--timeout=0.3", "--host=127.0.0.1", "--state=inuse", port)
    assert (taken.returncode, free.returncode) == (0, 1)
    assert f"127.0.0.1:{port} is not inuse" in free.stderr


def test_postgresql_refuses_to_start_without_a_password_and_says_what_to_set() -> None:
    done = program("postgresql", "postgresql-entrypoint")
    assert done.returncode == 1
    assert "POSTGRES_PASSWORD_FILE" in done.stderr
