"""What moves from stack to stack, and how it is written into a stack's file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.settings.model import KEYS, about, default_of
from ops import coordinates, stack_file
from ops.console import OpsError
from ops.coordinates import Move, moves
from ops.stack import CONFIG_FILE, PROGRAM

DEFAULTS = {key: str(default_of(name)) for key, name in KEYS.items()}
NAMES = ("dev", "staging")
DIGEST = f"sha256:{'0' * 64}"


def moved(source: dict[str, str], target: dict[str, str]) -> list[tuple[str, str, str]]:
    """What moves between two stacks that differ from the defaults in these settings."""
    found = moves({**DEFAULTS, **source}, {**DEFAULTS, **target}, NAMES)
    return [(move.key, move.before, move.after) for move in found]


def test_what_moves_is_the_version_and_its_tuning() -> None:
    """A change here is a decision: it also changes what `make promote` does to every environment."""
    assert coordinates.PROMOTED == (
        "chartVersion",
        "imageMlflow",
        "imagePostgresql",
        "imageOsShell",
        "imageGit",
        "imagePostgresExporter",
        "databaseUpgrade",
        "trackingThreads",
        "trackingWorkerTimeout",
        "fastAuthentication",
        "strictPermissions",
    )


def test_no_secret_moves_and_every_value_is_a_plain_one() -> None:
    for key in coordinates.PROMOTED:
        assert not about(KEYS[key]).secret
        assert isinstance(default_of(KEYS[key]), str | int)


def test_equal_stacks_have_nothing_to_move() -> None:
    assert moved({}, {}) == []


@pytest.mark.parametrize("key", [key for key in KEYS if key not in coordinates.PROMOTED])
def test_an_environment_s_own_never_moves(key: str) -> None:
    assert moved({key: "something"}, {key: "else"}) == []


def test_version_and_tuning_move() -> None:
    changed = {"chartVersion": "5.2.0", "trackingThreads": "31", "ingressHost": "dev.example.com"}
    assert moved(changed, {"ingressHost": "staging.example.com"}) == [
        ("chartVersion", "5.1.17", "5.2.0"),
        ("trackingThreads", "32", "31"),
    ]


def test_a_default_of_the_source_moves_too() -> None:
    assert moved({}, {"trackingThreads": "64"}) == [("trackingThreads", "64", "32")]


@pytest.mark.parametrize(
    ("source", "target", "wanted"),
    [
        ("bitnamilegacy/mlflow:2", "bitnamilegacy/mlflow", "bitnamilegacy/mlflow:2"),
        ("bitnamilegacy/mlflow:2", "bitnamilegacy/mlflow:1", "bitnamilegacy/mlflow:2"),
        ("bitnamilegacy/mlflow", "bitnamilegacy/mlflow:1", "bitnamilegacy/mlflow"),
        ("a.example/bitnamilegacy/mlflow:2", "b.example:5000/bitnamilegacy/mlflow", "{target}:2"),
        ("bitnamilegacy/mlflow:2", "b.example:5000/mirror/bitnamilegacy/mlflow", "{target}:2"),
        ("a.example/mirror/bitnamilegacy/mlflow:2", "bitnamilegacy/mlflow", "{target}:2"),
        (
            f"acme/mlflow:2@{DIGEST}",
            "b.example:5000/copies/mlflow:1",
            f"b.example:5000/copies/mlflow:2@{DIGEST}",
        ),
        ("bitnamilegacy/mlflow:2", f"bitnamilegacy/mlflow:1@{DIGEST}", "bitnamilegacy/mlflow:2"),
    ],
)
def test_of_an_image_tag_and_digest_move_and_its_place_stays(source: str, target: str, wanted: str) -> None:
    found = moved({"imageMlflow": source}, {"imageMlflow": target})
    assert found == [("imageMlflow", target, wanted.format(target=target))]


def test_the_same_tag_in_another_registry_is_the_same_release() -> None:
    assert moved({"imageMlflow": "a.example/x/mlflow:1"}, {"imageMlflow": "b.example/x/mlflow:1"}) == []


@pytest.mark.parametrize("other", ["acme/mlflow", "notbitnamilegacy/mlflow", "mlflow-gpu"])
def test_a_tag_of_another_image_is_refused(other: str) -> None:
    with pytest.raises(OpsError, match=rf"imageMlflow is {other} in dev and bitnamilegacy/mlflow in staging"):
        moved({"imageMlflow": f"{other}:1"}, {})


STAGING = f"""\
# Ours: staging
encryptionsalt: v1:abc:{"d" * 200}
config:
  # pinned on purpose
  mlflow:chartVersion: 5.1.17   # see the release notes
  mlflow:s3AccessKeyId:
    secure: v1:{"x" * 200}
  mlflow:imagePullSecrets:
    - regcred
  mlflow:trackingThreads: "32"
  mlflow:trackingWorkerTimeout: 120
  imageMlflow: 'bitnamilegacy/mlflow:1'

  mlflow:extraValues:
    tracking:
      tolerations:
        - key: disk
          operator: "Exists"
