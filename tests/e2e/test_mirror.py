"""Air-gapped: `make mirror` fills a private registry, the world goes away, the stack comes up from there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.settings.images import parts
from components.settings.model import default_of
from lab import api, images, paths
from lab.cluster import network, node
from ops import images as listed
from ops import watch
from ops.console import OpsError
from ops.policy import judge
from ops.verify import verified
from tests.e2e import commands
from tests.e2e.deployment import Deployment, end_pods
from tests.e2e.registries import MANIFEST, PASSWORD, USER, Registry, put, served, skopeo
from tests.e2e.scratch import Scratch, scratch

NAMESPACE = "mlflow-mirror"
TAG = "5.1.17"


@dataclass(frozen=True)
class Places:
    """Two registries: the world, and the one that is filled from it."""

    world: Registry
    mirror: Registry

    @property
    def to(self) -> str:
        return f"{self.mirror.host}/team"


def _fill(world: Registry) -> None:
    """The lab's chart and images, as if they were the world's."""
    chart = str(api.settings().get("chart") or default_of("chart")).removeprefix("oci://")
    plain = ("--src-tls-verify=false",) if chart.startswith("localhost") else ()
    copy = ("copy", "--quiet", "--dest-tls-verify=false", *plain)
    skopeo(*copy, f"docker://{chart}:{TAG}", f"docker://{world.host}/bitnamicharts/mlflow:{TAG}")
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(_put, world, image) for image in images.IMAGES]:
            done.result()


def _put(world: Registry, image: images.Image) -> None:
    named = parts(image.reference, "")
    put(world, image.build(), named.repository, named.tag)


@pytest.fixture(scope="module")
def places(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """The node trusts the mirror's authority, as a platform's nodes do."""
    folders = [tmp_path_factory.mktemp(name) for name in ("world", "mirror")]
    with served(folders[0]) as world, served(folders[1], network.GATEWAY, login=True) as mirror:
        _fill(world)
        node.trust(mirror.host, mirror.authority)
        try:
            yield Places(world, mirror)
        finally:
            node.distrust(mirror.host)
            _forget(mirror.host)


def _forget(host: str) -> None:
    """The node's copies go."""
    names = subprocess.run(node.ctr("images", "list", "--quiet"), capture_output=True, text=True, check=True)
    mine = [name for name in names.stdout.split() if name.startswith(host)]
    subprocess.run(node.ctr("images", "remove", *mine), capture_output=True, check=False)


