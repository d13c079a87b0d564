"""What `make destroy` says and asks, and when it goes on; the end-to-end tests do it on a cluster."""

from __future__ import annotations

import json
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from typer.testing import CliRunner
from urllib3.exceptions import HTTPError

from components import tokens
from ops import cluster as ops_cluster
from ops import losses
from ops.__main__ import app
from ops.console import OpsError
from ops.destroy import told as rows
from ops.stack import Stack

SETTINGS = {
    "context": "changed-since",
    "kubeconfig": "~/other",
    "namespace": "renamed-since",
    "releaseName": "renamed-since",
}
URN = "urn:pulumi:prod::mlflow::mlflow:index:MlflowTracking$"
RELEASE: dict[str, Any] = {
    "type": tokens.RELEASE,
    "urn": f"{URN}{tokens.RELEASE}::mlflow-release",
    "inputs": {"name": "mlflow", "namespace": "ml"},
}
PROVIDER = {"type": tokens.PROVIDER, "urn": "urn", "inputs": {"context": "far"}}
NAMESPACE = {"type": tokens.NAMESPACE, "urn": f"{URN}{tokens.NAMESPACE}::mlflow-namespace"}
ROOT = {"type": tokens.STACK, "urn": "urn", "outputs": {"artifact_root": "s3://mlflow"}}


def claim(name: str, *, helm: bool = False, keep: bool = False, owned: bool = False, **spec: Any) -> Any:
    """A claim as the API gives it."""
    labels = {"app.kubernetes.io/managed-by": "Helm"} if helm else None
    return SimpleNamespace(
        metadata=SimpleNamespace(
            name=name,
            labels=labels,
            annotations={losses.KEEP: "keep"} if keep else None,
            owner_references=["a StatefulSet"] if owned else None,
        ),
        spec=SimpleNamespace(
            resources=SimpleNamespace(requests={"storage": "8Gi"}),
            storage_class_name=spec.get("of"),
            volume_name=spec.get("volume"),
        ),
        status=SimpleNamespace(capacity={"storage": "9Gi"} if spec.get("volume") else None),
    )


DATABASE = claim("data-mlflow-postgresql-0", of="fast", volume="pv-1")


class Cluster:
    """An API server with claims and volumes, and a server that counts."""

    def __init__(self) -> None:
        self.claims: list[Any] = [DATABASE]
        self.volumes = {"pv-1": "Delete"}
        self.counts: dict[str, int] | Exception = {"experiments": 3, "runs": 12}
        self.selectors: list[str] = []
        self.asked: dict[str, str] = {}
        """The settings by which it was reached."""

    def list_namespaced_persistent_volume_claim(self, namespace: str, label_selector: str) -> Any:
        assert namespace == "ml"
        self.selectors.append(label_selector)
        return SimpleNamespace(items=self.claims)

    def read_persistent_volume(self, name: str) -> Any:
        if name not in self.volumes:
            raise ApiException(status=403)
        return SimpleNamespace(spec=SimpleNamespace(persistent_volume_reclaim_policy=self.volumes[name]))

    def list_namespaced_pod(self, namespace: str, label_selector: str) -> Any:
        if isinstance(self.counts, Exception):
            raise self.counts
        ready = SimpleNamespace(conditions=[SimpleNamespace(type="Ready", status="True")])
        pod = SimpleNamespace(status=ready, metadata=SimpleNamespace(name="pod", deletion_timestamp=None))
        return SimpleNamespace(items=[] if self.counts == {} else [pod])


class Fake(Stack):
    """A stack with a state; the commands that `pulumi` would get are kept."""

    resources: list[dict[str, Any]]
    settings: dict[str, str]
    ran: list[tuple[str, ...]]

    def __init__(self, name: str, *resources: dict[str, Any]) -> None:
        super().__init__(name)
        object.__setattr__(self, "resources", list(resources))
        object.__setattr__(self, "settings", dict(SETTINGS))
        object.__setattr__(self, "ran", [])

    def read(self, *args: str, stdin: str = "") -> str:
        assert args == ("stack", "export")
        return json.dumps({"deployment": {"resources": self.resources} if self.resources else {}})

    def config(self) -> dict[str, str]:
        return self.settings

    def run(self, *args: str) -> None:
        self.ran.append(args)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()

    @contextmanager
    def python(api: object, namespace: str, pod: str, source: str) -> Any:
        assert (namespace, pod) == ("ml", "pod")
        assert "create_engine" in source
        yield lambda: made.counts

    def connect(settings: dict[str, str]) -> Cluster:
        made.asked = settings
        return made

    monkeypatch.setattr(ops_cluster, "connect", connect)
    monkeypatch.setattr(ops_cluster, "python_in_pod", python)
    return made


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Fake:
    made = Fake("prod", ROOT, PROVIDER, NAMESPACE, RELEASE)
    monkeypatch.setattr("ops.stack.Stack", lambda name: made)
    return made


