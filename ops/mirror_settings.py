"""The settings by which a stack takes chart and images from a mirror, written into its file at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.settings import parse
from components.settings.mistakes import WrongSettings
from ops import stack_file
from ops.console import OpsError
from ops.coordinates import Move
from ops.mirrored import CHART, Item, Mirror
from ops.stack import Stack

_USERS = ("chartUsername", "imageUsername")
_PASSWORDS = ("chartPassword", "imagePassword")


@dataclass(frozen=True, repr=False)
class Login:
    """Who pulls from the mirror."""

    user: str
    password: str


def refuse_unfit(settings: Mapping[str, str], to: Mirror, user: str, authority: Path | None) -> None:
    """Raises `OpsError` where the stack could not be set to the mirror, before anything is copied."""
    elsewhere = [key for key in _USERS if settings.get(key) and _host(key, settings) != to.host]
    if elsewhere and not user:
        raise OpsError(
            f"the login in {' and '.join(elsewhere)} is for {_host(elsewhere[0], settings)}, not {to.host}:"
            f" give --user NAME, the user that pulls from {to.host}"
        )
    if authority and not (user or settings.get("chartUsername")):
        raise OpsError(
            "--ca-file needs --user: Helm reads a registry's own CA only together with a login."
            " Without one, add the CA to what this machine trusts, or name a bundle in SSL_CERT_FILE"
        )


def refuse_wrong_login(stack: Stack, login: Login) -> None:
    """Raises `OpsError` where no stack can have such a login."""
    given = {**dict.fromkeys(_USERS, login.user), **dict.fromkeys(_PASSWORDS, login.password)}
    _refuse_wrong({**stack.all_settings(), **given}, {*given})


def known_authority(settings: Mapping[str, str], to: Mirror) -> Path | None:
    """The authority that the stack names already, where its chart is in that registry."""
    file = settings.get("chartCaFile", "")
    return Path(file) if file and _host(_USERS[0], settings) == to.host else None


def knows_login(settings: Mapping[str, str], to: Mirror) -> bool:
    """Whether the stack names a login of that registry, or pull Secrets, of which nothing is known here."""
    named = any(settings.get(key) and _host(key, settings) == to.host for key in _USERS)
    return named or settings.get("imagePullSecrets", "[]") not in ("", "[]")


def use(
    stack: Stack, to: Mirror, items: Sequence[Item], login: Login | None, authority: Path | None
) -> list[str]:
    """Write what has to change; the keys. Raises `OpsError`, with the file as it was.

    The file is replaced at once: it names the mirror with its login, or is as it was.
    """
    before = stack.all_settings()
    wanted = {item.key: item.setting for item in items}
    wanted = {CHART: wanted.pop(CHART), "imageRegistry": to.host, **wanted}
    hidden: dict[str, str] = {}
    if login:
        wanted |= dict.fromkeys(_USERS, login.user)
        hidden = dict.fromkeys(_PASSWORDS, login.password)
    if authority:
        wanted["chartCaFile"] = str(authority.absolute())
    elif before.get("chartCaFile") and _host(_USERS[0], before) != to.host:
        wanted["chartCaFile"] = ""
    moves = [Move(key, before.get(key, ""), text) for key, text in wanted.items() if before.get(key) != text]
    secrets = {key: text for key, text in hidden.items() if before.get(key) != text}
    _refuse_wrong({**before, **wanted, **hidden}, {*wanted, *hidden})
    if moves or secrets:
        _write(stack, moves, secrets)
    return [*(move.key for move in moves), *secrets]


def _write(stack: Stack, moves: Sequence[Move], secrets: Mapping[str, str]) -> None:
    with stack_file.aside(stack, stack_file.rewritten(stack.file.read_text(), moves)) as copy:
        copy.hide(secrets)
        stack_file.replace(stack.file, copy.file.read_text())


def _refuse_wrong(settings: Mapping[str, str], keys: set[str]) -> None:
    """Raises `OpsError` where one of these settings is wrong; others may still have to be made."""
    try:
        parse({key: text for key, text in settings.items() if text})
    except WrongSettings as wrong:
        told = [mistake for mistake in wrong.mistakes if mistake.key in keys]
        if told:
            raise OpsError(str(WrongSettings(told))) from None


def _host(key: str, settings: Mapping[str, str]) -> str:
    """The registry that a user is of."""
    if key == "imageUsername":
        return settings["imageRegistry"]
    return settings["chart"].removeprefix("oci://").partition("/")[0]
