"""The proxy that a person's environment names: for what is outside, never for the lab's own addresses."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from http.client import HTTPException

from lab.cluster import hosts, network

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Go's clients ask no proxy for it; Python's do, unless they are told."""
OWN = (*LOOPBACK, network.GATEWAY, network.ALL, hosts.HOST)
"""Not every client reads a range of addresses."""

SECONDS = 3.0


def direct(own: tuple[str, ...] = OWN) -> dict[str, str]:
    """The variables that name what no proxy is asked for: `own` besides. None without a proxy."""
    variables = ("no_proxy", "NO_PROXY")
    named = ",".join(os.environ.get(variable, "") for variable in variables).split(",")
    if not urllib.request.getproxies_environment().keys() - {"no"} or "*" in named:
        return {}
    wanted = ",".join(dict.fromkeys(filter(None, [*map(str.strip, named), *own])))
    return dict.fromkeys(variables, wanted)


def answers(url: str) -> bool:
    """Whether a public address answers, by the proxy where one is named; any answer will do."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS):  # noqa: S310 fixed addresses
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, HTTPException):
        return False
