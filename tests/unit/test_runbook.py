"""The runbook's own commands: values in force, the chart's defaults, both beside the stack's, the login."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import ops.__main__
from components.values import values as of_program
from ops import chart, cluster, record, values
from ops.console import OpsError
from ops.differences import OTHER, OURS
from ops.stack import Stack
from tests.unit import releases
from tests.unit.cases import GOOD, SECRETS
from tests.unit.settled import of

PLANTED = "PlantedPassword"
PLAIN = {"chart": "oci://registry.example.com/charts/mlflow", "chartVersion": "5.1.17"}


class Configured(Stack):
    """A stack with settings and outputs."""

    given: dict[str, str]
    hidden: dict[str, str]

    def __init__(self, given: dict[str, str] | None = None, hidden: dict[str, str] | None = None) -> None:
        super().__init__("dev")
        object.__setattr__(self, "given", {**GOOD, **PLAIN, **(given or {})})
        object.__setattr__(self, "hidden", {**SECRETS, **(hidden or {})})

    def read(self, *args: str, stdin: str = "") -> str:
        if args[:2] == ("config", "get"):
            return self.hidden[args[2]] + "\n"
        if args == ("stack", "output", "--json", "--show-secrets"):
            login = {"admin_username": "user", "admin_password": PLANTED}
            return json.dumps({**login, "tracking_url": "https://mlflow.example.com", "namespace": "mlflow"})
        shown = "--show-secrets" in args
        every = {key: {"value": text, "secret": False} for key, text in self.given.items()}
        for key, text in self.hidden.items():
            every[key] = {"value": text, "secret": True} if shown else {"secret": True}
        engines = {"pulumi:disable-default-providers": {"value": '["kubernetes"]', "secret": False}}
        return json.dumps({**{f"mlflow:{key}": entry for key, entry in every.items()}, **engines})


@pytest.fixture
def helm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `helm` that notes its arguments, its standard input and its registry store; the file of notes."""
    notes = tmp_path / "notes"
    program = tmp_path / "helm"
    program.write_text(
        "#!/bin/sh\n"
        f'echo "$@" >> {notes}\n'
        f'[ "$1" = registry ] && echo "stdin: $(cat)" >> {notes}\n'
        f'[ -n "$HELM_REGISTRY_CONFIG" ] && echo "store: $HELM_REGISTRY_CONFIG" >> {notes}\n'
        '[ "$2" = values ] && printf "# defaults\\nimage: {tag: old}\\nminio: {enabled: true}\\n\\n"\n'
        "exit 0\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return notes


def defaults(stack: Stack) -> str:
    """Those of the stack's chart."""
    return chart.defaults(chart.of(stack.config(), lambda: chart.password(stack)))


def test_the_chart_s_defaults_are_those_of_the_stack_s_chart_and_version(helm: Path) -> None:
    """As Helm prints them, comments and all."""
    assert defaults(Configured()).startswith("# defaults\nimage:")
    assert helm.read_text() == f"show values {PLAIN['chart']} --version=5.1.17\n"


def test_a_private_registry_s_password_is_in_no_argument_and_no_store_of_the_person(helm: Path) -> None:
    stack = Configured({"chartUsername": "robot", "chartCaFile": "/ca.pem"}, {"chartPassword": PLANTED})
    defaults(stack)
    login, stdin, store, show, again = helm.read_text().splitlines()
    assert login == "registry login registry.example.com --username=robot --password-stdin --ca-file=/ca.pem"
    assert stdin == f"stdin: {PLANTED}"
    assert PLANTED not in login + show
    assert show.endswith("--ca-file=/ca.pem")
    assert store == again
    assert not Path(store.removeprefix("store: ")).parent.exists()


def test_helm_s_error_is_told(helm: Path) -> None:
    (helm.parent / "helm").write_text("#!/bin/sh\necho 'no such chart' >&2\nexit 1\n")
    with pytest.raises(OpsError, match="`helm show values` failed: no such chart"):
        defaults(Configured())


def test_without_helm_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OpsError, match="helm is not on PATH"):
        defaults(Configured())


def test_the_stack_s_values_are_those_of_the_program() -> None:
    """With its secrets: the pods' annotation follows from them."""
    assert values.of_settings(Configured().all_settings()) == of_program(of(**PLAIN))


def test_wrong_settings_are_told_as_the_program_tells_them() -> None:
    with pytest.raises(OpsError, match="chartVersion"):
        values.of_settings({**GOOD, **SECRETS, "chartVersion": "newest"})


