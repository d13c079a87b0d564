"""Registries by skopeo: what they hold, what their refusals mean, and no password where others see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.settings.images import Image, parts
from ops import registry
from ops.console import OpsError
from tests.unit.registries import World, digest, world

HOST = "registry.example.com"


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return world(tmp_path, monkeypatch)


def image(reference: str) -> Image:
    return parts(reference, "docker.io")


def test_a_digest_is_that_of_what_the_registry_sent(there: World) -> None:
    there.put(f"{HOST}/a/b:1", "content")
    with registry.registries() as asked:
        assert asked.digest(image(f"{HOST}/a/b:1")) == digest("content")
        assert asked.digest(image(f"{HOST}/a/b:1@{digest('content')}")) == digest("content")
        assert asked.digest(image(f"{HOST}/a/b:2")) is None
    assert there.asked("inspect")[1].endswith(f"docker://{HOST}/a/b@{digest('content')}")


def test_plain_http_is_for_this_machine_alone(there: World) -> None:
    with registry.registries() as asked:
        asked.digest(image("localhost:5000/a:1"))
        asked.digest(image(f"{HOST}/a:1"))
    here, other = there.asked("inspect")
    assert "--tls-verify=false" in here
    assert "tls-verify" not in other


def test_an_authority_is_trusted_for_its_registry_alone(there: World, tmp_path: Path) -> None:
    there.mark("untrusted", HOST)
    (tmp_path / "own.pem").write_text("an authority")
    with registry.registries(HOST, tmp_path / "own.pem") as asked:
        assert asked.digest(image(f"{HOST}/a:1")) is None
        assert asked.digest(image("other.example.com/a:1")) is None
        assert asked.trusted is not None
        assert (asked.trusted / "ca.crt").read_text() == "an authority"
    first, second = there.asked("inspect")
    assert "--cert-dir=" in first
    assert "--cert-dir=" not in second
    with (
        registry.registries() as asked,
        pytest.raises(OpsError, match=r"certificate that this machine does not"),
    ):
        asked.digest(image(f"{HOST}/a:1"))


def test_a_copy_is_whole_and_unchanged(there: World) -> None:
    there.put("docker.io/a:1", "content")
    with registry.registries() as asked:
        asked.copy(image(f"a:1@{digest('content')}"), image(f"{HOST}/x/a:1"))
    (line,) = there.asked("copy")
    assert "--all --preserve-digests" in line
    assert there.has(f"{HOST}/x/a:1")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("requested access to the resource is denied", f"`skopeo login {HOST}`"),
        ("toomanyrequests: You have reached your pull rate limit", "rate limit"),
        ("lookup registry.example.com: no such host", "cannot be reached"),
        ("http: server gave HTTP response to HTTPS client", "localhost only"),
        ("no space left on device", "failed"),
    ],
)
def test_what_a_refusal_means(there: World, said: str, told: str) -> None:
    there.put("docker.io/a:1", "content")
    (there.home / "broken").write_text(said)
    with registry.registries() as asked, pytest.raises(OpsError) as refused:
        asked.copy(image("a:1"), image(f"{HOST}/a:1"))
    assert told in str(refused.value)
    assert said in str(refused.value)


def test_the_file_of_logins_is_named_where_a_person_has_one(
    there: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_AUTH_FILE", "/run/auth.json")
    there.mark("private", HOST)
    with registry.registries() as asked, pytest.raises(OpsError, match=r"\(it writes /run/auth.json\)"):
        asked.digest(image(f"{HOST}/a:1"), "--no-creds")


def test_a_registry_that_is_away_is_no_missing_image(there: World) -> None:
    there.mark("away", HOST)
    with registry.registries() as asked:
        with pytest.raises(OpsError, match=f"{HOST} cannot be reached"):
            asked.digest(image(f"{HOST}/a:1"))
        with pytest.raises(OpsError, match=r"in with this password"):
            asked.login(HOST, "robot", "wrong")


def test_a_program_of_logins_that_is_not_there_is_no_missing_image(there: World) -> None:
    said = (
        "error getting credentials - err: exec: docker-credential-desktop: executable file not found in $PATH"
    )
    (there.home / "helper").write_text(said)
    with registry.registries() as asked, pytest.raises(OpsError, match=r"this machine's logins .*desktop"):
        asked.digest(image(f"{HOST}/a:1"))


def test_a_password_is_in_no_argument_and_its_file_is_gone_afterwards(there: World) -> None:
    with registry.registries() as asked:
        option = asked.login(HOST, "robot", "right")
        file = Path(option.removeprefix("--authfile="))
        assert file.read_text() == "a login"
    assert not file.exists()
    (line,) = there.asked("login")
    assert "right" not in line
    assert "--password-stdin" in line


@pytest.mark.parametrize("version", ["1.8.0", "none"])
def test_a_skopeo_that_is_too_old_is_refused(there: World, version: str) -> None:
    (there.home / "version").write_text(version)
    with (
        pytest.raises(OpsError, match=r"1\.9 or newer is needed: `apt-get install skopeo`"),
        registry.registries(),
    ):
        pass


def test_without_skopeo_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(OpsError, match=r"skopeo is not on PATH.*apt-get install skopeo"),
        registry.registries(),
    ):
        pass


def test_a_silent_failure_is_told_as_one(there: World) -> None:
    (there.home / "skopeo").write_text('#!/bin/sh\n[ "$1" = --version ] && echo version 1.9 || exit 1\n')
    with registry.registries() as asked, pytest.raises(OpsError, match=r"it said nothing"):
        asked.digest(image("a:1"))
    with registry.registries() as asked, pytest.raises(OpsError, match=r"registry \S+ failed"):
        asked.login(HOST, "robot", "right")
