"""The tests' own lab: one that is up makes room for it, and comes back with all its data.

Workers of pytest share it: the first brings it up, the last takes it down.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

from lab import api, paths, prerequisites
from lab.cluster import processes
from tests.e2e import footprint
from tests.e2e.deployment import Deployment, lab, shell_environ

# A shell in the background ignores Ctrl-C, and so would every plugin: `pulumi` ends its own by that, or
# waits 5 s for each.
signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST = (
    "recovery",
    "images",
    "provider",
    "promote",
    "rotate",
    "adopt",
    "drift",
    "diagnose",
    "destroy",
    "mirror",
)
"""Modules that begin first where workers share them, so that none ends long after the others.

One of the first three needs what `make up` brings; the others would only wait for it.
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Worker by worker (`--no-loadscope-reorder`) the longest modules first, then the others as they are."""
    order = {f"test_{name}": number for number, name in enumerate(LONGEST)}
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: order.get(item.path.stem, len(order)))


@pytest.fixture(scope="session")
def before() -> footprint.Footprint:
    """What stood on this machine before the tests' lab, with the programs that the tests need besides."""
    prerequisites.install(paths.logs() / "packages.log", prerequisites.FOR_TESTS)
    return footprint.taken()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--running-lab`: quick turns while a test is written. The others keep what the documentation shows."""
    parser.addoption(
        "--running-lab",
        action="store_true",
        help="Use the lab that is up and leave it up (not for tests that kill it or take it down)",
    )
    parser.addoption("--write-routes", action="store_true", help="Write docs/routes.md")
    parser.addoption(
        "--screenshots", type=Path, help="A folder to keep the pictures in that the browser's tests make"
    )


@pytest.fixture(scope="session")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run, whichever worker asks: there each worker that uses the lab has a file."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "workers"
    folder.mkdir(exist_ok=True)
    return folder


def _alive(workers: Path) -> bool:
    """Whether a worker is at it; one that was killed has left its file."""
    for worker in workers.iterdir():
        with contextlib.suppress(psutil.NoSuchProcess):
            if processes.alive(psutil.Process(int(worker.name))):
                return True
    return False


@pytest.fixture(scope="session")
def home(request: pytest.FixtureRequest, workers: Path) -> Iterator[Path]:
    """The folder of the tests' lab; it shares the builds with the person's."""
    if request.config.getoption("--running-lab"):
        yield paths.root()
        return
    folder, builds = paths.root() / "tests", paths.cache()
    mine, turn = workers / str(os.getpid()), FileLock(f"{workers}.lock")
    with pytest.MonkeyPatch.context() as patch:
        with turn:
            first = not _alive(workers)
            if first and api.status():
                lab("stop")
            patch.setenv("MLFLOW_LAB_HOME", str(folder))
            if first:
                lab("down")
                shutil.rmtree(folder)
                folder.mkdir()
                (folder / "cache").symlink_to(builds)
            mine.touch()
        yield folder
        with turn:
            mine.unlink()
            last = not _alive(workers)
            if last:
                lab("down")
                shutil.rmtree(folder)
    if last and api.status():
        lab("up")


@pytest.fixture(scope="session")
def deployment(
    request: pytest.FixtureRequest, home: Path, workers: Path, before: footprint.Footprint
) -> Deployment:
    """What `make up` brings, in a shell that knows nothing of it."""
    made = Deployment(home)
    if not request.config.getoption("--running-lab"):
        done = home / "made-up"
        with FileLock(f"{workers}.lock"):
            if not done.exists():
                made.up()
                done.touch()
    return made


@pytest.fixture(scope="module")
def undisturbed(deployment: Deployment, workers: Path) -> Iterator[None]:
    """No other module that asks for it changes what `make up` brought meanwhile."""
    with FileLock(f"{workers}.undisturbed.lock"):
        yield


@pytest.fixture(scope="module")
def shell(deployment: Deployment) -> Iterator[None]:
    """What runs in this process finds cluster and programs, as it does in `make up`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in shell_environ().items():
            patch.setenv(name, value)
        yield


@pytest.fixture(autouse=True, scope="session")
def plain_shell(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No variable of a person's own stack reaches the tests, and nothing of theirs the person's folder."""
    for name in [name for name in os.environ if name.startswith("PULUMI_")] + ["KUBECONFIG"]:
        os.environ.pop(name, None)
    os.environ["KUBECACHEDIR"] = str(tmp_path_factory.mktemp("kube-cache"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that the tests of bars printed, from whichever worker."""
    reports = [one for one in terminalreporter.getreports("passed") if "bar" in one.keywords]
    if reports:
        terminalreporter.section("measured")
    for report in reports:
        terminalreporter.write_line(f"{report.nodeid}\n{report.capstdout.strip()}")
