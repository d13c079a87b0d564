"""`pulumi` killed at points spread over install, upgrade and destroy: `recover` brings all of it back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.recover import recover
from tests.e2e.deployment import Deployment
from tests.e2e.scratch import Scratch, scratch

UP = ("up", "--yes", "--skip-preview", "--non-interactive")
DESTROY = ("destroy", "--yes", "--skip-preview", "--non-interactive")
VICTIMS = ("everything", "plugin", "server")
ROUNDS, UPGRADES = 7, 6
"""How many kill points: 20 in all, as a round kills an install and a destroy."""


@pytest.fixture(scope="module")
def stack(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """A stack that is up; its namespace goes with it."""
    with scratch(tmp_path_factory.mktemp("recovery"), "mlflow-recovery") as made:
        yield made


@pytest.fixture(scope="module")
def seconds(stack: Scratch) -> dict[str, float]:
    """How long install and upgrade take when nobody kills them; the stack is up then."""
    install = stack.run(*UP)
    stack.run("config", "set", "trackingThreads", "31")
    return {"install": install, "upgrade": stack.run(*UP)}


@pytest.fixture(scope="module")
def hits() -> Iterator[list[bool]]:
    """Whether each kill met a `pulumi` at work. Late ones need not: the run that they go by may be slow."""
    met: list[bool] = []
    yield met
    assert len(met) < 4 or sum(met) >= len(met) / 3, met


def points(count: int) -> list[object]:
    """Shares of the whole time, evenly spread, each with its victim. The API server is everybody's."""
    kills = [((number + 0.5) / count, VICTIMS[number % len(VICTIMS)]) for number in range(count)]
    return [pytest.param(*kill, marks=[pytest.mark.alone] if kill[1] == "server" else []) for kill in kills]


@pytest.fixture(scope="module")
def with_data(stack: Scratch, seconds: dict[str, float]) -> str:
    """The stack is up and holds an experiment; its name."""
    stack.create_experiment("kept")
    return "kept"


@pytest.mark.parametrize(("share", "victim"), points(UPGRADES))
def test_a_killed_upgrade(
    stack: Scratch,
    seconds: dict[str, float],
    with_data: str,
    hits: list[bool],
    share: float,
    victim: str,
) -> None:
    """Login and data stay; the next `up` brings what was asked for."""
    before = stack.login()
    stack.run("config", "set", "trackingThreads", str(32 + round(share * 100)))
    hits.append(stack.cut(victim, seconds["upgrade"] * share, *UP))
    recover(stack.stack)
    stack.run(*UP)
    assert stack.login() == before
    assert with_data in stack.experiments()
    stack.run("preview", "--expect-no-changes")


@pytest.fixture(scope="module")
def destroy(stack: Scratch, seconds: dict[str, float]) -> float:
    """Seconds of a destroy that nobody kills; the stack is gone then, and the rounds begin."""
    return stack.run(*DESTROY)


@pytest.mark.parametrize(("share", "victim"), points(ROUNDS))
def test_a_killed_install_and_a_killed_destroy(
    stack: Scratch,
    seconds: dict[str, float],
    destroy: float,
    hits: list[bool],
    share: float,
    victim: str,
) -> None:
    """What the chart had generated stays; the destroy can be finished, and the next round's stack works."""
    hits.append(stack.cut(victim, seconds["install"] * share, *UP))
    before = stack.login()
    recover(stack.stack)
    stack.run(*UP)
    assert before is None or stack.login() == before
    assert "Default" in stack.experiments()
    stack.run("preview", "--expect-no-changes")
    hits.append(stack.cut(victim, destroy * share, *DESTROY))
    recover(stack.stack)
    stack.run(*DESTROY)
