"""The database's passwords, of MLflow's role and of the superuser, without a refused connection.

PostgreSQL has one password for a role, and the server's pods open connections all the time: with the old
password while they run, with the new one when they start. So the addresses of the running pods are let in
as MLflow's role without a password, from just before the change until the last of these pods is gone.
"""

from __future__ import annotations

from collections.abc import Mapping

from components import names
from components.tokens import PASSWORD
from ops.console import OpsError, err, step
from ops.rotation import rollout
from ops.rotation.postgres import ADMIN, Postgres
from ops.rotation.target import Target, new_password

KEYS = (names.DATABASE_USER_KEY, names.DATABASE_ADMIN_KEY)


class Database:
    """The passwords of the sub-chart's database."""

    name = "database"
    what = "the database's passwords (the server's pods are replaced)"

    def refusal(self, target: Target, /) -> str:
        """Why there is nothing to rotate here; empty where there is."""
        if target.config["database"] != "subchart":
            return "the database is an external one: change its password there, then set databasePassword"
        existing = target.config["databaseExistingSecret"]
        if existing and existing != names.database(target.release):
            return (
                f"the database's passwords are in your own Secret {existing}: change them where it comes from"
            )
        return ""

    def check(self, target: Target) -> None:
        """PostgreSQL takes both passwords of the Secret. Raises `OpsError` where it does not."""
        with step("Signing in to PostgreSQL with both passwords"):
            postgres, secret = Postgres.of(target), _passwords(target)
            if target.kept(self.name):
                return
            for role, key in zip((postgres.role, ADMIN), KEYS, strict=True):
                if not postgres.accepts(role, secret.get(key, "")):
                    raise OpsError(
                        f"PostgreSQL does not accept the password of role {role} in Secret {_secret(target)}"
                        f" (key {key}): put the one that works there, then run it again"
                    )
            postgres.check_rules(secret[names.DATABASE_ADMIN_KEY])

    def rotate(self, target: Target) -> None:
        """Change them everywhere, or finish what was begun. Raises `OpsError`."""
        old = target.kept(self.name)
        if not old:
            old = _passwords(target)
            target.begin(self.name, old)
        if _passwords(target) in ({}, old):
            with step("Generating new passwords for the database"):
                _renew(target)
        postgres, new = Postgres.of(target), _passwords(target)
        superuser = new if postgres.accepts(ADMIN, new[names.DATABASE_ADMIN_KEY]) else old
        password = superuser[names.DATABASE_ADMIN_KEY]
        with step("Giving them to PostgreSQL, which lets the running pods in until they are replaced"):
            running = set(rollout.addresses(target))
            others = postgres.others(password, running)
            postgres.let_in(password, running)
            postgres.set_passwords(password, dict(zip((postgres.role, ADMIN), _in_order(new), strict=True)))
        if others:
            err.print(
                f"[yellow]note:[/yellow] MLflow reaches PostgreSQL from {', '.join(sorted(others))},"
                " which is none of its pods: until they are replaced, new connections from there are refused"
            )
        with step("Replacing the server's pods"):
            rollout.restart(target)
        with step("Locking those pods out again, and checking that the old passwords are refused"):
            postgres.let_in(new[names.DATABASE_ADMIN_KEY], ())
            _prove(postgres, old, new)
        target.finish(self.name)


def _secret(target: Target) -> str:
    """The Secret with both passwords: the stack's, or the chart's own of a release that was adopted."""
    return target.config["databaseExistingSecret"] or names.own(target.release, names.DATABASE_SECRET)


def _passwords(target: Target) -> dict[str, str]:
    """Both passwords in the Secret; nothing where there is none."""
    return {key: text for key, text in target.secret(_secret(target)).items() if key in KEYS}


def _in_order(passwords: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(passwords[key] for key in KEYS)


def _renew(target: Target) -> None:
    """New passwords in the Secret. The stack's are resources of its own, which the engine replaces.

    The chart keeps those in its Secret over upgrades (chart 5.1.17), so there they are changed directly.
    """
    if target.config["databaseExistingSecret"]:
        target.change(_secret(target), {key: new_password() for key in KEYS})
        return
    state = target.stack.export()
    made = [
        resource
        for resource in state["deployment"]["resources"]
        if resource["type"] == PASSWORD and not resource.get("delete")
    ]
    if len(made) != len(KEYS):
        raise OpsError(
            f"stack {target.stack.name} has {len(made)} generated passwords instead of {len(KEYS)}"
        )
    for resource in made:
        # A production stack's are protected, also from this; the `up` below protects the new ones again.
        if resource.get("protect"):
            target.stack.read("state", "unprotect", resource["urn"], "--yes")
    replaced = (f"--replace={resource['urn']}" for resource in made)
    target.stack.up(*replaced)


def _prove(postgres: Postgres, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    for role, key in zip((postgres.role, ADMIN), KEYS, strict=True):
        if not postgres.accepts(role, new[key]):
            raise OpsError(f"PostgreSQL does not accept the new password of role {role}: run it again")
        if postgres.accepts(role, old[key]):
            raise OpsError(f"PostgreSQL still accepts the old password of role {role}: run it again")
