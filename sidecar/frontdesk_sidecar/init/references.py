"""What is proposed for attributes that refer to other items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from frontdesk.event import SIGNED_UP
from frontdesk_sidecar.init import jmes
from frontdesk_sidecar.init.known import (
    CHANGE_ME,
    CONSTANTS,
    CUSTOMER_GROUP,
    GROUP_ITEMS,
    LANGUAGE_ITEM,
    LEFT_ALONE,
    TITLE_ITEM,
    trait_of,
)
from frontdesk_sidecar.init.line import Line, is_needed
from frontdesk_sidecar.metadata import Item, Metadata, Navigation

#: Item -> the keys that exist in SAP, as far as it told.
Codes: TypeAlias = Mapping[str, Sequence[str]]
#: How many codes a readable expression can tell apart.
_MOST: Final = 20
_DEEPEST: Final = 4
#: What a title's code is in SAP's own sample data, and a language's.
_USUAL: Final = {TITLE_ITEM: "mr", LANGUAGE_ITEM: "en"}


def propose_reference(to: Navigation, metadata: Metadata, codes: Codes) -> Line:
    """The line of a reference, or of a list of them."""
    target = metadata.items.get(to.target)
    left_alone = LEFT_ALONE.get(to.name.lower())
    if target is None or left_alone is not None:
        note = "" if left_alone is None else left_alone.note
        return Line(to, note=note, decision=_must_be_known(to))
    if to.many and target.key == ("uid",) and _is_groups(to):
        return _groups(to, codes.get(target.name))
    if not target.key and "value" in target.properties:
        return _values(to, target)
    known = [code for code in codes.get(target.name, ()) if jmes.is_plain(code)]
    known = known if len(known) <= _MOST else []
    if not to.many and len(target.key) == 1 and target.key[0] in target.properties:
        return _by_code(to, target, known)
    return _structure(to, target, metadata)


def _values(to: Navigation, target: Item) -> Line:
    """A list of simple values, or of pairs: SAP wraps each into an item of its own."""
    if not to.many or "key" in target.properties:
        pair = jmes.one([(name, jmes.literal(CHANGE_ME)) for name in ("key", "value")])
        note = "a map; each pair adds to it, or replaces what SAP has of that key"
        return Line(to, jmes.several(pair), note=note, decision=_must_be_known(to))
    trait = trait_of(to.name)
    note = f"sent once a capture rule gives the trait {trait}, a list; SAP adds to what it has"
    decision = f"{_must_be_known(to)} Give the trait." if is_needed(to) else ""
    return Line(to, jmes.wrapped(trait), is_sent=True, note=note, decision=decision)


def _is_groups(to: Navigation) -> bool:
    return to.target in GROUP_ITEMS or to.name == "groups"


def _groups(to: Navigation, known: Sequence[str] | None) -> Line:
    expression = jmes.several(jmes.one([("uid", jmes.literal(CUSTOMER_GROUP))]))
    if known is not None and CUSTOMER_GROUP not in known:
        note = f"SAP has no group {CUSTOMER_GROUP} that this client sees"
        return Line(to, expression, note=note, decision=_must_be_known(to))
    note = f"the group must exist in SAP; {CUSTOMER_GROUP} is that of every shop"
    event = None if is_needed(to) else SIGNED_UP
    return Line(to, expression, is_sent=True, event=event, note=note)


def _by_code(to: Navigation, target: Item, known: list[str]) -> Line:
    """A reference by one simple attribute, mostly a code or an ISO code."""
    key, trait = target.key[0], _trait(to)
    if not is_needed(to):
        return _optional(to, key, trait, known)
    if to.creates:
        plain = f"{trait} && {jmes.one([(key, trait)])}"
        decision = f"SAP requires it, and makes a new {to.target} of whatever is sent: write it."
        return Line(to, plain, decision=decision)
    instead = known[0] if known else _USUAL.get(target.name, CHANGE_ME)
    constant = jmes.one([(key, jmes.literal(instead))])
    expression = (
        _choice(to, trait, known, key, constant)
        if known
        else jmes.one([(key, jmes.default(trait, jmes.literal(instead)))])
    )
    text = f"SAP requires it. Where no trait says it, '{instead}' is sent and replaces what SAP has"
    there = _there_are(known) or f"Whatever is sent must be a {key} of {target.name} in SAP."
    decision = f"{text}: put in what is right. {there}"
    return Line(to, expression, is_sent=True, decision=decision)


def _optional(to: Navigation, key: str, trait: str, known: list[str]) -> Line:
    if known:
        expression = _choice(to, trait, known, key, jmes.NOTHING)
        return Line(to, expression, is_sent=True, note=_there_are(known))
    note = f"whatever is sent must be a {key} of {to.target} in SAP: take it in if it always is"
    if to.creates:
        note = f"SAP makes a new {to.target} of what it does not know"
    return Line(to, f"{trait} && {jmes.one([(key, trait)])}", note=note)


def _choice(to: Navigation, trait: str, known: list[str], key: str, instead: str) -> str:
    if to.target == LANGUAGE_ITEM:
        return jmes.by_beginning(trait, known, key, instead)
    return jmes.among(trait, known, key, instead)


def _trait(to: Navigation) -> str:
    if to.target == LANGUAGE_ITEM:
        return "locale"
    return "title" if to.target == TITLE_ITEM else trait_of(to.name)


def _there_are(known: list[str]) -> str:
    return f"SAP has: {', '.join(known)}." if known else ""


def _structure(to: Navigation, target: Item, metadata: Metadata) -> Line:
    """A reference by several attributes, or many of them: written out for who fills it in."""
    key = _filled(target, metadata, 0)
    if key is None:
        return Line(to, note="how to refer to it is not known", decision=_must_be_known(to))
    expression = jmes.several(jmes.one(key)) if to.many else jmes.one(key)
    if not is_needed(to):
        return Line(to, expression, note=f"put in the key of the {to.target}")
    return Line(to, expression, decision=f"SAP requires it. Put in the key of the {to.target}.")


def _filled(item: Item, metadata: Metadata, depth: int) -> list[tuple[str, str]] | None:
    names = item.key or tuple(name for name in ("value", "code") if name in item.properties)
    found = []
    for name in names:
        if name in item.properties:
            constant = CONSTANTS.get(item.properties[name].type)
            is_text = constant == CONSTANTS["Edm.String"]
            expression = jmes.literal(CHANGE_ME) if is_text else constant
        else:
            inner = metadata.items.get(item.navigations[name].target)
            deeper = _filled(inner, metadata, depth + 1) if inner and depth < _DEEPEST else None
            expression = None if deeper is None else jmes.one(deeper)
        if expression is None:
            return None
        found.append((name, expression))
    return found or None


def _must_be_known(to: Navigation) -> str:
    return "SAP requires it, and frontdesk cannot tell what belongs there." if is_needed(to) else ""
