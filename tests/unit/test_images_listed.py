"""`ops images`: every image that a stack runs, once, with who runs it."""

from __future__ import annotations

from typing import Any

import pytest

from ops import images

DIGEST = f"sha256:{'a' * 64}"


def workload(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}, "spec": spec}


SERVER = {
    "template": {
        "spec": {
            "initContainers": [{"name": "wait", "image": "docker.io/bitnamilegacy/os-shell:12"}],
            "containers": [{"name": "mlflow", "image": f"registry.example.com:5000/acme/mlflow:3@{DIGEST}"}],
        }
    }
}
NIGHTLY = {
    "jobTemplate": {
        "spec": {
            "template": {"spec": {"containers": [{"name": "save", "image": "bitnamilegacy/os-shell:12"}]}}
        }
    }
}
OBJECTS = [
    workload("Deployment", "mlflow-tracking", SERVER),
    workload("CronJob", "mlflow-backup", NIGHTLY),
    {"kind": "ConfigMap", "metadata": {"name": "none"}, "data": {"containers": "a text"}},
]


def test_every_image_is_told_once_with_who_runs_it() -> None:
    server, shell = images.found(OBJECTS)
    assert (server.registry, server.repository, server.tag, server.digest, server.frozen) == (
        "registry.example.com:5000",
        "acme/mlflow",
        "3",
        DIGEST,
        False,
    )
    assert server.used_by == ("deployment/mlflow-tracking: mlflow",)
    assert (shell.registry, shell.repository, shell.tag, shell.frozen) == (
        "docker.io",
        "bitnamilegacy/os-shell",
        "12",
        True,
    )
    assert shell.used_by == ("cronjob/mlflow-backup: save", "deployment/mlflow-tracking: wait")


def test_a_mirror_of_the_frozen_ones_is_somebody_s_own() -> None:
    (found,) = images.found(
        [workload("Pod", "a", {"containers": [{"name": "a", "image": "r.io/bitnamilegacy/a"}]})]
    )
    assert not found.frozen


def test_the_report_says_what_is_frozen_and_what_has_no_digest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    images.report("prod", images.found(OBJECTS))
    told = capsys.readouterr().out
    assert "registry.example.com:5000/acme/mlflow" in told
    assert "1 of 2 are from bitnamilegacy: frozen" in told
    assert "1 of 2 have no digest: what stack prod runs may change" in told
    assert images.as_json("prod", images.found(OBJECTS))["images"][0]["digest"] == DIGEST


def test_digests_of_one_s_own_need_no_word(capsys: pytest.CaptureFixture[str]) -> None:
    images.report("prod", images.found([OBJECTS[0]])[:1])
    assert " of 1 " not in capsys.readouterr().out
