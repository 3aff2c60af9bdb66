"""Whether a mapping fits an object, told before the first customer: attribute by attribute."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from frontdesk_sidecar.mapping import AttributeMapping
from frontdesk_sidecar.metadata.coercion import Misfit, coerce_scalar
from frontdesk_sidecar.metadata.model import INTEGRATION_KEY, Item, Metadata, Navigation, Property


class Level(StrEnum):
    """How bad a finding is: customers are refused; some may be; good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about one attribute, `address.town` within others, and what to do."""

    attribute: str
    level: Level
    text: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.attribute} {self.text}"


#: Attributes of which the documentation of others speaks and that a standard Customer has not.
_NOT_STANDARD: Final = {
    "contactEmail": "It is derived from uid in SAP and cannot be set: leave it out.",
    "firstName": "A standard Customer has one `name`: map that, or add a custom attribute in SAP.",
    "lastName": "A standard Customer has one `name`: map that, or add a custom attribute in SAP.",
    "email": "A standard Customer has no email: its uid is the address.",
}


def fit(mapping: AttributeMapping, item: Item, metadata: Metadata) -> list[Finding]:
    """What stands between a mapping and an object; nothing of it is about a customer's values."""
    findings: list[Finding] = []
    every = [mapping.compiled, *mapping.on.values()]
    for expressions in every:
        for name, expression in expressions.items():
            findings += _attribute(name, expression.parsed, item, metadata, "")
    findings += _missing(mapping, item)
    return list(dict.fromkeys(findings))


def undefined(mapping: AttributeMapping, item: Item) -> list[str]:
    """Attributes of the mapping that the object does not define."""
    return [name for name in mapping.attributes if name not in item.attributes]


def unknown_attribute(name: str, item: Item, path: str = "") -> Finding:
    """An attribute that the object does not define."""
    near = difflib.get_close_matches(name, item.attributes, 1)
    remedy = _NOT_STANDARD.get(name, "")
    if near:
        remedy = f"{near[0]} is defined; names are case-sensitive. {remedy}"
    else:
        remedy = remedy or "Leave it out of the mapping, or add it to the Integration Object."
    remedy = f"{remedy.strip()} Defined are: {', '.join(item.attributes)}."
    return Finding(f"{path}{name}", Level.ERROR, f"is not defined for {item.name}", remedy)


def _attribute(
    name: str, tree: Mapping[str, Any], item: Item, metadata: Metadata, path: str
) -> Iterator[Finding]:
    here = f"{path}{name}"
    if name == INTEGRATION_KEY:
        text = "is computed by SAP, which ignores what is sent"
        yield Finding(here, Level.WARNING, text, "Leave it out of the mapping.")
    elif (simple := item.properties.get(name)) is not None:
        yield from _simple(here, tree, simple)
    elif (navigation := item.navigations.get(name)) is not None:
        yield from _reference(here, tree, navigation, metadata)
    else:
        yield unknown_attribute(name, item, path)


def _simple(here: str, tree: Mapping[str, Any], to: Property) -> Iterator[Finding]:
    for branch in _branches(tree):
        if branch["type"] in ("multi_select_dict", "multi_select_list"):
            text = f"is a simple attribute of type {to.type}, and is given an object or a list"
            yield Finding(here, Level.ERROR, text, "Give it one value.")
        elif branch["type"] == "literal" and branch["value"] not in (None, ""):
            try:
                coerce_scalar(branch["value"], to)
            except Misfit as misfit:
                yield Finding(here, Level.ERROR, misfit.reason, "Correct the constant.")


def _reference(
    here: str, tree: Mapping[str, Any], to: Navigation, metadata: Metadata
) -> Iterator[Finding]:
    target = metadata.items.get(to.target)
    example = _example(to, target)
    for branch in _branches(tree):
        kind = branch["type"]
        if kind == "multi_select_list" and to.many:
            for child in branch["children"]:
                yield from _referred(here, child, to, target, metadata)
        elif kind == "multi_select_dict" and not to.many:
            yield from _referred(here, branch, to, target, metadata)
        elif (kind == "literal" and branch["value"] is not None) or kind.startswith("multi_select"):
            text = f"refers to {to.target}, and is given something else"
            yield Finding(here, Level.ERROR, text, f"Write it as {example}.")
        elif kind == "field":
            text = f"refers to {to.target}, and is given a trait as it is"
            remedy = f"Write it as {example}, or see that the trait is such an object."
            yield Finding(here, Level.WARNING, text, remedy)


def _referred(
    here: str,
    tree: Mapping[str, Any],
    to: Navigation,
    target: Item | None,
    metadata: Metadata,
) -> Iterator[Finding]:
    for branch in _branches(tree):
        if branch["type"] != "multi_select_dict" or target is None:
            continue
        given = {child["value"]: child["children"][0] for child in branch["children"]}
        for name, inner in given.items():
            yield from _attribute(name, inner, target, metadata, f"{here}.")
        for name in target.key:
            if name not in given:
                text = f"lacks {name}, which is in the key of {target.name}"
                yield Finding(here, Level.ERROR, text, f"Write it as {_example(to, target)}.")
        if not to.creates:
            text = f"must name a {target.name} that exists in SAP: it is not created"
            remedy = "Else SAP refuses the customer with missing_nav_property."
            yield Finding(here, Level.NOTICE, text, remedy)


def _missing(mapping: AttributeMapping, item: Item) -> Iterator[Finding]:
    for name in item.key:
        if name not in mapping.compiled:
            text = f"is in the key of {item.name} and is not mapped"
            remedy = f'Add it, such as {name} = "lower(trim(email))".'
            yield Finding(name, Level.ERROR, text, remedy)
    for name in item.required:
        if name in item.key or name in mapping.compiled:
            continue
        to = item.properties.get(name) or item.navigations[name]
        text = f"is required for a new {item.name} and is not mapped"
        if any(name in some for some in mapping.on.values()):
            level = Level.WARNING
            remedy = "It is mapped for one event; a customer may come by others."
        else:
            level, remedy = Level.ERROR, f"Add it, such as {name} = {_sample(to)}."
        yield Finding(name, level, text, remedy)


def _branches(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What an expression may give: both sides of `||`, the last one of `&&`, through pipes."""
    kind = tree["type"]
    if kind == "or_expression":
        for child in tree["children"]:
            yield from _branches(child)
    elif kind in ("and_expression", "pipe"):
        yield from _branches(tree["children"][-1])
    elif kind == "function_expression" and tree["value"] == "default":
        for child in tree["children"]:
            yield from _branches(child)
    else:
        yield tree


def _example(to: Navigation, target: Item | None) -> str:
    inside = ", ".join(f"{name}: …" for name in (target.key if target is not None else ()))
    return f'"[{{{inside}}}]"' if to.many else f'"{{{inside}}}"'


def _sample(to: Property | Navigation) -> str:
    if isinstance(to, Navigation):
        return '''"[{code: 'value'}]"''' if to.many else '''"{code: 'value'}"'''
    return '''"'value'"''' if to.type == "Edm.String" else '"`1`"'