@pytest.fixture(scope="module")
def stack(places: Places, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """A stack that takes all from the world, and a person who may write to the mirror."""
    folder = tmp_path_factory.mktemp("stack")
    given = {
        "chart": f"oci://{places.world.host}/bitnamicharts/mlflow",
        "imageRegistry": places.world.host,
    }
    with scratch(folder, NAMESPACE, given) as made, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGISTRY_AUTH_FILE", str(folder / "logins.json"))
        certificates = f"--cert-dir={places.mirror.authority.parent}"
        skopeo(
            "login",
            certificates,
            f"--username={USER}",
            "--password-stdin",
            places.mirror.host,
            stdin=PASSWORD,
        )
        yield made


def ops(stack: Scratch, *command: str) -> dict[str, Any]:
    """What `python -m ops COMMAND --json` says."""
    done = commands.ops(*command, "--stack", stack.stack.name, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def make_mirror(
    stack: Scratch, places: Places, password: str, *more: str
) -> subprocess.CompletedProcess[str]:
    """`make mirror`, as a person runs it; the password is typed."""
    given = f"--user {USER} --ca-file {places.mirror.authority} {' '.join(more)}"
    return subprocess.run(
        ["make", "-s", "mirror", f"TO={places.to}", f"STACK={stack.stack.name}", f"ARGS={given}"],
        cwd=paths.REPO,
        env=dict(os.environ),
        input=f"{password}\n",
        capture_output=True,
        text=True,
        check=False,
    )


def secret(stack: Scratch, key: str, text: str) -> None:
    stack.stack.read("config", "set", "--secret", key, stdin=text)


def test_images_are_pinned_by_what_the_registry_says(stack: Scratch, places: Places) -> None:
    """The registry's own words: those of its headers, and of nobody's arithmetic."""
    told = ops(stack, "images", "--pin")
    assert {each["key"] for each in told["pinned"]} == {"imageMlflow", "imagePostgresql", "imageOsShell"}
    for each in told["pinned"]:
        image = parts(each["after"], "")
        url = f"http://{places.world.host}/v2/{image.repository}/manifests/{image.tag}"
        answer = httpx.head(url, headers={"Accept": MANIFEST}, trust_env=False).raise_for_status()
        assert answer.headers["Docker-Content-Digest"] == image.digest
        assert stack.stack.config()[each["key"]] == each["after"]
    assert ops(stack, "images", "--pin")["pinned"] == []


def test_a_wrong_password_copies_nothing(stack: Scratch, places: Places) -> None:
    before = stack.stack.file.read_text()
    done = make_mirror(stack, places, "wrong")
    assert done.returncode != 0
    assert f"does not let {USER} in with this password" in done.stderr
    assert places.mirror.repositories() == set()
    assert stack.stack.file.read_text() == before


def test_it_is_filled_once_and_the_stack_is_set_to_it(stack: Scratch, places: Places) -> None:
    began = time.monotonic()
    done = make_mirror(stack, places, PASSWORD)
    assert done.returncode == 0, done.stderr
    print(f"\nfilled in {time.monotonic() - began:.1f} s")
    names = [parts(image.reference, "").repository for image in images.IMAGES]
    assert places.mirror.repositories() == {f"team/{name}" for name in ("bitnamicharts/mlflow", *names)}
    given = stack.stack.config()
    assert given["chart"] == f"oci://{places.to}/bitnamicharts/mlflow"
    assert given["imageRegistry"] == places.mirror.host
    assert "@sha256:" in given["imageMlflow"]
    assert given["imageUsername"] == given["chartUsername"] == USER
    assert PASSWORD not in stack.stack.file.read_text()
    again = make_mirror(stack, places, PASSWORD, "--json")
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout)
    assert {item["state"] for item in told["items"]} == {"there"}
    assert told["set"] == []


def test_the_world_is_out_of_reach(places: Places) -> None:
    places.world.stop()
    host, _, port = places.world.host.partition(":")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


def test_a_wrong_password_of_the_chart_is_named(
    stack: Scratch, places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    secret(stack, "chartPassword", "wrong")
    with pytest.raises(OpsError):
        watch.up(stack.stack, stack.stack.config())
    assert "asks for credentials" in capsys.readouterr().err
    secret(stack, "chartPassword", PASSWORD)


def test_a_wrong_password_of_the_images_is_named(
    stack: Scratch, places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    secret(stack, "imagePassword", "wrong")
    with pytest.raises(OpsError, match=f"to {USER} with the stack's imagePassword"):
        watch.up(stack.stack, stack.stack.config())
    assert "pulumi config set --secret imagePassword" in capsys.readouterr().err
    secret(stack, "imagePassword", PASSWORD)
    # What waits longer and longer between its tries begins anew.
    end_pods(NAMESPACE)


def test_it_comes_up_from_the_mirror_alone_and_serves(stack: Scratch, places: Places) -> None:
    began = time.monotonic()
    watch.up(stack.stack, stack.stack.config())
    print(f"\nup in {time.monotonic() - began:.1f} s")
    assert verified(stack.stack).run_id
    found = listed.images(stack.stack)
    assert {image.registry for image in found} == {places.mirror.host}
    assert all(image.digest and not image.frozen for image in found)
    by_node = [line for line in places.mirror.asked() if "containerd/" in line]
    for image in found:
        assert any(f"/{image.repository}/manifests/{image.digest}" in line for line in by_node), image
    blobs = {line.split("/blobs/")[1].split()[0] for line in by_node if "/blobs/" in line}
    assert len(blobs) >= 2 * len(found), "the node has taken layers from somewhere else"


def test_it_is_what_its_settings_say_and_keeps_the_rules(
    stack: Scratch, places: Places, tmp_path: Path
) -> None:
    """Every rule, also those for production but the engine's protection: a test's stack has to go again."""
    stack.run("preview", "--expect-no-changes", "--non-interactive")
    assert ops(stack, "drift")["drift"] == []
    declared = json.loads(judge.CONFIG.read_text())
    declared["image-path"]["allowed"] = [places.to]
    declared["image-digest"] = {"enforcementLevel": "mandatory", "everywhere": True}
    (tmp_path / "rules.json").write_text(json.dumps(declared))
    told = ops(stack, "policy", "--config", str(tmp_path / "rules.json"))
    assert {each["rule"] for each in told["rules"] if each["verdict"] == "broken"} == set()
    assert "image-digest" in {each["rule"] for each in told["rules"] if each["verdict"] == "kept"}
