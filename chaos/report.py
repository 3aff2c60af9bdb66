"""What a run came to, as figures and as text."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from chaos import settings
from chaos.run import Run
from chaos.verdict import rows

_TAIL: Final = 25
_SHOWN: Final = 10


def document(run: Run) -> dict[str, Any]:
    """Everything, as JSON."""
    judge, book = run.judge, run.book
    obliged = book.obliged()
    owed = {one.email for one in judge.owed()}
    duplicates = [judge.duplicates[uid] for uid in judge.marks]
    return {
        "seed": run.seed,
        "rounds": run.rounds,
        "faults": dict(sorted(run.injected.items())),
        "struck": dict(sorted(run.town.sap.struck.items())),
        "logins": book.logins,
        "excused": book.excused,
        "obligations": len(obliged),
        "delivered": len(obliged) - len(owed),
        "dead": dict(Counter(reason.partition(":")[0] for reason in run.dead.values())),
        "lost": judge.count("lost"),
        "reordered": judge.count("reordered"),
        "resurrectedByDamage": judge.resurrected,
        "calls": judge.seen,
        "duplicates": {
            "mean": sum(duplicates) / len(duplicates) if duplicates else 0.0,
            "max": max(duplicates, default=0),
        },
        "settleSeconds": [round(seconds, 2) for seconds in run.settle_s],
        "sidecar": {"starts": run.town.keeper.starts, "ownExits": run.town.keeper.exits},
        "settings": dict(settings.SETTINGS),
        "violations": [str(one) for one in judge.violations],
        "story": run.story.lines,
    }


def text(found: dict[str, Any]) -> str:
    """The figures for people."""
    faults = ", ".join(f"{name} {number}" for name, number in found["faults"].items())
    struck = ", ".join(f"{kind} {number}" for kind, number in found["struck"].items())
    dead = ", ".join(f"{code} {number}" for code, number in found["dead"].items()) or "none"
    settle, calls = found["settleSeconds"] or [0.0], found["duplicates"]
    return "\n".join(
        (
            f"seed {found['seed']}, {found['rounds']} rounds: {faults}",
            f"requests struck      {struck or 'none'}",
            (
                f"logins answered      {found['logins']}"
                f" ({found['excused']} of them while the journal was full)"
            ),
            f"customers obliged    {found['obligations']}, delivered {found['delivered']}",
            f"dead letters         {dead}",
            f"lost                 {found['lost']}",
            f"reordered            {found['reordered']}",
            (
                f"writes in SAP        {found['calls']}, duplicates a customer:"
                f" {calls['mean']:.2f} on average, {calls['max']} at most"
            ),
            (
                f"settled within       {max(settle):.1f} s after healing"
                f" ({sum(settle) / len(settle):.1f} s on average)"
            ),
            (
                f"sidecar              started {found['sidecar']['starts']} times,"
                f" ended by itself {found['sidecar']['ownExits']} times"
            ),
        )
    )


def explanation(run: Run) -> str:
    """What was violated, for whom, and the ends of the logs."""
    violations = run.judge.violations
    kinds = Counter(one.kind for one in violations)
    lines = [f"VIOLATED: {', '.join(f'{kind} {number}' for kind, number in kinds.items())}"]
    lines += [f"  {one}" for one in violations[:_SHOWN]]
    if len(violations) > _SHOWN:
        lines.append(f"  and {len(violations) - _SHOWN} more (--json FILE has them all)")
    if run.judge.count("lost"):
        lines += rows(run)[:_SHOWN]
    for name, part in run.town.parts.items():
        lines += [f"--- the end of {part.log}", part.tail(_TAIL if name == "sidecar" else 5)]
    return "\n".join(lines)
