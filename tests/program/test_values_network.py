"""Helm values of images, ingress and metrics, and the chart's names."""

from __future__ import annotations

import pytest

from components import names
from components.values import values
from tests.unit.settled import at, of

DIGEST = f"sha256:{'a' * 64}"


def test_every_image_leads_to_a_living_path() -> None:
    found = values(of())
    images = [
        "image",
        "gitImage",
        "waitContainer.image",
        "volumePermissions.image",
        "postgresql.image",
        "postgresql.metrics.image",
        "postgresql.volumePermissions.image",
        "minio.image",
        "minio.clientImage",
        "minio.console.image",
        "minio.defaultInitContainers.volumePermissions.image",
    ]
    for path in images:
        assert at(found, f"{path}.repository").startswith("bitnamilegacy/")
        assert at(found, f"{path}.registry") == "docker.io"


def test_a_mirror_serves_all_images_and_the_chart_s_check_is_off() -> None:
    found = values(of(imageRegistry="registry.example.com:5000", imagePullSecrets=["regcred"]))
    assert at(found, "postgresql.metrics.image.registry") == "registry.example.com:5000"
    assert found["global"] == {"security": {"allowInsecureImages": True}, "imagePullSecrets": ["regcred"]}


def test_a_login_of_the_images_registry_is_named_beside_what_there_is() -> None:
    """The Secret is the stack's own; its password is in no value."""
    login = {"imageUsername": "robot", "imagePassword": "PlantedWord"}
    assert values(of(**login))["global"] == {"imagePullSecrets": ["mlflow-registry"]}
    found = values(of(**login, imagePullSecrets=["regcred"], releaseName="second"))
    assert found["global"]["imagePullSecrets"] == ["regcred", "second-mlflow-registry"]
    assert "PlantedWord" not in repr(found)


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        (f"bitnamilegacy/mlflow:3.3.2@{DIGEST}", ("docker.io", "bitnamilegacy/mlflow", "3.3.2", DIGEST)),
        (f"localhost:5000/a/b@{DIGEST}", ("localhost:5000", "a/b", None, DIGEST)),
        ("localhost/mlflow", ("localhost", "mlflow", None, None)),
        ("ghcr.io/a/mlflow:1", ("ghcr.io", "a/mlflow", "1", None)),
        ("mlflow:1", ("docker.io", "mlflow", "1", None)),
    ],
)
def test_parts_of_an_image(reference: str, parts: tuple[str | None, ...]) -> None:
    image = values(of(imageMlflow=reference))["image"]
    assert tuple(image.get(key) for key in ("registry", "repository", "tag", "digest")) == parts


def test_ingress_off() -> None:
    assert at(values(of()), "tracking.ingress") == {"enabled": False}


def test_through_nginx_artifacts_of_any_size_pass_as_they_come_for_an_hour() -> None:
    found = values(of(ingressHost="m.example.com", ingressIssuer="le", ingressController="nginx"))
    assert at(found, "tracking.ingress")["annotations"] == {
        "cert-manager.io/issuer": "le",
        "nginx.ingress.kubernetes.io/proxy-body-size": "0",
        "nginx.ingress.kubernetes.io/proxy-buffering": "off",
        "nginx.ingress.kubernetes.io/proxy-request-buffering": "off",
        "nginx.ingress.kubernetes.io/proxy-read-timeout": "3600",
        "nginx.ingress.kubernetes.io/proxy-send-timeout": "3600",
    }


def test_ingress_with_an_issuer_and_own_annotations() -> None:
    body = "nginx.ingress.kubernetes.io/proxy-body-size"
    found = at(
        values(
            of(
                ingressHost="m.example.com",
                ingressIssuer="le",
                ingressClass="nginx",
                ingressAnnotations={body: "8g"},
            )
        ),
        "tracking.ingress",
    )
    assert found["tls"] is True
    assert found["ingressClassName"] == "nginx"
    assert found["annotations"]["cert-manager.io/issuer"] == "le"
    assert found["annotations"][body] == "8g"


def test_ingress_with_an_existing_certificate() -> None:
    found = at(values(of(ingressHost="m.example.com", ingressTlsSecret="cert")), "tracking.ingress")
    assert found["tls"] is False
    assert found["extraTls"] == [{"hosts": ["m.example.com"], "secretName": "cert"}]


def test_traefik_leads_to_https_and_tells_browsers_where_the_setting_asks() -> None:
    given = {"ingressHost": "m.example.com", "ingressIssuer": "le", "ingressController": "traefik"}
    found = values(of(**given, namespace="ml"))
    chain = "traefik.ingress.kubernetes.io/router.middlewares"
    assert at(found, "tracking.ingress")["annotations"] == {
        "cert-manager.io/issuer": "le",
        chain: "ml-mlflow-to-https@kubernetescrd",
    }
    kinds = {made["metadata"]["name"]: made for made in found["extraDeploy"]}
    assert set(kinds) == {"mlflow-authentication", "mlflow-to-https"}
    redirect = kinds["mlflow-to-https"]
    assert (redirect["kind"], redirect["metadata"]["namespace"]) == ("Middleware", "ml")
    assert redirect["spec"] == {"redirectScheme": {"scheme": "https", "permanent": True}}
    strict = values(of(**given, ingressHsts="600", fastAuthentication="false", strictPermissions="false"))
    names = ["mlflow-to-https", "mlflow-hsts"]
    assert [made["metadata"]["name"] for made in strict["extraDeploy"]] == names
    assert strict["extraDeploy"][1]["spec"] == {"headers": {"stsSeconds": 600}}
    wanted = ",".join(f"mlflow-{name}@kubernetescrd" for name in names)
    assert at(strict, "tracking.ingress")["annotations"][chain] == wanted


@pytest.mark.parametrize(
    "given",
    [
        {"ingressController": "other", "ingressNamespace": "x", "ingressTlsSecret": "t"},
        {"ingressTls": "false"},
    ],
)
def test_an_ingress_has_no_annotations_that_nobody_reads(given: dict[str, str]) -> None:
    """Of another controller, and of Traefik without TLS: there is nowhere to redirect to."""
    found = values(of(**{"ingressHost": "m.example.com", "ingressController": "traefik", **given}))
    assert at(found, "tracking.ingress")["annotations"] == {}
    assert len(found["extraDeploy"]) == 1


def test_metrics_and_service_monitor() -> None:
    assert at(values(of(metrics="true")), "tracking.metrics") == {"enabled": True}
    assert at(values(of(metrics="true")), "tracking.extraArgs")[-1] == "--expose-prometheus=/tmp/metrics"
    monitor = values(of(metrics="true", serviceMonitor="true", serviceMonitorInterval="30s"))
    assert at(monitor, "tracking.metrics.serviceMonitor") == {"enabled": True, "interval": "30s"}
    labelled = values(of(metrics="true", serviceMonitor="true", serviceMonitorLabels={"release": "p"}))
    assert at(labelled, "tracking.metrics.serviceMonitor.labels") == {"release": "p"}


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ("mlflow", "mlflow-tracking"),
        ("my-mlflow-1", "my-mlflow-1-tracking"),
        ("prod", "prod-mlflow-tracking"),
        ("a" * 50, f"{'a' * 50}-mlflow-trackin"[:63].removesuffix("-")),
    ],
)
def test_names_follow_the_chart(release: str, name: str) -> None:
    assert names.tracking(release) == name
