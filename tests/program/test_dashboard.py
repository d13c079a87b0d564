"""The Grafana dashboard of a stack: made when asked for, found by its labels, whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components.settings import WrongSettings, parse
from components.values_kept import source
from tests.unit.cases import GOOD, SECRETS
from tests.unit.engine import awaited, start
from tests.unit.program import run

ON = {**GOOD, "metrics": "true", "grafanaDashboard": "true"}


@awaited
def test_the_sidecar_finds_it_by_its_label_and_its_file_by_the_namespace() -> Any:
    engine = start({**ON, "namespace": "team-a", "releaseName": "prod"}, SECRETS)

    def check(_: dict[str, Any]) -> None:
        (made,) = engine.of_type("core/v1:ConfigMap")
        assert made.inputs["metadata"] == {
            "name": "prod-mlflow-dashboard",
            "namespace": "team-a",
            "labels": {"grafana_dashboard": "1"},
        }
        assert list(made.inputs["data"]) == ["mlflow-team-a-prod.json"]

    return run(check)


@awaited
def test_its_labels_can_be_others() -> Any:
    engine = start({**ON, "grafanaDashboardLabels": '{"dashboards": "ours"}'}, SECRETS)

    def check(_: dict[str, Any]) -> None:
        (made,) = engine.of_type("core/v1:ConfigMap")
        assert made.inputs["metadata"]["labels"] == {"dashboards": "ours"}

    return run(check)


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"metrics": "false"}, "grafanaDashboard"),
        ({"grafanaDashboard": "false", "grafanaDashboardLabels": '{"a": "b"}'}, "grafanaDashboardLabels"),
    ],
)
def test_without_metrics_or_without_a_dashboard_it_is_refused(changed: dict[str, str], key: str) -> None:
    with pytest.raises(WrongSettings, match=f"1\\. {key}\n"):
        parse({**ON, **SECRETS, **changed})


def test_panels_have_their_own_places_and_say_what_they_show() -> None:
    board = json.loads(source("dashboard.json"))
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
