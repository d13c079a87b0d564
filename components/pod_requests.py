"""How many requests a worker works on at once; who is only waited for is none of them.

A worker has many threads, so that clients who send or fetch slowly, or stop in the middle, hold a thread and
nothing else (gunicorn's gthread, MLflow 3.3.2). With the database they may not all work at once: a batch of
metrics holds one connection while it asks for a second, and where all are held so, all fail.

A ConfigMap brings it into the server's container beside `mlflow_fast_authentication`, which asks it.
"""

import importlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAME = "mlflow_requests"
"""Of the module in the server's container; no other package has it."""

AT_ONCE = "MLFLOW_REQUESTS_AT_ONCE"
"""The variable that says how many."""

WAITING = "artifact"
"""In the path of all that waits for a client or the store, and hardly for the database (MLflow 3.3.2)."""


class AtOnce:
    """Lets some requests through at a time, each until its response is made."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)
        self._flask = importlib.import_module("flask")

    @contextmanager
    def turn(self) -> Iterator[None]:
        """For a question to the database before anybody is let in; who has been has their turn already."""
        if getattr(self._flask.g, NAME, False):
            yield
            return
        with self._free:
            yield

    def begin(self, request: Any) -> None:
        """Wait until this request may be worked on; its body is there then. Once in a request."""
        here = self._flask.g
        if WAITING in request.path or getattr(here, NAME, False):
            return
        request.get_data()
        # Flask calls it for every response, one that tells of a failure too.
        self._flask.after_this_request(self._end)
        self._free.acquire()
        setattr(here, NAME, True)

    def _end(self, response: Any) -> Any:
        self._free.release()
        return response


def chosen() -> AtOnce:
    """What the variable says."""
    return AtOnce(int(os.environ[AT_ONCE]))
