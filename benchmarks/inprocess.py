"""In process: what each wrapper adds to one request, without a network."""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from benchmarks.measure import pin, ratio, spread
from benchmarks.processes import Child, child
from benchmarks.scenes import APPS, SCENES, TITLES, Scene
from benchmarks.table import table
from benchmarks.wrappers import WRAPPERS

BURST_MS: Final = 5.0
#: row -> round by round, µs added
Added = Mapping[str, Sequence[float]]
#: "before" and "all"
Group = dict[str, dict[str, list[float]]]

_CONDITIONS: Final = """\
- Added µs per request: the wrapped app against the same app bare, in bursts of 5 ms in the same
  process, A B B A A B B A, and B first in every other visit. The figure is the difference of the
  medians of the bursts' means, median [interquartile range] over the rounds; the rows come in a
  new random order in each round.
- *Before the last byte*: from the call until the server's `send` gets the final body message.
  *In all*: until the call has returned and one more turn of the loop has run what was deferred.
- Every row has a process of its own on core 0; the others wait meanwhile. uvloop; a new scope with
  eight headers for each request; the garbage collector is on (what set-up made is frozen).
- Sentry and OpenTelemetry export to nothing, which favours them: serialising and network are not
  in their figures. Sentry's patches of frameworks are off; OpenTelemetry has no span processor.
- Segment's client runs its real thread against a stub that answers after 30 ms, is flushed outside
  the clock, and logs nothing, which favours it: its upload is in neither figure. It is called in
  the endpoint, with the user at hand; frontdesk finds the user in the answer.
- frontdesk's journal is in /dev/shm (in one row on a disk, where a thread writes, waited for
  outside the clock); the segments are removed outside the clock, as the sidecar would.
- Everything is hot, one request after the other: an idle worker pays more, in every row.
"""


def run(rounds: int, seed: int) -> dict[str, Any]:
    """Measure both scenes on both apps."""
    pin(1)
    shuffle = random.Random(seed)
    found: dict[str, Any] = {"rounds": rounds}
    with child("benchmarks.stub") as stub:
        address = f"http://127.0.0.1:{stub.read()}/"
        for scene in SCENES.values():
            found[scene.name] = {app: _group(scene, app, address, rounds, shuffle) for app in APPS}
    return found


def _group(scene: Scene, app: str, stub: str, rounds: int, shuffle: random.Random) -> Any:
    names = [name for name, kind in WRAPPERS.items() if scene.is_login or not kind.login_only]
    group: Group = {figure: {name: [] for name in names} for figure in ("before", "all")}
    bare: Group = {figure: {"bare": []} for figure in ("before", "all")}
    with _workers(scene, app, stub, names) as workers:
        for _ in range(rounds):
            for name in shuffle.sample(names, len(names)):
                bursts = json.loads(workers[name].ask())
                for column, figure in enumerate(("before", "all")):
                    plain, wrapped = (_micros(bursts[which], column) for which in "AB")
                    group[figure][name].append(wrapped - plain)
                    bare[figure]["bare"].append(plain)
    return {"added_us": group, "bare_us": {figure: bare[figure]["bare"] for figure in bare}}


@contextmanager
def _workers(scene: Scene, app: str, stub: str, names: Sequence[str]) -> Iterator[dict[str, Child]]:
    with ExitStack() as stack:
        workers = {}
        for name in names:
            arguments = (scene.name, app, name, stub, str(BURST_MS))
            workers[name] = stack.enter_context(child("benchmarks.worker", *arguments))
            workers[name].read()  # "ready": one after the other, for they share the core
        yield workers


def _micros(bursts: Sequence[Sequence[float]], column: int) -> float:
    return statistics.median(burst[column] for burst in bursts) / 1e3


def report(found: Mapping[str, Any]) -> str:
    """The tables and the ratios, in Markdown."""
    parts = [f"## In process, {found['rounds']} rounds\n", _CONDITIONS]
    for scene in SCENES.values():
        parts += [f"### {scene.title}\n", _bare_text(found[scene.name]), _rows(found[scene.name])]
    parts += ["### Ratios asked for, on the added cost\n", _ratios(found)]
    return "\n".join(parts)


def _bare_text(scene: Mapping[str, Any]) -> str:
    said = []
    for app, title in TITLES.items():
        before, whole = (spread(scene[app]["bare_us"][f]).median for f in ("before", "all"))
        said.append(f"{title} {before:.2f} µs to the last byte, {whole:.2f} µs in all")
    return f"Bare: {'; '.join(said)} (one turn of the loop included).\n"


def _rows(scene: Mapping[str, Any]) -> str:
    head = ["wrapper"]
    for title in TITLES.values():
        head += [f"{title}: before the last byte", f"{title}: in all"]
    rows = []
    for name in scene["raw"]["added_us"]["before"]:
        cells = [WRAPPERS[name].title]
        for app in APPS:
            added = scene[app]["added_us"]
            cells += [spread(added[figure][name]).text(2) for figure in ("before", "all")]
        rows.append(cells)
    return table(head, rows)


_ASKED: Final = (
    ("product", "noop", "≤ 1.5"),
    ("product", "noop-class", "–"),
    ("login", "segment", "≤ 0.25"),
)


def _ratios(found: Mapping[str, Any]) -> str:
    rows = []
    for scene, other, aim in _ASKED:
        for app, title in TITLES.items():
            added = found[scene][app]["added_us"]
            cells = [_ratio(added[figure], other) for figure in ("before", "all")]
            label = f"frontdesk / {WRAPPERS[other].title}, {SCENES[scene].method}, {title}"
            rows.append([label, *cells, aim])
    head = ["ratio of the medians [range: the rounds' own ratios]", "before the last byte"]
    return table([*head, "in all", "aim (before the last byte)"], rows)


def _ratio(added: Added, other: str) -> str:
    """The ratio; none where the other's cost is not above the method's own error."""
    error = spread(added["bare"])
    if spread(added[other]).low <= max(abs(error.low), abs(error.high)):
        return "not resolved"
    return ratio(added["ours"], added[other]).text(2)
