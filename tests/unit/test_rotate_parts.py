"""Pieces of a rotation on their own: the pods' replacement, the store's keys, the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client
from typer.testing import CliRunner

import ops.__main__
from ops import cluster, rotate
from ops.console import OpsError
from ops.rotation import rollout, store
from ops.rotation.target import Target, new_password
from ops.stack import Stack

CONFIG = {"namespace": "mlflow", "releaseName": "mlflow", "timeout": "0"}


def test_generated_passwords_are_letters_and_digits_and_never_twice_the_same() -> None:
    made = [new_password(24) for _ in range(20)]
    assert all(len(password) == 24 and password.isalnum() and password.isascii() for password in made)
    assert len(set(made)) == 20


# The pods' replacement.


def pod(uid: str, *ips: str, host_network: bool = False) -> Any:
    """One of the server's pods."""
    return SimpleNamespace(
        metadata=SimpleNamespace(uid=uid),
        spec=SimpleNamespace(host_network=host_network),
        status=SimpleNamespace(pod_ips=[SimpleNamespace(ip=ip) for ip in ips] or None),
    )


class Apps:
    """The API of Deployments, and of the pods that follow from them."""

    def __init__(self) -> None:
        self.pods = [[pod("old", "198.18.0.7")]]
        """What is seen, one after the other; the last one stays."""
        self.counts: tuple[int | None, ...] = (1, 1, 1)
        self.patched: list[Any] = []

    def patch_namespaced_deployment(self, name: str, namespace: str, body: Any) -> None:
        assert (name, namespace) == ("mlflow-tracking", "mlflow")
        self.patched.append(body)

    def read_namespaced_deployment(self, name: str, namespace: str) -> Any:
        keys = ("replicas", "updated_replicas", "available_replicas")
        status = SimpleNamespace(observed_generation=2, **dict(zip(keys, self.counts, strict=True)))
        return SimpleNamespace(
            status=status, spec=SimpleNamespace(replicas=1), metadata=SimpleNamespace(generation=2)
        )

    def list_namespaced_pod(self, namespace: str, label_selector: str) -> Any:
        assert label_selector == "app.kubernetes.io/instance=mlflow,app.kubernetes.io/component=tracking"
        return SimpleNamespace(items=self.pods.pop(0) if len(self.pods) > 1 else self.pods[0])


@pytest.fixture
def apps(monkeypatch: pytest.MonkeyPatch) -> Apps:
    made = Apps()
    monkeypatch.setattr(client, "AppsV1Api", lambda _: made)
    return made


def target(apps: Apps, stack: Stack | None = None) -> Target:
    """A target whose pods are those of `apps`, and which waits for nothing."""
    api: Any = SimpleNamespace(list_namespaced_pod=apps.list_namespaced_pod, api_client=None)
    return Target(stack or Stack("dev"), CONFIG, api)


def test_pods_are_replaced_as_kubectl_does_it(apps: Apps) -> None:
    apps.pods = [[pod("old")], [pod("new")]]
    rollout.restart(target(apps))
    ((annotation, moment),) = apps.patched[0]["spec"]["template"]["metadata"]["annotations"].items()
    assert annotation == "kubectl.kubernetes.io/restartedAt"
    assert moment.endswith("+00:00")


@pytest.mark.parametrize(
    ("counts", "last"),
    [((1, 1, None), "new"), ((2, 1, 2), "new"), ((1, 1, 1), "old")],
    ids=["not ready", "an old one counts", "an old one is ending"],
)
def test_pods_that_are_not_replaced_in_time_are_told(
    counts: tuple[int | None, ...], last: str, apps: Apps
) -> None:
    apps.pods, apps.counts = [[pod("old")], [pod(last)]], counts
    with pytest.raises(OpsError, match=r"not ready after 0 s: .*Fix that and run it again"):
        rollout.restart(target(apps))


def test_only_addresses_of_the_pods_own_count(apps: Apps) -> None:
    apps.pods = [[pod("a", "198.18.0.7", "fd00::7"), pod("b", "10.0.0.1", host_network=True), pod("c")]]
    assert list(rollout.addresses(target(apps))) == ["198.18.0.7", "fd00::7"]


# The store's keys.

