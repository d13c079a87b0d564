"""The program under mocks: what it registers, in what order, and what it exports."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest

from components.settings import parse
from components.tokens import COMPONENT
from components.tracking import MlflowTracking
from tests.unit.cases import GOOD, SECRETS
from tests.unit.engine import ADMIN, awaited, start
from tests.unit.program import run, stack_file


@awaited
def test_outputs_are_what_a_person_needs() -> Any:
    start({**GOOD, "context": "my-lab"}, SECRETS)

    def check(found: dict[str, Any]) -> None:
        assert found == {
            "tracking_url": "http://mlflow-tracking.mlflow.svc",
            "service_url": "http://mlflow-tracking.mlflow.svc",
            "admin_username": ADMIN["admin-user"],
            "admin_password": ADMIN["admin-password"],
            "namespace": "mlflow",
            "release": {
                "name": "mlflow",
                "chart_version": "5.1.17",
                "app_version": "3.3.2",
                "revision": 1,
                "status": "deployed",
            },
            "artifact_root": "s3://mlflow",
            "port_forward": "kubectl --context my-lab --namespace mlflow"
            " port-forward service/mlflow-tracking 5000:80",
            "login": "http://mlflow-tracking.mlflow.svc"
            " with `pulumi stack output admin_username --show-secrets`"
            " and `pulumi stack output admin_password --show-secrets`",
        }

    return run(check)


@awaited
def test_every_resource_is_a_child_on_the_named_cluster() -> Any:
    engine = start({**GOOD, "kubeconfig": "/etc/kube.yaml"}, SECRETS)

    def check(_: dict[str, Any]) -> None:
        assert {name: found.type for name, found in engine.resources.items()} == {
            "mlflow": COMPONENT,
            "mlflow-cluster": "pulumi:providers:kubernetes",
            "mlflow-namespace": "kubernetes:core/v1:Namespace",
            "mlflow-s3-creds": "kubernetes:core/v1:Secret",
            "mlflow-database-user": "random:index/randomPassword:RandomPassword",
            "mlflow-database-admin": "random:index/randomPassword:RandomPassword",
            "mlflow-database": "kubernetes:core/v1:Secret",
            "mlflow-release": "kubernetes:helm.sh/v3:Release",
            "mlflow-credentials": "kubernetes:core/v1:Secret",
        }
        cluster = engine.named("mlflow-cluster").inputs
        assert (cluster["context"], cluster["kubeconfig"]) == ("lab", "/etc/kube.yaml")
        for name, found in engine.resources.items():
            assert found.parent == ("mlflow-test" if name == "mlflow" else "mlflow")
            if found.type.startswith("kubernetes:"):
                assert "::mlflow-cluster::" in found.provider

    return run(check)


@awaited
def test_the_release_comes_after_namespace_and_secrets() -> Any:
    engine = start(GOOD, SECRETS)

    def check(_: dict[str, Any]) -> None:
        release = engine.named("mlflow-release")
        assert {"mlflow-namespace", "mlflow-s3-creds", "mlflow-database"} <= release.depends_on
        wanted = {
            "chart": "oci://registry-1.docker.io/bitnamicharts/mlflow",
            "version": "5.1.17",
            "name": "mlflow",
            "namespace": "mlflow",
            "timeout": 600,
            "maxHistory": 10,
            "atomic": False,
            "cleanupOnFail": True,
            "skipAwait": False,
            "waitForJobs": True,
        }
        assert {key: release.inputs[key] for key in wanted} == wanted
        assert "repositoryOpts" not in release.inputs
        read = engine.named("mlflow-credentials")
        assert read.id == "mlflow/mlflow-tracking"
        assert "mlflow-release" in read.depends_on

    return run(check)


@awaited
def test_helm_is_told_what_the_settings_say() -> Any:
    given = {"chart": "oci://example.com/mlflow", "chartVersion": "5.1.16"}
    engine = start({**GOOD, **given, "timeout": "900", "releaseHistory": "3"}, SECRETS)

    def check(_: dict[str, Any]) -> None:
        told = engine.named("mlflow-release").inputs
        assert (told["chart"], told["version"]) == (given["chart"], given["chartVersion"])
        assert (told["timeout"], told["maxHistory"]) == (900, 3)

    return run(check)


@awaited
def test_the_state_holds_no_path_of_one_person_s_machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK would take KUBECONFIG for an input, and the next person's `up` would stumble over it."""
    monkeypatch.setenv("KUBECONFIG", "/home/alice/.kube/config")
    engine = start({**GOOD, "chartUsername": "robot"}, {**SECRETS, "chartPassword": "PlantedChart"})

    def check(_: dict[str, Any]) -> None:
        assert engine.named("mlflow-cluster").inputs == {
            "context": "lab",
            "enableSecretMutable": "true",
            "enablePatchForce": "true",
        }
        assert set(engine.named("mlflow-release").inputs["repositoryOpts"]) == {"username", "password"}

    return run(check)


