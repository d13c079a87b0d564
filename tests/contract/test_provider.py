"""The stand-in plugins, held to what the official ones returned for this deployment; no cluster needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from lab import paths, plugins
from tests.contract.provider_plugin import UNKNOWN, is_secret, plain, secret, serving, struct, urn

FACTS = json.loads((Path(__file__).parent / "facts" / "provider.json").read_text())
RECORDED = paths.REPO.parent / "shared" / "provider" / "state-4.29.0.json"
RELEASE = "kubernetes:helm.sh/v3:Release"
SECRET = "kubernetes:core/v1:Secret"
NAMESPACE = "kubernetes:core/v1:Namespace"
PASSWORD = "random:index/randomPassword:RandomPassword"


@pytest.fixture(scope="module")
def kubernetes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResourceProviderStub]:
    """The Kubernetes stand-in, with a kubeconfig that leads nowhere."""
    with serving(
        _as("kubernetes", tmp_path_factory.mktemp("plugin")),
        {"kubernetes:config:kubeconfig": "/nowhere", "kubernetes:config:namespace": "default"},
    ) as stub:
        yield stub


@pytest.fixture(scope="module")
def random(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ResourceProviderStub]:
    """The random stand-in."""
    with serving(_as("random", tmp_path_factory.mktemp("plugin")), {}) as stub:
        yield stub


def _as(name: str, folder: Path) -> Path:
    """The stand-in under the name that tells it what to serve."""
    link = folder / f"pulumi-resource-{name}"
    link.symlink_to(plugins.build() / f"stand-in-{name}")
    return link


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart that is a folder."""
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: tiny\nversion: 1.2.3\n")
    return tmp_path


def _check(stub: ResourceProviderStub, kind: str, **news: Any) -> Any:
    return stub.Check(messages.CheckRequest(urn=urn(kind), news=struct(news), randomSeed=b"seed"))


def _diff(stub: ResourceProviderStub, kind: str, old: dict[str, Any], new: dict[str, Any]) -> Any:
    state = {**old, "__inputs": old}
    return stub.Diff(
        messages.DiffRequest(
            id="it", urn=urn(kind), olds=struct(state), old_inputs=struct(old), news=struct(new)
        )
    )


def test_a_release_has_every_default_written_out(kubernetes: ResourceProviderStub, chart: Path) -> None:
    """As in the official plugin's state: nothing more, nothing less."""
    facts = FACTS["release_inputs"]
    checked = _check(kubernetes, RELEASE, chart=str(chart), name="m", namespace="n", compat="true")
    expected: dict[str, Any] = dict.fromkeys(facts["false"], False) | dict.fromkeys(facts["empty"], "")
    expected |= {"timeout": facts["timeout"], "chart": str(chart), "name": "m", "namespace": "n"}
    assert plain(checked.inputs) == expected | {"values": {}, "version": "1.2.3"}
    assert set(expected) | {"values", "version"} >= set(facts["asked"])


def test_a_missing_chart_fails_the_preview(kubernetes: ResourceProviderStub) -> None:
    """The message is the one of the official plugin."""
    (failure,) = _check(kubernetes, RELEASE, chart="/none", name="m", namespace="n").failures
    assert failure.property == "chart"
    assert failure.reason.endswith("check the chart name and repository configuration.")


@pytest.mark.parametrize(
    ("key", "replaces"), [("name", True), ("namespace", True), ("version", False), ("timeout", False)]
)
def test_only_name_and_namespace_replace_a_release(
    kubernetes: ResourceProviderStub, key: str, *, replaces: bool
) -> None:
    """Anything else upgrades it."""
    old = {"name": "m", "namespace": "n", "version": "1", "timeout": 300}
    found = _diff(kubernetes, RELEASE, old, {**old, key: "other"})
    assert list(found.detailedDiff) == [key]
    assert bool(found.replaces) is replaces


def test_nothing_changed_is_no_change(kubernetes: ResourceProviderStub) -> None:
    """With a kubeconfig that leads nowhere: such a preview asks the cluster nothing."""
    old = {"name": "m", "namespace": "n", "values": {"a": [1, {"b": None}]}}
    assert _diff(kubernetes, RELEASE, old, old).changes == messages.DiffResponse.DIFF_NONE


def test_a_secrets_data_is_secret_however_it_was_given(kubernetes: ResourceProviderStub) -> None:
    """Also where the program forgot to say so."""
    checked = plain(_check(kubernetes, SECRET, data={"a": "eA=="}, stringData={"b": "x"}).inputs)
    assert all(is_secret(checked[key]) for key in FACTS["secret_parts"])


