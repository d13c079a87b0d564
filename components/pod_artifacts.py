"""How the server gives an artifact out: in blocks, from a file that goes with the response.

MLflow 3.3.2 reads the file line by line: short lines are slow, and a long one is held in memory whole. What
it fetches for a browser (`get-artifact`) it never removes.

A ConfigMap brings it into the server's container beside `mlflow_fast_authentication`, which loads it.
"""

import hashlib
import importlib
import inspect
import io
import logging
import tempfile
from pathlib import Path
from typing import Any

NAME = "mlflow_artifacts_out"
"""Of the module in the server's container; no other package has it."""

SOURCES = "1fde593a1377f37a7f2dde4b78ec59b1e5b6ae5ec2571bb6a9a08aa860b23ee3"
"""sha256 of MLflow's two functions that this mends, as `sources` sees them in 3.3.2."""

BLOCK = 1 << 17
"""Bytes that are sent at a time; each of the clients that fetch has as many in memory."""

LOG = logging.getLogger("mlflow.server.artifacts")
"""Below MLflow's own logger, which writes to the server's standard error."""


class InBlocks(io.BufferedReader):
    """A file of bytes; who goes through it gets blocks, not lines."""

    def __next__(self) -> bytes:
        """The next block, while there is one."""
        block = self.read(BLOCK)
        if not block:
            raise StopIteration
        return block


def opened(path: str, mode: str) -> Any:
    """Python's `open` as MLflow's handlers call it."""
    return InBlocks(io.FileIO(path)) if mode == "rb" else Path(path).open(mode)


def sources(handlers: Any) -> str:
    """A digest of the functions that give artifacts out."""
    parts = (handlers._download_artifact, handlers._send_artifact)
    return hashlib.sha256("".join(map(inspect.getsource, parts)).encode()).hexdigest()


def mend() -> None:
    """Change `mlflow.server.handlers`; where it is not what this was written for, the log says so instead."""
    handlers: Any = importlib.import_module("mlflow.server.handlers")
    try:
        known = sources(handlers) == SOURCES
    except (AttributeError, OSError, TypeError):
        known = False
    if not known:
        LOG.warning("artifacts go out as MLflow gives them: this MLflow does it otherwise than 3.3.2")
        return

    def sent(repository: Any, path: str) -> Any:
        # The response has the file open, so its folder may go.
        with tempfile.TemporaryDirectory() as folder:
            file = repository.download_artifacts(path, folder)
            response = handlers.send_file(file, mimetype=handlers._guess_mime_type(file), as_attachment=True)
            return handlers._response_with_file_attachment_headers(file, response)

    handlers.open, handlers._send_artifact = opened, sent
