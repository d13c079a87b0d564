"""Causes in images: gone, never there, behind a login, or behind a registry that does not answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.settings.images import parts
from components.settings.model import KEYS, default_of
from ops.causes import Cause, Settings
from ops.chart import IMAGES
from ops.containers import Container, containers
from ops.snapshot import Snapshot

_PULLS = ("ErrImagePull", "ImagePullBackOff", "RegistryUnavailable")
_DOCKER = "docker.io"
_SETTING = {str(default_of(KEYS[key])).rpartition("/")[2]: key for key in IMAGES}
"""The setting of an image by the last part of its repository."""
_AWAY = r"no such host|i/o timeout|connection refused|dial tcp|TLS handshake|x509|deadline exceeded|EOF"
_LOGIN = r"\b40[13]\b|nauthorized|orbidden|authorization failed|no basic auth|may require auth|denied"
_GONE = r"not found|manifest unknown|does not exist|\b404\b"
_LIMIT = r"\b429\b|toomanyrequests|Too Many Requests|rate limit"


def _setting(image: str, one: Container) -> str:
    known = _SETTING.get(parts(image, _DOCKER).repository.rpartition("/")[2])
    return known or ("imagePostgresql" if one.name == "postgresql" else "imageMlflow")


def pulls(snapshot: Snapshot, settings: Settings) -> Iterator[Cause]:
    """Images that the node cannot get."""
    for one in containers(snapshot):
        reason = one.waiting.get("reason")
        if reason not in (*_PULLS, "InvalidImageName", "ErrImageNeverPull"):
            continue
        tries = [event for event in snapshot.events(one.pod, "Failed") if one.image in event["message"]]
        said = " ".join([str(one.waiting.get("message", "")), *(str(t["message"]) for t in tries[-1:])])
        mark = f"{one.pod['metadata']['uid']} {tries[-1].get('count', 1) if tries else 0}"
        seen = f"pod/{one.key}: {tries[-1]['message'] if tries else said}"
        name, rank, what, fix, patience = _judged(snapshot, settings, one, said)
        yield Cause(name, rank, what, fix, seen, mark=mark, patience=patience)


def _judged(
    snapshot: Snapshot, settings: Settings, one: Container, said: str
) -> tuple[str, int, str, str, float]:
    """Name, rank, sentence, fix and patience for what the node said of an image."""
    image, ref, setting = one.image, parts(one.image, _DOCKER), _setting(one.image, one)
    again, login = _again(snapshot, one), _credentials(snapshot, settings, ref.registry)
    user = settings.get("imageUsername") if ref.registry == settings.get("imageRegistry") else ""
    if re.search(_LIMIT, said):
        return (
            *(
                "registry-rate-limit",
                20,
                f"Registry {ref.registry} serves no more images for now (rate limit).",
            ),
            f"a login has a higher limit: {login}\nor a mirror: pulumi config set imageRegistry HOST{again}",
            20.0,
        )
    moved = ref.repository.startswith("bitnami/")
    if moved and re.search(rf"{_GONE}|{_LOGIN}", said):
        legacy = f"bitnamilegacy/{ref.repository.removeprefix('bitnami/')}"
        return (
            *("image-moved", 20, f"Image {image} is gone: Bitnami moved its images to bitnamilegacy."),
            f"pulumi config set {setting} {_prefix(image)}{legacy}{f':{ref.tag}' if ref.tag else ''}\n"
            f"pulumi up{again}",
            6.0,
        )
    if re.search(_LOGIN, said):
        what = f"Registry {ref.registry} asks for credentials for {image}."
        if user:
            what = f"Registry {ref.registry} refuses {image} to {user} with the stack's imagePassword."
        return "registry-credentials", 21, what, f"{login}\npulumi up{again}", 6.0
    if re.search(_AWAY, said):
        return (
            *("registry-unreachable", 22, f"The node cannot reach registry {ref.registry} for {image}."),
            "let the nodes reach it, or name a mirror: pulumi config set imageRegistry HOST",
            20.0,
        )
    if "no match for platform" in said or "exec format" in said:
        what = f"Image {image} is not built for the node's processor."
        return "image-platform", 20, what, f"an image for it: pulumi config set {setting} REPOSITORY:TAG", 6.0
    what = f"Image {image} does not exist."
    return (
        *("image-missing", 20, what),
        f"check its repository and tag; back to the default: pulumi config rm {setting}\npulumi up{again}",
        6.0 if re.search(rf"{_GONE}|[Ii]nvalid", said) else 20.0,
    )


def _prefix(image: str) -> str:
    """The registry of an image, with its slash; nothing for the one that is meant where none is named."""
    registry = parts(image, _DOCKER).registry
    return "" if registry == _DOCKER else f"{registry}/"


def _credentials(snapshot: Snapshot, settings: Settings, registry: str) -> str:
    """The commands that give the cluster a login: of the registry of all images, or of another one."""
    if registry == settings.get("imageRegistry"):
        user = settings.get("imageUsername") or "USER"
        return f"pulumi config set imageUsername {user}\npulumi config set --secret imagePassword"
    return (
        f"kubectl create secret generic regcred -n {snapshot.namespace} "
        "--type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=FILE "
        f"(FILE: what `docker login {registry}` writes)\n"
        "pulumi config set --path 'imagePullSecrets[0]' regcred"
    )


def _again(snapshot: Snapshot, one: Container) -> str:
    """What else is to be done, since a StatefulSet does not replace a pod that is not ready."""
    pod = one.pod["metadata"]
    kinds = [owner["kind"] for owner in pod.get("ownerReferences") or []]
    look = f"\nwhile that waits: kubectl delete pod -n {snapshot.namespace} {pod['name']}"
    return look if "StatefulSet" in kinds else ""


RULES = (pulls,)
