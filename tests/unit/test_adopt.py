"""What `make adopt` asks, refuses, writes and puts back; the engine and a cluster do the rest end to end."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace as Of
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from components.tokens import COMPONENT, NAMESPACE, PASSWORD, PROVIDER, RELEASE, SECRET, STACK
from ops import adopt, cluster, recover
from ops.adoption import found, record, settings_file, state
from ops.console import OpsError
from ops.stack import Stack
from tests.unit.releases import config, packed, runbook
from tests.unit.releases import record as live

S3 = {"AWS_ACCESS_KEY_ID": "PlantedId", "AWS_SECRET_ACCESS_KEY": "PlantedKey"}
EMPTY = {"version": 3, "deployment": {"secrets_providers": {"type": "passphrase"}}}
ROOT = "urn:pulumi:dev::mlflow::pulumi:pulumi:Stack::mlflow-dev"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def encoded(data: Mapping[str, str]) -> dict[str, str]:
    return {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}


def secret(data: Mapping[str, str], **other: Any) -> Any:
    """A Secret as the client gives it."""
    fields = [Of(manager="kubectl-create", operation="Update"), Of(manager="x", operation="Apply")]
    about: dict[str, Any] = {
        "owner_references": None,
        "resource_version": "7",
        "managed_fields": fields,
        "labels": {},
    }
    metadata = Of(**{**about, **{key: other.pop(key) for key in list(other) if key in about}})
    return Of(data=encoded(data), metadata=metadata, **{"type": "Opaque", "immutable": None, **other})


class Api:
    """A cluster with Helm's records, Secrets and pods."""

    def __init__(self, *revisions: str) -> None:
        self.records = [
            Of(metadata=Of(labels={"name": "mlflow", "version": str(number)}), data={"release": data})
            for number, data in enumerate(revisions, 1)
        ]
        self.secrets = {
            "mlflow-tracking": secret({"admin-user": "u", "admin-password": "p"}),
            "mlflow-s3-creds": secret(S3),
        }
        self.pods = [self.pod("mlflow")]
        self.patches: list[Any] = []
        self.labels: dict[str, str] | None = None

    def read_namespace(self, name: str) -> Any:
        assert name == "mlflow"
        return Of(metadata=Of(labels=self.labels))

    @staticmethod
    def pod(release: str) -> Any:
        labels = {"app.kubernetes.io/instance": release}
        statuses = [Of(restart_count=1), Of(restart_count=2)]
        return Of(metadata=Of(name="pod", uid="u1", labels=labels), status=Of(container_statuses=statuses))

    def list_namespaced_secret(self, namespace: str, label_selector: str) -> Any:
        named = label_selector == "owner=helm,name=mlflow"
        return Of(items=[one for one in self.records if not named or one.metadata.labels["name"] == "mlflow"])

    def read_namespaced_secret(self, name: str, namespace: str) -> Any:
        if name not in self.secrets:
            raise ApiException(status=404)
        return self.secrets[name]

    def list_namespaced_pod(self, namespace: str, label_selector: str = "") -> Any:
        return Of(items=self.pods)

    def list_namespaced_persistent_volume_claim(self, namespace: str) -> Any:
        return Of(items=[])

    def patch_namespaced_secret(self, name: str, namespace: str, patch: Any) -> None:
        self.patches.append(patch)


class Recorded(Stack):
    """A stack on a folder; the commands that `pulumi` would get are kept, and answered from `answers`."""

    asked: list[tuple[tuple[str, ...], str]]
    answers: dict[str, Any]

    def __init__(self, file: Path, **given: str) -> None:
        super().__init__("org/mlflow/dev", {"PULUMI_OPTION_CONFIG_FILE": str(file)})
        texts = {f"mlflow:{key}": {"value": text} for key, text in config(**given).items()}
        answers = {"config": texts, "stack export": EMPTY, "preview --json": {"steps": []}}
        object.__setattr__(self, "asked", [])
        object.__setattr__(self, "answers", answers)

    def read(self, *args: str, stdin: str = "") -> str:
        self.asked.append((args, stdin))
        for start, answer in self.answers.items():
            if " ".join(args).startswith(start):
                if isinstance(answer, Exception):
                    raise answer
                return json.dumps(answer)
        return ""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    """The cluster that a stack's context leads to, with the runbook's release at its second revision."""
    made = Api(packed({}, 1, "superseded"), packed(runbook(), 2))
    monkeypatch.setattr(cluster, "connect", lambda _: made)
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://state")
    return made


