"""The program's own resource classes register what the SDK's register, and cost less to import."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pulumi
from pulumi_kubernetes.batch import v1 as batch
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.helm import v3 as helm
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components import kinds
from ops.stack import PROGRAM
from tests.unit.engine import Registered, awaited, start

SPEC: Any = {"schedule": "@daily", "jobTemplate": {"spec": {"template": {}}}}
META = {"name": "creds", "namespace": "mlflow"}
HEAVY = {"pulumi_kubernetes.core.v1", "pulumi_kubernetes.helm.v3", "pulumi_kubernetes.meta.v1", "requests"}


def theirs() -> list[pulumi.CustomResource]:
    """The SDK's resources."""
    return [
        core.Namespace("namespace", metadata=ObjectMetaArgs(name="mlflow", labels={"a": "b"})),
        core.Secret(
            "secret", metadata=ObjectMetaArgs(name="creds", namespace="mlflow"), data={"key": "dmFsdWU="}
        ),
        core.Secret(
            "login",
            metadata=ObjectMetaArgs(name="creds", namespace="mlflow"),
            data={"key": "dmFsdWU="},
            type="kubernetes.io/dockerconfigjson",
        ),
        core.Secret.get("read", "mlflow/creds"),
        batch.CronJob("cron", metadata=ObjectMetaArgs(name="creds", namespace="mlflow"), spec=SPEC),
        helm.Release(
            "release",
            chart="oci://registry.example.com/mlflow",
            version="1.2.3",
            repository_opts={"username": "robot", "password": "secret", "ca_file": "/ca.pem"},
            values={"snake_case": {"camelCase": 1}},
            wait_for_jobs=True,
            max_history=3,
        ),
    ]


def ours() -> list[pulumi.CustomResource]:
    """The same by the program's classes."""
    opts = pulumi.ResourceOptions()
    release = {
        "chart": "oci://registry.example.com/mlflow",
        "version": "1.2.3",
        "repositoryOpts": {"username": "robot", "password": "secret", "caFile": "/ca.pem"},
        "values": {"snake_case": {"camelCase": 1}},
        "waitForJobs": True,
        "maxHistory": 3,
    }
    return [
        kinds.Namespace("namespace", "mlflow", {"a": "b"}, opts),
        kinds.Secret("secret", META, {"key": "dmFsdWU="}, opts),
        kinds.Secret("login", META, {"key": "dmFsdWU="}, opts, "kubernetes.io/dockerconfigjson"),
        kinds.ReadSecret("read", "mlflow/creds", opts),
        kinds.Own("cron", "batch/v1:CronJob", META, {"spec": SPEC}, opts),
        kinds.Release("release", release, opts),
    ]


@awaited
def test_the_engine_gets_the_same_from_both() -> Any:
    engine = start()
    first = theirs()

    def then(_: Any) -> pulumi.Output[Any]:
        wanted: dict[str, Registered] = dict(engine.resources)
        engine.resources.clear()
        made = ours()

        def check(_: Any) -> None:
            assert engine.resources == wanted

        return pulumi.Output.all(*(resource.id for resource in made)).apply(check)

    return pulumi.Output.all(*(resource.id for resource in first)).apply(then)


@awaited
def test_a_read_secret_s_data_stays_encrypted_whatever_the_provider_says() -> Any:
    engine = start()
    secret = kinds.ReadSecret("read", "mlflow/creds", pulumi.ResourceOptions())

    def check(_: str) -> None:
        assert engine.named("read").hidden == {"data", "stringData"}

    return secret.id.apply(check)


def test_the_program_loads_no_module_that_it_does_not_need() -> None:
    """Each costs a tenth of a second and more, in every preview."""
    code = "import sys, components.settings, components.tracking; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=PROGRAM, capture_output=True, check=True)
    found = set(loaded.stdout.decode().split())
    assert "components.kinds" in found
    assert found & HEAVY == set()
