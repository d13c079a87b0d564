"""The stand-in chart, held to what the chart 5.1.17 renders: `facts/chart/`, as `chart_cases` reads it."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml

from components import names
from components.values import values
from components.values_authentication import FOLDER
from components.values_kept import source
from lab import charts, paths, plugins
from tests.contract.chart_cases import CASES, Renders, facts, objects, patched, secrets
from tests.contract.chart_form import LABEL, Facts, recorded_part, summaries
from tests.unit.settled import of

SHARED = paths.REPO.parent / "shared" / "chart"
"""The chart's facts as they were first recorded; there on some machines only."""

RECORDED = sorted(file.stem for file in (SHARED / "rendered").glob("*.json"))


DEFAULTS = {
    "values-5.1.17.json": (
        charts.SOURCE / "values.yaml",
        "7192ed8f224f0a7e9bee3b369606d94845154eb2654bfffd6d99c7b947fb0535",
    ),
    "postgresql-values-16.7.27.json": (
        charts.SOURCE / "charts" / "postgresql" / "values.yaml",
        "d12b0e1e6713c9d98f9fb73acb4d9a205b6e600469cbab313648eae8e388afae",
    ),
}
"""Where the chart's defaults are recorded, where the stand-in has them, and the digest of both."""


@pytest.fixture(scope="module")
def renders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renders]:
    """All cases, begun at once."""
    with ThreadPoolExecutor(4) as pool:
        yield Renders(plugins.build() / "helm", tmp_path_factory.mktemp("values"), pool)


def of_kind(what: str) -> list[str]:
    """The cases that tell of objects, of names, or of a refusal."""
    return [case for case in CASES if what in facts(case)]


@pytest.mark.parametrize("case", of_kind("objects"))
def test_renders_what_the_chart_renders(renders: Renders, case: str) -> None:
    """The same objects, names, keys, images, variables, ports, probes, volumes and claims."""
    found = summaries(renders.objects(case))
    expected = facts(case)["objects"]
    assert found.keys() == expected.keys()
    for name, told in expected.items():
        assert found[name] == told, name


@pytest.mark.parametrize("case", of_kind("names"))
def test_names_everything_after_the_release(renders: Renders, case: str) -> None:
    """With the chart's name in between where the release's does not hold it, and cut where it is too long."""
    found = renders.objects(case)
    release, namespace = facts(case)["release"], facts(case)["namespace"]
    assert sorted(f"{one['kind']} {one['metadata']['name']}" for one in found) == facts(case)["names"]
    assert {one["metadata"]["namespace"] for one in found} == {namespace}
    assert {one["metadata"]["labels"][f"{LABEL}instance"] for one in found} == {release}
    for kind in ("Deployment", "Service", "Secret", "Ingress"):
        assert f"{kind} {names.tracking(release)}" in facts(case)["names"]


@pytest.mark.parametrize("case", of_kind("refused"))
def test_refuses_what_the_chart_refuses(renders: Renders, case: str) -> None:
    """And says the same of it."""
    done = renders.cases[case].result()
    assert done.returncode != 0
    for meaning in facts(case)["refused"]:
        assert re.search(meaning, done.stderr), f"{meaning}\n{done.stderr}"


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("postgresql.ldap.enabled", {"postgresql": {"ldap": {"enabled": True}}}),
        ("run.persistence.enabled", {"run": {"enabled": True, "persistence": {"enabled": True}}}),
    ],
)
def test_says_what_the_stand_in_lacks(renders: Renders, key: str, values: Facts) -> None:
    """What it would have to leave out in silence, it refuses."""
    done = renders.start(key, {"values": patched(facts("seed")["values"], values)}).result()
    assert done.returncode != 0
    assert f"{key}: the lab's stand-in chart does not have it" in done.stderr


@pytest.mark.parametrize("case", [*of_kind("objects"), *of_kind("names")])
def test_nothing_leads_nowhere(renders: Renders, case: str) -> None:
    """Services and policies select pods, mounts have volumes, and what is referred to is made or given."""
    found = renders.objects(case)
    specs = [one.get("spec") or {} for one in found]
    specs = [spec.get("jobTemplate", {}).get("spec", spec) for spec in specs]
    pods = [spec["template"] for spec in specs if "template" in spec]
    labels = [pod["metadata"]["labels"] for pod in pods]
    for one in found:
        spec = one.get("spec") or {}
        selector = spec.get("podSelector", spec.get("selector", {}))
        wanted = selector.get("matchLabels", selector) if one["kind"] != "ServiceMonitor" else {}
        assert any(wanted.items() <= pod.items() for pod in labels), (one["kind"], one["metadata"]["name"])
    made = {f"{one['kind']} {one['metadata']['name']}": one for one in found}
    values = json.dumps(facts(case)["values"])
    for pod in pods:
        spec = pod["spec"]
        volumes = {volume["name"] for volume in spec["volumes"]}
        for one in [*spec["containers"], *(spec.get("initContainers") or [])]:
            mounted = {mount["name"] for mount in one.get("volumeMounts", [])}
            assert mounted <= volumes | {"data"}, one["name"]
            for entry in one.get("env") or []:
                ref = entry.get("valueFrom", {}).get("secretKeyRef")
                if ref and f"Secret {ref['name']}" in made:
                    assert ref["key"] in made[f"Secret {ref['name']}"]["data"], entry
                elif ref:
                    assert f'"{ref["name"]}"' in values, entry
        for volume in spec["volumes"]:
            for kind, key in (("secret", "secretName"), ("configMap", "name")):
                if kind in volume:
                    name = volume[kind][key]
                    known = f"{kind[0].upper()}{kind[1:]} {name}" in made
                    assert known or f'"{name}"' in values, volume


