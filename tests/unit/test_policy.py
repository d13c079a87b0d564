"""The platform's rules: each is broken once, and what the platform declares of them counts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import ops.__main__
from components.tokens import RELEASE
from ops import chart
from ops.console import OpsError
from ops.policy import evidence as looking
from ops.policy import judge, plan, telling
from ops.policy.evidence import Evidence
from ops.policy.judge import RULES, Declared, Verdict
from ops.stack import PROGRAM, Stack
from tests.unit.planned import Plan, evidence

DECLARED = judge.declared()
PLANTED = "PlantedPassword"


def broken(given: Evidence, declared: dict[str, Declared] = DECLARED) -> dict[str, Verdict]:
    """The rules that are broken."""
    return {each.rule.name: each for each in judge.judge(given, declared) if each.verdict == "broken"}


def server(given: Plan) -> Any:
    """The server's container."""
    return given["objects"]["Deployment"]["spec"]["template"]["spec"]["containers"][0]


def put(tree: Any, path: str, value: Any) -> None:
    """Set what is at a dotted path; None takes it away."""
    *way, last = path.split(".")
    for key in way:
        tree = tree.setdefault(key, {})
    if value is None:
        del tree[last]
    else:
        tree[last] = value


def on_server(path: str, value: Any) -> Callable[[Plan], None]:
    return lambda given: put(server(given), path, value)


def anywhere(path: str, value: Any) -> Callable[[Plan], None]:
    return lambda given: put(given, path, value)


def unprotected(name: str) -> Callable[[Plan], None]:
    return lambda given: given["planned"][name].__setitem__(2, False)


def init(path: str, value: Any) -> Callable[[Plan], None]:
    return lambda given: put(
        given["objects"]["Deployment"]["spec"]["template"]["spec"]["initContainers"][0], path, value
    )


DIGEST = f"@sha256:{'0' * 64}"
ANYWHERE = {"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}
CLUSTER: dict[str, Any] = {"from": [{"namespaceSelector": {}}]}
EVERY_POD: dict[str, Any] = {"from": [{"namespaceSelector": {}, "podSelector": {}}]}
NOBODY: list[dict[str, Any]] = [
    {"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}},
    {"podSelector": {"matchLabels": {}}, "namespaceSelector": {"matchExpressions": []}},
    {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["x"]}]}},
]
"""Peers that leave somebody out, at the most."""


OTHER_PODS = {"matchExpressions": [{"key": "app.kubernetes.io/component", "operator": "DoesNotExist"}]}
THESE_PODS = {
    "matchExpressions": [
        {"key": "app.kubernetes.io/component", "operator": "In", "values": ["tracking", "run"]},
        {"key": "app.kubernetes.io/component", "operator": "NotIn", "values": ["run"]},
        {"key": "more", "operator": "Exists"},
    ]
}
POD = {"spec": {"containers": [{"name": "hook", "image": "busybox:1", "resources": {}}]}}


def block(cidr: str) -> dict[str, Any]:
    """A rule that lets addresses in, all but some."""
    return {"from": [{"ipBlock": {"cidr": cidr, "except": ["10.0.0.0/8"]}}]}