@pytest.fixture
def stack(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path / "Pulumi.dev.yaml")


def test_the_latest_revision_counts(api: Any) -> None:
    found_ = record.latest(api, "mlflow", "mlflow")
    assert (found_.revision, found_.status, found_.values) == (2, "deployed", runbook())
    assert "lab-local" not in repr(found_)


def test_a_look_plans_and_changes_nothing(api: Api, stack: Recorded) -> None:
    plan, _ = adopt.look(stack)
    assert plan.s3 == S3
    assert plan.secrets == {"s3AccessKeyId": "PlantedId", "s3SecretAccessKey": "PlantedKey"}
    assert "createNamespace" not in plan.changes
    assert plan.changes["podSecurity"] == "none"
    assert {args[0] for args, _ in stack.asked} == {"config", "stack"}
    assert api.patches == []


@pytest.mark.parametrize(
    ("status", "chart", "said"),
    [
        ("pending-upgrade", "mlflow", "is pending-upgrade at revision 3: finish that with Helm first"),
        ("failed", "mlflow", "is failed at revision 3"),
        ("deployed", "postgresql", "is from chart postgresql: only a release of chart mlflow"),
    ],
)
def test_a_release_that_is_not_done_or_of_another_chart_is_refused(
    api: Api, stack: Recorded, status: str, chart: str, said: str
) -> None:
    api.records += Api("", "", packed(runbook(), 3, status, chart)).records[2:]
    with pytest.raises(OpsError, match=said):
        adopt.look(stack)


def test_no_release_is_refused(api: Api, stack: Recorded) -> None:
    api.records = []
    with pytest.raises(OpsError, match="Helm knows no release mlflow in namespace mlflow"):
        adopt.look(stack)


def test_a_release_without_its_login_is_refused(api: Api, stack: Recorded) -> None:
    api.secrets["mlflow-tracking"] = secret({"admin-user": "u"})
    with pytest.raises(OpsError, match="Secret mlflow/mlflow-tracking has no admin-password"):
        adopt.look(stack)
    del api.secrets["mlflow-tracking"]
    with pytest.raises(OpsError, match="has no admin-password and no admin-user"):
        adopt.look(stack)


def test_a_stack_without_a_context_is_refused(api: Api, tmp_path: Path) -> None:
    with pytest.raises(OpsError, match="pulumi config set context NAME"):
        adopt.look(Recorded(tmp_path / "x", context=""))


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ({"type": RELEASE, "custom": True}, "has a release already"),
        ({"type": NAMESPACE, "custom": True}, "has created something already.*pulumi destroy"),
    ],
)
def test_a_stack_that_has_made_something_is_refused(
    api: Api, stack: Recorded, resource: dict[str, Any], said: str
) -> None:
    stack.answers["stack export"] = {"deployment": {"resources": [{"type": "x", "custom": False}, resource]}}
    with pytest.raises(OpsError, match=said):
        adopt.look(stack)