OURS_ALL = {"image": {"tag": "new"}, "same": 1, "list": [1], "auth": {"password": "x"}, "empty": {}}
THEIRS = {"image": {"tag": "other"}, "same": 1, "list": [1], "auth": {"password": "y"}, "more": {"a": True}}
USUAL = {"image": {"tag": "old"}, "same": 1, "list": [], "auth": {"password": ""}, "unset": 5}


def test_three_sources_are_laid_side_by_side() -> None:
    """What is the same in all is left out; of a list the whole is one value; what may be secret is masked."""
    found = {row.path: row for row in values.rows(OURS_ALL, THEIRS, USUAL)}
    assert list(found) == ["auth.password", "empty", "image.tag", "list", "more.a"]
    tag = found["image.tag"]
    assert (tag.stack, tag.helm, tag.default, tag.differs) == ("new", "other", "old", True)
    listed = found["list"]
    assert (listed.stack, listed.helm, listed.default, listed.differs) == ("[1]", "[1]", "[]", False)
    added = found["more.a"]
    assert (added.stack, added.helm, added.default) == (None, "true", None)
    assert (found["auth.password"].stack, found["auth.password"].helm) == (OURS, OTHER)


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Values that Helm has in force."""
    held: dict[str, Any] = {"image": {"tag": "old"}}
    found = releases.record(held)
    monkeypatch.setattr(cluster, "connect", lambda _: None)
    monkeypatch.setattr(record, "latest", lambda *_: found)
    monkeypatch.setattr(values, "of_settings", lambda _: {"image": {"tag": "old"}})
    return held


def run(monkeypatch: pytest.MonkeyPatch, *args: str) -> Any:
    """`python -m ops ARGS` on a stack."""
    stack = Configured({"namespace": "mlflow", "releaseName": "mlflow"})
    monkeypatch.setattr("ops.stack.Stack", lambda _: stack)
    return CliRunner().invoke(ops.__main__.app, [*args, "--stack", "dev"])


def test_values_prints_what_helm_has(released: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "values").stdout == "image:\n  tag: old\n"
    assert json.loads(run(monkeypatch, "values", "--json").stdout) == released


def test_values_of_no_release_is_an_error(monkeypatch: pytest.MonkeyPatch, released: dict[str, Any]) -> None:
    monkeypatch.setattr(record, "latest", lambda *_: None)
    with pytest.raises(OpsError, match="`pulumi up` installs it"):
        values.in_force({"namespace": "mlflow", "releaseName": "mlflow"})


def test_defaults_prints_helm_s_own_text(helm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "# defaults\nimage: {tag: old}\nminio: {enabled: true}\n\n"
    assert run(monkeypatch, "defaults").stdout == text
    parsed = {"image": {"tag": "old"}, "minio": {"enabled": True}}
    assert json.loads(run(monkeypatch, "defaults", "--json").stdout) == parsed


def test_compare_ends_with_3_where_helm_has_other_values(
    helm: Path, released: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    same = run(monkeypatch, "compare")
    assert same.exit_code == 0
    assert "The values in force are the stack's" in same.stdout
    released["image"] = {"tag": "by-hand"}
    other = run(monkeypatch, "compare")
    assert other.exit_code == 3
    assert "by-hand" in other.stdout
    (row,) = json.loads(run(monkeypatch, "compare", "--json").stdout)
    assert row == {"path": "image.tag", "stack": "old", "helm": "by-hand", "default": "old", "differs": True}


def test_one_look_at_the_settings_is_enough_to_compare(
    helm: Path, released: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The login of a private registry is among them."""
    asked: list[tuple[str, ...]] = []
    stack = Configured(
        {"namespace": "mlflow", "releaseName": "mlflow", "chartUsername": "robot"}, {"chartPassword": PLANTED}
    )
    read = Configured.read

    def noted(self: Configured, *args: str, stdin: str = "") -> str:
        asked.append(args)
        return read(self, *args, stdin=stdin)

    monkeypatch.setattr(Configured, "read", noted)
    assert values.compare(stack) == []
    assert len(asked) == 1
    assert f"stdin: {PLANTED}" in helm.read_text()


def test_credentials_prints_the_login_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = {"url": "https://mlflow.example.com", "username": "user", "password": PLANTED}
    lines = [f"{key}: {text}" for key, text in wanted.items()]
    assert run(monkeypatch, "credentials").stdout.splitlines() == lines
    assert json.loads(run(monkeypatch, "credentials", "--json").stdout) == wanted
