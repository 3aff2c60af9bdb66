"""The mapping against the object, attribute by attribute. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from frontdesk_sidecar.check.result import Result, Status, Where
from frontdesk_sidecar.mapping import AttributeMapping
from frontdesk_sidecar.metadata import Item
from frontdesk_sidecar.metadata.fit import Finding, Level
from frontdesk_sidecar.plan import Plan

_WORDS = {Level.ERROR: "wrong", Level.WARNING: "doubtful", Level.NOTICE: "note"}


def mapping(where: Where, plan: Plan, *, is_default: bool) -> Result:
    """What SAP would say to customers that are mapped so."""
    which = "the default mapping" if is_default else "sap.mapping"
    tried = f"{which} beside $metadata of {where.object}"
    item = plan.item
    if item is None:
        text = f"$metadata says nothing of the items of {where.entity_set}"
        return Result("mapping", Status.SKIPPED, tried, text)
    errors = [one for one in plan.findings if one.level is Level.ERROR]
    doubts = [one for one in plan.findings if one.level is Level.WARNING]
    details = (*_attributes(plan, item), *_left_out(plan), *map(_told, plan.findings))
    number = len(plan.mapping.attributes)
    if not errors and not doubts:
        told = f"{number} of {len(item.attributes)} attributes of {item.name} are mapped, all fit"
        told += f"; {len(plan.left_out)} of the default mapping left out" if plan.left_out else ""
        return Result("mapping", Status.OK, tried, told, details=details)
    told = f"{len(errors)} wrong, {len(doubts)} doubtful of {number} attributes"
    todo = tuple(f"{one.attribute}: {one.remedy}" for one in (*errors, *doubts))
    if errors:
        means = "SAP would refuse every customer; frontdesk pauses and sends none until it fits."
        return Result("mapping", Status.FAILED, tried, told, means, todo, details)
    means = "Some customers may be refused."
    return Result("mapping", Status.WARNING, tried, told, means, todo, details)


def _attributes(plan: Plan, item: Item) -> Iterator[str]:
    """`uid <- lower(trim(email)): Edm.String, key, ok`, one for each."""
    worst = {one.attribute.partition(".")[0]: one for one in reversed(plan.findings)}
    for name, expression in _expressions(plan.mapping):
        verdict = _verdict(worst.get(name))
        yield f"{name} <- {expression}: {_kind(name, item)}, {verdict}"


def _expressions(mapping: AttributeMapping) -> Iterator[tuple[str, str]]:
    for name, one in mapping.compiled.items():
        yield name, one.expression
    for event, expressions in mapping.on.items():
        for name, one in expressions.items():
            yield name, f"{one.expression} (on {event})"


def _kind(name: str, item: Item) -> str:
    said = []
    if (simple := item.properties.get(name)) is not None:
        said.append(simple.type)
        said += ["language-dependent"] if simple.is_localized else []
        said += [f"at most {simple.max_length}"] if simple.max_length is not None else []
    elif (reference := item.navigations.get(name)) is not None:
        said.append(f"refers to {'many ' if reference.many else ''}{reference.target}")
    else:
        said.append("not defined")
    said += ["key"] if name in item.key else []
    said += ["required"] if name in item.required and name not in item.key else []
    return ", ".join(said)


def _verdict(finding: Finding | None) -> str:
    if finding is None or finding.level is Level.NOTICE:
        return "ok"
    return _WORDS[finding.level]


def _left_out(plan: Plan) -> Iterator[str]:
    for name in plan.left_out:
        yield f"{name}: in the default mapping, left out as the object does not define it"


def _told(finding: Finding) -> str:
    return f"{_WORDS[finding.level]}: {finding}"
