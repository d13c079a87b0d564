"""Drift: what is found, told and put back, without a cluster; the end-to-end tests do the rest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

import ops.__main__
from ops import drift, reinstall, repair, survey
from ops.console import OpsError
from ops.finding import Finding
from ops.objects import RefusedError
from ops.replacement import Object
from ops.site import Site
from ops.survey import Survey
from tests.unit.drifted import CHARTS, OWN, PLANTED, Cluster, Engine, encoded, made, opened, site


def told(found: Site) -> list[tuple[str, str, str | None, str | None]]:
    """The findings."""
    looked = survey.survey(found).findings
    return [(each.kind, each.what, each.expected, each.found) for each in looked]


def cluster(found: Site) -> Cluster:
    """The fake behind a site."""
    objects: Any = found.objects
    assert isinstance(objects, Cluster)
    return objects


def engine(found: Site) -> Engine:
    """The fake behind a site."""
    assert isinstance(found.stack, Engine)
    return found.stack


def test_a_clean_stack_has_no_drift_and_nothing_is_written() -> None:
    """Though its login is newer than the release's last revision, and its Job is gone."""
    clean = site()
    del cluster(clean).held["Job once"]
    assert told(clean) == []
    assert cluster(clean).real() == []
    assert engine(clean).commands() == []


def test_settings_that_were_not_deployed_are_told() -> None:
    found = site()
    engine(found).steps.append({"op": "create", "urn": "urn:x::mlflow-new", "newState": {"inputs": {"a": 1}}})
    assert told(found) == [("settings", "mlflow-new", "to be there", None)]


@pytest.mark.parametrize(
    ("helm", "what", "expected", "found"),
    [
        ({"revision": 4}, "revision", "3", "4"),
        ({"status": "failed"}, "status", "deployed", "failed"),
        ({"chart_version": "5.1.18"}, "chart version", "5.1.17", "5.1.18"),
        ({"values": {"a": 2}}, "value a", "1", "2"),
        ({"values": {}}, "value a", "1", None),
        ({"values": {"a": 1, "b": {"c": 1}}}, "value b", None, "{c}"),
    ],
)
def test_what_helm_has_recorded_is_compared_with_the_state(
    helm: dict[str, Any], what: str, expected: str | None, found: str | None
) -> None:
    assert told(site(helm=helm)) == [("release", f"Helm release mlflow: {what}", expected, found)]


def test_a_release_that_is_gone_is_told() -> None:
    """No preview ends well then: the login's Secret is gone with it."""
    gone = site(helm=None, cluster=Cluster(*OWN))
    object.__setattr__(gone.stack, "failing", True)
    assert told(gone) == [("release", "Helm release mlflow", "revision 3", None)]


def test_a_release_that_helm_works_on_is_for_recover() -> None:
    (found,) = survey.survey(site(helm={"status": "pending-upgrade"})).findings
    assert found.fix == "make recover STACK=dev"


def test_deleted_and_edited_objects_are_named_and_no_secret_is() -> None:
    found = site()
    held = cluster(found).held
    del held["ConfigMap mlflow-tracking"]
    held["Secret mlflow-database"]["data"]["password"] = encoded("Edited")
    held["Secret mlflow-tracking"]["data"]["admin-password"] = encoded("Edited")
    looked = survey.survey(found)
    assert [each.what for each in looked.findings] == [
        "Secret mlflow-database: data.password",
        "Secret mlflow-tracking: data.admin-password",
        "ConfigMap mlflow-tracking",
    ]
    assert [each.gone for each in looked.broken] == [False, False, True]
    for text in (PLANTED, "Edited", "OlderPassword"):
        assert text not in str(looked.findings) + repr(looked) + repr(found)
        assert encoded(text) not in str(looked.findings) + repr(looked) + repr(found)


def test_an_older_login_that_came_back_is_drift() -> None:
    """As it stands in the record of a revision before a rotation."""
    found = site()
    cluster(found).held["Secret mlflow-tracking"]["data"] = CHARTS[0]["data"]
    assert [what for _, what, *_ in told(found)] == ["Secret mlflow-tracking: data.admin-password"]


def test_a_preview_that_fails_for_another_reason_fails_the_look() -> None:
    found = site()
    object.__setattr__(found.stack, "failing", True)
    with pytest.raises(OpsError, match="does not exist"):
        survey.survey(found)
    del cluster(found).held["Secret mlflow-tracking"]
    assert [what for _, what, *_ in told(found)] == ["Secret mlflow-tracking"]