def test_generates_an_administrator_and_passwords_that_nothing_chokes_on(renders: Renders) -> None:
    """Letters and digits, long enough for MLflow (12), and new ones each time."""
    again = renders.start("again", facts("seed"))
    first, second = secrets(renders.objects("seed")), secrets(objects(again.result()))
    assert first["mlflow-tracking"]["admin-user"] == "user"
    for name, key, length in [
        ("mlflow-tracking", "admin-password", 12),
        ("mlflow-tracking", "flask-server-secret-key", 10),
        ("mlflow-postgresql", "password", 10),
        ("mlflow-postgresql", "postgres-password", 10),
    ]:
        assert re.fullmatch(rf"[A-Za-z0-9]{{{length}}}", first[name][key])
        assert first[name][key] != second[name][key]


def test_the_login_is_filled_in_from_the_environment(renders: Renders) -> None:
    """No password in a ConfigMap: its placeholders are filled in when the pod starts."""
    (overrides,) = (
        one["data"]["basic_auth_overrides.ini"]
        for one in renders.objects("seed")
        if one["metadata"]["name"] == "mlflow-tracking-auth-overrides"
    )
    assert sorted(line for line in overrides.splitlines() if line) == [
        "admin_password = {{ MLFLOW_TRACKING_PASSWORD }}",
        "admin_username = {{ MLFLOW_TRACKING_USERNAME }}",
        "database_uri = {{ MLFLOW_DATABASE_AUTH_URI }}",
    ]


def test_the_stack_s_own_module_reaches_the_server_as_it_is(renders: Renders) -> None:
    """Its ConfigMap, the mount, and the hook among what is written into the server's settings."""
    found = {
        f"{one['kind']} {one['metadata']['name']}": one
        for one in objects(renders.start("module", {"values": values(of())}).result())
    }
    module = found["ConfigMap mlflow-authentication"]
    assert module["data"]["mlflow_fast_authentication.py"] == source("pod_authentication.py")
    assert module["data"]["mlflow_strict_permissions.hook.py"] == source("pod_permissions/hook.py")
    overrides = found["ConfigMap mlflow-tracking-auth-overrides"]["data"]["basic_auth_overrides.ini"]
    asked = "mlflow_strict_permissions.hook:authenticate_request"
    assert f"authorization_function = {asked}" in overrides.splitlines()
    pod = found["Deployment mlflow-tracking"]["spec"]["template"]
    assert "checksum/authentication" in pod["metadata"]["annotations"]
    (server,) = pod["spec"]["containers"]
    assert {"name": "PYTHONPATH", "value": FOLDER} in server["env"]
    assert [mount["name"] for mount in server["volumeMounts"] if mount["mountPath"] == FOLDER] == [
        volume["name"]
        for volume in pod["spec"]["volumes"]
        if volume.get("configMap", {}).get("name") == module["metadata"]["name"]
    ]


def test_is_a_well_formed_chart_in_one_archive(renders: Renders, monkeypatch: pytest.MonkeyPatch) -> None:
    """`helm lint` has no complaint, and the archive has the chart's version and both sub-charts."""
    lint = renders.pool.submit(renders.run, "lint", "--strict", str(charts.SOURCE))
    monkeypatch.setenv("MLFLOW_LAB_HOME", str(renders.folder / "lab"))
    archive = charts.package(renders.helm)
    assert archive.name == "mlflow-5.1.17.tgz"
    with tarfile.open(archive) as packed:
        assert {
            "mlflow/Chart.yaml",
            "mlflow/values.schema.json",
            "mlflow/charts/minio/Chart.yaml",
            "mlflow/charts/postgresql/values.schema.json",
        } <= set(packed.getnames())
    assert lint.result().returncode == 0, lint.result().stdout


def digest(values: Any) -> str:
    """A digest of values, whatever their layout; of the first-start script only that it is there."""
    scripts = values.get("postgresql", {}).get("primary", {}).get("initdb", {}).get("scripts", {})
    scripts.update(dict.fromkeys(scripts, ""))
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@pytest.mark.parametrize("recorded", DEFAULTS)
def test_has_the_chart_s_defaults(recorded: str) -> None:
    file, expected = DEFAULTS[recorded]
    assert digest(yaml.load(file.read_text(), Loader=yaml.CSafeLoader)) == expected


if RECORDED:

    @pytest.mark.parametrize("recorded", DEFAULTS)
    def test_the_defaults_are_the_recorded_ones(recorded: str) -> None:
        assert digest(json.loads((SHARED / recorded).read_text())) == DEFAULTS[recorded][1]

    @pytest.mark.parametrize("case", RECORDED)
    def test_our_facts_are_the_recorded_ones(case: str) -> None:
        """What was recorded of the chart says the same as our own form of it."""
        recorded = json.loads((SHARED / "rendered" / f"{case}.json").read_text())
        own = facts(case)
        assert own["values"] == recorded["values"]
        assert ("refused" in own) == recorded.get("refused", False)
        found = summaries(recorded.get("resources", []))
        assert recorded_part(found) == recorded_part(own.get("objects", {}))
