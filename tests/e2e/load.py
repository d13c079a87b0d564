"""Clients that work all the time and read the login again when it is refused, and what they met."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

PATIENCE = 10.0
"""Seconds for which a client that is refused (401) reads its login again and tries again."""
PAUSE = 0.05
"""Seconds between two tries."""


class Load:
    """Runs logged and artifacts sent and fetched, by clients side by side.

    Each request has a connection of its own. Nothing is tried again but a request that is refused.
    """

    def __init__(self, url: str, login: Callable[[], tuple[str, str]], clients: int) -> None:
        self.url = url
        self.login = login
        self.done = 0
        self.refused: list[float] = []
        """Seconds from sending a request that was refused at first to its good answer."""
        self.failed: Counter[str] = Counter()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client, args=[number]) for number in range(clients)]

    @contextmanager
    def running(self) -> Iterator[None]:
        """The load runs while the block does."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _client(self, number: int) -> None:
        held = [self.login()]
        folder = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/load/{number}"
        runs = f"{self.url}/api/2.0/mlflow/runs"
        while not self._stop.is_set():
            made = self._ask(held, "POST", f"{runs}/create", {"experiment_id": "0"})
            if made is not None:
                run = made.json()["run"]["info"]["run_id"]
                metrics = [{"key": "loss", "value": 0.5, "timestamp": 1, "step": 1}]
                self._ask(held, "POST", f"{runs}/log-batch", {"run_id": run, "metrics": metrics})
            content = secrets.token_bytes(64)
            if self._ask(held, "PUT", f"{folder}/object", content) is not None:
                came = self._ask(held, "GET", f"{folder}/object")
                if came is not None and came.content != content:
                    self._fail("the artifact came back different")
            self._stop.wait(0.2)

    def _ask(
        self,
        held: list[tuple[str, str]],
        method: str,
        url: str,
        body: dict[str, object] | bytes | None = None,
    ) -> httpx.Response | None:
        """One request, by the contract of the README: refused, it is made again with the login of now."""
        began, refused = time.monotonic(), False
        while True:
            try:
                given = {"json": body} if isinstance(body, dict) else {"content": body}
                answer = httpx.request(method, url, auth=held[0], timeout=60, **given)
            except httpx.HTTPError as error:
                self._fail(f"{method} {url.rpartition('/')[2]}: {error!r}")
                return None
            if answer.status_code != 401 or time.monotonic() - began > PATIENCE:
                break
            time.sleep(PAUSE)
            held[0] = self.login()
            refused = True
        if refused:
            with self._lock:
                self.refused.append(time.monotonic() - began)
        if answer.is_error:
            self._fail(f"{method} {url.rpartition('/')[2]}: {answer.status_code} {answer.text[:300]}")
            return None
        with self._lock:
            self.done += 1
        return answer

    def _fail(self, what: str) -> None:
        with self._lock:
            self.failed[what] += 1