def test_what_cannot_be_set_back_is_told_and_not_put_back() -> None:
    """A volume that has grown: only what was recorded is compared, for no dry run tells the rest."""
    volume = made("PersistentVolumeClaim", "data", spec={"size": "8Gi"})
    found = site(helm={"objects": (volume,)})
    cluster(found).held["PersistentVolumeClaim data"] = {**volume, "spec": {"size": "16Gi", "more": 1}}
    cluster(found).refused["PersistentVolumeClaim data"] = RefusedError("spec is immutable")
    looked = survey.survey(found)
    (told_once,) = looked.findings
    assert (told_once.expected, told_once.found) == ("8Gi", "16Gi")
    assert "spec is immutable" in told_once.fix
    assert looked.broken == []


def test_the_chart_s_own_database_password_is_told_and_never_put_back() -> None:
    """The database goes by the password that it was made with."""
    secret = made("Secret", "mlflow-postgresql", data={"password": "b2xk"})
    found = site(helm={"objects": (secret,)})
    cluster(found).held["Secret mlflow-postgresql"] = {**secret, "data": {"password": "bmV3"}}
    looked = survey.survey(found)
    assert [each.what for each in looked.findings] == ["Secret mlflow-postgresql: data.password"]
    assert looked.broken == []


def repaired(found: Site, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[Finding]]:
    """Repair the site."""
    monkeypatch.setattr(repair, "opened", lambda *_: opened(found))
    monkeypatch.setattr(drift, "opened", lambda *_: opened(found))
    return repair.repair(found.stack)


def test_objects_are_put_back_in_the_name_of_their_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider takes over the fields of its own field manager, so its next update is no conflict."""
    found = site()
    held = cluster(found).held
    del held["ConfigMap mlflow-tracking"]
    held["Secret mlflow-database"]["data"]["password"] = encoded("Edited")
    done, left = repaired(found, monkeypatch)
    assert done == ["Secret mlflow-database", "ConfigMap mlflow-tracking"]
    assert left == []
    assert cluster(found).real() == [
        ("Secret mlflow-database", "pulumi-kubernetes"),
        ("ConfigMap mlflow-tracking", "helm"),
    ]
    assert engine(found).commands() == []


def test_a_login_is_put_back_with_the_password_of_the_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = site()
    del cluster(found).held["Secret mlflow-tracking"]
    repaired(found, monkeypatch)
    data = cluster(found).held["Secret mlflow-tracking"]["data"]
    assert data == {"admin-user": encoded("user"), "admin-password": encoded(PLANTED), "key": "a2V5"}


def test_everything_is_tried_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    found = site()
    held = cluster(found).held
    del held["ConfigMap mlflow-tracking"], held["Secret mlflow-database"]
    repaired(found, monkeypatch)
    writes = cluster(found).written
    first = next(number for number, (*_, dry_run) in enumerate(writes) if not dry_run)
    assert {name for name, *_ in writes[:first]} >= {"ConfigMap mlflow-tracking", "Secret mlflow-database"}
    assert len(cluster(found).real()) == 2


def test_a_namespace_that_is_gone_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was in it cannot be tried before."""
    found = site(cluster=Cluster(), helm={"objects": ()})
    repaired(found, monkeypatch)
    assert [name for name, _ in cluster(found).real()] == ["Namespace mlflow", "Secret mlflow-database"]
    assert [dry_run for *_, dry_run in cluster(found).written[:2]] == [False, False]


def test_a_release_upgraded_by_hand_is_upgraded_again_whatever_the_provider_sees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = site(helm={"revision": 4, "values": {}})
    done, _ = repaired(found, monkeypatch)
    assert done == ["Helm release mlflow"]
    assert sum(args[0] == "preview" for args, _ in engine(found).asked) == 2, "one before and one after"
    assert engine(found).commands() == [
        "stack export",
        "stack import",
        "up --yes --skip-preview",
    ]
    (state,) = [json.loads(stdin) for args, stdin in engine(found).asked if args == ("stack", "import")]
    release, other = state["deployment"]["resources"]
    assert release["initErrors"]
    assert "initErrors" not in other


def test_a_release_that_is_gone_is_installed_with_the_login_that_the_database_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = site(helm=None, cluster=Cluster(*OWN))
    repaired(found, monkeypatch)
    secret = cluster(found).held["Secret mlflow-tracking"]
    assert secret["data"] == {"admin-user": encoded("user"), "admin-password": encoded(PLANTED)}
    assert secret["metadata"]["annotations"]["meta.helm.sh/release-name"] == "mlflow"
    assert [command.split()[0] for command in engine(found).commands()] == ["refresh", "up"]