BROKEN = [
    ("image-path", on_server("image", f"docker.io/bitnami/mlflow:3.3.2{DIGEST}"), "bitnami/mlflow"),
    ("image-path", on_server("image", f"docker.io/bitnamilegacy-evil/mlflow:3{DIGEST}"), "evil"),
    ("image-path", on_server("image", f"registry.example.com/bitnamilegacy/mlflow:3{DIGEST}"), "example"),
    ("image-path", init("image", f"busybox{DIGEST}"), "busybox"),
    ("image-digest", on_server("image", "docker.io/bitnamilegacy/mlflow:3.3.2"), "mlflow:3.3.2"),
    ("image-digest", init("image", "docker.io/bitnamilegacy/os-shell:12"), "os-shell:12"),
    ("resources", on_server("resources", None), "no requests.cpu"),
    ("resources", on_server("resources.limits", {"cpu": "1"}), "no limits.memory"),
    ("resources", init("resources.requests.memory", None), "no requests.memory"),
    ("tls", anywhere("objects.Ingress.spec.tls", None), "http://mlflow.example.com"),
    ("tls", anywhere("objects.Ingress.spec.tls", [{"hosts": ["mlflow.example.com"]}]), "without TLS"),
    ("tls", anywhere("objects.Ingress.spec.rules", [{"host": "other.example.com"}]), "other.example.com"),
    ("tls", anywhere("objects.Ingress.spec.rules", [{}]), "http://* without"),
    ("tls", anywhere("objects.Ingress.spec.rules", None), "http://* without"),
    ("tls", anywhere("objects.Ingress.spec.tls", [{"hosts": ["*.com"], "secretName": "x"}]), "without TLS"),
    ("authentication", on_server("args", ["server"]), "asks nobody"),
    ("authentication", on_server("args", ["server", "--app-name", "other"]), "asks nobody"),
    ("authentication", on_server("command", ["sleep"]), "no MLflow server"),
    ("secret-in-values", anywhere("values.tracking.auth.password", PLANTED), "in plain text"),
    ("secret-in-values", anywhere("values.url", f"postgresql://user:{PLANTED}@host/db"), "in plain text"),
    ("network", anywhere("objects.NetworkPolicy", None), "no NetworkPolicy says who reaches it"),
    ("network", anywhere("objects.NetworkPolicy.spec.policyTypes", ["Egress"]), "no NetworkPolicy"),
    ("network", anywhere("objects.NetworkPolicy.spec.podSelector", OTHER_PODS), "no NetworkPolicy"),
    ("network", anywhere("objects.NetworkPolicy/more", {"spec": {"ingress": [{}]}}), "everybody"),
    ("network", anywhere("objects.NetworkPolicy.spec.ingress", [{"ports": [{"port": 5000}]}]), "everybody"),
    ("network", anywhere("objects.NetworkPolicy.spec.ingress", [ANYWHERE]), "everybody reach Deployment"),
    ("network", anywhere("objects.NetworkPolicy/database.spec.ingress", [{}]), "everybody reach StatefulSet"),
    ("network", anywhere("objects.NetworkPolicy/database.spec.ingress", [CLUSTER]), "everybody"),
    ("network", anywhere("objects.NetworkPolicy/database.spec.ingress", [EVERY_POD]), "everybody"),
    *(
        ("network", anywhere("objects.NetworkPolicy/database.spec.ingress", [{"from": [peer]}]), "everybody")
        for peer in NOBODY
    ),
    *(
        ("network", anywhere(f"objects.{policy}.spec.ingress", [block(cidr)]), "everybody")
        for policy in ("NetworkPolicy", "NetworkPolicy/database")
        for cidr in ("0.0.0.0/1", "64.0.0.0/7", "::/0", "2000::/15", "everywhere")
    ),
    ("volumes", unprotected("mlflow-namespace"), "deleted or replaced"),
    ("volumes", unprotected("mlflow-release"), "deleted or replaced"),
    ("volumes", unprotected("mlflow-s3-creds"), "deleted or replaced"),
    ("volumes", unprotected("mlflow-database-user"), "deleted or replaced"),
    ("volumes", anywhere("objects.PersistentVolumeClaim.metadata.annotations", {}), "artifacts with it"),
    (
        "volumes",
        anywhere("objects.StatefulSet.spec.persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Delete"}),
        "claims are deleted",
    ),
]


@pytest.mark.parametrize(("rule", "change", "told"), BROKEN)
def test_each_rule_is_broken_by_what_it_forbids(rule: str, change: Callable[[Plan], None], told: str) -> None:
    """By that and no other, with where and how to mend it, and without a secret."""
    found = broken(evidence(change))
    assert list(found) == [rule]
    assert found[rule].stops
    breaches = found[rule].breaches
    assert all(each.where and each.fix for each in breaches)
    assert any(told in each.found for each in breaches)
    assert PLANTED not in str(breaches)


def test_every_rule_is_broken_once() -> None:
    assert {rule for rule, *_ in BROKEN} | {"image-latest"} == {rule.name for rule in RULES}


@pytest.mark.parametrize("tag", ["", ":latest"])
def test_latest_and_no_tag_are_refused_in_every_stack(tag: str) -> None:
    """In production there is no digest either."""

    def change(given: Plan) -> None:
        server(given)["image"] = f"docker.io/bitnamilegacy/mlflow{tag}"

    assert set(broken(evidence(change))) == {"image-latest", "image-digest"}

    def elsewhere(given: Plan) -> None:
        change(given)
        put(given, "planned.mlflow", [given["planned"]["mlflow"][0], {"production": False}, False])

    found = broken(evidence(elsewhere))
    assert set(found) == {"image-latest"}
    (breach,) = found["image-latest"].breaches
    assert breach.fix == "pulumi config set imageMlflow docker.io/bitnamilegacy/mlflow:TAG"


