"""The administrator's password: MLflow first, the chart's Secret right after, the stack's outputs last.

MLflow has one password for a user and knows no other from the moment its API has changed it. A client that
gets 401 reads the Secret again and tries again: between API and Secret lie 5 to 110 ms (seen on a busy node).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from components import names
from ops.console import OpsError, step
from ops.rotation.target import Target, new_password
from ops.verify import SEARCH, reachable

UPDATE = "/api/2.0/mlflow/users/update-password"
_LENGTH = 24
_PLANNED, _REPLACED = "password", "replaced"


@dataclass(frozen=True, repr=False)
class _Known:
    """The user's name, and its passwords: in the Secret, planned (empty: none), and to be replaced."""

    login: str
    held: str
    planned: str
    replaced: str


class Admin:
    """The administrator's password."""

    name = "admin"
    what = "the administrator's password"

    def __init__(self) -> None:
        self._outputs: Mapping[str, Any] = {}
        """The stack's, once it was checked: they tell where the server is, and that stays."""

    def refusal(self, _: Target, /) -> str:
        """Why there is nothing to rotate here; empty where there is."""
        return ""

    def check(self, target: Target) -> None:
        """MLflow takes the password that stands in the Secret. Raises `OpsError` where it does not."""
        with step("Signing in to MLflow as the administrator"):
            self._outputs = target.stack.outputs()
            with reachable(self._outputs, target.config) as server, httpx.Client() as client:
                _working(client, server.url, _known(target))

    def rotate(self, target: Target) -> None:
        """Change it everywhere, or finish what was begun. Raises `OpsError`."""
        known = _known(target)
        if not known.planned:
            known = replace(known, planned=new_password(_LENGTH))
            target.begin(self.name, {_PLANNED: known.planned, _REPLACED: known.replaced})
        login, planned = known.login, known.planned
        outputs = self._outputs or target.stack.outputs()
        with reachable(outputs, target.config) as server, httpx.Client() as client:
            with step("Changing the administrator's password in MLflow and in the chart's Secret"):
                works = _working(client, server.url, known)
                if works != planned:
                    _change(client, server.url, (login, works), planned)
                target.change(names.tracking(target.release), {names.ADMIN_PASSWORD_KEY: planned})
            with step("Bringing the stack's outputs up to date (pulumi up)"):
                target.stack.up()
            if not _accepted(client, server.url, (login, target.stack.outputs()["admin_password"])):
                raise OpsError("MLflow does not accept the password in the stack's outputs: run it again")
            if known.replaced != planned and _accepted(client, server.url, (login, known.replaced)):
                raise OpsError("MLflow still accepts the password that was to be replaced: run it again")
        target.finish(self.name)


def _known(target: Target) -> _Known:
    """What is known of the login. Raises `OpsError` where there is no Secret."""
    secret = names.tracking(target.release)
    found = target.secret(secret)
    if not found:
        repair = f"make drift STACK={target.stack.name} ARGS=--repair"
        raise OpsError(f"there is no Secret {secret}: `{repair}` creates it again")
    held, kept = found[names.ADMIN_PASSWORD_KEY], target.kept(Admin.name)
    return _Known(found[names.ADMIN_USER_KEY], held, kept.get(_PLANNED, ""), kept.get(_REPLACED, held))


def _working(client: httpx.Client, url: str, known: _Known) -> str:
    """The password that MLflow takes now. Raises `OpsError` where it takes none.

    A pod that was starting when the password changed may have set the replaced one again.
    """
    for password in filter(None, (known.planned, known.held, known.replaced)):
        if _accepted(client, url, (known.login, password)):
            return password
    raise OpsError(
        f"MLflow at {url} does not accept the password in the chart's Secret, so it cannot be changed from"
        " here: put the one that works into the Secret, then run it again"
    )


@retry(
    retry=retry_if_exception_type(httpx.TransportError),
    # A forward's pod may be one that is just ending.
    stop=stop_after_delay(60),
    wait=wait_fixed(0.5),
    reraise=True,
)
def _accepted(client: httpx.Client, url: str, auth: tuple[str, str]) -> bool:
    """Whether MLflow lets this login in. Raises `OpsError` on any answer but 200 and 401."""
    status = client.get(url + SEARCH, auth=auth, timeout=30).status_code
    if status not in (200, 401):
        raise OpsError(f"{url} answered {status} instead of 200 or 401: is the server healthy?")
    return status == 200


def _change(client: httpx.Client, url: str, auth: tuple[str, str], password: str) -> None:
    answer = client.patch(
        url + UPDATE, json={"username": auth[0], "password": password}, auth=auth, timeout=30
    )
    if answer.is_error:
        raise OpsError(f"MLflow did not change the password: it answered {answer.status_code}")
