"""How fast this machine is now, against the one that the bars in seconds were set on."""

from __future__ import annotations

import hashlib
import time

SCRYPT_SECONDS = 0.062
"""CPU time of one check of a password by MLflow 3.3.2 (werkzeug's scrypt) where the bars were set."""
_ROUNDS = 8


def scrypt_seconds() -> float:
    """The same here and now: the least of some, as others may be at work beside it."""
    times = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        hashlib.scrypt(b"password", salt=b"of-the-same-size", n=2**15, r=8, p=1, maxmem=2**28)
        times.append(time.process_time() - began)
    return min(times)


def within(seconds: float) -> float:
    """A bar in seconds as it is here: longer by as much as this machine is slower, and never shorter.

    Virtual machines differ by a factor of two from one day to the next; a bar that is missed for that says
    nothing of what is tested. The bench (`make bench`) measures against the plain bars.
    """
    return seconds * max(1.0, scrypt_seconds() / SCRYPT_SECONDS)
