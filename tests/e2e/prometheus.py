"""Prometheus on loopback: it scrapes what a ServiceMonitor says, as the operator would, and the kubelet."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from lab import api
from lab.cluster import network, pki
from lab.cluster.control_plane import serves
from tests.e2e.containers import wait
from tests.e2e.control_plane import free_port


class Prometheus:
    """A server that runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The series that an instant query gives: `metric` and `value`. Fails with Prometheus' own words."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=30)
        assert answer.status_code == 200, f"{query}: {answer.text}"
        return list(answer.json()["data"]["result"])

    def targets(self) -> list[tuple[str, str, str]]:
        """Job, health and last error of every target."""
        answer = httpx.get(f"{self.url}/api/v1/targets", params={"state": "active"}, timeout=30)
        found = answer.raise_for_status().json()["data"]["activeTargets"]
        return [(one["labels"]["job"], one["health"], one["lastError"]) for one in found]


@contextmanager
def prometheus(folder: Path, monitor: Mapping[str, Any]) -> Iterator[Prometheus]:
    """It scrapes every second, and is stopped after the block."""
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [_server(folder, monitor), _kubelet()],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    port = free_port()
    command = [
        *(
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
        ),
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        made = Prometheus(f"http://127.0.0.1:{port}")
        wait(lambda: serves(f"{made.url}/-/ready"))
        yield made
    finally:
        process.terminate()
        process.wait(20)


def _server(folder: Path, monitor: Mapping[str, Any]) -> dict[str, Any]:
    """The job that the Prometheus operator makes of a ServiceMonitor such as the chart's (5.1.17).

    With the endpoints as they are now: Debian's Prometheus is built without the discovery of Kubernetes.
    """
    spec, space = monitor["spec"], monitor["metadata"]["namespace"]
    (endpoint,) = spec["endpoints"]
    login = endpoint["basicAuth"]
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text(_secret(space, login["password"]))
    return {
        "job_name": "serviceMonitor",
        "metrics_path": endpoint["path"],
        "basic_auth": {"username": _secret(space, login["username"]), "password_file": str(password)},
        "static_configs": [
            target
            for where in spec["namespaceSelector"]["matchNames"]
            for target in _targets(where, spec["selector"]["matchLabels"], endpoint["port"])
        ],
    }


def _targets(namespace: str, labels: Mapping[str, str], port: str) -> Iterator[dict[str, Any]]:
    """Each endpoint of the services with these labels, with the labels that the operator gives it."""
    chosen = ",".join(f"{key}={value}" for key, value in labels.items())
    for service in _listed(namespace, "services", chosen):
        name = service["metadata"]["name"]
        for part in _listed(namespace, "endpointslices", f"kubernetes.io/service-name={name}"):
            (number,) = (one["port"] for one in part["ports"] if one["name"] == port)
            for one in part["endpoints"]:
                pod = one["targetRef"]["name"]
                given = {"namespace": namespace, "service": name, "pod": pod, "job": name}
                yield {"targets": [f"{one['addresses'][0]}:{number}"], "labels": given}


def _listed(namespace: str, kind: str, selector: str) -> list[dict[str, Any]]:
    done = api.kubectl("--namespace", namespace, "get", kind, "--selector", selector, "-o", "json")
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["items"])


def _kubelet() -> dict[str, Any]:
    """The kubelet's metrics of containers, which every cluster's Prometheus has."""
    keys = pki.folder()
    return {
        "job_name": "kubelet",
        "scheme": "https",
        "metrics_path": "/metrics/resource",
        "tls_config": {
            "ca_file": str(keys / "ca.crt"),
            "cert_file": str(keys / "admin.crt"),
            "key_file": str(keys / "admin.key"),
        },
        "static_configs": [{"targets": [f"{network.GATEWAY}:10250"]}],
    }


def _secret(namespace: str, at: Mapping[str, str]) -> str:
    done = api.kubectl("--namespace", namespace, "get", "secret", at["name"], "-o", "json")
    assert done.returncode == 0, done.stderr
    return base64.b64decode(json.loads(done.stdout)["data"][at["key"]]).decode()
