"""Certificates that a release uses, and how near their end is."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from ops import certificates
from tests.tls import certificate

INGRESS: dict[str, Any] = {
    "kind": "Ingress",
    "metadata": {"name": "mlflow-tracking"},
    "spec": {"tls": [{"secretName": "host-tls", "hosts": ["mlflow.example.com"]}]},
}


def encoded(days: float, lifetime: float = 90) -> str:
    """A certificate that ends in `days`, as a Secret has it."""
    return base64.b64encode(certificate("mlflow.example.com", days, lifetime)[0].encode()).decode()


def told(secrets: dict[str, dict[str, str]], *objects: dict[str, Any]) -> list[Any]:
    """The findings where a namespace holds these Secrets."""

    def read(name: str, namespace: str) -> Any:
        assert namespace == "mlflow"
        if name not in secrets:
            raise ApiException(status=404)
        return SimpleNamespace(data=secrets[name])

    api: Any = SimpleNamespace(read_namespaced_secret=read)
    return list(certificates.findings(api, "mlflow", objects or (INGRESS,)))


def test_a_certificate_with_time_left_is_no_finding() -> None:
    assert told({"host-tls": {"tls.crt": encoded(60), "tls.key": base64.b64encode(b"key").decode()}}) == []


@pytest.mark.parametrize(
    ("days", "lifetime", "says"), [(5.5, 90, "in 5 days"), (-1, 90, "already expired"), (0.5, 7, "in 0 days")]
)
def test_one_near_its_end_or_past_it_is_named(days: float, lifetime: float, says: str) -> None:
    (found,) = told({"host-tls": {"tls.crt": encoded(days, lifetime)}})
    assert found.kind == "certificate"
    assert found.what == "Certificate CN=mlflow.example.com in Secret host-tls"
    assert says in found.found


def test_a_short_life_is_not_always_near_its_end() -> None:
    """cert-manager renews one of seven days two days before its end."""
    assert told({"host-tls": {"tls.crt": encoded(2, 7)}}) == []


def test_a_missing_certificate_is_a_finding_where_an_ingress_names_it() -> None:
    (found,) = told({})
    assert (found.what, found.expected, found.found) == (
        "Secret host-tls",
        "a certificate for mlflow.example.com",
        None,
    )


def test_certificates_that_pods_mount_count_too() -> None:
    volumes = [
        {"name": "a", "secret": {"secretName": "mounted"}},
        {"name": "b", "projected": {"sources": [{"secret": {"name": "projected"}}, {"configMap": {}}]}},
        {"name": "c", "emptyDir": {}},
    ]
    spec = {"containers": [], "volumes": volumes}
    deployment = {"kind": "Deployment", "metadata": {}, "spec": {"template": {"spec": spec}}}
    old = {"ca.crt": encoded(1)}
    assert len(told({"mounted": old, "projected": old}, deployment)) == 2
    assert told({}, deployment) == []


def test_an_ingress_that_names_no_secret_needs_none() -> None:
    """Kubernetes takes such an entry; the controller's own certificate serves it."""
    assert told({}, {**INGRESS, "spec": {"tls": [{"hosts": ["mlflow.example.com"]}]}}) == []


def test_another_error_of_the_api_is_no_answer() -> None:
    def read(*_: str) -> None:
        raise ApiException(status=403)

    api: Any = SimpleNamespace(read_namespaced_secret=read)
    with pytest.raises(ApiException):
        list(certificates.findings(api, "mlflow", [INGRESS]))