@pytest.mark.parametrize("production", ["true", "false"])
def test_production_is_protected_where_data_or_its_passwords_go(production: str) -> None:
    """A component's own protection is left alone without it."""

    @awaited
    def program() -> Any:
        engine = start({**GOOD, "production": production}, SECRETS)
        where = {f"mlflow-{end}" for end in ("namespace", "release", "s3-creds", "database")}
        where |= {"mlflow-database-user", "mlflow-database-admin"}

        def check(_: dict[str, Any]) -> None:
            found = {name for name, resource in engine.resources.items() if resource.protected}
            assert found == (where if production == "true" else set())

        return run(check)

    program()


@awaited
def test_an_existing_namespace_is_used_and_not_made() -> Any:
    engine = start({**GOOD, "namespace": "default", "createNamespace": "false"}, SECRETS)

    def check(found: dict[str, Any]) -> None:
        assert engine.of_type("Namespace") == []
        assert found["namespace"] == "default"
        assert engine.named("mlflow-release").inputs["namespace"] == "default"

    return run(check)


@awaited
def test_the_caller_s_options_reach_the_component_only() -> Any:
    engine = start(GOOD, SECRETS)
    outer = pulumi.ComponentResource("test:index:Outer", "outer")
    settings = parse({**GOOD, **SECRETS})
    server = MlflowTracking("inner", settings, pulumi.ResourceOptions(parent=outer))

    def check(_: str) -> None:
        assert engine.named("inner").parent == "outer"
        assert engine.named("inner-release").parent == "inner"

    return server.admin_password.apply(check)


@awaited
def test_production_is_the_deployment_of_the_design() -> Any:
    plain = {**stack_file("prod"), **GOOD}
    engine = start(plain, SECRETS)

    def check(found: dict[str, Any]) -> None:
        assert engine.named("mlflow-release").protected
        release = engine.named("mlflow-release").inputs
        values = release["values"]
        assert (release["name"], release["namespace"], release["version"]) == ("mlflow", "mlflow", "5.1.17")
        assert found["tracking_url"] == "https://mlflow.cloudnative.space"
        ingress = values["tracking"]["ingress"]
        assert (ingress["hostname"], ingress["tls"]) == ("mlflow.cloudnative.space", True)
        assert ingress["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt"
        hook = {"authorization_function": "mlflow_strict_permissions.hook:authenticate_request"}
        assert values["tracking"]["auth"] == {"enabled": True, "extraOverrides": hook}
        assert values["tracking"]["persistence"]["storageClass"] == "freenas-nfs-csi"
        assert values["postgresql"]["primary"]["persistence"]["storageClass"] == "freenas-nfs-csi"
        store = values["externalS3"]
        assert store["existingSecret"] == "mlflow-s3-creds"
        assert store["existingSecretAccessKeyIDKey"] == "AWS_ACCESS_KEY_ID"
        assert store["existingSecretKeySecretKey"] == "AWS_SECRET_ACCESS_KEY"
        for image, repository in {
            "image": "mlflow",
            "gitImage": "git",
        }.items():
            assert values[image]["repository"] == f"bitnamilegacy/{repository}"
        assert values["postgresql"]["image"]["repository"] == "bitnamilegacy/postgresql"
        for holder in ("volumePermissions", "waitContainer"):
            assert values[holder]["image"]["repository"] == "bitnamilegacy/os-shell"

    return run(check)


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_committed_stack_files_need_only_what_they_ask_for(stack: str) -> None:
    asked = {**GOOD, "ingressHost": "mlflow.example.com"} if stack == "staging" else GOOD
    parse({**asked, **stack_file(stack), **SECRETS})


@pytest.mark.parametrize(("given", "enforced"), [("restricted", "restricted"), ("baseline", "baseline")])
@awaited
def test_the_namespace_enforces_a_pod_security_standard(given: str, enforced: str) -> Any:
    engine = start({**GOOD, "podSecurity": given}, SECRETS)

    def check(_: dict[str, Any]) -> None:
        labels = engine.named("mlflow-namespace").inputs["metadata"]["labels"]
        assert labels == {"pod-security.kubernetes.io/enforce": enforced}

    return run(check)


@awaited
def test_or_says_nothing_of_it() -> Any:
    engine = start({**GOOD, "podSecurity": "none"}, SECRETS)

    def check(_: dict[str, Any]) -> None:
        assert engine.named("mlflow-namespace").inputs["metadata"] == {"name": "mlflow"}

    return run(check)
