"""`ops promote` between two stacks with namespaces and kube contexts of their own, on the lab's cluster."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from ruamel.yaml import YAML

from lab import api, charts, paths
from lab.cluster import node, services
from lab.images import IMAGES
from ops import drift
from ops.stack import Stack
from tests.e2e.commands import ops
from tests.e2e.deployment import Deployment, run
from tests.e2e.scratch import Scratch, scratch

UP = ("up", "--yes", "--skip-preview", "--non-interactive")
TAG = "promoted"
VERSION = "5.1.18"
CHART = charts.served(services.REGISTRY)
NAMES = (
    *(image.reference.rpartition(":")[0] for image in IMAGES[:2]),
    f"{services.REGISTRY}/bitnamilegacy/os-shell",
)
"""The one of the init containers is in a registry that can be asked: what is not there does not exist."""
OS_SHELL = f"{NAMES[2]}:{IMAGES[2].reference.rpartition(':')[2]}"
COMMAND = ("promote", "--from", "dev", "--to", "staging")
COMMENT = "  # chosen for staging\n"


@dataclass(frozen=True)
class Two:
    """The stacks, and the file that a promotion writes."""

    dev: Scratch
    staging: Scratch
    file: Path

    def promote(self, *args: str) -> subprocess.CompletedProcess[str]:
        """`python -m ops promote --from dev --to staging ARGS`, as in a shell that means the lab."""
        done = ops(*COMMAND, *args)
        print(done.stdout, done.stderr, sep="\n")
        return done

    def promote_killed_after(self, seconds: float) -> str:
        """Kill engine and plugins `seconds` into the target's update; all that the command printed."""
        command = [sys.executable, "-m", "ops", *COMMAND, "--yes"]
        with subprocess.Popen(
            command, cwd=paths.REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout
            said = []
            for line in process.stdout:
                said.append(line)
                if "mlflow-release updating" in line:
                    break
            time.sleep(seconds)
            for child in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    if child.name().startswith("pulumi"):
                        child.kill()
            said += process.stdout
        print(*said, sep="")
        assert process.returncode == 1
        return "".join(said)


def images(command: str) -> None:
    """Give all images a second tag (`tag`), or take it away (`rm`)."""
    for image, own in zip(IMAGES, NAMES, strict=True):
        second = f"{own}:{TAG}"
        run(*node.ctr("images", command, *([image.reference, second] if command == "tag" else [second])))


def pulled(text: str) -> str:
    """The text with one name for what the kubelet says of an image that cannot be pulled: it alternates."""
    return text.replace("ImagePullBackOff", "ErrImagePull")


@pytest.fixture(scope="module")
def chart(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The lab's registry serves the stand-in chart in two versions; images with a second tag lose it."""
    helm, folder = api.bin_folder() / "helm", tmp_path_factory.mktemp("chart")
    run(str(helm), "package", str(charts.SOURCE), "--version", VERSION, "-d", str(folder))
    for archive in (charts.package(helm), *folder.glob("*.tgz")):
        charts.push(archive, services.REGISTRY, helm, folder / "log")
    run(*node.ctr("images", "tag", IMAGES[2].reference, OS_SHELL))
    yield
    images("rm")
    run(*node.ctr("images", "rm", OS_SHELL))


def another_context(folder: Path) -> Path:
    """A kubeconfig in which the lab's cluster has another name."""
    yaml = YAML(typ="safe")
    config = yaml.load(Path(api.environ()["KUBECONFIG"]))
    config["contexts"][0]["name"] = config["current-context"] = "elsewhere"
    yaml.dump(config, folder / "elsewhere")
    return folder / "elsewhere"


@pytest.fixture(scope="module")
def stacks(chart: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Both are up; the target has a newer chart, and a value that the older one does not know."""
    folder = tmp_path_factory.mktemp("promote")
    with ExitStack() as both:
        given = {"chart": CHART, "imageOsShell": OS_SHELL}
        dev = both.enter_context(scratch(folder, "mlflow-promote-dev", given))
        elsewhere = {
            **given,
            "context": "elsewhere",
            "kubeconfig": str(another_context(folder)),
            "chartVersion": VERSION,
        }
        staging = both.enter_context(scratch(folder, "mlflow-promote-staging", elsewhere, name="staging"))

        def both_run(*args: str) -> None:
            with ThreadPoolExecutor() as beside:
                list(beside.map(lambda made: made.run(*args), (dev, staging)))

        staging.run("config", "set", "--path", "extraValues.flavour", "vanilla")
        both_run(*UP)
        file = folder / "Pulumi.staging.yaml"
        file.write_text(file.read_text().replace("config:\n", f"config:\n{COMMENT}", 1))
        yield Two(dev, staging, file)
        both_run("destroy", "--yes", "--skip-preview")


def release(stack: Stack) -> tuple[str, str]:
    """Chart version and status of a stack's release."""
    found = stack.outputs()["release"]
    return found["chart_version"], found["status"]


def server(stack: Scratch) -> dict[str, Any]:
    """The server's container, as the cluster has it."""
    where = ("-n", stack.namespace, "deployment", "mlflow-tracking", "-o", "json")
    return dict(json.loads(run("kubectl", "get", *where))["spec"]["template"]["spec"]["containers"][0])


def test_a_version_that_the_target_s_settings_refuse_changes_nothing(stacks: Two) -> None:
    before = stacks.file.read_text()
    done = stacks.promote("--yes")
    assert done.returncode == 1
    assert "staging refuses this release (the preview above); nothing was changed" in done.stderr
    assert "flavour" in done.stderr
    assert stacks.file.read_text() == before


def test_equal_stacks_have_nothing_to_promote(stacks: Two) -> None:
    stacks.staging.run("config", "rm", "--path", "extraValues.flavour")
    stacks.staging.run("config", "rm", "chartVersion")
    stacks.staging.run(*UP)
    done = stacks.promote("--check")
    assert (done.returncode, done.stdout) == (0, "Nothing to promote: staging has the release of dev\n")


def test_a_source_that_is_not_deployed_as_set_is_refused(stacks: Two) -> None:
    before = stacks.file.read_text()
    images("tag")
    stacks.dev.run("config", "set", "chartVersion", VERSION)
    stacks.dev.run("config", "set", "imageMlflow", f"bitnamilegacy/mlflow:{TAG}")
    stacks.dev.run("config", "set", "imagePostgresql", f"bitnamilegacy/postgresql:{TAG}")
    stacks.dev.run("config", "set", "imageOsShell", f"{NAMES[2]}:{TAG}")
    done = stacks.promote("--yes")
    assert done.returncode == 1
    assert "dev does not run what its settings say" in done.stderr
    assert stacks.file.read_text() == before


def test_a_check_says_what_would_move_and_changes_nothing(stacks: Two) -> None:
    stacks.dev.run(*UP)
    before = stacks.file.read_text()
    done = stacks.promote("--check", "--json")
    assert done.returncode == 3, done.stderr
    assert {move["key"]: move["after"] for move in json.loads(done.stdout)["moves"]} == {
        "chartVersion": VERSION,
        "imageMlflow": f"bitnamilegacy/mlflow:{TAG}",
        "imagePostgresql": f"bitnamilegacy/postgresql:{TAG}",
        "imageOsShell": f"{NAMES[2]}:{TAG}",
    }
    assert stacks.file.read_text() == before
    stacks.staging.run("preview", "--expect-no-changes")


def test_a_source_that_drifted_is_refused(stacks: Two) -> None:
    where = ("-n", stacks.dev.namespace, "service", "mlflow-tracking")
    port = '[{"op": "replace", "path": "/spec/ports/0/port", "value": %s}]'
    run("kubectl", "patch", *where, "--type=json", "-p", port % 81)
    done = stacks.promote("--yes")
    run("kubectl", "patch", *where, "--type=json", "-p", port % 80)
    assert done.returncode == 1
    assert "dev has drifted" in done.stderr
    assert "mlflow-tracking" in done.stderr


def test_a_promotion_whose_engine_is_killed_leaves_the_old_version_running(stacks: Two) -> None:
    """The state knows nothing of what Helm had changed by then: drift does, and it is put back."""
    before = stacks.file.read_text()
    said = stacks.promote_killed_after(4)
    assert "staging is on its old version, running and verified; its stack file is unchanged" in said
    assert stacks.file.read_text() == before
    assert drift.look(stacks.staging.stack) == []


def test_a_promotion_that_cannot_come_up_leaves_the_old_version_running(stacks: Two) -> None:
    """No image can be pulled, and one does not exist, so nobody waits. The database's pod is replaced too."""
    before, login = stacks.file.read_text(), stacks.staging.login()
    images("rm")
    done = stacks.promote("--yes")
    images("tag")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "`pulumi up` was ended early: waiting would not have helped" in done.stderr
    assert "the promotion of dev to staging failed" in done.stderr
    assert "not ready: wait-for-database ErrImagePull" in pulled(done.stderr)
    assert "replaced pod mlflow-postgresql-0, which never became ready" in done.stderr
    assert (
        "staging is on its old version, running and verified; its stack file is unchanged" in done.stderr
    ), done.stderr
    assert stacks.file.read_text() == before
    assert not stacks.file.with_name("promotions.log").exists()
    assert release(stacks.staging.stack) == ("5.1.17", "deployed")
    assert not server(stacks.staging)["image"].endswith(f":{TAG}")
    assert stacks.staging.login() == login
    stacks.staging.run("preview", "--expect-no-changes")


def test_a_promotion_is_verified_and_recorded(stacks: Two) -> None:
    login = stacks.staging.login()
    done = stacks.promote("--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("chartVersion", VERSION, "imageMlflow", "imagePostgresql", "imageOsShell"):
        assert words in done.stdout
    assert release(stacks.staging.stack) == (VERSION, "deployed")
    assert server(stacks.staging)["image"].endswith(f"/mlflow:{TAG}")
    assert stacks.staging.login() == login
    written = stacks.file.read_text()
    assert COMMENT in written
    assert "mlflow:namespace: mlflow-promote-staging" in written
    (line,) = stacks.file.with_name("promotions.log").read_text().splitlines()
    assert f"dev -> staging: chartVersion 5.1.17 -> {VERSION}, imageMlflow" in line
    tags = json.loads(stacks.staging.stack.read("stack", "tag", "ls", "--json"))
    assert tags["promoted:from"] == "dev"
    assert f"chartVersion={VERSION}" in tags["promoted:what"]
    stacks.staging.run("preview", "--expect-no-changes")
    again = stacks.promote("--check")
    assert (again.returncode, again.stdout) == (0, "Nothing to promote: staging has the release of dev\n")
