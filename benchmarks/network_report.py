"""The network part's tables, in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.load import CONNECTIONS
from benchmarks.measure import percentile, spread
from benchmarks.network import RATE
from benchmarks.table import bullets, table

_CONDITIONS: Final = """\
- Starlette's JSON login under uvicorn (1 worker, uvloop, httptools, no access log) on core 0; the
  load, the 30 ms stub and the sidecar, if any, share core 1. The cores may share more than that.
- A bare server runs beside each wrapped one; a slice of the one is followed by a slice of the
  other, in turn first. Share, added p50 and added processor time are of such pairs: median
  [interquartile range] over the rounds.
- In the first rows there is no sidecar: the segments are removed between slices, as one that keeps
  up would. Where nobody reads, the journal fills to its limit (64 MiB, some 200,000 logins); what
  comes then is dropped and counted. A sidecar at work takes from the load's core, which shows in
  the logins a second of both servers of a pair.
- Segment's client posts batches to the stub during the slice; what is left is flushed outside the
  clock, which favours it in all but the processor time, where it counts. What its queue did not
  take shows in the last column.
- *Handed over*: lines in the journal, or messages that Segment's queue took, against the answers
  that the load counted; above 100 % when a slice ends before its last answers are read.
"""


def report(found: Mapping[str, Any]) -> str:
    """Both tables, and what could not be measured."""
    title = f"## Network, {found['rounds']} rounds of {found['seconds']:g} s slices\n"
    load = f"Full load by {found['generator']}, paced load by the built-in client"
    parts = [title, _CONDITIONS + bullets([load])]
    parts += [f"### {CONNECTIONS} connections, as fast as it goes\n", _full(found)]
    parts += [f"### {RATE:g} logins a second (Poisson), connections kept open\n", _paced(found)]
    return "\n".join(parts)


def _full(found: Mapping[str, Any]) -> str:
    head = ["variant", "logins/s", "share of bare (aim ≥ 0.9)", "p50 ms", "p99 ms"]
    head += ["added CPU µs/login", "errors", "handed over"]
    rows = []
    for row in found["rows"]:
        full = row["full"]
        rows.append(
            [
                row["title"],
                spread(_column(full, "rate")).text(0),
                spread(_column(full, "share")).text(3),
                f"{spread(_column(full, 'p50')).median:.2f}",
                f"{spread(_column(full, 'p99')).median:.2f}",
                spread(_column(full, "added_cpu_us")).text(1),
                f"{sum(_column(full, 'errors')):.0f}",
                _handed_over(row),
            ]
        )
    return table(head, [*rows, *_missing(found, len(head))])


def _paced(found: Mapping[str, Any]) -> str:
    head = ["variant", "p50 ms", "p90 ms", "p99 ms", "bare beside it: p50, p90, p99"]
    head += ["added p50 ms (aim ≤ 0.05)", "added CPU µs/login", "logins timed"]
    rows = []
    for row in found["rows"]:
        timed, bare = sorted(row["latencies"]), sorted(row["bare_latencies"])
        rows.append(
            [
                row["title"],
                *(f"{percentile(timed, share):.3f}" for share in (0.5, 0.9, 0.99)),
                ", ".join(f"{percentile(bare, share):.3f}" for share in (0.5, 0.9, 0.99)),
                spread(_column(row["paced"], "added_p50")).text(3),
                spread(_column(row["paced"], "added_cpu_us")).text(1),
                f"{len(timed):,}",
            ]
        )
    return table(head, [*rows, *_missing(found, len(head))])


def _missing(found: Mapping[str, Any], columns: int) -> list[list[str]]:
    """A row for what could not be measured, with the reason: never left out in silence."""
    rest = ["–"] * (columns - 2)
    return [
        [f"**frontdesk**, {title}", f"sidecar: not available ({_plain(reason)})", *rest]
        for title, reason in found["missing"].items()
    ]


def _plain(reason: str) -> str:
    return reason.replace("|", "/").replace("\n", " ")


def _handed_over(row: Mapping[str, Any]) -> str:
    if row["handed_over"] is None or not row["answered"]:
        return "–"
    return f"{100 * row['handed_over'] / row['answered']:.1f} %"


def _column(slices: Sequence[Mapping[str, float]], name: str) -> list[float]:
    return [slice_[name] for slice_ in slices]