def looked(stack: Stack) -> losses.Losses:
    found = losses.look(stack)
    assert found is not None
    return found


def test_it_says_what_the_state_and_the_cluster_hold(cluster: Cluster, stack: Fake) -> None:
    """Names and the place come from the state: the settings may have been changed since the last `up`."""
    found = looked(stack)
    assert found == losses.Losses(
        stack="prod",
        context="far",
        namespace="ml",
        namespace_goes=True,
        release="mlflow",
        release_goes=True,
        claims=(losses.Claim("data-mlflow-postgresql-0", "9Gi", "fast", "pv-1", "Delete", goes=True),),
        experiments=3,
        runs=12,
        database="",
        artifacts="s3://mlflow",
        protected=(),
    )
    assert cluster.selectors == [""]
    assert cluster.asked == PROVIDER["inputs"], "the engine goes by the provider in the state"


def test_in_a_namespace_of_others_only_the_release_s_own_claims_count(cluster: Cluster, stack: Fake) -> None:
    stack.resources.remove(NAMESPACE)
    cluster.claims = [
        DATABASE,
        claim("mlflow-tracking", helm=True),
        claim("mlflow-artifacts", helm=True, keep=True),
        claim("data-of-whendeleted", owned=True),
    ]
    found = looked(stack)
    assert cluster.selectors == ["app.kubernetes.io/instance=mlflow"]
    assert [one.name for one in found.claims if one.goes] == ["mlflow-tracking", "data-of-whendeleted"]
    assert found.on("data-mlflow-postgresql-0") == ("stay on claim data-mlflow-postgresql-0", True)
    assert found.on("no-such") == ("no claim holds any", False)


@pytest.mark.parametrize(
    ("volumes", "fate", "on"),
    [
        ({"pv-1": "Delete"}, "is deleted, with its data", "are lost with claim"),
        ({"pv-1": "Retain"}, "volume pv-1 is released and keeps the data", "stay on volume pv-1"),
        ({}, "unless its storage class retains volumes", "are lost with claim"),
    ],
)
def test_what_a_claim_s_end_means_is_its_volume_s_to_say(
    cluster: Cluster, stack: Fake, volumes: dict[str, str], fate: str, on: str
) -> None:
    cluster.volumes = volumes
    found = looked(stack)
    assert fate in found.claims[0].fate
    told, kept = found.on("data-mlflow-postgresql-0")
    assert on in told
    assert kept == found.claims[0].kept == ("stay" in told)


def test_a_claim_without_a_volume_holds_nothing(cluster: Cluster, stack: Fake) -> None:
    cluster.claims = [claim("new")]
    (found,) = looked(stack).claims
    assert (found.size, found.policy, found.storage_class) == ("8Gi", "Delete", "")


@pytest.mark.parametrize("counts", [{}, ApiException(status=403), ValueError("no JSON")])
def test_a_server_that_cannot_be_asked_is_no_obstacle(cluster: Cluster, stack: Fake, counts: Any) -> None:
    cluster.counts = counts
    found = looked(stack)
    assert (found.experiments, found.runs) == (None, None)


