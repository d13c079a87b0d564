"""The tests' own lab: one that is up makes room for it, and comes back with all its data."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import api, paths
from tests.e2e import footprint
from tests.e2e.deployment import Deployment, lab

# A shell in the background ignores Ctrl-C, and so would every plugin: `pulumi` ends its own by that, or
# waits 5 s for each.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def before() -> footprint.Footprint:
    """What stood on this machine before the tests' lab."""
    return footprint.taken()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--running-lab`: quick turns while a test is written."""
    parser.addoption(
        "--running-lab",
        action="store_true",
        help="Use the lab that is up and leave it up (not for tests that kill it or take it down)",
    )


@pytest.fixture(scope="session")
def home(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The folder of the tests' lab; it shares the builds with the person's."""
    if request.config.getoption("--running-lab"):
        yield paths.root()
        return
    folder = paths.root() / "tests"
    builds = paths.cache()
    was_up = bool(api.status())
    if was_up:
        lab("stop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_LAB_HOME", str(folder))
        lab("down")
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "cache").symlink_to(builds)
        yield folder
        lab("down")
        shutil.rmtree(folder)
    if was_up:
        lab("up")


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest, home: Path, before: footprint.Footprint) -> Deployment:
    """What `make up` brings, in a shell that knows nothing of it."""
    made = Deployment(home)
    if not request.config.getoption("--running-lab"):
        made.up()
    return made


@pytest.fixture(autouse=True, scope="session")
def plain_shell(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No variable of a person's own stack reaches the tests, and nothing of theirs the person's folder."""
    for name in [name for name in os.environ if name.startswith("PULUMI_")] + ["KUBECONFIG"]:
        os.environ.pop(name, None)
    os.environ["KUBECACHEDIR"] = str(tmp_path_factory.mktemp("kube-cache"))