def test_a_stack_that_is_stuck_is_refused(api: Api, stack: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    stack.answers["stack export"] = {"deployment": {"pending_operations": [{}]}}
    with pytest.raises(OpsError, match="make recover"):
        adopt.look(stack)
    stack.answers["stack export"] = EMPTY
    monkeypatch.setattr(recover, "locks", lambda *_: [recover.Lock(1, "here", "now")])
    with pytest.raises(OpsError, match="make recover"):
        adopt.look(stack)


def test_a_state_that_would_not_encrypt_secrets_is_refused(api: Api, stack: Recorded) -> None:
    """Pulumi Cloud's of a new stack."""
    stack.answers["stack export"] = {"deployment": {"manifest": {}}}
    with pytest.raises(
        OpsError, match=r"`pulumi stack change-secrets-provider default --stack org/mlflow/dev`, then"
    ):
        adopt.look(stack)


def test_what_the_namespace_enforces_stays_as_it_is(api: Api, stack: Recorded) -> None:
    api.labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    assert adopt.look(stack)[0].changes["podSecurity"] == "baseline"
    api.labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    assert "podSecurity" not in adopt.look(stack)[0].changes


def test_a_namespace_that_others_use_stays_outside(api: Api, stack: Recorded) -> None:
    api.pods.append(Api.pod("other"))
    assert adopt.look(stack)[0].changes["createNamespace"] is False
    assert "podSecurity" not in adopt.look(stack)[0].changes
    assert found.shared(api, live({})) == ["pod pod"]  # type: ignore[arg-type]
    api.pods = []
    api.records[0].metadata.labels["name"] = "other"
    assert found.shared(api, live({})) == ["release other"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        {"type": "kubernetes.io/basic-auth"},
        {"immutable": True},
        {"owner_references": [Of(kind="ExternalSecret")]},
        {"data": {**S3, "more": "x"}},
        {"data": {**S3, "AWS_ACCESS_KEY_ID": "with a newline\n"}},
    ],
)
def test_a_secret_that_the_stack_would_not_make_so_stays_outside(api: Api, other: dict[str, Any]) -> None:
    data = other.pop("data", S3)
    api.secrets["mlflow-s3-creds"] = secret(data, **other)
    assert found.own_s3(api, live(runbook())) == {}  # type: ignore[arg-type]
    del api.secrets["mlflow-s3-creds"]
    assert found.own_s3(api, live(runbook())) == {}  # type: ignore[arg-type]


def test_a_secret_of_another_name_stays_outside(api: Any) -> None:
    release = runbook()
    release["externalS3"]["existingSecret"] = "mine"
    assert found.own_s3(api, live(release)) == {}


def test_an_api_error_other_than_not_found_is_no_answer(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: str) -> None:
        raise ApiException(status=403)

    monkeypatch.setattr(api, "read_namespaced_secret", read)
    with pytest.raises(ApiException, match="403"):
        found.secret(api, "mlflow", "any")


def test_fields_that_kubectl_set_are_handed_over_once(api: Any) -> None:
    found.hand_over(api, "mlflow", "mlflow-s3-creds")
    (patch,) = api.patches
    assert patch == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "replace", "path": "/metadata/managedFields/0/manager", "value": "pulumi-kubernetes"},
    ]
    api.secrets["mlflow-s3-creds"].metadata.managed_fields[0].manager = "pulumi-kubernetes"
    found.hand_over(api, "mlflow", "mlflow-s3-creds")
    assert len(api.patches) == 1


def previewed(kind: str, name: str, inputs: dict[str, Any], op: str = "create") -> dict[str, Any]:
    """A step of a preview."""
    urn = f"urn:pulumi:dev::mlflow::{kind}::{name}"
    resource = {"urn": urn, "type": kind, "custom": True, "inputs": inputs, "stackTrace": [], "parent": ROOT}
    return {
        "op": op,
        "newState": {**resource, "provider": f"urn:pulumi:dev::mlflow::{PROVIDER}::c::{UNKNOWN}"},
    }


STEPS = [
    {"op": "same", "newState": {"urn": ROOT, "type": STACK, "custom": False}},
    {
        "op": "create",
        "newState": {"urn": "c", "type": COMPONENT, "custom": False, "sourcePosition": ""},
    },
    previewed(PROVIDER, "c", {"context": "lab", "__internal": {}}),
    previewed(NAMESPACE, "mlflow-namespace", {"metadata": {"name": "mlflow"}}),
    previewed(
        SECRET,
        "mlflow-s3-creds",
        {"data": "[secret]", "metadata": {"name": "mlflow-s3-creds", "namespace": "mlflow"}},
    ),
    previewed(
        RELEASE,
        "mlflow-release",
        {"name": "mlflow", "namespace": "mlflow", "repositoryOpts": {"password": "[secret]"}, "values": {}},
    ),
    previewed(SECRET, "mlflow-credentials", {}, op="read"),
]
HIDDEN = {"mlflow-s3-creds.data": encoded(S3), "mlflow-release.repositoryOpts.password": "PlantedPassword"}


