"""Every wrong configuration is refused before anything is registered, with its key and the fix."""

from __future__ import annotations

import logging
import re
import runpy

import pytest

from ops.stack import PROGRAM
from tests.unit.cases import GOOD, SECRETS, Case
from tests.unit.engine import start
from tests.unit.wrong import CASES, FIRST


def run_program() -> None:
    """Run `__main__.py` as the language host does."""
    runpy.run_path(str(PROGRAM / "__main__.py"), run_name="__main__")


def test_at_least_sixty_are_tried() -> None:
    assert len(FIRST) >= 60
    assert len({repr(case) for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: ascii(f"{case.key}: {case.config or sorted(case.secrets)}")[:70]
)
def test_refused_with_key_and_fix(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    engine = start(case.given(), case.hidden())
    with caplog.at_level(logging.ERROR, "pulumi-engine"), pytest.raises(SystemExit) as stopped:
        run_program()
    assert stopped.value.code == 32
    assert engine.resources == {}
    (message,) = caplog.messages
    about_key = [part for part in re.split(r"\n  (?=\d+\. )", message) if f". {case.key}\n" in part]
    assert any(case.fix in part and case.says in part for part in about_key), message
    assert "Planted" not in message
    assert "Traceback" not in message


def test_all_mistakes_are_told_at_once(caplog: pytest.LogCaptureFixture) -> None:
    start({"trackingReplicas": "two", "contxt": "x", "s3Endpoint": "minio"}, SECRETS)
    with pytest.raises(SystemExit):
        run_program()
    (message,) = caplog.messages
    assert message.startswith("4 mistakes in the settings of this stack")
    for key in ("trackingReplicas", "contxt", "s3Endpoint", "context"):
        assert f". {key}\n" in message


def test_a_wrong_value_causes_no_second_mistake(caplog: pytest.LogCaptureFixture) -> None:
    """The endpoint is wrong, not missing; the host is wrong, not without an issuer."""
    start({**GOOD, "s3Endpoint": "minio", "ingressHost": "x", "ingressClass": "nginx"}, SECRETS)
    with pytest.raises(SystemExit):
        run_program()
    assert caplog.messages[0].startswith("2 mistakes")
