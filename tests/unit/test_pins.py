"""`make images ARGS=--pin`: digests come from the registry, and into the stack's file, which stays."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import ops.__main__
from ops import chart, pins
from ops.console import OpsError
from tests.unit.filed import FILE, filed, settings
from tests.unit.registries import World, digest, world

TAGS = {
    "imageMlflow": "3",
    "imagePostgresql": "17",
    "imageOsShell": "12",
    "imageGit": "2",
    "imagePostgresExporter": "0",
}
RUN = {"mlflow:3": "server", "postgresql:17": "database", "os-shell:12": "shell"}
"""What a registry must have."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(chart, "tags", lambda _: TAGS)
    made = world(tmp_path, monkeypatch)
    for name, content in RUN.items():
        made.put(f"docker.io/bitnamilegacy/{name}", content)
    return made


def pinned(name: str, content: str) -> str:
    return f"bitnamilegacy/{name}@{digest(content)}"


def test_every_tag_gets_the_digest_that_the_registry_says(
    hub: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.put("docker.io/bitnamilegacy/git:2", "sources")
    stack = filed(tmp_path, monkeypatch)
    found = pins.pin(stack)
    now = settings(stack)
    assert now["imageMlflow"] == pinned("mlflow:3", "server")
    assert now["imagePostgresql"] == pinned("postgresql:17", "database")
    assert now["imageOsShell"] == pinned("os-shell:12", "shell")
    assert now["imageGit"] == pinned("git:2", "sources")
    assert "imagePostgresExporter" not in now
    assert found.left == ["bitnamilegacy/postgres-exporter"]
    assert stack.file.read_text().startswith(FILE.partition("bitnamilegacy")[0])
    assert "# the server" in stack.file.read_text()
    pins.report(stack, found)
    told = capsys.readouterr().out
    assert f"imageMlflow {now['imageMlflow']}" in told
    assert "left as it is: bitnamilegacy/postgres-exporter" in told
    assert "commit Pulumi.prod.yaml" in told


def test_what_has_a_digest_is_left_alone_and_nobody_is_asked(
    hub: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = dict.fromkeys(TAGS, f"acme/x@{digest('x')}")
    more = "".join(f"  mlflow:{key}: {text}\n" for key, text in given.items() if key != "imageMlflow")
    stack = filed(tmp_path, monkeypatch, more)
    stack.file.write_text(stack.file.read_text().replace("bitnamilegacy/mlflow #", f"{given['imageGit']} #"))
    monkeypatch.setattr(chart, "tags", lambda _: pytest.fail("a digest needs no tag"))
    before = stack.file.read_text()
    pins.report(stack, pins.pin(stack))
    assert "names its images by digest" in capsys.readouterr().out
    assert stack.file.read_text() == before
    assert hub.asked("inspect") == []


def test_an_image_of_the_stack_that_is_not_there_leaves_the_file_as_it_was(
    hub: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = filed(tmp_path, monkeypatch, "  mlflow:imageOsShell: acme/shell:1\n")
    with pytest.raises(OpsError, match=r"docker.io has no docker.io/acme/shell:1: check imageOsShell"):
        pins.pin(stack)
    assert "sha256" not in stack.file.read_text()


def test_an_exporter_that_runs_is_needed(hub: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on = "  mlflow:extraValues: {postgresql: {metrics: {enabled: true}}}\n"
    with pytest.raises(OpsError, match=r"check imagePostgresExporter"):
        pins.pin(filed(tmp_path, monkeypatch, on))


def test_a_registry_out_of_reach_is_told(hub: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No digest is ever made up."""
    hub.mark("away", "docker.io")
    stack = filed(tmp_path, monkeypatch)
    with pytest.raises(OpsError, match=r"registry docker.io cannot be reached from this machine"):
        pins.pin(stack)
    assert stack.file.read_text() == FILE


def test_an_image_whose_tag_nobody_knows_is_told(
    hub: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chart, "tags", lambda _: {})
    with pytest.raises(OpsError, match=r"`pulumi config set imageMlflow bitnamilegacy/mlflow:TAG`"):
        pins.pin(filed(tmp_path, monkeypatch))


def test_a_stack_without_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = filed(tmp_path, monkeypatch)
    stack.file.unlink()
    with pytest.raises(OpsError, match=r"there is no .*Pulumi\.prod\.yaml"):
        pins.pin(stack)


def test_the_command_line_pins(hub: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = filed(tmp_path, monkeypatch)
    monkeypatch.setattr("ops.stack.Stack", lambda _: stack)
    told: Any = CliRunner().invoke(ops.__main__.app, ["images", "--pin", "--json", "--stack", "prod"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert [each["key"] for each in found["pinned"]] == ["imageMlflow", "imageOsShell", "imagePostgresql"]
    assert found["left"] == ["bitnamilegacy/git", "bitnamilegacy/postgres-exporter"]
    again: Any = CliRunner().invoke(ops.__main__.app, ["images", "--pin", "--stack", "prod"])
    assert "left as it is" in again.stdout


HELM = """\
#!/bin/sh
for word in "$@"; do case $word in --untardir=*) folder=${word#--untardir=};; esac; done
mkdir -p $folder/mlflow/charts/postgresql
echo 'image: {tag: 3}
gitImage: {tag: "2.0"}
waitContainer: {image: {tag: 12-r1}}
postgresql: {enabled: true}' > $folder/mlflow/values.yaml
echo 'image: {tag: 17.6.0}' > $folder/mlflow/charts/postgresql/values.yaml
"""


def test_a_chart_s_tags_are_also_those_of_its_sub_charts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tag that nobody gives is none."""
    (tmp_path / "helm").write_text(HELM)
    (tmp_path / "helm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = chart.tags(chart.Chart("oci://registry.example.com/mlflow", "1.0.0"))
    wanted = {"imageMlflow": "3", "imageGit": "2.0", "imageOsShell": "12-r1", "imagePostgresql": "17.6.0"}
    assert found == wanted
