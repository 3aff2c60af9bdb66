"""The mapping that is proposed for an object: a line for each attribute, and none that misfits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from frontdesk_sidecar.init import jmes
from frontdesk_sidecar.init.line import Line, Proposal, is_needed
from frontdesk_sidecar.init.references import Codes, propose_reference
from frontdesk_sidecar.init.simple import propose_simple
from frontdesk_sidecar.mapping import compile_mapping
from frontdesk_sidecar.metadata import Item, Metadata
from frontdesk_sidecar.metadata.fit import Finding, Level, fit

_NO_CODES: Codes = MappingProxyType({})


def propose(metadata: Metadata, entity_set: str, codes: Codes = _NO_CODES) -> Proposal:
    """The proposal for an entity set that the metadata has.

    `fit` finds no error in it, but for attributes whose line has a `decision`.
    """
    item = metadata.items[metadata.entity_sets[entity_set]]
    lines = tuple(_line(name, item, metadata, codes) for name in item.attributes)
    proposal = Proposal(entity_set, item, metadata, lines)
    wrong = _errors(proposal)
    return replace(proposal, lines=tuple(_set_right(line, wrong) for line in lines))


def _line(name: str, item: Item, metadata: Metadata, codes: Codes) -> Line:
    simple = item.properties.get(name)
    to = simple or item.navigations[name]
    if not jmes.is_field(name):
        decision = "SAP requires it. Name it otherwise in the object." if is_needed(to) else ""
        return Line(to, note="a mapping cannot hold this name", decision=decision)
    if simple is not None:
        return propose_simple(simple)
    return propose_reference(item.navigations[name], metadata, codes)


def _errors(proposal: Proposal) -> Mapping[str, Finding]:
    """What does not fit, by attribute."""
    on = {event: proposal.sent(event) for event in proposal.events}
    found = fit(compile_mapping(proposal.sent(), on), proposal.item, proposal.metadata)
    return {one.attribute.partition(".")[0]: one for one in found if one.level is Level.ERROR}


def _set_right(line: Line, wrong: Mapping[str, Finding]) -> Line:
    """A line that does not fit is left out, and said to be."""
    finding = wrong.get(line.name)
    if finding is None or not line.is_sent:
        return line
    text = f"{finding.text}. {finding.remedy}"
    if is_needed(line.to):
        return replace(line, is_sent=False, decision=f"SAP requires it. It {text}")
    return replace(line, is_sent=False, note=f"it {text}")
