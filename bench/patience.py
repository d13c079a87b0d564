"""Clients that are slow or silent, and what others notice of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from bench import plots
from bench.clients import Met
from bench.figures import BARS, Name, Reading
from bench.ingress import PAST, THROUGH
from bench.programs import BenchError, once
from bench.published import Published, published
from bench.slow import Beside, Wanted

UPLOADS = 50
SILENT = 200
BESIDE = 20
"""Clients that log runs meanwhile."""

SECONDS = 20.0
"""As many as make 280 samples: all but one in a hundred is then more than all but the worst."""

LONG = 300.0
"""Seconds of an upload at a low rate: more than twice the chart's `--timeout=120`."""

AT = f"{UPLOADS} slow uploads, {BESIDE} clients log runs"
"""What the bar is of."""

CASES: Mapping[str, tuple[str, Wanted]] = {
    f"nobody slow, {BESIDE} clients log runs": (THROUGH, Wanted(SECONDS, clients=BESIDE)),
    f"{UPLOADS} slow uploads": (THROUGH, Wanted(SECONDS, uploads=UPLOADS)),
    AT: (THROUGH, Wanted(SECONDS, uploads=UPLOADS, clients=BESIDE)),
    f"{SILENT} connections that send nothing": (THROUGH, Wanted(SECONDS, silent=SILENT)),
    f"{SILENT} connections that send nothing, past the ingress": (PAST, Wanted(SECONDS, silent=SILENT)),
    f"{SILENT} uploads with a login that never begin": (THROUGH, Wanted(SECONDS, begun=SILENT)),
    f"{SILENT} uploads with a login that never begin, past the ingress": (
        PAST,
        Wanted(SECONDS, begun=SILENT),
    ),
    f"an upload of {LONG:.0f} s": (THROUGH, Wanted(LONG, uploads=1, size=30_000_000)),
}
"""What is measured, by which way."""


@once
def measured() -> Mapping[str, Beside]:
    """All of them, measured once."""
    with published() as made:
        return {
            case: beside(made, case, made.url if way == THROUGH else made.service, wanted)
            for case, (way, wanted) in CASES.items()
        }


def beside(made: Published, case: str, url: str, wanted: Wanted) -> Beside:
    """What others met beside slow clients of a URL."""
    found = made.ask(case, "bench.slow", url, **asdict(wanted))
    load = found.pop("load")
    return Beside(**found, load=Met(**load) if load else None)


def reading() -> Reading:
    """Milliseconds of `/health` at p99. Raises `BenchError` where a client, slow or not, met a failure."""
    found = measured()
    failed = {case: beside.failed[0] for case, beside in found.items() if beside.failed}
    if failed:
        raise BenchError("; ".join(f"{case}: {first}" for case, first in failed.items()))
    at = found[AT]
    worst = max(found.values(), key=lambda each: each.p99)
    rate = f", {at.load.rate:.1f} runs/s" if at.load else ""
    note = (
        f"{at.asked} requests, p50 {at.p50 * 1000:.0f} ms{rate}; worst p99 of all {worst.p99 * 1000:.0f} ms"
    )
    return Reading(Name.SLOW, at.p99 * 1000, note)


def section() -> str:
    """All cases and the verdict, for the report."""
    found, judged = measured(), reading()
    picture = plots.bars(
        "slow",
        {case: {"p50": each.p50 * 1000, "p99": each.p99 * 1000} for case, each in found.items()},
        "milliseconds of `/health`",
        BARS[Name.SLOW].limit,
    )
    lines = [
        "| beside | `/health` p50 | p99 | worst | asked | failed | uploads whole | left open | runs/s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case, each in found.items():
        times = " | ".join(f"{seconds * 1000:.0f} ms" for seconds in (each.p50, each.p99, each.worst))
        rate = f"{each.load.rate:.1f}" if each.load else ""
        wanted = CASES[case][1]
        uploads = f"{each.arrived} of {wanted.uploads}" if wanted.uploads else ""
        silent = wanted.silent + wanted.begun
        held = f"{each.held} of {silent}" if silent else ""
        counts = f"{each.asked} | {len(each.failed)} | {uploads} | {held}"
        lines.append(f"| {case} | {times} | {counts} | {rate} |")
    verdict = "holds" if judged.holds else "is missed"
    lines += ["", f"{judged.bar.what}: {judged.shown}; the bar of {judged.bar} {verdict}."]
    return "\n".join([picture, "", *lines])
