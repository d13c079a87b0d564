"""Clients that work all the time and read the login again when it is refused, and what they met."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx

from bench.clients import working

AGAIN = (401, 500)
"""Answers after which a client reads its login again and tries again.

MLflow 3.3.2 checks a password more than once in a request, and answers 500 where it has changed in between.
MLflow's own client tries again after a 500 too.
"""
PATIENCE = 10.0
"""Seconds after the first such answer for which it does so."""
PAUSE = 0.05
"""Seconds between two tries."""


class Load:
    """Runs logged and artifacts sent and fetched, by clients side by side.

    Each request has a connection of its own. Nothing else is tried again.
    """

    def __init__(self, url: str, login: Callable[[], tuple[str, str]], clients: int) -> None:
        self.url = url
        self.login = login
        self.done = 0
        self.again: Counter[int] = Counter()
        """How many requests got such an answer at first, by the answer."""
        self.longest = 0.0
        """Seconds from such an answer to the last one of its request, at most."""
        self.failed: Counter[str] = Counter()
        self._stop = threading.Event()
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._threads = [threading.Thread(target=self._client, args=[number]) for number in range(clients)]

    def running(self) -> AbstractContextManager[None]:
        """The load runs while the block does."""
        return working(self._threads, self._stop)

    def __str__(self) -> str:
        """What was met, in a line."""
        again = ", ".join(f"{count} at first {answer}" for answer, count in self.again.items()) or "0 refused"
        failed = sum(self.failed.values())
        return f"{self.done} requests: {again} (for {self.longest * 1000:.0f} ms at most), {failed} failed"

    def _client(self, number: int) -> None:
        held = self._login()
        folder = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/load/{number}"
        runs = f"{self.url}/api/2.0/mlflow/runs"

        def ask(method: str, url: str, body: dict[str, object] | bytes = b"") -> httpx.Response | None:
            """One request, by the contract of the README: refused, it is made again with the login of now."""
            nonlocal held
            name, first, refused = f"{method} {url.rpartition('/')[2]}", 0.0, 0
            while True:
                given = {"json": body} if isinstance(body, dict) else {"content": body}
                try:
                    # Over plain HTTP; reading the authorities' certificates would be most of a request.
                    answer = httpx.request(method, url, auth=held, timeout=60, verify=False, **given)
                except httpx.HTTPError as error:
                    self._end(f"{name}: {error!r}")
                    return None
                now = time.monotonic()
                if answer.status_code not in AGAIN or (first and now - first > PATIENCE):
                    break
                first, refused = first or now, refused or answer.status_code
                time.sleep(PAUSE)
                held = self._login()
            failure = f"{name}: {answer.status_code} {answer.text[:300]}" if answer.is_error else ""
            self._end(failure, refused, time.monotonic() - first)
            return None if failure else answer

        while not self._stop.is_set():
            made = ask("POST", f"{runs}/create", {"experiment_id": "0"})
            if made is not None:
                run = made.json()["run"]["info"]["run_id"]
                metrics = [{"key": "loss", "value": 0.5, "timestamp": 1, "step": 1}]
                ask("POST", f"{runs}/log-batch", {"run_id": run, "metrics": metrics})
            content = secrets.token_bytes(64)
            if ask("PUT", f"{folder}/object", content) is not None:
                came = ask("GET", f"{folder}/object")
                if came is not None and came.content != content:
                    self._end("the artifact came back different")
            self._stop.wait(0.5)

    def _login(self) -> tuple[str, str]:
        """The login of now; read by one client at a time, for the way to it may be no better than that."""
        with self._reading:
            return self.login()

    def _end(self, failure: str, refused: int = 0, seconds: float = 0) -> None:
        """Count a request: what failed (empty: nothing), how it was refused at first, for how long."""
        with self._lock:
            self.done += 1
            if failure:
                self.failed[failure] += 1
            if refused:
                self.again[refused] += 1
                self.longest = max(self.longest, seconds)
