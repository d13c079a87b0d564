"""Through the ingress: a certificate that clients verify, and nothing in clear."""

from __future__ import annotations

import base64
import json
import os
import ssl
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cryptography import x509

from lab.cluster import hosts, network, trust
from tests.e2e.containers import wait
from tests.e2e.deployment import Deployment
from tests.e2e.published import HSTS_SECONDS, SECRET, Published, published, run_in

SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"


@pytest.fixture(scope="module")
def site(deployment: Deployment, undisturbed: None) -> Iterator[Published]:
    """The deployment behind its host's name."""
    with published(deployment) as made:
        yield made


def kubectl(site: Published, *args: str) -> str:
    """Kubectl in the deployment's namespace."""
    return site.deployment.shell(f"kubectl -n mlflow {' '.join(args)}")


def found(site: Published, *what: str) -> dict[str, Any]:
    """An object, as JSON."""
    return dict(json.loads(kubectl(site, "get", *what, "-o", "json")))


def test_the_server_is_behind_its_login_over_https(site: Published) -> None:
    with site.client() as client:
        assert client.get(SEARCH).status_code == 401
        assert client.get(SEARCH, auth=(site.user, "wrong-password")).status_code == 401
        answer = client.get(SEARCH, auth=site.login)
    assert answer.status_code == 200
    assert answer.headers["strict-transport-security"] == f"max-age={HSTS_SECONDS}"


def test_nothing_is_served_in_clear(site: Published) -> None:
    """HTTP leads to the same page over HTTPS, with credentials and without."""
    for auth in (None, site.login):
        answer = httpx.get(f"http://{hosts.HOST}{SEARCH}", auth=auth, trust_env=False)
        assert answer.status_code in (301, 308)
        assert answer.headers["location"] == f"{site.url}{SEARCH}"
        assert "strict-transport-security" not in answer.headers


def test_who_does_not_know_the_authority_is_told(site: Published) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{site.url}/health", verify=ssl.create_default_context(), trust_env=False)


def test_the_certificate_is_as_cert_manager_makes_it(site: Published) -> None:
    secret = found(site, "secret", SECRET)
    assert secret["type"] == "kubernetes.io/tls"
    data = {key: base64.b64decode(text) for key, text in secret["data"].items()}
    assert set(data) == {"tls.crt", "tls.key", "ca.crt"}
    assert data["ca.crt"] == trust.certificate().read_bytes()
    annotations = secret["metadata"]["annotations"]
    assert annotations["cert-manager.io/issuer-name"] == "letsencrypt"
    assert annotations["cert-manager.io/issuer-kind"] == "ClusterIssuer"
    made, *_ = x509.load_pem_x509_certificates(data["tls.crt"])
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [hosts.HOST]
    (ready,) = found(site, "certificate", SECRET)["status"]["conditions"]
    assert (ready["type"], ready["status"]) == ("Ready", "True")


def test_the_ingress_has_an_address(site: Published) -> None:
    ingress = found(site, "ingress", "mlflow-tracking")
    assert ingress["spec"]["ingressClassName"] == "traefik"
    assert ingress["status"]["loadBalancer"]["ingress"] == [{"ip": network.GATEWAY}]


def test_a_certificate_that_is_lost_is_made_again(site: Published) -> None:
    serial = _serial(site)
    kubectl(site, "delete", "secret", SECRET)
    wait(lambda: _serial(site) not in (serial, 0), 30)


def _serial(site: Published) -> int:
    """The serial number of the certificate that the host shows; 0 for one that the lab did not sign."""
    try:
        with site.client() as client, client.stream("GET", "/health") as answer:
            stream = answer.extensions["network_stream"].get_extra_info("ssl_object")
            der = stream.getpeercert(True)
    except httpx.TransportError:
        return 0
    return x509.load_der_x509_certificate(der).serial_number


def test_make_up_verifies_through_the_ingress_and_prints_the_address(site: Published) -> None:
    printed = site.deployment.make("up")
    assert "Nothing changed." in printed
    assert f"Open       {site.url}\n" in printed
    assert site.deployment.output("tracking_url") == site.url


def test_diagnosis_and_drift_find_nothing(site: Published) -> None:
    """Also with the class that the cluster filled in, and with what cert-manager writes."""
    said = json.loads(site.deployment.shell("python -m ops diagnose --json"))
    assert said["causes"] == []
    drift = json.loads(site.deployment.shell("python -m ops drift --json"))
    assert drift["drift"] == []


LOG = """
import mlflow
mlflow.set_experiment("over-https")
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.2)
    mlflow.log_text("hello", "hello.txt")
text = mlflow.artifacts.load_text(run.info.artifact_uri + "/hello.txt")
print(text)
"""


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE"])
def test_mlflow_s_own_client_verifies_the_server(site: Published, variable: str) -> None:
    """In a shell of its own, as on a data scientist's machine: it is told of the authority, or fails."""
    shell = {
        "PATH": os.environ["PATH"],
        "MLFLOW_TRACKING_URI": site.url,
        "MLFLOW_TRACKING_USERNAME": site.user,
        "MLFLOW_TRACKING_PASSWORD": site.password,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    done = run_in(sys.executable, LOG, {**shell, variable: str(trust.certificate())})
    assert done.returncode == 0, done.stderr
    assert "hello" in done.stdout
    refused = run_in(sys.executable, LOG, shell)
    assert refused.returncode != 0
    assert "CERTIFICATE_VERIFY_FAILED" in refused.stderr
