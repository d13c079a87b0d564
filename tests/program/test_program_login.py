"""The login: read from the chart's Secret, in time, and always the one that works."""

from __future__ import annotations

import runpy
from typing import Any

import pulumi
import pytest
from pulumi.runtime.rpc import UNKNOWN

from ops.stack import PROGRAM
from tests.unit.cases import GOOD, SECRETS
from tests.unit.engine import ADMIN, awaited, start
from tests.unit.program import future, outputs, run


@awaited
def test_only_the_credentials_are_secret_among_the_outputs() -> Any:
    start(GOOD, SECRETS)
    runpy.run_path(str(PROGRAM / "__main__.py"), run_name="__main__")
    found = outputs()

    async def secrecy() -> dict[str, bool]:
        return {name: await pulumi.Output.from_input(output).is_secret() for name, output in found.items()}

    def check(secret: dict[str, bool]) -> None:
        assert {name for name, hidden in secret.items() if hidden} == {"admin_username", "admin_password"}

    return future(secrecy()).apply(check)


@awaited
def test_a_preview_of_the_first_creation_reads_no_credentials() -> Any:
    """The Secret's id is unknown until the release exists, so the engine is not asked for it."""
    engine = start(GOOD, SECRETS, preview=True)
    runpy.run_path(str(PROGRAM / "__main__.py"), run_name="__main__")

    async def known() -> bool:
        return await pulumi.Output.from_input(outputs()["admin_password"]).is_known()

    def check(is_known: bool) -> None:
        assert not is_known
        assert engine.named("mlflow-credentials").id == UNKNOWN

    return future(known()).apply(check)


@awaited
def test_a_preview_of_a_change_reads_the_credentials_first() -> Any:
    """So a deleted Secret stops `up` before Helm makes a password that MLflow does not know."""
    engine = start(GOOD, SECRETS, preview=True)
    engine.installed = True

    def check(password: str) -> None:
        assert password == ADMIN["admin-password"]
        assert engine.named("mlflow-credentials").id == "mlflow/mlflow-tracking"

    runpy.run_path(str(PROGRAM / "__main__.py"), run_name="__main__")
    return outputs()["admin_password"].apply(check)


def test_a_secret_without_the_login_is_told_with_its_keys_and_no_value() -> None:
    engine = start(GOOD, SECRETS)
    engine.login = {"other": "UGxhbnRlZA=="}

    @awaited
    def program() -> Any:
        return run(lambda _: None)

    with pytest.raises(pulumi.RunError, match=r"mlflow/mlflow-tracking has no key admin-") as raised:
        program()
    assert "(its keys: other)" in str(raised.value)
    assert "UGxhbnRlZA" not in str(raised.value)
