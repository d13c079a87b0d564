"""Clients that are slow, all in one process, and how long `/health` takes beside them; as JSON.

`python -m bench.slow URL`, with what is wanted (`Wanted`, and `login`) as JSON on standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import ssl
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from bench.clients import WARM, Met

PIECES = 2.0
"""Pieces that a slow upload sends in a second."""

SAMPLES = 20.0
"""How often `/health` is asked in a second."""

SETTLE = 3.0
"""Seconds after which all slow clients are there, and the samples begin; they end as long before these."""

PATIENCE = 60.0
"""Seconds that an upload may take longer than its client wants."""

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass(frozen=True)
class Wanted:
    """Slow clients side by side, for some seconds."""

    seconds: float
    uploads: int = 0
    """Clients that send an artifact of `size` bytes in all of the seconds."""
    size: int = 1_000_000
    silent: int = 0
    """Connections that send nothing at all."""
    begun: int = 0
    """Connections that send a request's head, with the login, and nothing of its body."""
    clients: int = 0
    """Clients that log runs meanwhile (`bench.clients`), in a process of their own."""


@dataclass(frozen=True)
class Beside:
    """What `/health` answered meanwhile: seconds of a request, how many there were, and what went wrong.

    A request that failed is endless.
    """

    p50: float
    p99: float
    worst: float
    asked: int
    arrived: int
    """Uploads that came back as they were sent."""
    failed: list[str]
    load: Met | None = None
    """What the clients met that logged runs."""
    held: int = 0
    """Connections that the server left open, and silent, to the end."""


def beside(
    samples: list[float], arrived: int, failed: list[str], load: Met | None = None, held: int = 0
) -> Beside:
    """From the seconds of each request; without any they are endless."""
    ordered = sorted(samples) or [math.inf]
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.99))
    return Beside(p50, p99, ordered[-1], len(samples), arrived, failed, load, held)


class Slow:
    """Some slow clients of one server."""

    def __init__(self, url: str, login: tuple[str, str], wanted: Wanted) -> None:
        self._url = httpx.URL(url)
        self._login = login
        self._wanted = wanted
        self._tls = ssl.create_default_context() if self._url.scheme == "https" else None
        self._failed: list[str] = []
        self._samples: list[float] = []
        self._arrived = self._held = 0
        self._load: Met | None = None

    async def run(self) -> Beside:
        """Let them be slow; all of it ends by itself."""
        wanted = self._wanted
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with (
            httpx.AsyncClient(
                base_url=self._url,
                auth=self._login,
                verify=self._tls or False,
                limits=limits,
                timeout=wanted.seconds + PATIENCE,
                trust_env=False,
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            for number in range(wanted.uploads):
                group.create_task(self._upload(client, number))
            for number in range(wanted.silent + wanted.begun):
                group.create_task(self._hold(number >= wanted.silent))
            group.create_task(self._sample(client))
            if wanted.clients:
                group.create_task(self._work())
        return beside(self._samples, self._arrived, self._failed, self._load, self._held)

    async def _work(self) -> None:
        wanted = self._wanted
        seconds = max(1.0, wanted.seconds - WARM)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.clients", str(self._url), str(wanted.clients), str(seconds)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # Linux shares the CPU among sessions first: the load has not that of who asks for `/health`.
            start_new_session=True,
        )
        try:
            said, _ = await process.communicate(json.dumps({"login": self._login}).encode())
        except asyncio.CancelledError:
            process.terminate()
            raise
        self._load = Met(**json.loads(said.splitlines()[-1]))
        if self._load.failed:
            self._failed.append(f"{self._load.failed} runs failed")

    async def _upload(self, client: httpx.AsyncClient, number: int) -> None:
        content = os.urandom(self._wanted.size)
        where = f"{ARTIFACTS}/slow/{os.getpid()}-{number}"
        try:
            sent = await client.put(where, content=self._pieces(content), headers=_length(content))
            sent.raise_for_status()
            came = (await client.get(where)).raise_for_status()
        except httpx.HTTPError as error:
            self._failed.append(f"upload {number}: {error!r}")
            return
        if came.content == content:
            self._arrived += 1
        else:
            self._failed.append(f"upload {number} came back different")

    async def _pieces(self, content: bytes) -> AsyncIterator[bytes]:
        pieces = max(1, int(self._wanted.seconds * PIECES))
        length = -(-len(content) // pieces)
        for start in range(0, len(content), length):
            yield content[start : start + length]
            await asyncio.sleep(1 / PIECES)

    async def _hold(self, begins: bool) -> None:
        """Hold a connection; that the server answers or closes it is its right, and told."""
        head = self._client_head() if begins else b""
        try:
            reader, writer = await asyncio.open_connection(self._url.host, self._port, ssl=self._tls)
            writer.write(head)
            await writer.drain()
        except OSError as error:
            self._failed.append(f"connection: {error!r}")
            return
        try:
            await asyncio.wait_for(reader.read(1), self._wanted.seconds)
        except TimeoutError:
            self._held += 1
        except OSError:
            pass  # closed as well, but not in order
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    @property
    def _port(self) -> int:
        return self._url.port or (443 if self._tls else 80)

    def _client_head(self) -> bytes:
        request = httpx.Request(
            "PUT", self._url.join(f"{ARTIFACTS}/slow/never"), headers={"Content-Length": "1000000"}
        )
        signed = next(httpx.BasicAuth(*self._login).auth_flow(request))
        lines = [
            f"PUT {signed.url.path} HTTP/1.1",
            *(f"{key}: {text}" for key, text in signed.headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    async def _sample(self, client: httpx.AsyncClient) -> None:
        """Ask `/health` at fixed times, each time on a connection that is new: a kept one has its worker."""
        first = time.monotonic() + SETTLE
        async with asyncio.TaskGroup() as group:
            for number in range(int((self._wanted.seconds - 2 * SETTLE) * SAMPLES)):
                due = first + number / SAMPLES
                await asyncio.sleep(due - time.monotonic())
                group.create_task(self._ask(client, due))

    async def _ask(self, client: httpx.AsyncClient, due: float) -> None:
        """Ask `/health`, without a login; all the time since it was due is the request's."""
        try:
            (await client.get("/health", auth=None, timeout=30)).raise_for_status()
        except httpx.HTTPError as error:
            self._failed.append(f"/health: {error!r}")
            self._samples.append(math.inf)
        else:
            self._samples.append(time.monotonic() - due)


def _length(content: bytes) -> dict[str, str]:
    """An upload's header: with its length known it is not sent in chunks, as MLflow's client does it."""
    return {"Content-Length": str(len(content))}


def main() -> None:
    """Do what the arguments and standard input say."""
    given: dict[str, Any] = json.load(sys.stdin)
    user, password = given.pop("login")
    found = asyncio.run(Slow(sys.argv[1], (user, password), Wanted(**given)).run())
    sys.stdout.write(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
