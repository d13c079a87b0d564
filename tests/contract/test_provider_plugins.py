"""Where provider plugins come from: an official one is never overwritten nor shadowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import plugins

SDK = [plugins.Plugin("kubernetes", "4.32.0"), plugins.Plugin("random", "4.21.4")]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PULUMI_HOME, beside a person's HOME; the stand-ins are small files, and no host answers."""
    built = tmp_path / "built"
    built.mkdir()
    for plugin in SDK:
        _program(built / f"stand-in-{plugin.name}", "stand-in")
    monkeypatch.setattr(plugins, "build", lambda: built)
    monkeypatch.setattr(plugins, "wanted", {plugin.name: plugin for plugin in SDK}.__getitem__)
    monkeypatch.setattr(plugins, "_answers", lambda host: False)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    return tmp_path / "pulumi"


def _program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def _installed(home: Path) -> list[str]:
    return [(home / "plugins" / p.folder / p.program).read_text() for p in SDK]


def _downloader(tmp_path: Path, body: str) -> Path:
    pulumi = tmp_path / "pulumi-cli"
    _program(pulumi, f"#!/bin/sh\necho tried >> {tmp_path}/tried\n{body}\n")
    return pulumi


FETCHES = """
folder="$PULUMI_HOME/plugins/resource-$4-$5"
mkdir -p "$folder"
echo new > "$folder/pulumi-resource-$4"
chmod +x "$folder/pulumi-resource-$4"
"""


def test_offline_the_stand_ins_serve(home: Path, tmp_path: Path) -> None:
    """Without a try at a download, when its host does not answer."""
    plugins.ensure(home, _downloader(tmp_path, FETCHES))
    assert _installed(home) == ["stand-in", "stand-in"]
    assert not (tmp_path / "tried").exists()


def test_an_official_plugin_stays_as_it_is(home: Path, tmp_path: Path) -> None:
    """Both in the lab's PULUMI_HOME and in the person's own, which is linked to."""
    kubernetes, random = SDK
    _program(home / "plugins" / kubernetes.folder / kubernetes.program, "official")
    own = tmp_path / "person" / ".pulumi" / "plugins" / random.folder
    _program(own / random.program, "own")
    plugins.ensure(home, tmp_path / "none")
    assert _installed(home) == ["official", "own"]
    assert sorted(file.name for file in own.iterdir()) == [random.program]


def test_the_persons_own_plugin_replaces_a_stand_in(home: Path, tmp_path: Path) -> None:
    """And is only linked to: clearing the link later leaves it whole."""
    plugins.ensure(home, tmp_path / "none")
    for plugin in SDK:
        _program(tmp_path / "person" / ".pulumi" / "plugins" / plugin.folder / plugin.program, "own")
    plugins.ensure(home, tmp_path / "none")
    assert _installed(home) == ["own", "own"]


def test_a_later_run_with_internet_replaces_the_stand_in(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the official plugin, which no later run without internet touches."""
    plugins.ensure(home, tmp_path / "none")
    monkeypatch.setattr(plugins, "_answers", lambda host: True)
    plugins.ensure(home, _downloader(tmp_path, FETCHES))
    assert _installed(home) == ["new\n", "new\n"]
    monkeypatch.setattr(plugins, "_answers", lambda host: False)
    plugins.ensure(home, tmp_path / "none")
    assert _installed(home) == ["new\n", "new\n"]


def test_a_failed_download_is_tried_once(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For all plugins of a run together."""
    monkeypatch.setattr(plugins, "_answers", lambda host: True)
    plugins.ensure(home, _downloader(tmp_path, "exit 1"))
    assert _installed(home) == ["stand-in", "stand-in"]
    assert (tmp_path / "tried").read_text() == "tried\n"


def test_a_rebuilt_stand_in_replaces_the_old_one(home: Path, tmp_path: Path) -> None:
    """The marker says which build it came from; the same build is left alone."""
    plugins.ensure(home, tmp_path / "none")
    folder = home / "plugins" / SDK[0].folder
    before = folder.stat().st_ino
    plugins.ensure(home, tmp_path / "none")
    assert folder.stat().st_ino == before
    (folder / plugins.MARKER).write_text("an older build\n")
    plugins.ensure(home, tmp_path / "none")
    assert folder.stat().st_ino != before


def test_the_versions_are_those_the_installed_sdks_ask_for() -> None:
    """Read from the packages, so a new SDK needs no change here."""
    assert plugins.wanted("kubernetes").folder.startswith("resource-kubernetes-v")
    assert plugins.wanted("random").version.count(".") == 2
