"""Artifacts that are big: there and back, and what that costs the server."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx

from bench.slow import ARTIFACTS

MIB = 1 << 20
GIB = 1 << 30
TIMEOUT = 600.0
"""Seconds that any part of a request may take."""

PEAK = """
import json, pathlib, re, sys, threading
def held():
    total = 0
    for file in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            found = re.search(r"RssAnon:\\s+(\\d+) kB", file.read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += int(found[1]) * 1024 if found else 0
    return total
before = peak = held()
over = threading.Event()
def watch():
    global peak
    while not over.wait(0.2):
        peak = max(peak, held())
thread = threading.Thread(target=watch)
thread.start()
sys.stdin.readline()
over.set()
thread.join()
print(json.dumps({"before": before, "peak": peak}))
"""
"""Runs in a pod of the server: bytes of memory that its processes hold, before and at most (`RssAnon`: what
is of no file, so cannot be given back)."""


@dataclass(frozen=True)
class There:
    """One artifact that went to the server and came back: seconds each way, and whether it is the same."""

    up: float
    down: float
    same: bool


def there_and_back(client: httpx.Client, name: str, size: int) -> There:
    """Send `size` bytes (rounded up to a MiB) and fetch them; nothing of it is held here.

    Half of it are short lines, as random bytes have them, and half is hardly more than one.

    Raises `httpx.HTTPError` where the server refuses.
    """
    sent, came = hashlib.sha256(), hashlib.sha256()
    blocks = (os.urandom(MIB - 8), bytes(MIB - 8))
    count = -(-size // MIB)

    def content() -> Iterator[bytes]:
        for number in range(count):
            piece = number.to_bytes(8) + blocks[2 * number // count]
            sent.update(piece)
            yield piece

    where = f"{ARTIFACTS}/big/{name}"
    began = time.monotonic()
    length = {"Content-Length": str(count * MIB)}
    client.put(where, content=content(), headers=length, timeout=TIMEOUT).raise_for_status()
    middle = time.monotonic()
    with client.stream("GET", where, timeout=TIMEOUT) as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw(MIB):
            came.update(piece)
    over = time.monotonic()
    client.delete(where, timeout=TIMEOUT).raise_for_status()
    return There(middle - began, over - middle, sent.digest() == came.digest())


def at_once(client: httpx.Client, count: int, size: int) -> list[There]:
    """Several, all at once."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda number: there_and_back(client, f"{number}.bin", size), range(count)))
