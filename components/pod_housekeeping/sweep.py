"""Goes through what was deleted: says what would go, or removes it; one that fails does not stop the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from components.pod_bucket import told
from components.pod_housekeeping.artifacts import Artifacts
from components.pod_housekeeping.database import Database
from components.pod_housekeeping.items import (
    FAILED,
    GOES,
    REMOVED,
    STAYS,
    HousekeepingError,
    Item,
    Location,
    Outcome,
    Weight,
)


def listed(database: Database, artifacts: Artifacts, before: int) -> Iterator[Outcome]:
    """What would go of what was deleted up to `before`; changes nothing."""
    stay: set[str] = set()
    for item in [*database.runs(before), *database.experiments(before)]:
        if why := _in_use(database, item, stay):
            stay.add(item.experiment)
            yield Outcome(item, STAYS, why)
            continue
        try:
            yield Outcome(item, GOES, "", _each(item, artifacts.weigh))
        except Exception as error:
            stay.add(item.experiment)
            yield Outcome(item, FAILED, _line(error))


def removed(database: Database, artifacts: Artifacts, before: int) -> Iterator[Outcome]:
    """Remove what was deleted up to `before`, runs first: an experiment goes when it has none left."""
    for find in (database.runs, database.experiments):
        for item in find(before):
            yield _removed(database, artifacts, item, before)


def _removed(database: Database, artifacts: Artifacts, item: Item, before: int) -> Outcome:
    if why := _in_use(database, item):
        return Outcome(item, STAYS, why)
    weight: list[Weight | None] = []
    try:
        gone = database.remove(item, before, lambda: weight.append(_each(item, artifacts.erase)))
    except Exception as error:
        return Outcome(item, FAILED, _line(error))
    if not gone:
        why = "it was restored meanwhile" if item.kind == "run" else "it was restored, or some runs stay"
        return Outcome(item, STAYS, why)
    return Outcome(item, REMOVED, "", weight[0])


def _in_use(database: Database, item: Item, stay: set[str] | frozenset[str] = frozenset()) -> str:
    """Why an item has to stay; empty where nothing is in the way. `stay` are experiments whose runs do."""
    if users := database.users(item):
        return f"registered models are made of it: {', '.join(users)}"
    return "some of its runs stay" if item.kind == "experiment" and item.experiment in stay else ""


def _each(item: Item, work: Callable[[Location], Weight | None]) -> Weight | None:
    """The weights of all places of an item together; None where that of one is not known."""
    weights = [work(at) for at in item.locations]
    known = [weight for weight in weights if weight is not None]
    return sum(known, Weight()) if len(known) == len(weights) else None


def _line(error: Exception) -> str:
    """An error in one line."""
    text = str(error) if isinstance(error, HousekeepingError) else told(error)
    return text.strip().splitlines()[0]
