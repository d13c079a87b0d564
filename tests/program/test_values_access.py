"""Who the policies of server and database let in (chart 5.1.17)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.values import values
from tests.unit.cases import EXTERNAL, HOST
from tests.unit.settled import at, of

EXPOSED = {**HOST, "ingressTlsSecret": "t"}


def namespace(name: str, **labels: str) -> dict[str, Any]:
    """The peer: a namespace, or pods of it."""
    pods = {"podSelector": {"matchLabels": labels}} if labels else {}
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}, **pods}


K3S = namespace("kube-system", **{"app.kubernetes.io/name": "traefik"})


def peers(**config: Any) -> list[dict[str, Any]]:
    """Who reaches the server besides pods with the client's label, all of them on its one port."""
    policy = at(values(of(**config)), "tracking.networkPolicy")
    assert policy.pop("allowExternal") is False
    if not policy:
        return []
    (rule,) = policy["extraIngress"]
    assert rule["ports"] == [{"port": 5000, "protocol": "TCP"}]
    return list(rule["from"])


def database(**config: Any) -> Any:
    """The policy of the database."""
    return at(values(of(**config)), "postgresql.primary.networkPolicy")


def test_without_an_ingress_the_cluster_gets_in() -> None:
    """The server's address is in the cluster then; from outside of it nobody does."""
    assert peers() == [{"namespaceSelector": {}}]
    assert peers(networkFrom='["jupyter", "10.0.0.0/8"]', metrics="true") == [
        {"namespaceSelector": {}},
        {"ipBlock": {"cidr": "10.0.0.0/8"}},
    ]
    assert peers(**EXPOSED, networkAccess="cluster") == [{"namespaceSelector": {}}]


@pytest.mark.parametrize(
    ("controller", "more", "wanted"),
    [
        ("nginx", {}, [namespace("ingress-nginx")]),
        ("traefik", {}, [namespace("traefik"), K3S]),
        ("traefik", {"ingressNamespace": "edge"}, [namespace("edge")]),
        ("other", {"ingressNamespace": "contour"}, [namespace("contour")]),
        ("other", {"networkFrom": '["35.191.0.0/16"]'}, [{"ipBlock": {"cidr": "35.191.0.0/16"}}]),
    ],
)
def test_with_an_ingress_its_controller_gets_in(
    controller: str, more: dict[str, str], wanted: list[dict[str, Any]]
) -> None:
    """And nobody else."""
    assert peers(**EXPOSED, ingressController=controller, **more) == wanted


def test_whom_the_settings_name_gets_in() -> None:
    """Once, whoever names them."""
    given = ["jupyter", "a/app=x,team/b=", "*/app=y", "10.0.0.0/8", "fd00::/8", "ingress-nginx"]
    found = peers(**EXPOSED, networkFrom=json.dumps(given))
    assert found == [
        namespace("jupyter"),
        namespace("a", **{"app": "x", "team/b": ""}),
        {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "y"}}},
        {"ipBlock": {"cidr": "10.0.0.0/8"}},
        {"ipBlock": {"cidr": "fd00::/8"}},
        namespace("ingress-nginx"),
    ]
    assert peers(networkAccess="ingress") == []


def test_prometheus_gets_in_where_there_are_metrics() -> None:
    assert peers(**EXPOSED, metrics="true") == [namespace("ingress-nginx"), namespace("monitoring")]
    assert peers(**EXPOSED, metrics="true", metricsNamespace="ops")[-1] == namespace("ops")


def test_any_leaves_the_chart_s_policy_open() -> None:
    """Not that of the database."""
    found = values(of(networkAccess="any"))
    assert "networkPolicy" not in found["tracking"]
    assert at(found, "postgresql.primary.networkPolicy.allowExternal") is False


def test_the_database_answers_the_server_alone() -> None:
    """And pods with its client's label, as those of backups have (chart 5.1.17)."""
    labels = {"app.kubernetes.io/component": "tracking", "app.kubernetes.io/instance": "mlflow"}
    server = {"from": [{"podSelector": {"matchLabels": labels}}]}
    assert database() == {"allowExternal": False, "extraIngress": [server]}
    assert "primary" not in values(of(**EXTERNAL, databasePassword="x"))["postgresql"]


@pytest.mark.parametrize("where", ["extraValues", "adoptedValues"])
def test_prometheus_reaches_the_exporter_of_the_database(where: str) -> None:
    on = {where: json.dumps({"postgresql": {"metrics": {"enabled": True}}}), "metricsNamespace": "ops"}
    exporter = {"ports": [{"port": "http-metrics"}], "from": [namespace("ops")]}
    assert database(**on)["extraIngress"][1:] == [exporter]
    off = {where: json.dumps({"postgresql": {"metrics": {"enabled": False}}})}
    assert database(**off)["extraIngress"][1:] == []


def test_extra_rules_are_appended() -> None:
    """A last resort: what the program lets in stays in."""
    extra = [{"from": [{"podSelector": {"matchLabels": {"app": "pgadmin"}}}]}]
    part = {"networkPolicy": {"extraIngress": extra}}
    config = {"extraValues": json.dumps({"postgresql": {"primary": part}, "tracking": part})}
    assert database(**config)["extraIngress"][1:] == extra
    rules = at(values(of(**config)), "tracking.networkPolicy.extraIngress")
    assert rules[0]["from"] == [{"namespaceSelector": {}}]
    assert rules[1:] == extra