def test_a_good_stack_keeps_all() -> None:
    """With artifacts on a volume that is kept, and `--app-name X`."""
    assert broken(evidence()) == {}
    assert broken(evidence(on_server("args", ["server", "--app-name", "basic-auth"]))) == {}
    kept = [each.verdict for each in judge.judge(evidence(), DECLARED)]
    assert set(kept) == {"kept"}


@pytest.mark.parametrize(
    "kept",
    [
        anywhere("objects.Ingress.spec.tls", [{"hosts": ["*.example.com"], "secretName": "x"}]),
        anywhere("objects.NetworkPolicy.spec.podSelector", THESE_PODS),
        anywhere("objects.NetworkPolicy.spec.policyTypes", None),
    ],
)
def test_what_kubernetes_reads_the_same_way_is_kept_too(kept: Callable[[Plan], None]) -> None:
    assert broken(evidence(kept)) == {}


def test_the_images_and_resources_of_a_pod_without_a_workload_count() -> None:
    found = broken(evidence(anywhere("objects.Pod", POD)))
    assert set(found) == {"image-path", "image-digest", "resources"}
    fixes = {breach.fix for breach in found["resources"].breaches}
    assert "where it is declared: resources.limits.memory AMOUNT" in fixes


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        ("Deployment", "trackingResources"),
        ("StatefulSet", "databaseResources"),
        ("CronJob", "backupResources"),
    ],
)
def test_resources_are_mended_by_the_setting_of_their_container(kind: str, setting: str) -> None:
    def change(given: Plan) -> None:
        spec = given["objects"][kind]["spec"]
        spec = spec.get("jobTemplate", {}).get("spec", spec)["template"]["spec"]
        spec["containers"][0]["resources"] = {}

    fixes = [breach.fix for breach in broken(evidence(change))["resources"].breaches]
    assert fixes[0] == f"pulumi config set --path {setting}.requests.cpu AMOUNT"


def test_a_volume_without_artifacts_may_go() -> None:
    def change(given: Plan) -> None:
        server(given)["args"] = ["server", "--artifacts-destination=s3://mlflow", "--app-name=basic-auth"]
        given["objects"]["PersistentVolumeClaim"]["metadata"] = {}

    assert broken(evidence(change)) == {}


