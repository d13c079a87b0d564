"""The README and the pages beside it are true: what they name exists, and is called what they call it."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import lab.cli
import ops.__main__
from components import names
from components.settings.model import KEYS, about
from components.tracking import MlflowTracking
from ops import quickstart, reference
from ops.stack import PROGRAM

README = PROGRAM / "README.md"
PAGES = [
    README,
    *(PROGRAM / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY")),
    *sorted((PROGRAM / "docs").glob("*.md")),
]
APPS = {"lab": lab.cli.app, "ops": ops.__main__.app}

FENCE = re.compile(r"^```.*?^```", re.M | re.S)
MACHINE_PATH = re.compile(r"(?<![\w.~$}])/(?:work|root|home|Users|mnt|tmp)/")


def found(pattern: str) -> list[tuple[str, ...]]:
    """What a pattern's groups find in the pages, each after its page's name; the README must have some."""
    hits = [(page.name, *hit.groups()) for page in PAGES for hit in re.finditer(pattern, page.read_text())]
    assert any(page == README.name for page, *_ in hits), pattern
    return hits


def prose(page: Path) -> str:
    """A page without its blocks of code: a comment in a shell is no heading."""
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    seen: Counter[str] = Counter()
    result = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.M):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        result.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return result


def links(page: Path) -> Iterator[str]:
    """The targets of a page's links."""
    yield from re.findall(r"\]\(([^)\s]+)\)", prose(page))


def test_every_make_target_it_names_exists() -> None:
    makefile = (PROGRAM / "Makefile").read_text()
    targets = {*re.findall(r"^([a-z0-9-]+):", makefile, re.M), ".venv/.ready"}
    named = found(r"(?:`|\(|^|\n)make (?:-s )?([a-z.][\w./-]*)")
    assert [hit for hit in named if hit[1] not in targets] == []
    assert "READY := .venv/.ready" in makefile


def test_every_command_of_lab_and_ops_it_names_exists() -> None:
    commands = {
        name: {
            command.name or command.callback.__name__
            for command in app.registered_commands
            if command.callback
        }
        for name, app in APPS.items()
    }
    named = found(r"python -m (lab|ops) ([a-z]+)")
    assert [hit for hit in named if hit[2] not in commands[hit[1]]] == []
    told = re.findall(r"^\| `python -m lab ([a-z]+)", README.read_text(), re.M)
    assert set(told) == commands["lab"], "the README's table has every command of the lab"


def test_every_module_it_runs_exists() -> None:
    for page, module in found(r"python -m ((?:lab|ops)\.\w+)"):
        assert importlib.util.find_spec(module), f"{page}: {module}"


def test_every_key_it_sets_is_a_setting_and_is_secret_where_it_says_so() -> None:
    for page, options, key in found(r"pulumi config (?:set|rm) ((?:--\w+ )*)'?([A-Za-z]\w*)"):
        if key == "KEY":
            continue
        assert key in KEYS, f"{page}: {key}"
        assert about(KEYS[key]).secret == ("--secret" in options), f"{page}: {key}"


def test_every_output_it_names_exists_and_the_table_has_all() -> None:
    outputs = set(MlflowTracking.__annotations__)
    for page, name in found(r"pulumi stack output ([a-z_]+)"):
        assert name in outputs, f"{page}: {name}"
    _, _, rest = README.read_text().partition("### Outputs of the stack\n")
    assert re.findall(r"^\| `([a-z_]+)` \|", rest.partition("\n#")[0], re.M) == list(
        MlflowTracking.__annotations__
    )


def test_secret_outputs_are_read_with_show_secrets() -> None:
    for page, after in found(r"stack output admin_\w+\b(.{0,15})"):
        assert after == " --show-secrets", page


def test_every_link_leads_somewhere() -> None:
    for page in PAGES:
        for target in links(page):
            if re.match(r"https?://", target):
                continue
            path, _, anchor = target.partition("#")
            file = page.parent / path if path else page
            assert file.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(file), f"{page.name}: {target}"


def test_every_page_is_reached_from_the_readme() -> None:
    reached = {(README.parent / target.partition("#")[0]).resolve() for target in links(README)}
    assert {page.resolve() for page in PAGES} - {README.resolve()} <= reached


def test_every_file_it_names_exists() -> None:
    for page, name in found(r"`((?:components|docs|lab|ops|tests)/[\w./-]*)`"):
        assert (PROGRAM / name).exists(), f"{page}: {name}"


def test_the_names_of_objects_are_the_program_s() -> None:
    text = README.read_text()
    stores = (names.S3_SECRET, names.GCS_SECRET, names.AZURE_SECRET)
    for ending in (*stores, names.DATABASE_SECRET, names.PULL_SECRET):
        assert f"`{names.own('mlflow', ending)}`" in text
    for name in (names.tracking("mlflow"), f"data-{names.database('mlflow')}-0"):
        assert f"`{name}`" in text


def test_the_end_of_make_up_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    outputs = {"admin_username": "user", "namespace": "mlflow"}
    quickstart._farewell(outputs, f"http://127.0.0.1:{quickstart.PORT}", None, 80)
    assert f"```text\n{capsys.readouterr().out.strip()}\n```" in README.read_text()


def test_troubleshooting_has_symptom_cause_and_fix() -> None:
    _, _, rest = prose(README).partition("## Troubleshooting\n")
    rows = re.findall(r"^\| (?!what you see|---)(.+) \|$", rest.partition("\n## ")[0], re.M)
    assert len(rows) >= 15
    for row in rows:
        cells = re.split(r" (?<!\\)\| ", row)
        assert len(cells) == 3, row
        assert all(cells), row


def test_the_configuration_table_is_the_code_s() -> None:
    assert reference.table() in README.read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_no_path_of_one_machine(page: Path) -> None:
    assert [line for line in page.read_text().splitlines() if MACHINE_PATH.search(line)] == []


def test_names_a_licence_only_where_there_is_one() -> None:
    licences = list(PROGRAM.glob("LICEN[CS]E*"))
    assert bool(licences) == bool(re.search(r"licen[cs]e", prose(README), re.I))


def test_paths_of_a_machine_are_seen() -> None:
    for top in ("work", "root", "tmp", "home"):
        for line in (f"cd /{top}/x", f"`/{top}/.cache`", f"file:///{top}/x", f"(/{top}/ada)"):
            assert MACHINE_PATH.search(line), line
    for line in ("~/.cache/x", "docs/work/x", "/etc/ssl/x.pem"):
        assert not MACHINE_PATH.search(line), line
