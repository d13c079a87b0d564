"""The lab writes to one folder, which a person chooses; what is in it is not rewritten needlessly."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import paths


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ({"MLFLOW_LAB_HOME": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"MLFLOW_LAB_HOME": "", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/mlflow-lab"),
        ({"XDG_CACHE_HOME": "", "HOME": "/c"}, "/c/.cache/mlflow-lab"),
        ({"HOME": "/c"}, "/c/.cache/mlflow-lab"),
    ],
)
def test_the_folder_is_the_chosen_one_else_in_the_cache_of_xdg_else_in_that_of_home(
    given: dict[str, str], root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_LAB_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert paths.root() == Path(root)
    assert {paths.cache().parent, paths.run().parent, paths.logs().parent} == {Path(root)}


def test_a_relative_folder_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that start elsewhere get it whole."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_LAB_HOME", "home")
    assert paths.root() == tmp_path / "home"


def test_a_configuration_is_written_when_it_changes_and_only_then(tmp_path: Path) -> None:
    file = tmp_path / "new" / "part.json"
    assert paths.write(file, "one") == file
    before = file.stat().st_mtime_ns
    paths.write(file, "one")
    assert file.stat().st_mtime_ns == before
    paths.write(file, "two")
    assert file.read_text() == "two"