def test_the_whole_cluster_may_reach_the_server_where_a_policy_says_so() -> None:
    """Its database, never; and nobody else's policy counts."""
    assert broken(evidence(anywhere("objects.NetworkPolicy.spec.ingress", [CLUSTER]))) == {}
    other = {"spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}}
    assert broken(evidence(anywhere("objects.NetworkPolicy/other", other))) == {}


@pytest.mark.parametrize(
    "peer",
    [
        {"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["client"]}]}},
        {"namespaceSelector": {"matchLabels": {"team": "data"}}, "podSelector": {}},
        {"ipBlock": {"cidr": "10.0.0.0/8"}},
        {"ipBlock": {"cidr": "fd00::/16"}},
        {"ipBlock": {"cidr": "192.0.2.1/24"}},
    ],
)
def test_who_is_named_by_labels_or_a_block_of_addresses_may_reach_both(peer: dict[str, Any]) -> None:
    for policy in ("NetworkPolicy", "NetworkPolicy/database"):
        assert broken(evidence(anywhere(f"objects.{policy}.spec.ingress", [{"from": [peer]}]))) == {}


def elsewhere(given: Plan) -> None:
    """The same stack, not for production: unprotected, with tags."""
    for each in given["planned"].values():
        each[1:] = [{"production": False}, False]
    server(given)["image"] = "docker.io/bitnamilegacy/mlflow:3.3.2"


@pytest.mark.parametrize(
    ("image", "fix"),
    [
        ("docker.io/bitnamilegacy/mlflow:3", "make images ARGS=--pin, or pulumi config set imageMlflow "),
        ("docker.io/bitnamilegacy/other:3", "use this name where it is set: "),
    ],
)
def test_the_way_to_a_digest_is_the_command_that_asks_for_it(image: str, fix: str) -> None:
    """Where a setting names the image."""
    (breach,) = broken(evidence(on_server("image", image)))["image-digest"].breaches
    assert breach.fix == f"{fix}{image}@sha256:DIGEST"


def test_digests_and_protection_are_asked_of_production_alone() -> None:
    found = {each.rule.name: each.verdict for each in judge.judge(evidence(elsewhere), DECLARED)}
    assert {name for name, verdict in found.items() if verdict == "not asked"} == {"image-digest", "volumes"}
    assert not broken(evidence(elsewhere))


def configured(folder: Path, given: Any) -> dict[str, Declared]:
    """What a platform declares with this file."""
    file = folder / "config.json"
    file.write_text(given if isinstance(given, str) else json.dumps(given))
    return judge.declared(file)


def test_a_platform_s_own_paths_and_levels_count(tmp_path: Path) -> None:
    declared = configured(
        tmp_path,
        {
            "image-path": {"allowed": ["registry.example.com/mirror/*", "docker.io/bitnamilegacy/os-shell"]},
            "image-digest": {"everywhere": True, "enforcementLevel": "advisory"},
            "volumes": "disabled",
            "resources": {"required": ["requests.cpu", "limits.cpu"]},
        },
    )
    found = broken(evidence(elsewhere), declared)
    assert set(found) == {"image-path", "image-digest", "resources"}
    assert not found["image-digest"].stops
    assert found["resources"].stops
    fixes = {breach.fix for breach in found["image-path"].breaches}
    mirrored = "pulumi config set imageMlflow registry.example.com/mirror/mlflow"
    assert mirrored in " ".join(fixes)
    moved = on_server("image", f"registry.example.com/mirror/deep/mlflow:3{DIGEST}")
    assert not any("deep" in each.found for each in broken(evidence(moved), declared)["image-path"].breaches)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("{", "cannot be read"),
        ([], "a map of rules"),
        ({"image-pathh": "advisory"}, "did you mean image-path"),
        ({"zzz": "advisory"}, "accepted: image-path, image-latest"),
        ({"tls": "strict"}, "'strict' (accepted: mandatory, advisory, disabled)"),
        ({"tls": 5}, "a level or a map of options"),
        ({"tls": {"hosts": []}}, "no option hosts (accepted: enforcementLevel)"),
        ({"image-path": {"allowed": "docker.io"}}, 'allowed is "docker.io" (accepted: a list of strings)'),
        ({"image-path": {"allowed": [""]}}, "a list of strings"),
        ({"image-path": {"allowed": [1]}}, "a list of strings"),
        ({"volumes": {"everywhere": "yes"}}, 'everywhere is "yes" (accepted: true or false)'),
    ],
)
def test_a_wrong_declaration_is_told(tmp_path: Path, given: Any, says: str) -> None:
    with pytest.raises(OpsError) as told:
        configured(tmp_path, given)
    assert says in str(told.value)


def test_a_missing_declaration_is_told(tmp_path: Path) -> None:
    with pytest.raises(OpsError, match=r"cannot be read: .*none\.json"):
        judge.declared(tmp_path / "none.json")


def test_the_readme_has_every_rule_and_of_whom_it_is_asked() -> None:
    _, _, rest = (PROGRAM / "README.md").read_text().partition("| rule | requires | applies to |")
    rows = re.findall(r"^\| `([\w-]+)` \| .+ \| (.+) \|$", rest.partition("\n\n")[0], re.M)
    assert rows == [(rule.name, "`production`" if rule.production else "every stack") for rule in RULES]


def test_the_committed_declaration_names_every_rule() -> None:
    """So that a reader of it sees all that there is."""
    assert json.loads(judge.CONFIG.read_text()).keys() == {rule.name for rule in RULES}
    assert all(each.level == "mandatory" for each in DECLARED.values())


RELEASE_INPUTS: dict[str, Any] = {
    "name": "mlflow",
    "namespace": "mlflow",
    "chart": "oci://registry.example.com/charts/mlflow",
    "version": "5.1.17",
    "repositoryOpts": {"username": "robot", "password": "[secret]"},
    "values": {"tracking": {}},
}
SHOWN = {
    "steps": [
        {
            "op": "same",
            "urn": "urn:pulumi:dev::mlflow::mlflow:index:MlflowTracking::mlflow",
            "newState": {"type": "mlflow:index:MlflowTracking", "inputs": {"production": True}},
        },
        {
            "op": "update",
            "urn": "urn:pulumi:dev::mlflow::kubernetes:helm.sh/v3:Release::mlflow-release",
            "newState": {"type": RELEASE, "inputs": RELEASE_INPUTS, "protect": True},
        },
        {
            "op": "create",
            "urn": "urn:pulumi:dev::mlflow::kubernetes:core/v1:ConfigMap::mine",
            "newState": {"type": "kubernetes:core/v1:ConfigMap", "inputs": {"kind": "ConfigMap"}},
        },
        {
            "op": "read",
            "urn": "urn:pulumi:dev::mlflow::kubernetes:core/v1:Secret::mlflow-credentials",
            "newState": {"type": "kubernetes:core/v1:Secret"},
        },
        {
            "op": "delete",
            "urn": "urn:pulumi:dev::mlflow::kubernetes:core/v1:Secret::old",
            "oldState": {"type": "kubernetes:core/v1:Secret"},
        },
    ]
}


