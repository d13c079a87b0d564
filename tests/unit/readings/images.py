"""Images that do not come."""

from __future__ import annotations

from ops.snapshot import Object
from tests.unit.objects import (
    container,
    event,
    pod,
)
from tests.unit.readings.seen import (
    Seen,
    waiting,
)


def pulled(message: str, image: str = "docker.io/bitnamilegacy/mlflow:3.3.2") -> dict[str, list[Object]]:
    """A pod whose image is not pulled, for the reason that the kubelet gives."""
    about = pod(
        containers=[container(image=image, waiting={"reason": "ImagePullBackOff", "message": "Back-off"})]
    )
    return {"pods": [about], "events": [event(about, "Failed", f'Failed to pull image "{image}": {message}')]}


CASES = [
    Seen("image-missing", "does not exist", pulled("manifest unknown")),
    Seen(
        "image-missing",
        "pulumi config rm imageMlflow",
        pulled("docker.io/bitnamilegacy/mlflow:3.3.2: not found"),
    ),
    Seen(
        "image-moved",
        "pulumi config set imageMlflow bitnamilegacy/mlflow:3.3.2",
        pulled("docker.io/bitnami/mlflow:3.3.2: not found", "docker.io/bitnami/mlflow:3.3.2"),
    ),
    Seen(
        "image-moved",
        "pulumi config set imageOsShell mirror.example.com/bitnamilegacy/os-shell:12",
        pulled(
            "pull access denied, repository does not exist or may require authorization",
            "mirror.example.com/bitnami/os-shell:12",
        ),
    ),
    Seen("registry-rate-limit", "rate limit", pulled("429 Too Many Requests - toomanyrequests")),
    Seen("registry-credentials", "docker login docker.io", pulled("unexpected status: 401 Unauthorized")),
    Seen("registry-credentials", "docker login docker.io", pulled("401 Unauthorized", "busybox:1.36")),
    Seen(
        "registry-credentials",
        "docker login localhost:5000",
        pulled("401", "localhost:5000/busybox@sha256:0"),
    ),
    Seen("registry-credentials", "regcred", pulled("pull access denied, may require authorization")),
    Seen(
        "registry-credentials",
        "pulumi config set --secret imagePassword",
        pulled("unexpected status: 401 Unauthorized"),
        settings={"imageRegistry": "docker.io"},
    ),
    Seen(
        "registry-credentials",
        "to robot with the stack's imagePassword",
        pulled("authorization failed"),
        settings={"imageRegistry": "docker.io", "imageUsername": "robot"},
    ),
    Seen(
        "registry-rate-limit",
        "pulumi config set imageUsername USER",
        pulled("toomanyrequests"),
        settings={"imageRegistry": "docker.io"},
    ),
    Seen("registry-unreachable", "cannot reach", pulled("dial tcp: lookup docker.io: no such host")),
    Seen("image-platform", "processor", pulled("no match for platform in manifest")),
    Seen(
        "image-missing",
        "imagePostgresql",
        {"pods": [pod(containers=[waiting("InvalidImageName", "couldn't parse", image="a/b/postgresql")])]},
    ),
]
