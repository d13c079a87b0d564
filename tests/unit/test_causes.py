"""What the rules say of readings that the lab cannot give, and where they must say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ops import causes
from ops.causes import Cause
from ops.snapshot import Answer
from tests.unit.objects import SETTINGS, condition, container, named, pod, record, snapshot
from tests.unit.readings import CASES
from tests.unit.readings.cluster import unmade
from tests.unit.readings.network import BY_CLUSTER, ingress, kept_out, space
from tests.unit.readings.seen import DEPLOYED, KEY, SERVES, Seen, failing, waiting


@pytest.mark.parametrize("seen", CASES, ids=lambda seen: f"{seen.cause}: {seen.says}")
def test_a_reading_has_its_cause_first(seen: Seen) -> None:
    first = seen.judged()[0]
    assert first.name == seen.cause, first
    assert seen.says in first.what + first.fix + first.evidence
    assert first.certain == seen.certain
    assert first.evidence
    assert first.what.endswith((".", "node."))


ENGINE = [
    (
        "settings-wrong",
        "error: 4 mistakes in the settings of this stack; the cluster was not contacted.",
    ),
    ("passphrase-missing", "error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE"),
    ("stack-locked", "error: the stack is currently locked by 1 lock(s)."),
    (
        "cluster-unreachable",
        'error: configured Kubernetes cluster is unreachable: context "x" does not exist',
    ),
    ("helm-pending", "error: cannot re-use a name that is still in use"),
    ("helm-pending", "another operation (install/upgrade/rollback) is in progress"),
    ("namespace-exists", 'error: namespaces "mlflow" already exists'),
    ("login-missing", "error: resource 'mlflow/mlflow-tracking' does not exist"),
    ("plugin-missing", "error: no resource plugin 'pulumi-resource-kubernetes-v4.32.0' found"),
    ("image-check", "Unrecognized images: - x/mlflow"),
    ("quota-exceeded", 'secrets "s" is forbidden: exceeded quota: q'),
    ("refused-by-the-cluster", 'admission webhook "p.example.com" denied the request'),
    (
        "chart-not-found",
        'chart value {oci://x/y} has a problem: failed to perform "FetchReference" on source: not found',
    ),
    (
        "chart-credentials",
        'failed to perform "FetchReference": oci://x/y: unexpected status 401 Unauthorized',
    ),
    ("chart-registry-unreachable", 'failed to perform "FetchReference": dial tcp: lookup x: no such host'),
]


@pytest.mark.parametrize(("cause", "said"), ENGINE)
def test_what_the_engine_says_is_a_cause(cause: str, said: str) -> None:
    found = causes.of(snapshot({"secrets": DEPLOYED}, engine=f"Diagnostics:\n  {said}\n"), SETTINGS)
    assert found[0].name == cause
    assert found[0].evidence == f"pulumi: {said}"


PENDING = named(
    "PersistentVolumeClaim", "data", spec={"storageClassName": "slow"}, status={"phase": "Pending"}
)
OLD, NEW = (
    named(
        "ReplicaSet",
        name,
        metadata={
            "annotations": {"deployment.kubernetes.io/revision": number},
            "ownerReferences": [{"uid": "d", "kind": "Deployment"}],
        },
        spec={"replicas": 1},
        status={"replicas": 1},
    )
    for name, number in (("r1", "9"), ("r2", "10"))
)
BROKEN = waiting("ImagePullBackOff", "not found")
QUIET: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "a server that serves": (SERVES, {}),
    "stores that answer": (
        SERVES,
        {"answers": {"database": Answer("", "", "p"), "store": Answer("", "", "p")}},
    ),
    "an old error in the log of a server whose store answers": (
        SERVES,
        {
            "answers": {"store": Answer("", "", "p")},
            "logs": {f"{KEY}/mlflow": "botocore.exceptions.ClientError: (NoSuchBucket) when calling"},
        },
    ),
    "a claim that waits for its first pod": (
        {"claims": [PENDING], "storage_classes": [named("S", "slow")]},
        {},
    ),
    "a claim whose classes nobody may read": ({"claims": [PENDING]}, {"denied": ("storage_classes",)}),
    "a pod of the revision before": (
        {
            "pods": [pod(containers=[BROKEN], owner="ReplicaSet-r1"), *SERVES["pods"]],
            "replicasets": [OLD, NEW],
        },
        {},
    ),
    "a pod that ends": (
        {
            "pods": [
                {
                    **(gone := pod(containers=[BROKEN])),
                    "metadata": {**gone["metadata"], "deletionTimestamp": "now"},
                }
            ]
        },
        {},
    ),
    "a refusal that is over": (unmade("exceeded quota: q", 1), {}),
    "an ingress whose issuers nobody may read": (
        ingress(BY_CLUSTER, tls=[]),
        {"denied": ("cluster_issuers",)},
    ),
    "a release that a pulumi works on": ({"secrets": [record(1, "pending-install")]}, {"working": True}),
}


@pytest.mark.parametrize("what", QUIET)
def test_nothing_is_said_of(what: str) -> None:
    objects, more = QUIET[what]
    assert causes.of(snapshot({"secrets": DEPLOYED, **objects}, **more), SETTINGS) == []


STARTING: dict[str, Mapping[str, Any]] = {
    "a pod that was made just now": {"pods": [pod()]},
    "a first failure": {"pods": [pod(containers=[failing(restarts=0)])]},
    "a database that starts": {
        "pods": [pod(init=[container("wait-for-database", running={"startedAt": "2026-11-25T01:00:00Z"})])]
    },
    "an image that is being pulled": {"pods": [pod(containers=[waiting("ContainerCreating")])]},
}


@pytest.mark.parametrize("what", STARTING)
def test_nothing_is_certain_of(what: str) -> None:
    """A run is not ended for it."""
    found = causes.of(snapshot({"secrets": DEPLOYED, **STARTING[what]}, now="2026-11-25T01:00:05Z"), SETTINGS)
    assert not [cause for cause in found if cause.certain]


def test_the_root_comes_before_what_follows_from_it() -> None:
    claim = named("P", "data", spec={"storageClassName": "none"}, status={"phase": "Pending"})
    objects = {"pods": [pod(init=[failing("wait-for-database")])], "claims": [claim], "storage_classes": []}
    found = [cause.name for cause in causes.of(snapshot({"secrets": DEPLOYED, **objects}), SETTINGS)]
    assert found[0] == "storage-class-missing"
    assert "database-unreachable" in found


def test_long_evidence_loses_its_middle_and_its_secrets() -> None:
    line = "start postgresql://u:Pa55word@h/d " + "x " * 500 + "end"
    (found,) = causes.ranked([Cause("a", 1, "b", "c", line)])
    assert len(found.evidence) <= 400
    assert found.evidence.startswith("start postgresql://u:***@h/d x")
    assert found.evidence.endswith("end")


@pytest.mark.parametrize(
    "peer",
    [
        space("edge"),
        space("edge", podSelector={"matchLabels": {"app.kubernetes.io/name": "traefik"}}),
        {"namespaceSelector": {}},
        {"namespaceSelector": {"matchLabels": {"team": "platform"}}},
        space("edge", podSelector={"matchExpressions": [{"key": "app", "operator": "Exists"}]}),
        {"ipBlock": {"cidr": "10.0.0.0/8"}},
    ],
)
def test_a_policy_that_may_mean_the_controller_is_not_blamed(peer: Mapping[str, Any]) -> None:
    assert causes.of(snapshot({"secrets": DEPLOYED, **kept_out(peer)}), SETTINGS) == []


def test_without_a_controller_in_sight_no_policy_is_blamed() -> None:
    """It may be on the node itself, as the lab's, or be known by other labels."""
    given = {"secrets": DEPLOYED, **kept_out({}), "controllers": []}
    assert causes.of(snapshot(given), SETTINGS) == []


REFUSED = {"mlflow-tracking-1-a/upgrade-db-auth": "could not connect: Connection refused"}
UP = [condition("Ready", "True")]


@pytest.mark.parametrize(
    ("database", "settings", "certain"),
    [
        ([], SETTINGS, False),
        ([pod("mlflow-postgresql-0", component="primary")], SETTINGS, False),
        ([pod("mlflow-postgresql-0", component="primary", conditions=UP)], SETTINGS, True),
        ([], {**SETTINGS, "database": "external", "databaseHost": "db"}, True),
    ],
)
def test_a_database_that_is_on_its_way_ends_no_run(
    database: list[Any], settings: dict[str, str], certain: bool
) -> None:
    """An update replaces it beside the server, whose new pod then finds nobody for a while."""
    objects = {"pods": [pod(init=[failing("upgrade-db-auth", restarts=3)]), *database]}
    found = causes.of(snapshot({"secrets": DEPLOYED, **objects}, logs=REFUSED), settings)
    assert {cause.certain for cause in found if cause.name == "database-unreachable"} == {certain}
