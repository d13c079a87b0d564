"""`make mirror`: all is copied and read back before the stack names it; wrong input copies nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import ops.__main__
from ops import chart, mirror, mirrored
from ops.console import OpsError
from ops.mirrored import Mirror
from ops.policy import judge
from ops.stack import Stack
from tests.unit.filed import filed, settings
from tests.unit.registries import World, digest, world
from tests.unit.test_pins import RUN, TAGS

HOST = "registry.example.com:5000"
TO = Mirror(HOST, "team")
CHART = "registry-1.docker.io/bitnamicharts/mlflow:5.1.17"
OTHER = "  mlflow:chart: oci://old.example.com/charts/mlflow\n  mlflow:chartUsername: before\n"
OLD_LOGIN = "  mlflow:chartPassword: {secure: droWdetnalP}\n"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Docker Hub with chart and images, and an empty registry."""
    monkeypatch.setattr(chart, "tags", lambda _: TAGS)
    made = world(tmp_path, monkeypatch)
    made.put(CHART, "chart")
    made.put("old.example.com/charts/mlflow:5.1.17", "chart")
    for name, content in RUN.items():
        made.put(f"docker.io/bitnamilegacy/{name}", content)
    return made


@pytest.fixture
def stack(hub: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    return filed(tmp_path, monkeypatch)


def image(name: str, content: str) -> str:
    return f"team/bitnamilegacy/{name}@{digest(content)}"


def test_all_is_copied_and_the_stack_names_it_by_digest(
    hub: World, stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    done = mirror.carry_out(stack, TO)
    assert hub.has(f"{HOST}/team/bitnamicharts/mlflow:5.1.17")
    assert all(hub.has(f"{HOST}/team/bitnamilegacy/{name}") for name in RUN)
    now = settings(stack)
    assert now["chart"] == f"oci://{HOST}/team/bitnamicharts/mlflow"
    assert now["imageRegistry"] == HOST
    assert now["imageMlflow"] == image("mlflow:3", "server")
    assert now["imagePostgresql"] == image("postgresql:17", "database")
    assert "imageGit" not in now, "no registry has it and no pod runs it"
    assert "# the server" in stack.file.read_text()
    assert not {"chartUsername", "imageUsername"} & now.keys()
    mirror.report(stack, done)
    told = capsys.readouterr().out
    assert f"{HOST}/team/bitnamilegacy/mlflow:3" in told
    assert "stack prod: imageRegistry is set" in told
    assert f"add {TO} to image-path" in told


def test_the_stack_is_asked_once_before_the_copying_and_once_after(
    hub: World, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each start of `pulumi` takes more than a second."""
    asked: list[str] = []
    read = Stack.read

    def noted(self: Stack, *args: str, stdin: str = "") -> str:
        asked.append(" ".join(args))
        return read(self, *args, stdin=stdin)

    monkeypatch.setattr(Stack, "read", noted)
    mirror.carry_out(stack, TO)
    assert asked == ["config --json", "config --json --show-secrets"]


def test_a_second_run_copies_nothing_and_changes_nothing(
    hub: World, stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also now that the stack itself names the mirror as its source."""
    mirror.carry_out(stack, TO)
    before, copies = stack.file.read_text(), len(hub.asked("copy"))
    done = mirror.carry_out(stack, TO)
    assert (stack.file.read_text(), len(hub.asked("copy"))) == (before, copies)
    mirror.report(stack, done)
    told = capsys.readouterr().out
    assert "Nothing was copied: everything is there" in told
    assert "is set" not in told


def test_a_login_is_tried_first_and_encrypted_into_the_file(hub: World, stack: Stack, tmp_path: Path) -> None:
    hub.mark("private", HOST)
    (tmp_path / "ca.pem").write_text("an authority")
    ca = tmp_path / "ca.pem"
    with pytest.raises(OpsError, match=r"does not let robot in with this password"):
        mirror.carry_out(stack, TO, user="robot", password=lambda: "wrong", authority=ca)
    assert hub.asked("copy") == []
    done = mirror.carry_out(stack, TO, user="robot", password=lambda: "right", authority=ca)
    now = settings(stack)
    assert now["chartUsername"] == now["imageUsername"] == "robot"
    assert now["chartPassword"] == now["imagePassword"] == {"secure": "thgir"}
    assert now["chartCaFile"] == str(ca)
    assert {"chartPassword", "imagePassword", "chartCaFile"} <= set(done.settings)
    assert "right" not in (hub.home / "notes").read_text()
    assert all(f"--dest-cert-dir={tmp_path.anchor}" in line for line in hub.asked("copy"))
    before = stack.file.read_text()
    again = mirror.carry_out(stack, TO, user="robot", password=lambda: "right")
    assert again.settings == []
    assert stack.file.read_text() == before
    assert "--cert-dir=" in hub.asked("login")[-1], "the stack's own authority is taken"


def test_a_mirror_that_nobody_may_read_leaves_the_stack(hub: World, stack: Stack) -> None:
    hub.mark("private", HOST)
    before = stack.file.read_text()
    with pytest.raises(OpsError, match=r"everything is copied, and the stack is unchanged.*give --user NAME"):
        mirror.carry_out(stack, TO)
    assert stack.file.read_text() == before


def test_pull_secrets_of_one_s_own_are_taken_at_their_word(
    hub: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.mark("private", HOST)
    stack = filed(tmp_path, monkeypatch, "  mlflow:imagePullSecrets: [regcred]\n")
    assert "imageRegistry" in mirror.carry_out(stack, TO).settings


def test_a_mirror_that_changes_what_it_is_given_is_no_mirror(hub: World, stack: Stack) -> None:
    (hub.home / "changes").touch()
    with pytest.raises(OpsError, match=r"has a .* that differs from what was copied"):
        mirror.carry_out(stack, TO)
    assert "imageRegistry" not in settings(stack)


def test_what_the_puller_does_not_see_is_told(
    hub: World, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry may answer that there is no such image, to somebody who may not know."""
    asked = mirrored.holds
    monkeypatch.setattr(mirrored, "holds", lambda *given: len(given) == 3 and asked(*given))
    with pytest.raises(OpsError, match=r"does not show"):
        mirror.carry_out(stack, TO, user="robot", password=lambda: "right")


def test_a_copy_that_fails_leaves_the_stack_and_the_next_run_goes_on(hub: World, stack: Stack) -> None:
    (hub.home / "broken").write_text("denied")
    with pytest.raises(OpsError, match=f"was not copied: registry {HOST} requires a login"):
        mirror.carry_out(stack, TO)
    (hub.home / "broken").unlink()
    assert len([item for item in mirror.carry_out(stack, TO).items if not item.there]) == 1 + len(RUN)


def test_a_dry_run_copies_nothing(hub: World, stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    done = mirror.carry_out(stack, TO, user="robot", password=lambda: pytest.fail("asked"), dry_run=True)
    mirror.report(stack, done)
    assert "to be copied" in capsys.readouterr().out
    assert hub.asked("copy") + hub.asked("login") == []
    mirror.carry_out(stack, TO, copy_only=True)
    mirror.report(stack, mirror.carry_out(stack, TO, dry_run=True))
    assert "Nothing to do: everything is there" in capsys.readouterr().out


def test_copying_alone_leaves_the_stack(hub: World, stack: Stack) -> None:
    """The way of a new version: from a stack that has it to the mirror, and on by `make promote`."""
    hub.mark("private", HOST)
    before = stack.file.read_text()
    assert mirror.carry_out(stack, TO, copy_only=True).settings == ()
    assert hub.has(f"{HOST}/team/bitnamilegacy/mlflow:3")
    assert stack.file.read_text() == before


def test_a_digest_without_a_tag_is_copied_as_such(
    hub: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = f"@{digest('shell')}"
    stack = filed(tmp_path, monkeypatch, f"  mlflow:imageOsShell: bitnamilegacy/os-shell{exact}\n")
    mirror.carry_out(stack, TO)
    assert settings(stack)["imageOsShell"] == f"team/bitnamilegacy/os-shell{exact}"


def test_a_login_of_another_registry_goes_nowhere_else(
    hub: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca = "  mlflow:chartCaFile: /old.pem\n"
    stack = filed(tmp_path, monkeypatch, OTHER + OLD_LOGIN + ca)
    with pytest.raises(OpsError, match=r"the login in chartUsername is for old.example.com, not registry"):
        mirror.carry_out(stack, TO)
    assert hub.asked("copy") == []
    mirror.carry_out(stack, TO, user="robot", password=lambda: "right")
    now = settings(stack)
    assert (now["chartUsername"], now["chartPassword"], now["chartCaFile"]) == (
        "robot",
        {"secure": "thgir"},
        "",
    )


def test_an_authority_without_a_login_is_refused(hub: World, stack: Stack, tmp_path: Path) -> None:
    with pytest.raises(OpsError, match=r"--ca-file needs --user"):
        mirror.carry_out(stack, TO, authority=tmp_path / "ca.pem")


@pytest.mark.parametrize(("user", "password"), [("two words", "right"), ("robot", "two words")])
def test_a_login_that_no_stack_can_have_is_refused(
    hub: World, stack: Stack, user: str, password: str
) -> None:
    with pytest.raises(OpsError, match=r"chartUsername|chartPassword") as refused:
        mirror.carry_out(stack, TO, user=user, password=lambda: password)
    assert "s3AccessKeyId" not in str(refused.value)
    assert "right" not in str(refused.value)
    assert hub.asked("copy") + hub.asked("login") == []


def test_a_source_that_is_not_there_is_told(
    hub: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = filed(tmp_path, monkeypatch, "  mlflow:chartVersion: 5.1.18+build\n")
    with pytest.raises(OpsError, match=r"registry-1.docker.io has no .*mlflow:5\.1\.18_build: check chart"):
        mirror.carry_out(stack, TO)


def test_a_stack_without_a_file_is_told(stack: Stack) -> None:
    stack.file.rename(stack.file.with_suffix(".gone"))
    with pytest.raises(OpsError, match=r"no file to write to"):
        mirror.carry_out(stack, TO)


@pytest.mark.parametrize("given", ["https://r.example.com", "registry", "r.example.com/Team", "r.io/a:1", ""])
def test_a_mirror_is_a_host_and_a_path(given: str) -> None:
    with pytest.raises(OpsError, match=r"accepted: host\[:port\]"):
        mirrored.mirror(given)


@pytest.mark.parametrize(
    ("given", "host", "path"),
    [("r.example.com", "r.example.com", ""), ("localhost:5000/a/b/", "localhost:5000", "a/b")],
)
def test_a_mirror_that_is_well_formed(given: str, host: str, path: str) -> None:
    assert mirrored.mirror(given) == Mirror(host, path)


def test_docker_hub_is_no_mirror_of_one_s_own() -> None:
    with pytest.raises(OpsError, match=r"a registry of your own"):
        mirrored.mirror("docker.io/acme")


def test_without_a_path_all_is_at_the_top(hub: World, stack: Stack) -> None:
    mirror.carry_out(stack, Mirror(HOST, ""))
    assert settings(stack)["chart"] == f"oci://{HOST}/bitnamicharts/mlflow"
    assert mirror.carry_out(stack, Mirror(HOST, "")).settings == []


def test_a_path_that_looks_like_a_registry_stands_behind_the_registry(hub: World, stack: Stack) -> None:
    mirror.carry_out(stack, Mirror(HOST, "my.team"))
    assert settings(stack)["imageMlflow"] == f"{HOST}/my.team/bitnamilegacy/mlflow:3@{digest('server')}"
    assert hub.has(f"{HOST}/my.team/bitnamilegacy/mlflow:3")
    assert mirror.carry_out(stack, Mirror(HOST, "my.team")).settings == []


def test_a_path_that_the_policy_allows_needs_no_word(
    hub: World, stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = judge.declared()["image-path"]
    rule.options["allowed"].append(f"{HOST}/*")
    monkeypatch.setattr(judge, "declared", lambda: {"image-path": rule})
    mirror.report(stack, mirror.carry_out(stack, TO))
    assert "image-path" not in capsys.readouterr().out


def run(stack: Stack, monkeypatch: pytest.MonkeyPatch, *args: str, given: str = "") -> Any:
    """`python -m ops mirror ARGS`."""
    monkeypatch.setattr("ops.stack.Stack", lambda *_: stack)
    monkeypatch.setattr("ops.mirror_settings.Stack", Stack)
    command = ["mirror", "--to", str(TO), "--stack", "prod", *args]
    return CliRunner().invoke(ops.__main__.app, command, input=given)


def test_the_command_line_reads_the_password_from_its_input(
    hub: World, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = run(stack, monkeypatch, "--user", "robot", "--json", given="right\n")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert (found["stack"], found["to"]) == ("prod", str(TO))
    assert found["items"][0]["state"] == "copied"
    assert "imagePassword" in found["set"]
    assert "right" not in told.stdout
    assert run(stack, monkeypatch).exit_code == 0


@pytest.mark.parametrize("given", ["", "one\ntwo\n", "\n"])
def test_a_user_has_one_password(
    hub: World, stack: Stack, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    told = run(stack, monkeypatch, "--user", "robot", given=given)
    assert told.exit_code == 2
    assert hub.asked("copy") == []


def test_somebody_there_is_asked_unseen(hub: World, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.questions.somebody", lambda: True)
    told = run(stack, monkeypatch, "--user", "robot", given="right\n")
    assert told.exit_code == 0, told.output
    assert f"Password of robot at {HOST}" in told.output
