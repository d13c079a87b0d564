"""Artifacts that go out, by handlers that do as MLflow's do; the e2e tests have the real ones."""

from __future__ import annotations

import io
import logging
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from components import pod_artifacts
from components.pod_artifacts import BLOCK, mend, sources

TEXT = b"one\ntwo\n" + b"x" * (BLOCK + 1)


class Repository:
    """A store with one artifact."""

    def download_artifacts(self, path: str, folder: str) -> str:
        file = Path(folder, path)
        file.write_bytes(TEXT)
        return str(file)


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow's."""
    module: Any = ModuleType("mlflow.server.handlers")

    def _download_artifact(file: Path) -> Iterator[bytes]:
        with module.open(file, "rb") as handle:
            yield from handle

    def _send_artifact() -> None: ...

    module._download_artifact, module._send_artifact = _download_artifact, _send_artifact
    module.send_file = lambda file, mimetype, as_attachment: (io.FileIO(file), mimetype, as_attachment)
    module._guess_mime_type = lambda file: f"mime of {Path(file).name}"
    module._response_with_file_attachment_headers = lambda file, response: (*response, Path(file).name)
    monkeypatch.setitem(sys.modules, "mlflow.server.handlers", module)
    monkeypatch.setattr(pod_artifacts, "SOURCES", sources(module))
    return module


def test_a_file_goes_out_in_blocks(handlers: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(TEXT)
    mend()
    blocks = list(handlers._download_artifact(tmp_path / "a"))
    assert [len(block) for block in blocks] == [BLOCK, len(TEXT) - BLOCK]
    assert b"".join(blocks) == TEXT


def test_what_is_received_is_written_as_before(handlers: Any, tmp_path: Path) -> None:
    mend()
    with handlers.open(tmp_path / "a", "wb") as file:
        file.write(TEXT)
    assert (tmp_path / "a").read_bytes() == TEXT


def test_what_was_fetched_for_a_response_is_gone_and_still_sent(
    handlers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mend()
    file, *told = handlers._send_artifact(Repository(), "model.bin")
    with file:
        assert list(tmp_path.iterdir()) == []
        assert file.read() == TEXT
    assert told == ["mime of model.bin", True, "model.bin"]


@pytest.mark.parametrize("how", ["otherwise", "elsewhere", "no function"])
def test_another_mlflow_is_left_as_it_is(
    handlers: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    monkeypatch.setattr(pod_artifacts, "SOURCES", "another")
    if how == "elsewhere":
        del handlers._download_artifact
    if how == "no function":
        handlers._download_artifact = object()
    own = handlers._send_artifact
    with caplog.at_level(logging.WARNING):
        mend()
    assert handlers._send_artifact is own
    assert not hasattr(handlers, "open")
    assert "this MLflow does it otherwise than 3.3.2" in caplog.text