# the end
"""


def changed(text: str, **values: str) -> str:
    """The text of a stack file with these settings moved into it."""
    return stack_file.rewritten(text, [Move(key, "", value) for key, value in values.items()])


def test_only_the_values_that_move_change_in_the_file() -> None:
    wanted = (
        STAGING.replace("5.1.17 ", "5.2.0  ")  # the comment keeps its column
        .replace('"32"', '"31"')
        .replace("mlflow:1'", "mlflow:2'")
        .replace("Timeout: 120", "Timeout: 60")
    )
    given: dict[str, Any] = {"chartVersion": "5.2.0", "trackingThreads": "31", "trackingWorkerTimeout": "60"}
    assert changed(STAGING, **given, imageMlflow="bitnamilegacy/mlflow:2") == wanted


def test_a_file_is_written_as_it_was_where_nothing_moves() -> None:
    flat = STAGING.replace("    - regcred", "  - regcred").replace("        - key", "      - key")
    flat = flat.replace("          operator", "        operator")
    for text in (STAGING, flat, "config:\n    mlflow:context: lab\n    mlflow:extraValues:\n        a: b\n"):
        assert changed(text) == text
    for stack in ("dev", "staging", "prod"):
        text = (PROGRAM / f"Pulumi.{stack}.yaml").read_text()
        assert changed(text) == text


def test_a_new_key_is_written_as_pulumi_does() -> None:
    assert changed("config:\n  mlflow:context: lab\n", trackingThreads="31", chartVersion="5.2.0") == (
        'config:\n  mlflow:context: lab\n  mlflow:trackingThreads: "31"\n  mlflow:chartVersion: 5.2.0\n'
    )


def test_a_key_may_stand_without_its_project() -> None:
    """Pulumi takes it so, and of both either: what is set or goes is both."""
    text = "config:\n  a: 1\n  mlflow:a: 1\n  b: x\n  c: x\n"
    wanted = 'config:\n  b: y\n  c: x\n  mlflow:d:\n    e: true\n  mlflow:f: "@daily"\n'
    assert stack_file.edited(text, {"a": None, "b": "y", "d": {"e": True}, "f": "@daily"}) == wanted
    assert stack_file.edited(text, {"a": 2}) == text.replace("1", "2")


@pytest.mark.parametrize("text", ["", "encryptionsalt: v1:abc\n"])
def test_a_file_without_settings_gets_some(text: str) -> None:
    assert changed(text, chartVersion="5.2.0") == f"{text}config:\n  mlflow:chartVersion: 5.2.0\n"


def test_a_file_is_replaced_whole_and_keeps_its_mode(tmp_path: Path) -> None:
    file, link = tmp_path / "Pulumi.real.yaml", tmp_path / "Pulumi.staging.yaml"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    stack_file.replace(link, "new")
    assert (link.is_symlink(), file.read_text(), file.stat().st_mode & 0o777) == (True, "new", 0o640)
    stack_file.replace(tmp_path / "Pulumi.new.yaml", "new")
    assert {found.name for found in tmp_path.iterdir()} == {file.name, link.name, "Pulumi.new.yaml"}


@pytest.fixture(autouse=True)
def plain_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """No stack file is named by this shell."""
    monkeypatch.delenv(CONFIG_FILE, raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)


def test_a_stack_s_file_is_beside_pulumi_yaml() -> None:
    assert stack_file.find("prod", None) == PROGRAM / "Pulumi.prod.yaml"
    assert stack_file.find("acme/mlflow/prod", None) == PROGRAM / "Pulumi.prod.yaml"


def test_a_named_file_is_one_stack_s_and_the_other_s_is_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "Pulumi.dev.yaml"
    named.touch()
    monkeypatch.setenv(CONFIG_FILE, str(named))
    assert stack_file.find("dev", None) == named
    assert stack_file.find("staging", None) == PROGRAM / "Pulumi.staging.yaml"
    (tmp_path / "Pulumi.staging.yaml").touch()
    assert stack_file.find("staging", None) == tmp_path / "Pulumi.staging.yaml"


def test_a_given_file_wins(tmp_path: Path) -> None:
    given = tmp_path / "some.yaml"
    given.touch()
    assert stack_file.find("prod", given) == given


def test_a_stack_without_a_file_is_refused(tmp_path: Path) -> None:
    """`pulumi` would take the defaults of all settings in silence."""
    with pytest.raises(OpsError, match=r"stack qa has no file \(looked for .*Pulumi\.qa\.yaml\): name"):
        stack_file.find("qa", None)
    with pytest.raises(OpsError, match="stack prod has no file"):
        stack_file.find("prod", tmp_path / "some.yaml")


def test_two_stacks_can_have_a_passphrase_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, passphrase = tmp_path / "Pulumi.prod.yaml", tmp_path / "passphrase"
    assert stack_file.stack("prod", file, None).env == {CONFIG_FILE: str(file)}
    with pytest.raises(OpsError, match=r"no passphrase file .* for stack prod"):
        stack_file.stack("prod", file, passphrase)
    passphrase.touch()
    own = stack_file.stack("prod", file, passphrase).env
    assert own["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(passphrase)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of the other one")
    assert stack_file.stack("prod", file, None).environ()["PULUMI_CONFIG_PASSPHRASE"] == "of the other one"
    # It would win over the file, also where it is empty.
    assert "PULUMI_CONFIG_PASSPHRASE" not in stack_file.stack("prod", file, passphrase).environ()