NEW = ("PlantedId", "PlantedKey")


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the probe in the pod finds, one after the other; it is asked with the new pair."""
    given: list[dict[str, Any]] = []

    @contextmanager
    def python_in_pod(api: Any, namespace: str, name: str, source: str) -> Iterator[Any]:
        assert (namespace, name) == ("mlflow", "mlflow-tracking-1")
        compile(source, "store_probe.py", "exec")

        def ask(*pair: str) -> dict[str, Any]:
            assert pair == NEW
            return given.pop(0)

        yield ask

    monkeypatch.setattr(cluster, "python_in_pod", python_in_pod)
    monkeypatch.setattr(cluster, "tracking_pod", lambda *_: "mlflow-tracking-1")
    return given


def test_keys_that_the_store_refuses_are_told_without_them(answers: list[dict[str, Any]], apps: Apps) -> None:
    answers.append({"refused": "put: InvalidAccessKeyId", "own": False})
    with pytest.raises(OpsError, match=r"refuses these keys \(put: InvalidAccessKeyId\)") as told:
        store.Store(lambda: NEW).check(target(apps))
    assert "Planted" not in str(told.value) + repr(store.Store(lambda: NEW))


@dataclass(frozen=True)
class Configured(Stack):
    """A stack with a file; `pulumi config set` writes a line into it."""

    asked: list[tuple[str, ...]] = field(default_factory=list)

    def read(self, *args: str, stdin: str = "") -> str:
        self.asked.append(args)
        if args[:3] == ("config", "set", "--secret"):
            with self.file.open("a") as file:
                file.write(f"{args[3]} is {len(stdin)} long\n")
            if stdin == "fails":
                raise OpsError("pulumi: failed")
        return ""


def configured(file: Path) -> Configured:
    return Configured("dev", {"PULUMI_OPTION_CONFIG_FILE": str(file)})


def test_both_keys_are_set_or_none(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("before\n")
    stack = configured(file)
    with pytest.raises(OpsError, match="failed"):
        store.configure(stack, ("PlantedId", "fails"))
    assert file.read_text() == "before\n"
    store.configure(stack, NEW)
    assert file.read_text() == "before\ns3AccessKeyId is 9 long\ns3SecretAccessKey is 10 long\n"
    assert [path.name for path in tmp_path.iterdir()] == ["Pulumi.dev.yaml"]
    assert not any("Planted" in argument for args in stack.asked for argument in args)


class Kept(Target):
    """A target that writes nothing down."""

    def begin(self, part: str, kept: Any) -> None:
        assert (part, kept) == ("store", {"s3AccessKeyId": NEW[0], "s3SecretAccessKey": NEW[1]})

    def finish(self, part: str) -> None:
        assert part == "store"


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("by_up", [True, False])
def test_the_new_keys_are_told_when_the_last_old_pod_is_gone(
    own: bool,
    by_up: bool,
    answers: list[dict[str, Any]],
    apps: Apps,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers.append({"refused": "", "own": own})
    seen = iter(["old", "new" if by_up else "old"])
    (tmp_path / "Pulumi.dev.yaml").touch()
    stack = configured(tmp_path / "Pulumi.dev.yaml")
    waited: list[str] = []
    monkeypatch.setattr(rollout, "restart", lambda _: waited.append("restart"))
    monkeypatch.setattr(rollout, "gone", lambda _, old: waited.append(old))
    monkeypatch.setattr(rollout, "uids", lambda _: next(seen))
    kept = Kept(stack, CONFIG, target(apps).api)
    if own:
        store.Store(lambda: NEW).rotate(kept)
    else:
        with pytest.raises(OpsError, match="do not have the new keys"):
            store.Store(lambda: NEW).rotate(kept)
    assert stack.asked[-1] == ("up", "--yes", "--skip-preview")
    assert waited == (["old"] if by_up else ["restart", "old"])


# The command line.


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the command was asked to do."""
    seen: list[tuple[Any, ...]] = []

    def record(stack: Stack, chosen: set[str], keys: Any, confirm: Any) -> bool:
        seen.append((stack.name, chosen, None if "admin" in chosen else keys()))
        return bool(confirm("Change it?"))

    monkeypatch.setattr(rotate, "rotate", record)
    return seen


def command(*args: str, stdin: str = "") -> tuple[int, str]:
    """Exit code and output of `python -m ops rotate ARGS`."""
    done = CliRunner().invoke(ops.__main__.app, ["rotate", "--stack", "dev", *args], input=stdin)
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("args", "stdin", "wanted"),
    [
        ((), "", ("dev", set(), None)),
        (("--admin", "--database"), "", ("dev", {"admin", "database"}, None)),
        (("--store",), "PlantedId\nPlantedKey\n", ("dev", {"store"}, NEW)),
    ],
)
def test_options_choose_and_keys_come_on_standard_input(
    args: tuple[str, ...], stdin: str, wanted: tuple[Any, ...], asked: list[tuple[Any, ...]]
) -> None:
    code, output = command("--yes", *args, stdin=stdin)
    assert code == 0, output
    assert asked == [wanted]


@pytest.mark.parametrize(
    ("args", "stdin", "says"),
    [(("--yes", "--store"), "", "two lines"), (("--yes", "--store"), "a b c", "two")],
)
def test_wrong_usage_ends_with_2(
    args: tuple[str, ...], stdin: str, says: str, asked: list[tuple[Any, ...]]
) -> None:
    code, output = command(*args, stdin=stdin)
    assert code == 2
    assert says in output
    assert asked == []


def test_without_yes_somebody_must_be_there_to_be_asked(asked: list[tuple[Any, ...]]) -> None:
    done = CliRunner().invoke(ops.__main__.app, ["rotate", "--stack", "dev"])
    assert isinstance(done.exception, OpsError)
    assert "give --yes" in str(done.exception)
    assert asked == []


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input is a terminal."""
    monkeypatch.setattr("ops.questions.somebody", lambda: True)


def test_a_person_is_asked(terminal: None, asked: list[tuple[Any, ...]]) -> None:
    assert command(stdin="\ny\n")[0] == 0
    assert command(stdin="PlantedId\nPlantedKey\ny\n")[0] == 0
    code, output = command("--admin", stdin="n\n")
    assert code == 1
    assert "Change it?" in output
    assert asked == [("dev", set(), None), ("dev", set(), NEW), ("dev", {"admin"}, None)]
