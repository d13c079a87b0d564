"""Pictures of what was measured, as SVG in `docs/images`: the same figures give the same file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ops.stack import PROGRAM

FOLDER = PROGRAM / "docs" / "images"
WIDTH, HEIGHT = 7.0, 3.2
"""Inches."""


def lines(name: str, curves: Mapping[str, Sequence[tuple[float, float]]], across: str, upwards: str) -> str:
    """Curves in one picture, by their name; each is points of `across` and `upwards`. Gives its Markdown."""
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    axes = figure.subplots()
    for label, points in curves.items():
        axes.plot(*zip(*points, strict=True), marker="o", label=label)
    axes.set_xlabel(across)
    axes.set_ylabel(upwards)
    axes.set_ylim(bottom=0)
    axes.set_xticks(sorted({x for points in curves.values() for x, _ in points}))
    if len(curves) > 1:
        axes.legend(frameon=False)
    return _saved(name, figure, axes, f"{upwards} by {across}")


def bars(name: str, groups: Mapping[str, Mapping[str, float]], across: str, bar: float) -> str:
    """Horizontal bars, some for each group, and the bar that they are held to. Gives its Markdown."""
    figure = Figure(figsize=(WIDTH, 0.9 + 0.45 * len(groups)), layout="constrained")
    axes = figure.subplots()
    series = list(next(iter(groups.values())))
    height = 0.8 / len(series)
    for number, label in enumerate(series):
        places = [place + (number - (len(series) - 1) / 2) * height for place in range(len(groups))]
        axes.barh(places, [group[label] for group in groups.values()], height, label=label)
    axes.axvline(bar, color="black", linestyle="--", linewidth=1, label=f"bar: {bar:g}")
    axes.set_yticks(range(len(groups)), list(groups))
    axes.invert_yaxis()
    axes.set_xlabel(across)
    axes.legend(frameon=False)
    return _saved(name, figure, axes, across)


def _saved(name: str, figure: Figure, axes: Axes, what: str) -> str:
    axes.spines[["top", "right"]].set_visible(False)
    with mpl.rc_context({"svg.hashsalt": "mlflow", "svg.fonttype": "none"}):
        figure.savefig(FOLDER / f"serving-{name}.svg", metadata={"Date": None}, facecolor="white")
    return f"![{what}](images/serving-{name}.svg)"
