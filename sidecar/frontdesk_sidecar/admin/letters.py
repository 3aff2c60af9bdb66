"""Dead letters as lines. Pure; what is masked in the documents stays so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from frontdesk_sidecar.admin.figures import counted
from frontdesk_sidecar.sap.outcome_table import find_reason
from frontdesk_sidecar.store import DEFAULT_TARGET

Document: TypeAlias = Mapping[str, Any]


def dead_lines(
    result: Document, *, by_target: bool = False, reason: str | None = None
) -> list[str]:
    """`frontdesk dead list`: the letters, the latest first, then what each reason asks for.

    Whom they were for is told `by_target`, and where somebody is not of the usual one.
    """
    letters = result["letters"]
    if not letters:
        return ["there are no dead letters" + (f" of the reason {reason}" if reason else "")]
    who = max(len(letter["customer"]) for letter in letters)
    code = max(len(letter["code"]) for letter in letters)
    targets = [str(letter.get("target", DEFAULT_TARGET)) for letter in letters]
    if by_target or {*targets} != {DEFAULT_TARGET}:
        width = max(map(len, ("target", *targets)))
        told = [f"{target:<{width}}  " for target in ("target", *targets)]
    else:
        told = [""] * (1 + len(targets))
    lines = [f"{'number':>8}  {told[0]}{'died at':<20}  {'reason':<{code}}  tries  customer"]
    lines += [
        f"{letter['id']:>8}  {target}{letter['diedAt']:<20}  {letter['code']:<{code}}"
        f"  {letter['attempts']:>5}  {letter['customer']:<{who}}".rstrip()
        for letter, target in zip(letters, told[1:], strict=True)
    ]
    total = counted(result["total"], "dead letter")
    shown = f"the latest {len(letters):,} of " if len(letters) < result["total"] else ""
    lines += ["", f"{shown}{total}, by reason:"]
    for one, number in sorted(result["codes"].items(), key=lambda one: (-one[1], one[0])):
        lines += [f"{number:>8,}  {one}", *(f"{'':10}{line}" for line in _meaning(one))]
    return [*lines, "", "then: frontdesk dead show NUMBER, or frontdesk dead retry --reason REASON"]


def letter_lines(letter: Document) -> list[str]:
    """`frontdesk dead show`: why, what to do, the attempts, then who."""
    tries = "1 try" if letter["attempts"] == 1 else f"{letter['attempts']:,} tries"
    target = str(letter.get("target", DEFAULT_TARGET))
    of = "" if target == DEFAULT_TARGET else f" of {target}"
    return [
        f"dead letter {letter['id']}{of}, since {letter['diedAt']}: {tries}, {letter['code']}",
        *(f"  {line}" for line in _meaning(letter["code"])),
        *([f"  answer: {letter['text']}"] if letter["text"] else []),
        "",
        "last tries, the latest at the end (the id finds each in the Backoffice's monitoring):",
        *_history(letter["history"]),
        "",
        *_person(letter),
        "",
        f"then: frontdesk dead retry {letter['id']}, or frontdesk dead discard {letter['id']}",
    ]


def _meaning(code: str) -> list[str]:
    reason = find_reason(code)
    if reason is None:
        return []
    return [reason.means, f"do: {reason.todo}"] if reason.todo else [reason.means]


def _history(history: list[Document]) -> Iterator[str]:
    for attempt in history:
        sent = attempt["integrationMessageId"] or "nothing was sent"
        yield f"  {attempt['at']}  {attempt['code']}  {sent}"
        if attempt["text"]:
            yield f"    {attempt['text']}"


def _person(letter: Document) -> Iterator[str]:
    traits = letter["traits"]
    width = max(map(len, ("user id", "customer", *traits)))
    yield f"  {'customer':<{width}}  {letter['customer']}"
    yield f"  {'user id':<{width}}  {letter['userId'] or '(none)'}"
    yield f"  {'event':<{width}}  {letter['event'] or '(none)'}"
    yield "traits:" if traits else "traits: none"
    for name, value in sorted(traits.items()):
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"  {name:<{width}}  {shown}"