def test_an_unnamed_object_gets_a_name_of_its_own(kubernetes: ResourceProviderStub) -> None:
    """The resource's name and eight characters, in the provider's namespace."""
    metadata = plain(_check(kubernetes, SECRET).inputs)["metadata"]
    assert metadata["name"].startswith("it-")
    assert metadata["namespace"] == "default"
    assert metadata["annotations"] == {"pulumi.com/autonamed": "true"}


def test_a_renamed_object_is_replaced(kubernetes: ResourceProviderStub) -> None:
    """And made before the old one goes: their names differ."""
    old, new = ({"metadata": {"name": name}, "kind": "Namespace", "apiVersion": "v1"} for name in "ab")
    found = _diff(kubernetes, NAMESPACE, old, new)
    assert list(found.replaces) == ["metadata.name"]
    assert not found.deleteBeforeReplace


def test_what_the_stand_in_lacks_is_refused_by_name(kubernetes: ResourceProviderStub) -> None:
    """With the way out: the official plugin."""
    for kind in ("kubernetes:core/v1:SecretList", "kubernetes:apps/v1:DeploymentPatch"):
        with pytest.raises(grpc.RpcError, match=kind.rpartition(":")[2]):
            _check(kubernetes, kind)
    with pytest.raises(grpc.RpcError, match="official plugin"):
        kubernetes.Invoke(messages.InvokeRequest(tok="kubernetes:helm:template"))


def test_a_password_is_secret_and_as_long_as_asked(random: ResourceProviderStub) -> None:
    """Letters and digits where no special characters are wanted; the id tells nothing."""
    made = random.Create(
        messages.CreateRequest(urn=urn(PASSWORD), properties=struct({"length": 32, "special": False}))
    )
    outputs = plain(made.properties)
    assert made.id == "none"
    assert is_secret(outputs["result"])
    assert is_secret(outputs["bcryptHash"])
    assert len(outputs["result"]["value"]) == 32
    assert outputs["result"]["value"].isalnum()


def test_a_password_is_unknown_in_a_preview(random: ResourceProviderStub) -> None:
    """It is made once, by `up`."""
    request = messages.CreateRequest(urn=urn(PASSWORD), properties=struct({"length": 9}), preview=True)
    assert plain(random.Create(request).properties)["result"] == UNKNOWN


def test_a_changed_password_is_a_new_one(random: ResourceProviderStub) -> None:
    """Every input replaces; a secret keeper compares like any other."""
    old: dict[str, Any] = {"length": 9, "keepers": {"a": secret("1")}}
    assert not _diff(random, PASSWORD, old, old).replaces
    assert list(_diff(random, PASSWORD, old, {**old, "length": 10}).replaces) == ["length"]
    assert list(_diff(random, PASSWORD, old, {**old, "keepers": {"a": "2"}}).replaces) == ["keepers.a"]


def test_an_imported_password_is_the_one_given(random: ResourceProviderStub) -> None:
    """`pulumi import` gives the password as the id; the id in the state tells nothing."""
    read = random.Read(messages.ReadRequest(id="a-known-one", urn=urn(PASSWORD)))
    assert read.id == "none"
    assert plain(read.properties)["result"]["value"] == "a-known-one"


if RECORDED.exists():  # beside the project, not in a clone alone

    def test_the_facts_are_those_of_the_recorded_state() -> None:
        """Our own compact facts say what the official plugin's state says."""
        recorded = json.loads(RECORDED.read_text())
        (release,) = (r for r in recorded if r["type"] == RELEASE)
        facts = FACTS["release_inputs"]
        assert {k for k, v in release["inputs"].items() if v is False} == set(facts["false"])
        assert {k for k, v in release["inputs"].items() if v == ""} == set(facts["empty"])
        assert release["inputs"]["timeout"] == facts["timeout"]
        assert set(release["inputs"]) == {*facts["false"], *facts["empty"], *facts["asked"], "timeout"}
        assert set(release["outputs"]) - set(release["inputs"]) == set(FACTS["release_outputs_beyond_inputs"])
        assert set(release["outputs"]["status"]) == set(FACTS["release_status"])
        for kind, shape in FACTS["ids"].items():
            (first, *_) = (r["id"] for r in recorded if r["type"] == f"kubernetes:{kind}")
            assert first.count("/") == shape.count("/")
        for recorded_object in (r for r in recorded if r["type"] != RELEASE):
            assert set(FACTS["object_outputs_beyond_live"]) <= set(recorded_object["outputs"])
