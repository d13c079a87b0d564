"""The program under mocks: what it registers, in what order, what it exports, and what stays secret."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Coroutine
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime.rpc import UNKNOWN
from pulumi.runtime.settings import get_root_resource

from components.settings import parse
from components.tracking import TOKEN, MlflowTracking
from ops.stack import PROGRAM
from tests.unit.engine import ADMIN, GENERATED, SECRET, Engine, awaited, is_secret, start
from tests.unit.malformed import EXTERNAL, GCS, GOOD, SECRETS

AZURE = {"context": "lab", "artifactStore": "azure", "azureStorageAccount": "account"}


def outputs() -> dict[str, Any]:
    """What the program exported."""
    root: Any = get_root_resource()
    return dict(root.outputs)


def future(answer: Coroutine[Any, Any, Any]) -> pulumi.Output[Any]:
    """What a coroutine gives, awaited with the test."""
    coroutine: Any = answer
    return pulumi.Output.from_input(coroutine)


def run(then: Callable[[dict[str, Any]], Any]) -> Any:
    """Run `__main__.py`, then `then` on the values of its exports once all are known."""
    runpy.run_path(str(PROGRAM / "__main__.py"), run_name="__main__")
    return pulumi.Output.all(**outputs()).apply(then)


def stack_file(stack: str) -> dict[str, str]:
    """The plain settings of a committed stack file, as the engine hands them over."""
    config = yaml.safe_load((PROGRAM / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {key.removeprefix("mlflow:"): str(value) for key, value in config.items()}


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
def test_only_the_credentials_are_secret_among_the_outputs() -> Any:
    start(GOOD, SECRETS)
    runpy.run_path(str(PROGRAM / "__main__.py"), run_name="__main__")
    found = outputs()

    async def secrecy() -> dict[str, bool]:
        return {name: await pulumi.Output.from_input(output).is_secret() for name, output in found.items()}

    def check(secret: dict[str, bool]) -> None:
        assert {name for name, hidden in secret.items() if hidden} == {"admin_username", "admin_password"}

    return future(secrecy()).apply(check)


@awaited
def test_every_resource_is_a_child_on_the_named_cluster() -> Any:
    engine = start({**GOOD, "kubeconfig": "/etc/kube.yaml"}, SECRETS)

    def check(_: dict[str, Any]) -> None:
        assert {name: found.type for name, found in engine.resources.items()} == {
            "mlflow": TOKEN,
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
def test_secrets_reach_the_engine_as_secrets_and_values_hold_none() -> Any:
    engine = start(
        {**GOOD, "chartUsername": "robot", "chartCaFile": "/ca.pem"},
        {**SECRETS, "chartPassword": "PlantedChart"},
    )

    def check(_: dict[str, Any]) -> None:
        for name, keys in {
            "mlflow-s3-creds": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
            "mlflow-database": {"password", "postgres-password"},
        }.items():
            data = engine.named(name).inputs["data"]
            assert is_secret(data) or all(is_secret(entry) for entry in data.values())
            assert set(data.get("value", data)) == keys
        release = engine.named("mlflow-release").inputs
        assert is_secret(release["repositoryOpts"]["password"])
        assert release["repositoryOpts"]["username"] == "robot"
        assert release["repositoryOpts"]["caFile"] == "/ca.pem"
        text = repr(release["values"])
        assert SECRET not in text
        assert not any(planted in text for planted in (*SECRETS.values(), GENERATED, *ADMIN.values()))

    return run(check)


@awaited
def test_a_preview_of_the_first_creation_reads_no_credentials() -> Any:
    """The Secret's id is unknown until the release exists, so the engine is not asked for it."""
    engine = start(GOOD, SECRETS, preview=True)
    runpy.run_path(str(PROGRAM / "__main__.py"), run_name="__main__")

    async def known() -> bool:
        return await pulumi.Output.from_input(outputs()["admin_password"]).is_known()

    def check(is_known: bool) -> None:
        assert not is_known
        assert engine.named("mlflow-credentials").id == UNKNOWN

    return future(known()).apply(check)


@awaited
def test_a_preview_of_a_change_reads_the_credentials_first() -> Any:
    """So a deleted Secret stops `up` before Helm makes a password that MLflow does not know."""
    engine = start(GOOD, SECRETS, preview=True)
    engine.installed = True

    def check(password: str) -> None:
        assert password == ADMIN["admin-password"]
        assert engine.named("mlflow-credentials").id == "mlflow/mlflow-tracking"

    runpy.run_path(str(PROGRAM / "__main__.py"), run_name="__main__")
    return outputs()["admin_password"].apply(check)


