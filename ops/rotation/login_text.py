"""What PostgreSQL writes down of who may sign in: a password's verifier, and the lines of pg_hba.conf."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import os
from collections.abc import Collection, Sequence

MARK = "# rotation: these pods have the password that is being replaced"
_ITERATIONS = 4096
"""PostgreSQL's own default, `scram_iterations` (17)."""


def verifier(password: str, salt: bytes | None = None) -> str:
    """What PostgreSQL stores of a password of letters and digits (RFC 5803, SCRAM-SHA-256)."""
    salt = os.urandom(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${_ITERATIONS}:{salt64}${stored64}:{server64}"


def shut(rules: str) -> str:
    """The text of pg_hba.conf without what `opened` has put there."""
    return "".join(line for line in rules.splitlines(keepends=True) if MARK not in line)


def opened(rules: str, role: str, databases: Sequence[str], addresses: Collection[str]) -> str:
    """The text of pg_hba.conf with these addresses let in as `role`, whatever password they give.

    The first line that matches counts. Names stand in quotes, so that none is taken for a keyword.
    """
    listed = ",".join(f'"{database}"' for database in databases)
    lines = [
        f'host {listed} "{role}" {ipaddress.ip_network(address)} trust {MARK}\n'
        for address in sorted(addresses)
    ]
    return "".join(lines) + shut(rules)