def test_what_a_preview_would_create_stands_in_the_state_with_ids_and_secrets() -> None:
    before = {"deployment": {**EMPTY["deployment"], "resources": [{"urn": ROOT}]}}  # type: ignore[dict-item]
    made = state.with_adopted(before, {"steps": STEPS}, HIDDEN)["deployment"]["resources"]
    assert [one.get("id", "") for one in made[3:]] == ["mlflow", "mlflow/mlflow-s3-creds", "mlflow/mlflow"]
    root, component, provider, namespace, creds, release = made
    assert (root, component) == ({"urn": ROOT}, {"urn": "c", "type": COMPONENT, "custom": False})
    assert provider["outputs"] == {"context": "lab"}
    assert namespace["provider"].endswith(f"::{provider['id']}")
    assert json.loads(creds["inputs"]["data"]["plaintext"]) == encoded(S3)
    assert json.loads(release["inputs"]["repositoryOpts"]["password"]["plaintext"]) == "PlantedPassword"
    asked = json.loads(release["outputs"]["__inputs"]["plaintext"])
    assert asked["repositoryOpts"] == {"password": "PlantedPassword"}
    assert "stackTrace" not in release


def test_what_the_release_does_not_have_is_not_taken_into_the_state() -> None:
    password = previewed(PASSWORD, "mlflow-database-user", {})
    with pytest.raises(OpsError, match=r"would still create .*mlflow-database-user"):
        state.with_adopted(EMPTY, {"steps": [*STEPS, password]}, HIDDEN)


def test_a_secret_that_nobody_knows_is_not_invented() -> None:
    with pytest.raises(OpsError, match=r"hides mlflow-s3-creds.data"):
        state.with_adopted(EMPTY, {"steps": STEPS}, {})


def test_settings_are_written_with_all_else_kept(stack: Recorded, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("# why\nconfig:\n  mlflow:a: 'x' # because\n  mlflow:b: y\n")
    settings_file.write(stack, {"b": None, "c": {"d": None, "e": 1}}, {"s3AccessKeyId": "PlantedId"})
    assert file.read_text() == "# why\nconfig:\n  mlflow:a: 'x' # because\n  mlflow:c:\n    d:\n    e: 1\n"
    assert stack.asked == [(("config", "set", "--secret", "s3AccessKeyId"), "PlantedId")]


def test_a_file_of_the_checkout_is_meant_where_none_is_named() -> None:
    assert Stack("org/mlflow/prod", {"PULUMI_OPTION_CONFIG_FILE": ""}).file.name == "Pulumi.prod.yaml"


def test_it_is_done_in_an_order_that_changes_nothing(api: Any, stack: Recorded, tmp_path: Path) -> None:
    stack.answers["preview --json"] = {"steps": STEPS}
    what, _ = adopt.look(stack)
    stack.asked.clear()
    adopt.adopt(stack, what, api)
    done = [" ".join(args) for args, _ in stack.asked]
    written = [f"config set --secret {key}" for key in what.secrets]
    assert done == [
        "stack export",
        *written,
        "preview --json",
        "stack import",
        "refresh --yes --skip-preview",
        "preview --expect-no-changes",
        "up --yes --skip-preview",
        "preview --expect-no-changes",
    ]
    assert "Planted" not in str([args for args, _ in stack.asked])
    assert "adoptedValues" in (tmp_path / "Pulumi.dev.yaml").read_text()
    assert len(api.patches) == 1


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("fails", ["preview --json", "refresh", "preview --expect", "up"])
def test_a_failure_puts_state_and_file_back(
    api: Any, stack: Recorded, tmp_path: Path, fails: str, *, there: bool
) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    if there:
        file.write_text("config: {}\n")
    stack.answers["preview --json"] = {"steps": STEPS}
    what, _ = adopt.look(stack)
    broken = {fails: OpsError("broken"), "preview --diff": OpsError("this is why")}
    object.__setattr__(stack, "answers", {**broken, **stack.answers, **broken})
    said = "this is why" if fails.startswith("preview") else "broken"
    with pytest.raises(OpsError, match=said):
        adopt.adopt(stack, what, api)
    assert stack.asked[-1] == (("stack", "import"), json.dumps(EMPTY))
    assert file.exists() == there
    assert not there or file.read_text() == "config: {}\n"


def test_what_would_still_change_is_shown(stack: Recorded) -> None:
    stack.answers |= {"preview --expect": OpsError("changes"), "preview --diff": "~ tracking.replicaCount"}
    with pytest.raises(OpsError, match=r"would still change the release.*replicaCount"):
        adopt._unchanged(stack)
