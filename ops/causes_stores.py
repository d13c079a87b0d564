"""Causes in the artifact store, and in what the init containers wait for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ops.causes import Cause, Settings, line_with, seconds
from ops.causes_database import unreachable
from ops.containers import Container, containers
from ops.snapshot import Answer, Snapshot

_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "NoCredentialsError")
_REACH = (
    *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionError"),
    *("ConnectionClosedError", "unreachable"),
)
_REACHED = "is it up, and is that its address from inside the cluster?\npulumi config set s3Endpoint URL"
_QUICK = 10.0
"""Seconds after which a wait for an S3 service that answers would be over."""
_PATIENCE = 15.0
"""Seconds in which a service that restarts may come back."""


def waits(snapshot: Snapshot, settings: Settings) -> Iterator[Cause]:
    """Init containers that wait for a port in vain (chart 5.1.17: each try of theirs takes two minutes)."""
    for one in containers(snapshot):
        answer = snapshot.answers.get(one.name)
        if not (one.running or one.fails) or (answer is not None and not answer.code):
            continue
        waited = seconds(str(one.running.get("startedAt", "")), snapshot.now)
        told = answer.message if answer else f"waiting for {waited:.0f} s, {one.failures} failed attempt(s)"
        seen, known = f"pod/{one.key}: {told}", answer is not None
        if one.name == "wait-for-s3" and (known or one.fails or waited > _QUICK):
            yield _no_s3(settings, seen, one, certain=known or one.failures >= 2)
        elif one.name == "wait-for-database" and (known or one.fails):
            yield Cause(
                *unreachable(snapshot, settings), seen, certain=known, mark=one.mark, patience=_PATIENCE
            )


def _no_s3(settings: Settings, seen: str, one: Container, *, certain: bool) -> Cause:
    endpoint = settings.get("s3Endpoint", "")
    what = f"The cluster cannot reach the S3 service at {endpoint}."
    fix = f"{_REACHED}\npulumi up"
    return Cause("s3-unreachable", 40, what, fix, seen, certain=certain, mark=one.mark, patience=_PATIENCE)


def store(snapshot: Snapshot, settings: Settings) -> Iterator[Cause]:
    """What the artifact store said to the probe, or to the server when it last tried."""
    answer = snapshot.answers.get("store")
    if answer is not None and answer.code:
        yield _refused(settings, answer)
    if answer is not None:
        return
    for one in containers(snapshot):
        pattern = r"botocore\.(?:exceptions|errorfactory)|EndpointConnectionError|NoSuchBucket|S3UploadFailed"
        if one.name == "mlflow" and (line := line_with(snapshot.logs.get(one.key, ""), pattern)):
            code = re.search(r"\((\w+)\) when calling", line)
            yield _refused(settings, Answer(code[1] if code else "unreachable", line, f"pod/{one.key}"))


def _refused(settings: Settings, answer: Answer) -> Cause:
    bucket, endpoint = settings.get("s3Bucket", ""), settings.get("s3Endpoint", "")
    seen, up = f"{answer.where}: {answer.code}: {answer.message}", "\npulumi up"
    if settings.get("artifactStore", "s3") != "s3":
        kind = settings["artifactStore"]
        what = f"The artifact store ({kind}) refuses the server or does not answer."
        return Cause("store-refuses", 44, what, "check its credentials and name", seen, blocks=False)
    if answer.code in ("NoSuchBucket", "404"):
        what = f'S3 bucket "{bucket}" does not exist at {endpoint}.'
        fix = (
            f"aws s3 mb s3://{bucket} --endpoint-url {endpoint}\nor name one: pulumi config set s3Bucket NAME"
        )
        return Cause("s3-bucket-missing", 42, what, fix + up, seen, blocks=False)
    if answer.code in _REACH:
        what = f"The server cannot reach the S3 service at {endpoint}."
        return Cause("s3-unreachable", 40, what, _REACHED + up, seen, blocks=False)
    if answer.code == "SSLError":
        what = f"The certificate of {endpoint} is not trusted by the server."
        fix = "mount your CA with extraValues and name its file in AWS_CA_BUNDLE (tracking.extraEnvVars)"
        return Cause("s3-certificate", 41, what, fix, seen, blocks=False)
    if answer.code in ("AccessDenied", "403"):
        what = f'The S3 key is valid, but may not use bucket "{bucket}".'
        fix = f"allow it to list, get, put and delete in {bucket}; another key: " + _new_key(settings)
        return Cause("s3-access-denied", 43, what, fix, seen, blocks=False)
    # Each service has its own word for a key that it does not know.
    if answer.code in _KEYS or re.search(r"(?i)access key", answer.message):
        what = f"The S3 service at {endpoint} refuses the access key."
        return Cause("s3-key-wrong", 43, what, _new_key(settings), seen, blocks=False)
    what = f"The S3 service at {endpoint} answers with an error."
    return Cause(
        "store-refuses", 44, what, "look up that error; check s3Region and s3Endpoint", seen, blocks=False
    )


def _new_key(settings: Settings) -> str:
    secret = settings.get("s3ExistingSecret")
    if secret:
        return f"put the right key into Secret {secret}, then restart the server's pods"
    return "pulumi config set --secret s3AccessKeyId\npulumi config set --secret s3SecretAccessKey\npulumi up"


RULES = (waits, store)
