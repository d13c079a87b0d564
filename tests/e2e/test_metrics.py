"""Metrics with a real Prometheus: the ServiceMonitor leads to every pod, and every panel shows something."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from components import names
from lab import api
from tests.e2e.deployment import Deployment
from tests.e2e.planted import applied, crd
from tests.e2e.prometheus import Prometheus, prometheus
from tests.e2e.scratch import Scratch, scratch, signed_in

NAMESPACE = "mlflow-metrics"
SETTINGS = {"metrics": True, "serviceMonitor": True, "grafanaDashboard": True, "trackingReplicas": 2}
LABEL = "grafana_dashboard=1"
"""What Grafana's sidecar looks for, in its chart's default."""
VARIABLES = {
    "namespace": NAMESPACE,
    "service": "mlflow-tracking",
    "release": "mlflow",
    "__rate_interval": "40s",
}


@pytest.fixture(scope="module")
def stack(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """Two pods, on a cluster that knows the Prometheus operator's kind."""
    kind = crd("monitoring.coreos.com", "ServiceMonitor", "Namespaced")
    with applied(kind), scratch(tmp_path_factory.mktemp("metrics"), NAMESPACE, SETTINGS) as made:
        made.run("up", "--yes", "--skip-preview")
        yield made


def read(kind: str, *args: str) -> Any:
    """Objects of the stack's namespace."""
    done = api.kubectl("--namespace", NAMESPACE, "get", kind, *args, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def metrics(stack: Scratch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus, after it has seen both pods answer requests of all kinds for some seconds."""
    monitor = read("servicemonitor", names.tracking("mlflow"))
    with prometheus(tmp_path_factory.mktemp("prometheus"), monitor) as made:
        with signed_in(stack) as client:
            until = time.monotonic() + 35
            while time.monotonic() < until:
                client.get("experiments/get", params={"experiment_id": "0"}).raise_for_status()
                client.post("experiments/search", json={"max_results": 1}).raise_for_status()
                assert client.get("experiments/get", params={"experiment_id": "404"}).status_code == 404
                assert httpx.get(f"{client.base_url}experiments/search").status_code == 401
                time.sleep(0.5)
        yield made


def test_prometheus_finds_every_pod_and_is_let_in(metrics: Prometheus) -> None:
    """By the chart's own login; the counters need nobody else's."""
    assert sorted(metrics.targets()) == [("kubelet", "up", ""), *[("mlflow-tracking", "up", "")] * 2]


def test_nobody_reads_the_metrics_without_a_login(stack: Scratch) -> None:
    with signed_in(stack) as client:
        url = str(client.base_url).replace("/api/2.0/mlflow/", "/metrics")
        assert httpx.get(url).status_code == 401
        assert client.get(url).status_code == 200


def test_every_panel_of_the_dashboard_shows_something(stack: Scratch, metrics: Prometheus) -> None:
    """Of the dashboard that the sidecar would load; each query gives numbers that the requests explain."""
    (found,) = read("configmaps", "--selector", LABEL)["items"]
    (text,) = found["data"].values()
    empty, shown = [], {}
    for panel in json.loads(text)["panels"]:
        for target in panel.get("targets", []):
            query = re.sub(r"\$(\w+)", lambda match: VARIABLES[match[1]], target["expr"])
            series = [one for one in metrics.ask(query) if one["value"][1] != "NaN"]
            shown[panel["title"]] = [float(one["value"][1]) for one in series]
            if not series:
                empty.append(query)
    assert empty == []
    assert shown["Pods that answer"] == [2.0]
    assert shown["Requests"][0] > 1
    assert shown["Server errors"] == [0.0]
    assert 0 < shown["Latency, 95th percentile"][0] < 10
    assert len(shown["Requests by status"]) >= 3


def test_the_dashboard_s_variables_are_found(metrics: Prometheus) -> None:
    """Namespace and service by what Prometheus has; the release by the service's name."""
    (one,) = {
        (series["metric"]["namespace"], series["metric"]["service"])
        for series in metrics.ask("mlflow_http_request_total")
    }
    assert one == (VARIABLES["namespace"], VARIABLES["service"])
