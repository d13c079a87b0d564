"""Reads a snapshot from a cluster.

Only reads, and of Secrets only their metadata. What this person may not read, or the cluster has not, is
left out and named, so that a rule can tell "there is none" from "nobody knows".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from ops.console import OpsError
from ops.redact import redact
from ops.snapshot import Object, Snapshot

_NAMESPACED = "namespaces/{namespace}"
CORE = {
    "namespace": f"/api/v1/{_NAMESPACED}",
    "pods": f"/api/v1/{_NAMESPACED}/pods",
    "events": f"/api/v1/{_NAMESPACED}/events",
    "claims": f"/api/v1/{_NAMESPACED}/persistentvolumeclaims",
    "deployments": f"/apis/apps/v1/{_NAMESPACED}/deployments",
    "replicasets": f"/apis/apps/v1/{_NAMESPACED}/replicasets",
    "statefulsets": f"/apis/apps/v1/{_NAMESPACED}/statefulsets",
    "secrets": f"/api/v1/{_NAMESPACED}/secrets",
    "nodes": "/api/v1/nodes",
    "storage_classes": "/apis/storage.k8s.io/v1/storageclasses",
}
"""What decides whether the pods of a release can become ready."""
AROUND = {
    "quotas": f"/api/v1/{_NAMESPACED}/resourcequotas",
    "services": f"/api/v1/{_NAMESPACED}/services",
    "slices": f"/apis/discovery.k8s.io/v1/{_NAMESPACED}/endpointslices",
    "ingresses": f"/apis/networking.k8s.io/v1/{_NAMESPACED}/ingresses",
    "ingress_classes": "/apis/networking.k8s.io/v1/ingressclasses",
    "issuers": f"/apis/cert-manager.io/v1/{_NAMESPACED}/issuers",
    "cluster_issuers": "/apis/cert-manager.io/v1/clusterissuers",
    "certificates": f"/apis/cert-manager.io/v1/{_NAMESPACED}/certificates",
    "policies": f"/apis/networking.k8s.io/v1/{_NAMESPACED}/networkpolicies",
    "controllers": "/api/v1/pods",
}
"""What decides whether people reach the server."""

_OF_THE_RELEASE = {
    *("pods", "claims", "deployments", "replicasets", "statefulsets", "services", "slices", "ingresses"),
}
_CONTROLLERS = "app.kubernetes.io/name in (ingress-nginx,rke2-ingress-nginx,traefik)"
"""The pods of ingress controllers, wherever they are, as their makers label them."""
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_TIMEOUT = (3, 15)
"""Seconds to connect and to answer."""
_LINES = 60
"""Lines of a log that are looked at."""


class Reader:
    """Reads from one cluster."""

    def __init__(self, api: client.CoreV1Api, namespace: str, release: str) -> None:
        self._api = api.api_client
        self._namespace = namespace
        self._release = release
        self._host = self._api.configuration.host
        self._now = ""

    def take(self, kinds: Mapping[str, str]) -> Snapshot:
        """A snapshot of these kinds. Raises `OpsError` when the cluster does not answer."""
        with ThreadPoolExecutor(8) as side_by_side:
            read = dict(zip(kinds, side_by_side.map(self._objects, kinds, kinds.values()), strict=True))
        objects = {what: found for what, (status, found) in read.items() if status in (200, 404)}
        denied = tuple(what for what, (status, _) in read.items() if status not in (200, 404))
        return Snapshot(self._namespace, self._release, objects, denied=denied, now=self._now)

    def _objects(self, what: str, path: str) -> tuple[int, list[Object] | None]:
        query = {"labelSelector": f"app.kubernetes.io/instance={self._release}"}
        if what == "controllers":
            query = {"labelSelector": _CONTROLLERS}
        accept = _METADATA if what == "secrets" else "application/json"
        status, text = self._get(path, query if what in (*_OF_THE_RELEASE, "controllers") else {}, accept)
        if status != 200:
            return status, [] if what == "namespace" else None
        answer = json.loads(text)
        if what == "namespace":
            return status, [answer]
        # The items of a list do not say their kind.
        kind = {"kind": str(answer["kind"]).removesuffix("List")}
        return status, [{**kind, **item} for item in answer["items"] or []]

    def log(self, pod: str, container: str, *, previous: bool) -> str:
        """The last lines of a container; nothing where there are none."""
        path = CORE["pods"] + f"/{pod}/log"
        query = {"container": container, "tailLines": str(_LINES), "previous": str(previous).lower()}
        status, text = self._get(path, query, "*/*")
        return redact(text.strip()) if status == 200 else ""

    def logs(self, wanted: Iterable[tuple[str, str, bool]]) -> dict[str, str]:
        """The logs of containers, each told by pod, name, and whether its previous run is meant."""
        asked = list(wanted)
        with ThreadPoolExecutor(8) as side_by_side:
            read = list(side_by_side.map(lambda one: self.log(one[0], one[1], previous=one[2]), asked))
        return {f"{pod}/{name}": text for (pod, name, _), text in zip(asked, read, strict=True) if text}

    def _get(self, path: str, query: Mapping[str, str], accept: str) -> tuple[int, str]:
        request = self._api.param_serialize(
            "GET",
            path.format(namespace=self._namespace),
            query_params=list(query.items()),
            header_params={"Accept": accept},
            auth_settings=["BearerToken"],
        )
        try:
            answer = self._api.call_api(*request, _request_timeout=_TIMEOUT)
            if answer.getheader("Date"):
                self._now = parsedate_to_datetime(answer.getheader("Date")).isoformat()
            text = answer.read().decode(errors="replace")
        except (HTTPError, ApiException) as error:
            raise OpsError(f"the cluster at {self._host} does not answer: {error}") from error
        if answer.status == 401:
            raise OpsError(f"the cluster at {self._host} does not accept this login: log in to it again")
        return int(answer.status), text
