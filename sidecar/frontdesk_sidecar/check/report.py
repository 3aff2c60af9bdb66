"""The check as lines for people, as data for scripts, and as an exit code. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from frontdesk_sidecar.check.result import Result, Status

FINE: Final = 0
FAILED: Final = 1
EX_CONFIG: Final = 78
_MARKS: Final = {Status.OK: "ok", Status.WARNING: "!", Status.FAILED: "x", Status.SKIPPED: "-"}
#: How a line is coloured, in the words of the terminal.
MOODS: Final = {Status.WARNING: "attention", Status.FAILED: "bad"}
_NAMES: Final = {
    Status.FAILED: ("failed", "failed"),
    Status.WARNING: ("warning", "warnings"),
    Status.OK: ("ok", "ok"),
    Status.SKIPPED: ("skipped", "skipped"),
}


def lines_of(result: Result, *, verbose: bool = False) -> list[str]:
    """What was found on one line; below it the rest, of what is not fine or when `verbose`."""
    is_short = result.status in (Status.OK, Status.SKIPPED) and not verbose
    lines = [f"{_MARKS[result.status]:<3} {result.step:<14} {result.found}"]
    return lines if is_short else [*lines, *_more(result)]


def _more(result: Result) -> Iterator[str]:
    blocks = {
        "tried": (result.tried,),
        "found": result.details,
        "means": (result.means,),
        "do": result.todo,
    }
    for name, texts in blocks.items():
        label = name
        for text in filter(None, texts):
            yield f"      {label:<6} {text}"
            label = ""


def heading(target: str, address: str) -> str:
    """What stands before the steps of one of several targets."""
    return f"target {target}: {address}"


def summary(results: Sequence[Result], seconds: float) -> tuple[str, str]:
    """The last line, and its mood."""
    counts = Counter(result.status for result in results)
    told = [
        f"{counts[status]} {names[counts[status] != 1]}"
        for status, names in _NAMES.items()
        if counts[status]
    ]
    line = f"{', '.join(told) or 'nothing was checked'} in {seconds:.1f} s"
    failed = [one for one in results if one.status is Status.FAILED]
    if failed:
        # The sidecar suffers from what another step finds.
        first = next((one for one in failed if one.step != "sidecar"), failed[0])
        where = f" of target {first.target}" if first.target else ""
        return f"{line}; begin with {first.step}{where}", "bad"
    return line, "attention" if counts[Status.WARNING] else "fine"


def exit_code(results: Sequence[Result]) -> int:
    """0 when nothing failed, 78 when the configuration is unusable, else 1."""
    failed = {result.step for result in results if result.status is Status.FAILED}
    if "configuration" in failed:
        return EX_CONFIG
    return FAILED if failed else FINE


def as_data(results: Sequence[Result], seconds: float) -> dict[str, Any]:
    """All of it for `--json`."""
    counts = Counter(result.status for result in results)
    return {
        "exitCode": exit_code(results),
        "seconds": round(seconds, 3),
        "counts": {status.value: counts[status] for status in Status},
        "results": [asdict(result) for result in results],
    }