def test_a_secret_without_the_login_is_told_with_its_keys_and_no_value() -> None:
    engine = start(GOOD, SECRETS)
    engine.login = {"other": "UGxhbnRlZA=="}

    @awaited
    def program() -> Any:
        return run(lambda _: None)

    with pytest.raises(pulumi.RunError, match=r"mlflow/mlflow-tracking has no key admin-") as raised:
        program()
    assert "(its keys: other)" in str(raised.value)
    assert "UGxhbnRlZA" not in str(raised.value)


@awaited
def test_the_state_holds_no_path_of_one_person_s_machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The SDK would take KUBECONFIG for an input, and the next person's `up` would stumble over it."""
    monkeypatch.setenv("KUBECONFIG", "/home/alice/.kube/config")
    engine = start({**GOOD, "chartUsername": "robot"}, {**SECRETS, "chartPassword": "PlantedChart"})

    def check(_: dict[str, Any]) -> None:
        assert engine.named("mlflow-cluster").inputs == {"context": "lab", "enableSecretMutable": "true"}
        assert set(engine.named("mlflow-release").inputs["repositoryOpts"]) == {"username", "password"}

    return run(check)


@awaited
def test_two_releases_in_one_namespace_have_secrets_of_their_own() -> Any:
    engine = start({**GOOD, "releaseName": "second"}, SECRETS)

    def check(found: dict[str, Any]) -> None:
        assert set(made_secrets(engine)) == {"second-mlflow-s3-creds", "second-mlflow-database"}
        values = engine.named("mlflow-release").inputs["values"]
        assert values["externalS3"]["existingSecret"] == "second-mlflow-s3-creds"
        assert values["postgresql"]["auth"]["existingSecret"] == "second-mlflow-database"
        assert engine.named("mlflow-credentials").id == "mlflow/second-mlflow-tracking"

    return run(check)


def made_secrets(engine: Engine) -> dict[str, set[str]]:
    """Names and keys of the Secrets that the program made."""
    found = {}
    for resource in engine.of_type("core/v1:Secret"):
        if not resource.id:
            data = resource.inputs["data"]
            found[resource.inputs["metadata"]["name"]] = set(data.get("value", data))
    return found


DATABASE = {"mlflow-database": {"password", "postgres-password"}}


@pytest.mark.parametrize(
    ("config", "secrets", "made"),
    [
        ({**GOOD, "s3ExistingSecret": "mine"}, {}, DATABASE),
        ({**GOOD, "workloadIdentity": "true", "databaseExistingSecret": "mine"}, {}, {}),
        ({**GOOD, "databaseExistingSecret": "mlflow-postgresql", "s3ExistingSecret": "mine"}, {}, {}),
        (
            {**GOOD, **EXTERNAL},
            {**SECRETS, "databasePassword": "abc"},
            {
                "mlflow-s3-creds": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
                "mlflow-database": {"db-password"},
            },
        ),
        (
            {key: value for key, value in {**GOOD, **GCS}.items() if value is not None},
            {"gcsCredentials": '{"type": "service_account"}'},
            {"mlflow-gcs-creds": {"key.json"}, **DATABASE},
        ),
        (
            AZURE,
            {"azureConnectionString": "AccountName=a"},
            {"mlflow-azure-creds": {"AZURE_STORAGE_CONNECTION_STRING"}, **DATABASE},
        ),
    ],
)
@awaited
def test_secrets_are_made_where_none_exist(
    config: dict[str, str], secrets: dict[str, str], made: dict[str, set[str]]
) -> Any:
    engine = start(config, secrets)
    return run(lambda _: _equal(made_secrets(engine), made))


def _equal(left: object, right: object) -> None:
    assert left == right


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
        release = engine.named("mlflow-release").inputs
        values = release["values"]
        assert (release["name"], release["namespace"], release["version"]) == ("mlflow", "mlflow", "5.1.17")
        assert found["tracking_url"] == "https://mlflow.cloudnative.space"
        ingress = values["tracking"]["ingress"]
        assert (ingress["hostname"], ingress["tls"]) == ("mlflow.cloudnative.space", True)
        assert ingress["annotations"]["cert-manager.io/cluster-issuer"] == "letsencrypt"
        assert values["tracking"]["auth"] == {"enabled": True}
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
