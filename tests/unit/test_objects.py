"""Requests on objects: what of the API server's answers is an answer, what an error, and what it tells."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import ResourceNotFoundError
from urllib3.exceptions import MaxRetryError

from ops import objects, site
from ops.console import OpsError
from ops.stack import Stack

MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "map", "namespace": "mlflow"}}
SECRET = {**MAP, "kind": "Secret"}


def refusal(status: int, message: str = "it says why") -> ApiException:
    """An error of the API server."""
    error = ApiException(status=status, reason="Reason")
    error.body = json.dumps({"message": message})
    return error


class Kind:
    """A kind of objects whose requests are answered one after the other."""

    def __init__(self, *answers: Any, namespaced: bool = True) -> None:
        self.answers = list(answers)
        self.namespaced = namespaced
        self.asked: list[dict[str, Any]] = []

    def _answer(self, **asked: Any) -> Any:
        self.asked.append(asked)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(to_dict=lambda: answer)

    get = replace = create = _answer


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gives the objects of a cluster that has one kind."""

    def of(kind: Kind | None) -> objects.Objects:
        def get(**wanted: Any) -> Kind:
            assert wanted["prefix"] == "api" and wanted["api_version"] == "v1"
            if kind is None:
                raise ResourceNotFoundError
            return kind

        found = SimpleNamespace(resources=SimpleNamespace(get=get))
        monkeypatch.setattr(objects, "DynamicClient", lambda *_, **__: found)
        client: Any = None
        return objects.Objects(client, "")

    return of


def test_an_object_that_is_gone_is_none(asking: Any) -> None:
    """So is one of a kind that the cluster no longer has."""
    assert asking(Kind(refusal(404))).live(MAP) is None
    assert asking(None).live(MAP) is None
    assert asking(Kind(MAP)).live(MAP) == MAP


def test_a_dry_run_says_so_and_names_its_field_manager(asking: Any) -> None:
    kind = Kind(MAP, {**MAP, "data": {"a": "b"}}, MAP, MAP)
    cluster = asking(kind)
    assert cluster.replaced(MAP, "helm", dry_run=True) == (MAP, {**MAP, "data": {"a": "b"}})
    assert (kind.asked[1]["dry_run"], kind.asked[1]["field_manager"]) == ("All", "helm")
    cluster.replaced(MAP, "helm", dry_run=False)
    assert "dry_run" not in kind.asked[3]


def test_an_object_that_a_controller_writes_meanwhile_is_read_again(asking: Any) -> None:
    assert asking(Kind(MAP, refusal(409), MAP, MAP)).replaced(MAP, "helm", dry_run=True) == (MAP, MAP)
    with pytest.raises(ApiException, match="409"):
        asking(Kind(*[MAP, refusal(409)] * 5)).replaced(MAP, "helm", dry_run=True)


def test_what_the_server_does_not_take_is_told_apart(asking: Any) -> None:
    with pytest.raises(objects.RefusedError, match=r"ConfigMap map \(422\): it says why"):
        asking(Kind(MAP, refusal(422))).replaced(MAP, "helm", dry_run=True)
    with pytest.raises(OpsError, match=r"ConfigMap map \(403\): it says why") as error:
        asking(Kind(MAP, refusal(403))).replaced(MAP, "helm", dry_run=True)
    assert not isinstance(error.value, objects.RefusedError)
    with pytest.raises(OpsError, match="disappeared"):
        asking(Kind(refusal(404))).replaced(MAP, "helm", dry_run=True)


def test_an_error_on_a_secret_quotes_nothing(asking: Any) -> None:
    with pytest.raises(OpsError, match=r"^Secret map \(422\): Reason$"):
        asking(Kind(refusal(422, "Planted"))).create(SECRET, "helm", dry_run=True)


def test_an_object_of_the_whole_cluster_has_no_namespace(asking: Any) -> None:
    kind = Kind(MAP, namespaced=False)
    asking(kind).create(MAP, "helm", dry_run=False)
    assert kind.asked[0]["body"]["metadata"] == {"name": "map"}
    assert kind.asked[0]["namespace"] is None


def test_an_object_of_a_kind_that_is_gone_cannot_be_made_again(asking: Any) -> None:
    with pytest.raises(OpsError, match=r"no kind ConfigMap \(v1\): install what provides it"):
        asking(None).create(MAP, "helm", dry_run=True)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (refusal(403, "secrets is forbidden"), "refuses: secrets is forbidden"),
        (ApiException(status=500, reason="Broken"), "refuses: 500 Broken"),
        (MaxRetryError(None, "/api", Exception("no route")), "is out of reach"),  # type: ignore[arg-type]
    ],
)
def test_a_cluster_that_does_not_answer_is_an_error_for_a_person(
    monkeypatch: pytest.MonkeyPatch, error: Exception, says: str
) -> None:
    monkeypatch.setattr(site, "_open", lambda *_: None)
    with pytest.raises(OpsError, match=says), site.opened(Stack("dev")):
        raise error