def test_a_cluster_that_does_not_answer_is_one(
    cluster: Cluster, stack: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise HTTPError("refused")

    monkeypatch.setattr(cluster, "list_namespaced_persistent_volume_claim", away)
    with pytest.raises(OpsError, match=r"context 'far' does not answer.*refused"):
        losses.look(stack)


def test_a_first_up_that_got_nowhere_goes_by_the_settings(cluster: Cluster, stack: Fake) -> None:
    stack.resources[:] = [{"type": tokens.STACK, "urn": "urn"}]
    stack.settings |= {"namespace": "ml", "releaseName": "mlflow", "databaseHost": "db.example.com"}
    cluster.claims = [DATABASE, claim("mlflow-tracking", helm=True)]
    found = looked(stack)
    assert (found.namespace, found.release, found.artifacts) == ("ml", "mlflow", "")
    assert (found.context, found.database) == ("changed-since", "db.example.com")
    assert cluster.asked == stack.settings
    assert not any(one.goes for one in found.claims), "what stands there under this name is somebody else's"
    assert ("release", "mlflow", "stays, if there is one: this stack did not create it", True) in [
        *rows(found)
    ]


def call(*args: str, answers: str = "") -> tuple[int, str]:
    """Exit code and all output of the command line, as a person types it."""
    done = CliRunner().invoke(app, ["destroy", "--stack", "prod", *args], input=answers)
    return done.exit_code, f"{done.output}{done.exception or ''}"


def test_it_goes_on_when_told_the_name(cluster: Cluster, stack: Fake) -> None:
    code, said = call(answers="prod\n")
    assert (code, stack.ran) == (0, [("destroy", "--yes", "--skip-preview")])
    for words in ("Type the stack's name (prod)", "12 in 3 experiments", "s3://mlflow", "is destroyed"):
        assert words in said


@pytest.mark.parametrize("answers", ["staging\n", "\n", "", "yes\n"])
def test_another_name_changes_nothing(cluster: Cluster, stack: Fake, answers: str) -> None:
    code, _ = call(answers=answers)
    assert (code, stack.ran) == (1, [])


@pytest.mark.parametrize(
    "args", [["--yes"], ["--confirm", "prod"], ["--yes", "--confirm", "staging"], ["--yes", "--confirm", ""]]
)
def test_unasked_it_needs_the_name_as_well(cluster: Cluster, stack: Fake, args: list[str]) -> None:
    code, said = call(*args)
    assert (code, stack.ran) == (2, [])
    assert "prod" in said


def test_with_the_name_it_asks_nothing(cluster: Cluster, stack: Fake) -> None:
    assert call("--yes", "--confirm", "prod")[0] == 0
    assert stack.ran == [("destroy", "--yes", "--skip-preview")]


def test_a_stack_that_has_nothing_says_so(stack: Fake) -> None:
    stack.resources.clear()
    code, said = call("--yes", "--confirm", "prod")
    assert (code, stack.ran) == (0, [])
    assert "nothing to destroy" in said


@pytest.fixture
def protected(stack: Fake) -> Fake:
    stack.resources[:] = [ROOT, PROVIDER, {**NAMESPACE, "protect": True}, {**RELEASE, "protect": True}]
    return stack


@pytest.mark.parametrize("args", [[], ["--yes", "--confirm", "prod"]])
def test_a_protected_stack_is_refused_with_what_lifts_it(
    cluster: Cluster, protected: Fake, args: list[str]
) -> None:
    code, said = call(*args, answers="prod\n")
    assert (code, protected.ran) == (1, [])
    for words in ("mlflow-namespace, mlflow-release", "--unprotect", "config set production false"):
        assert words in said


@pytest.mark.parametrize(
    ("answers", "goes"), [("prod\nunprotect prod\n", True), ("prod\nprod\n", False), ("prod\n", False)]
)
def test_to_destroy_what_is_protected_it_asks_twice(
    cluster: Cluster, protected: Fake, answers: str, goes: bool
) -> None:
    code, _ = call("--unprotect", answers=answers)
    assert code == (0 if goes else 1)
    assert protected.ran == ([("destroy", "--yes", "--skip-preview", "--ignore-protect")] if goes else [])


def test_as_json_it_only_looks(cluster: Cluster, protected: Fake) -> None:
    code, said = call("--json")
    assert (code, protected.ran) == (0, [])
    told = json.loads(said)
    assert told["claims"][0]["goes"] is True
    assert told["protected"] == ["mlflow-namespace", "mlflow-release"]


def test_what_stays_is_told_afterwards(cluster: Cluster, stack: Fake) -> None:
    stack.resources.remove(NAMESPACE)
    stack.resources[0] = {**ROOT, "outputs": {"artifact_root": "/bitnami/mlflow/mlartifacts"}}
    cluster.claims = [DATABASE, claim("mlflow-tracking", helm=True, volume="pv-2")]
    cluster.volumes["pv-2"] = "Retain"
    _, said = call("--yes", "--confirm", "prod")
    assert "stayed    data-mlflow-postgresql-0 in namespace ml" in said
    assert "released  pv-2" in said
    assert "stay on volume pv-2" in said


@pytest.mark.parametrize(
    ("inside", "fate"),
    [
        (False, "stay in the database at db.example.com"),
        (True, "are lost with claim data-mlflow-postgresql-0"),
    ],
)
def test_an_external_database_stays(cluster: Cluster, stack: Fake, fate: str, *, inside: bool) -> None:
    """As it was deployed: the chart makes its own or not, whatever its values name besides."""
    stack.settings["databaseHost"] = "changed-since.example.com"
    values = {"postgresql": {"enabled": inside}, "externalDatabase": {"host": "db.example.com"}}
    stack.resources[-1] = {**RELEASE, "inputs": {**RELEASE["inputs"], "values": values}}
    assert fate in [row[2] for row in rows(looked(stack)) if row[0] == "runs"]


def test_counts_are_left_out_where_they_are_unknown(cluster: Cluster, stack: Fake) -> None:
    cluster.counts = {}
    assert "unknown number (no server answers)" in call("--yes", "--confirm", "prod")[1]