class Previewed(Stack):
    """A stack whose preview is `SHOWN`, with a private chart registry."""

    def read(self, *args: str, stdin: str = "") -> str:
        if args[0] == "preview":
            assert "--show-sames" in args, "what does not change is judged too"
            return json.dumps(SHOWN)
        assert args == ("config", "get", "chartPassword")
        return f"{PLANTED}\n"


def test_what_is_planned_is_what_the_preview_leaves() -> None:
    """Not what goes, nor what is only read; with the registry's login, which a preview masks."""
    found = {each.name: each for each in plan.planned(Previewed("dev"))}
    assert list(found) == ["mlflow", "mlflow-release", "mine"]
    release = found["mlflow-release"]
    assert release.protected
    assert release.inputs["repositoryOpts"] == {"username": "robot", "password": PLANTED}
    assert PLANTED not in repr(release)


def test_the_evidence_is_what_the_chart_renders_and_the_stack_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def rendered(*given: Any) -> list[dict[str, Any]]:
        asked.extend(given)
        return [{"kind": "Deployment"}]

    monkeypatch.setattr(looking, "rendered", rendered)
    found = looking.whole(plan.planned(Previewed("dev")))
    source, *rest = asked
    assert (source.reference, source.version, source.password) == (RELEASE_INPUTS["chart"], "5.1.17", PLANTED)
    assert rest == ["mlflow", "mlflow", {"tracking": {}}]
    assert found.objects == ({"kind": "Deployment"}, {"kind": "ConfigMap"})
    assert found.values == ({"tracking": {}},)
    assert found.production


def test_without_a_release_there_is_nothing_to_judge() -> None:
    with pytest.raises(OpsError, match="plans no Helm release"):
        looking.whole([])
    assert broken(looking.evidence([])) == {}


def test_the_chart_is_rendered_with_the_values_on_standard_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Values may be long, and arguments are seen by everybody."""
    asked: list[Any] = []

    def helm(*args: str, env: Any, stdin: str = "") -> str:
        asked.append((args, stdin))
        return "kind: A\n---\n---\nkind: B\n"

    monkeypatch.setattr(chart, "_helm", helm)
    source = chart.Chart("oci://registry.example.com/mlflow", "1.0.0")
    assert chart.rendered(source, "r", "n", {"a": 1}) == [{"kind": "A"}, {"kind": "B"}]
    where = ("r", "oci://registry.example.com/mlflow", "--version=1.0.0", "--namespace=n", "--values=-")
    assert asked == [(("template", *where), '{"a": 1}')]


def run(monkeypatch: pytest.MonkeyPatch, given: Evidence, *args: str) -> Any:
    """`python -m ops policy`."""
    monkeypatch.setattr(plan, "planned", lambda _: [])
    monkeypatch.setattr(looking, "whole", lambda _: given)
    return CliRunner().invoke(ops.__main__.app, ["policy", "--stack", "prod", *args])


def test_a_broken_mandatory_rule_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, evidence(unprotected("mlflow-release")))
    assert done.exit_code == 1
    assert "mlflow-release: it can be deleted or replaced" in done.stdout
    assert "prod breaks mandatory rules: volumes" in done.stdout


def test_what_is_kept_or_advisory_ends_with_0(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = run(monkeypatch, evidence())
    assert done.exit_code == 0
    assert "prod keeps every mandatory rule that applies to it" in done.stdout
    configured(tmp_path, {"volumes": "advisory"})
    config = ["--config", str(tmp_path / "config.json"), "--json"]
    done = run(monkeypatch, evidence(unprotected("mlflow-release")), *config)
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert (told["stack"], told["kept"]) == ("prod", True)
    rules = {rule["rule"]: rule for rule in told["rules"]}
    assert rules["volumes"]["verdict"] == "broken"
    assert rules["volumes"]["breaches"][0]["where"] == "mlflow-release"
    assert rules["tls"]["breaches"] == []


def test_what_is_only_advised_is_told_in_the_summary() -> None:
    declared = {**DECLARED, "volumes": Declared("advisory", DECLARED["volumes"].options)}
    found = judge.judge(evidence(unprotected("mlflow-release")), declared)
    assert telling.summary("prod", found).endswith("(advisory: volumes)")
