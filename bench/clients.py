"""Clients side by side that log runs all the time, in a process of their own; what they met, as JSON.

`python -m bench.clients URL CLIENTS SECONDS`, with `{"login": [USER, PASSWORD]}` on standard input.
A run is two requests, its creation and one batch of ten metrics, on a connection that is kept, as MLflow's
own client keeps it. The tests' clients (`tests/e2e/load.py`) have a new one for each request: they take more
CPU than a server that is to be measured.
"""

from __future__ import annotations

import base64
import http.client
import json
import math
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

WARM = 3.0
"""Seconds before anything counts: workers import, and see each password for the first time."""

TIMEOUT = 180.0
"""Seconds that a client waits for an answer."""

METRICS = [{"key": f"metric{number}", "value": 0.5, "timestamp": 1, "step": 1} for number in range(10)]


@dataclass(frozen=True)
class Met:
    """What clients met: runs in a second, seconds of a run (median, and all but one in twenty), failures.

    It needs two rounds of all clients after their first, in which all create before any ends.
    """

    clients: int
    rate: float
    p50: float
    p95: float
    failed: int
    made: int = 0
    """Runs that the server had said it took, before and after the clock ran as well."""
    seconds: float = 0
    """How long the clock ran."""


def met(clients: int, seconds: float, runs: list[float], failed: int, made: int) -> Met:
    """From the seconds of each run that ended while the clock ran. Without any the times are endless."""
    ordered = sorted(runs)
    p50, p95 = (ordered[int(len(ordered) * part)] if ordered else float("inf") for part in (0.5, 0.95))
    return Met(clients, len(ordered) / seconds, p50, p95, failed, made, seconds)


@contextmanager
def working(threads: Sequence[threading.Thread], stop: threading.Event) -> Iterator[None]:
    """The threads run while the block does; `stop` tells them to end, and they are waited for."""
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


class Clients:
    """Some clients of one server; without a pause after each run (in seconds) they take all of its CPU."""

    def __init__(
        self, url: str, login: tuple[str, str], count: int, experiment: str = "0", pause: float = 0
    ) -> None:
        self._url = urlsplit(url)
        self._tls = ssl.create_default_context()
        self._experiment = experiment
        self._pause = pause
        token = base64.b64encode(":".join(login).encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        self._threads = [threading.Thread(target=self._client) for _ in range(count)]
        self._stop = threading.Event()
        self._first: dict[int, float] = {}
        self._ended: list[tuple[float, float, str]] = []
        self._failed: list[str] = []

    @property
    def made(self) -> int:
        """Runs that the server has said it took."""
        return len(self._ended)

    @property
    def runs(self) -> set[str]:
        """Their ids."""
        return {run for _, _, run in self._ended}

    @property
    def failed(self) -> list[str]:
        """What failed, each with why."""
        return list(self._failed)

    def working(self) -> AbstractContextManager[None]:
        """They work while the block does, and end what they are at."""
        return working(self._threads, self._stop)

    def run(self, seconds: float, warm: float = WARM) -> Met:
        """Let them work for `warm` seconds and the first round; only runs that end after that count.

        The clock runs for whole rounds: two, and `seconds`, at least, but no longer than `TIMEOUT`.
        """
        with self.working():
            time.sleep(warm)
            longest = self._first_round()
            began = time.monotonic()
            time.sleep(min(TIMEOUT, longest * max(2, math.ceil(seconds / longest))))
            over = time.monotonic()
        if self._failed:
            sys.stderr.write(f"{self._failed[0]}\n")
        runs = [took for ended, took, _ in self._ended if began <= ended < over]
        return met(len(self._threads), over - began, runs, len(self._failed), self.made)

    def _first_round(self) -> float:
        """Wait until each client has ended a run: seconds of the longest, `TIMEOUT` at most."""
        over = time.monotonic() + TIMEOUT
        while len(self._first) < len(self._threads):
            if time.monotonic() > over:
                return TIMEOUT
            time.sleep(0.02)
        return max(self._first.values())

    def _client(self) -> None:
        connection = self._connection()
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                # Of this attempt alone: made twice, it is there twice.
                body = {"experiment_id": self._experiment, "run_name": uuid.uuid4().hex}
                made = self._ask(connection, "create", body)
                run = made["run"]["info"]["run_id"]
                self._ask(connection, "log-batch", {"run_id": run, "metrics": METRICS})
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self._failed.append(repr(error))
                connection.close()
            else:
                now = time.monotonic()
                self._ended.append((now, now - began, run))
            self._first.setdefault(threading.get_ident(), time.monotonic() - began)
            self._stop.wait(self._pause)
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(self._url.netloc, timeout=TIMEOUT, context=self._tls)
        return http.client.HTTPConnection(self._url.netloc, timeout=TIMEOUT)

    def _ask(self, connection: http.client.HTTPConnection, what: str, body: object) -> dict[str, Any]:
        """The answer to one request. Raises ValueError where it is no success."""
        connection.request("POST", f"/api/2.0/mlflow/runs/{what}", json.dumps(body), self._headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != http.client.OK:
            raise ValueError(f"{what}: {answer.status} {text[:300]!r}")
        return dict(json.loads(text))


def main() -> None:
    """Do what the arguments say."""
    url, count, seconds = sys.argv[1:]
    user, password = json.load(sys.stdin)["login"]
    sys.stdout.write(json.dumps(asdict(Clients(url, (user, password), int(count)).run(float(seconds)))))


if __name__ == "__main__":
    main()
