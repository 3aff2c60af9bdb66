"""What is proposed for attributes that hold one value."""

from __future__ import annotations

from typing import Final

from frontdesk_sidecar.init import jmes
from frontdesk_sidecar.init.known import (
    CONSTANTS,
    LEFT_ALONE,
    MOMENTS,
    NO_TRAITS,
    TEXTS,
    Rule,
    is_reserved,
    trait_of,
)
from frontdesk_sidecar.init.line import Line, is_needed
from frontdesk_sidecar.metadata import Property

#: What always has a value: every customer has an address.
_SURE: Final = ("lower(trim(email))", "trim(email)")
_OVER: Final = "and replaces what SAP has"
_TEXT: Final = "Edm.String"
_MOMENT: Final = "Edm.DateTime"


def propose_simple(to: Property) -> Line:
    """The line of a simple attribute."""
    rule = _rule(to)
    if not is_needed(to):
        is_sent = rule.is_sent and bool(rule.expression)
        return Line(to, rule.expression, is_sent, note=rule.note)
    if rule.is_never:
        return Line(to, note=rule.note, decision="SAP requires it. Take it out of the object.")
    return _needed(to, rule)


def _needed(to: Property, rule: Rule) -> Line:
    """Something that every customer has, or as good a guess as there is."""
    expression = rule.needed or rule.expression
    if expression in _SURE:
        return Line(to, expression, is_sent=True, note=rule.note)
    if rule.needed:
        text = "SAP requires it. Where no more is known, the last of these is sent"
        decision = f"{text} {_OVER}: see whether that is right."
        return Line(to, expression, True, note=rule.note, decision=decision)
    constant = _constant(to)
    if not constant:
        text = f"SAP requires it, and no constant fits {to.type}: see that the trait is always sent"
        return Line(to, expression, bool(expression), note=rule.note, decision=f"{text}.")
    if not expression:
        decision = f"SAP requires it. {constant} is sent {_OVER}: put in what is right."
        return Line(to, constant, is_sent=True, note=rule.note, decision=decision)
    text = f"SAP requires it. Without the trait, {constant} is sent and replaces what SAP has"
    decision = f"{text}: put in what is right."
    return Line(to, jmes.default(expression, constant), True, note=rule.note, decision=decision)


def _rule(to: Property) -> Rule:
    """What is known by name, as far as the type lets it be; else the trait of the same name."""
    left_alone = LEFT_ALONE.get(to.name.lower())
    if left_alone is not None:
        return left_alone
    trait = trait_of(to.name)
    if to.type == _TEXT:
        return TEXTS.get(to.name.lower()) or TEXTS.get(trait.lower()) or _of_trait(to, trait)
    if to.type == _MOMENT and trait in MOMENTS:
        return Rule(MOMENTS[trait])
    if is_reserved(to.name) or to.name.lower() in TEXTS or trait in NO_TRAITS:
        return Rule(note=f"{trait} is a text here, which makes no {to.type}", is_sent=False)
    if to.type == _MOMENT:
        return Rule(f"odata_datetime({trait})", _own(trait))
    return _of_trait(to, trait)


def _of_trait(to: Property, trait: str) -> Rule:
    if trait in NO_TRAITS:
        return Rule(trait, f"{trait} is what the customer did last, or where", is_sent=False)
    note = "" if is_reserved(to.name) else _own(trait)
    if to.is_localized:
        note = f"{note}; " if note else ""
        note += "stored in the language of sap.content_language"
    return Rule(trait, note)


def _own(trait: str) -> str:
    return f"sent once a capture rule gives the trait {trait}"


def _constant(to: Property) -> str:
    constant = CONSTANTS.get(to.type, "")
    if to.type == _TEXT:
        return jmes.literal(constant[: to.max_length])
    return constant
