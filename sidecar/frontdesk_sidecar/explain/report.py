"""Explanations for people, and for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from frontdesk.explain import Explanation, Verdict
from frontdesk.reasons import REASONS


def as_text(explanation: Explanation) -> str:
    """A few lines, without colour; values are masked."""
    return "\n".join(_lines(explanation))


def as_data(explanation: Explanation) -> dict[str, Any]:
    """The same for `--json`."""
    data = asdict(explanation)
    data["captured"] = bool(explanation.captured)
    return data


def _lines(explanation: Explanation) -> Iterator[str]:
    yield f"{explanation.method} {explanation.path} -> {explanation.status}"
    if explanation.unwatched is not None:
        why, advice = explanation.unwatched
        yield f"  not watched: {why}"
        if advice:
            yield f"    {advice}"
    for verdict in explanation.verdicts:
        yield from _verdict(verdict)


def _verdict(verdict: Verdict) -> Iterator[str]:
    operation = f" {verdict.operation}" if verdict.operation else ""
    yield f"  rule {verdict.rule}{operation}, {verdict.event} ({verdict.origin})"
    if verdict.reason is None:
        yield f"  captured: {verdict.event}"
        yield f"    {'userId':<12} {verdict.user_id}"
        for trait in verdict.traits:
            yield f"    {trait.name:<12} {trait.value:<20} from {trait.source}"
    else:
        why, advice = REASONS.get(verdict.reason, (verdict.reason, ""))
        yield f"  not captured ({verdict.reason}): {why}"
        if advice:
            yield f"    {advice}"
    for source, why in verdict.left_out:
        yield f"    {source}: {why}"