def test_no_setting_is_deployed_that_nobody_has_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    step = {"op": "create", "urn": "urn:x::mlflow-new", "newState": {"inputs": {"a": 1}}}
    upgraded, gone = site(helm={"revision": 4}), site(helm=None, cluster=Cluster(*OWN))
    for found in (upgraded, gone):
        engine(found).steps.append(step)
    assert repaired(upgraded, monkeypatch)[0] == []
    assert engine(upgraded).commands() == []
    for found, fix in ((gone, r"\(pulumi refresh, then pulumi up --stack dev\)"), (upgraded, r"\(pulumi up")):
        with pytest.raises(OpsError, match=f"settings that were never deployed: .*{fix}"):
            reinstall.bring_back(found, Survey([], [], previewed=False))
        assert engine(found).commands() == []


def test_a_preview_that_failed_before_the_login_was_put_back_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It had not seen what was never deployed."""
    found = site(helm={"revision": 4})
    del cluster(found).held["Secret mlflow-tracking"]
    engine(found).steps.append({"op": "create", "urn": "urn:x::mlflow-new", "newState": {"inputs": {"a": 1}}})
    object.__setattr__(found.stack, "failing", True)
    create = cluster(found).create

    def created(recorded: Object, manager: str, *, dry_run: bool) -> None:
        create(recorded, manager, dry_run=dry_run)
        object.__setattr__(found.stack, "failing", dry_run)

    monkeypatch.setattr(found.objects, "create", created)
    with pytest.raises(OpsError, match=r"never deployed: .*\(pulumi up --stack dev\)"):
        repaired(found, monkeypatch)
    assert "Secret mlflow-tracking" in cluster(found).held
    assert engine(found).commands() == []


def test_a_release_that_helm_works_on_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = site(helm={"status": "pending-upgrade", "revision": 4})
    done, left = repaired(found, monkeypatch)
    assert (done, len(left)) == ([], 2)


@pytest.mark.parametrize(
    ("live", "done"),
    [
        (None, False),
        ({"metadata": {"generation": 2}, "spec": {"replicas": 1}}, False),
        ({"metadata": {"generation": 2}, "spec": {"replicas": 0}, "status": {"observedGeneration": 2}}, True),
    ],
)
def test_a_rollout_is_done_when_its_controller_says_so(live: Any, done: bool) -> None:
    assert repair.rolled_out(live) is done


@pytest.mark.parametrize(("updated", "done"), [(0, False), (1, True)])
def test_a_rollout_is_not_done_while_older_pods_serve(updated: int, done: bool) -> None:
    status = {"observedGeneration": 2, "replicas": 1, "readyReplicas": 1, "updatedReplicas": updated}
    assert repair.rolled_out({"metadata": {"generation": 2}, "spec": {}, "status": status}) is done


def run(monkeypatch: pytest.MonkeyPatch, found: Site, *args: str, answer: str = "") -> Any:
    """`python -m ops drift ARGS` on a site."""
    for module in (drift, repair):
        monkeypatch.setattr(module, "opened", lambda *_: opened(found))
    return CliRunner().invoke(ops.__main__.app, ["drift", "--stack", "dev", *args], input=answer)


def test_the_command_ends_with_0_without_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, site())
    assert done.exit_code == 0
    assert "No drift" in done.stdout


def test_the_command_ends_with_3_and_names_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(monkeypatch, site(helm={"revision": 4}))
    assert done.exit_code == 3
    assert "Helm release mlflow: revision" in done.stdout
    assert "make drift STACK=dev ARGS=--repair" in done.stdout


def test_json_is_all_that_is_on_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    found = site()
    del cluster(found).held["ConfigMap mlflow-tracking"]
    done = run(monkeypatch, found, "--json")
    assert done.exit_code == 3
    told = json.loads(done.stdout)
    assert (told["stack"], told["put_back"]) == ("dev", [])
    assert told["drift"][0]["what"] == "ConfigMap mlflow-tracking"
    mended = run(monkeypatch, found, "--json", "--repair", "--yes")
    assert mended.exit_code == 0
    assert json.loads(mended.stdout) == {
        "stack": "dev",
        "drift": [],
        "put_back": ["ConfigMap mlflow-tracking"],
    }


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_repair_asks_first(monkeypatch: pytest.MonkeyPatch, answer: str, code: int) -> None:
    found = site()
    del cluster(found).held["ConfigMap mlflow-tracking"]
    done = run(monkeypatch, found, "--repair", answer=answer)
    assert done.exit_code == code
    assert ("ConfigMap mlflow-tracking" in cluster(found).held) == (code == 0)


def test_repair_without_drift_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, site(), "--repair").exit_code == 0
