"""MLflow's check of a login, computed once for a stored hash and a password, and not in every request.

MLflow 3.3.2 computes scrypt (62 ms of CPU) two or more times in each request and remembers nothing. This is
for its own hook, `authorization_function` in basic_auth.ini. It reads the user's stored hash from the users'
database every time, and remembers only that a password once matched that very hash. So a changed password, a
deleted user and a restored database count in the next request. All else is decided by MLflow's own function.

A ConfigMap brings it into the server's container, on PYTHONPATH (`components/values_authentication.py`).
"""

import functools
import gc
import hashlib
import hmac
import importlib
import inspect
import logging
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

NAME = "mlflow_fast_authentication"
"""Of the module in the server's container; no other package has it."""

WRITTEN_FOR = "3.3.2"
"""The version of MLflow whose check this repeats."""

SOURCES = "cb4d2245ec2d436ee02f070621527a277b40ed9357aa154a223c5abf1b8f1f33"
"""sha256 of that check as `sources` sees it: an image may hold another one under the same version."""

MOST = 4096
"""Matches that a worker remembers, about 200 bytes each."""

GATE = threading.BoundedSemaphore(4)
"""How many logins a worker hashes at once, 32 MiB each. Others wait, as they would for the CPU."""

LOG = logging.getLogger("mlflow.server.auth.fast")
"""Below MLflow's own logger, which writes to the server's standard error."""


class OtherSurroundingsError(RuntimeError):
    """MLflow is not what this was written for; the message says in what."""


class Matches:
    """Stored hashes, each with a password that matched it; the least recently used go first.

    Of both it holds one digest, with a key of this process: nothing can be read from it, or looked up with a
    digest that was computed elsewhere.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._key = secrets.token_bytes(32)
        self._digests: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, stored: str, password: str) -> bool:
        """Whether this password is known to match this stored hash."""
        digest = self._digest(stored, password)
        with self._lock:
            if digest not in self._digests:
                return False
            self._digests.move_to_end(digest)
            return True

    def add(self, stored: str, password: str) -> None:
        """Remember that this password matches this stored hash."""
        digest = self._digest(stored, password)
        with self._lock:
            self._digests[digest] = None
            if len(self._digests) > self._most:
                self._digests.popitem(last=False)

    def _digest(self, stored: str, password: str) -> bytes:
        # The length keeps the two apart, whatever is in them.
        both = f"{len(stored)}:{stored}{password}".encode(errors="surrogatepass")
        return hmac.digest(self._key, both, "sha256")


class Remembering:
    """MLflow's own check, asked only about what it has not confirmed before."""

    def __init__(self, auth: Any) -> None:
        """`auth` is the module `mlflow.server.auth`, with its store open."""
        from sqlalchemy import text

        self._auth = auth
        self._matches = Matches(MOST)
        # One statement on a pooled connection of MLflow's own, without the round trips of a transaction.
        self._engine = auth.store.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._asked = text("SELECT password_hash FROM users WHERE username = :username")
        self._requests = importlib.import_module("mlflow_requests").chosen()

    def __call__(self) -> Any:
        """The request's authorization, or MLflow's response that refuses it.

        Who is let in waits here for their turn: what comes after it is done for some requests at once.
        """
        given = self._auth.request.authorization
        answer = self._answer(given)
        if answer is given and given is not None:
            self._requests.begin(self._auth.request)
        return answer

    def _answer(self, given: Any) -> Any:
        with self._requests.turn():
            stored = self._stored(given)
        if stored is None:
            return self._auth.authenticate_request_basic_auth()
        if self._matches.known(stored, given.password):
            return given
        with GATE:
            return self._confirmed(given)

    def _confirmed(self, given: Any) -> Any:
        """The same, after a wait in which others may have confirmed this login, or changed it."""
        stored = self._stored(given)
        if stored is not None and self._matches.known(stored, given.password):
            return given
        answer = self._auth.authenticate_request_basic_auth()
        # MLflow read the hash by itself. Only where it is still the same was it this one that matched.
        if stored is not None and answer is given and self._stored(given) == stored:
            self._matches.add(stored, given.password)
        return answer

    def _stored(self, given: Any) -> str | None:
        """The stored hash of the user that a request names; None where there is none, or none can be read."""
        if given is None or not isinstance(given.username, str) or not isinstance(given.password, str):
            return None
        try:
            with self._engine.connect() as connection:
                found: str | None = connection.execute(self._asked, {"username": given.username}).scalar()
        except Exception:
            return None  # MLflow's own function meets the same, and answers it in its own way
        return found


def sources(auth: Any) -> str:
    """A digest of the code that decides about a login: who is asked, and by what."""
    store = type(auth.store)
    parts = (
        auth.authenticate_request,
        auth.authenticate_request_basic_auth,
        store.authenticate_user,
        store._get_user,
    )
    return hashlib.sha256("".join(map(inspect.getsource, parts)).encode()).hexdigest()


def require(auth: Any, version: str) -> None:
    """Raises `OtherSurroundingsError` where MLflow is not what this was written for."""
    if version != WRITTEN_FOR:
        raise OtherSurroundingsError(f"it was written for MLflow {WRITTEN_FOR}, and this is {version}")
    if sources(auth) != SOURCES:
        raise OtherSurroundingsError(f"this MLflow checks logins otherwise than {WRITTEN_FOR} does")


def few(own: Callable[[], Any]) -> Callable[[], Any]:
    """MLflow's own function, for a few requests at once: many would take more memory than a pod has."""

    @functools.wraps(own)
    def waiting() -> Any:
        with GATE:
            return own()

    return waiting


def chosen() -> Callable[[], Any]:
    """The function that MLflow asks: its own with a memory, or, where anything is amiss, its own as it is.

    The log says which. Where MLflow has no such function at all this fails, and so does every request.
    """
    auth: Any = importlib.import_module("mlflow.server.auth")
    own: Callable[[], Any] = auth.authenticate_request_basic_auth
    try:
        require(auth, importlib.import_module("mlflow.version").VERSION)
        remembering = Remembering(auth)
    except Exception as error:
        # Of others only the kind: a text could hold a part of a URI.
        why = str(error) if isinstance(error, OtherSurroundingsError) else type(error).__name__
        LOG.warning("fast authentication steps aside, every request computes scrypt: %s", why)
        return few(own)
    LOG.info("fast authentication is on in worker %d", os.getpid())
    return remembering


if __name__ == NAME:
    importlib.import_module("mlflow_artifacts_out").mend()
    authenticate_request = chosen()
    # What is imported is never garbage, and to look through it stops all threads for a quarter of a second.
    gc.freeze()
