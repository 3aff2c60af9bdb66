"""What becomes of a customer on the way to one target: the mapping, and the object it must fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from frontdesk.event import SIGNED_UP
from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.mapping import (
    DEFAULT_MAPPING,
    AttributeMapping,
    MappingError,
    compile_mapping,
)
from frontdesk_sidecar.metadata import Item, Metadata
from frontdesk_sidecar.metadata.coercion import Misfit, coerce
from frontdesk_sidecar.metadata.fit import Finding, Level, fit, undefined
from frontdesk_sidecar.sap.advice import advice_for
from frontdesk_sidecar.sap.outcome import Kind, Outcome

#: What every Customer has, for a default mapping as long as the object is not known.
_SURE: Final = ("uid", "name")
#: A sign-up so short before a delivery may have come in while that was under way.
_OVERLAP_US: Final = 60_000_000
_DEFAULT: Final = compile_mapping(DEFAULT_MAPPING)


@dataclass(frozen=True, slots=True)
class Plan:
    """How customers are made into payloads.

    `item` is None as long as nobody knows the object; values are sent as the mapping gives them
    then. `left_out` are attributes of the default mapping that the object does not define.
    """

    mapping: AttributeMapping
    item: Item | None = None
    metadata: Metadata | None = None
    left_out: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def unfit(self) -> str:
        """Why SAP would refuse every customer; empty when it would not."""
        errors = [str(one) for one in self.findings if one.level is Level.ERROR]
        return "; ".join(errors)

    def payload(self, customer: Customer, sent_at: int | None) -> dict[str, object] | Outcome:
        """What is sent for a customer that was last delivered then, or why nothing can be.

        Never raises for what the traits are.
        """
        if unfit := self.unfit:
            return _outcome(Kind.SETUP, "mapping.unfit", unfit)
        try:
            payload = self.mapping.apply(_scope(customer), _events(customer, sent_at))
            if self.item is not None and self.metadata is not None:
                payload = coerce(payload, self.item, self.metadata)
        except MappingError as error:
            return _outcome(Kind.REJECTED, "mapping", str(error))
        except Misfit as misfit:
            return _outcome(Kind.REJECTED, "mapping.value", str(misfit))
        return payload


def make_plan(mapping: AttributeMapping | None, metadata: Metadata | None, entity_set: str) -> Plan:
    """The plan for a mapping, None for the default one, and what SAP describes, if it is known."""
    item = None if metadata is None else metadata.item_of(entity_set)
    if metadata is None or item is None:
        return Plan(_default() if mapping is None else mapping)
    left_out: tuple[str, ...] = ()
    if mapping is None:
        mapping = _default(every=True)
        left_out = tuple(undefined(mapping, item))
        mapping = mapping.without(left_out)
    findings = tuple(fit(mapping, item, metadata))
    return Plan(mapping, item, metadata, left_out, findings)


def _default(*, every: bool = False) -> AttributeMapping:
    unsure = () if every else tuple(name for name in DEFAULT_MAPPING if name not in _SURE)
    return _DEFAULT.without(unsure)


def _scope(customer: Customer) -> Mapping[str, object]:
    return {
        **customer.traits,
        "userId": customer.user_id,
        "event": customer.event,
        "site": customer.site,
        "timestamp": customer.timestamp,
    }


def _events(customer: Customer, sent_at: int | None) -> set[str]:
    """The events whose attributes are sent: the last one, and a sign-up not delivered yet."""
    events = {customer.event} - {None, SIGNED_UP}
    signed_up = customer.signed_up_at
    if signed_up is not None and (sent_at is None or signed_up > sent_at - _OVERLAP_US):
        events.add(SIGNED_UP)
    return {event for event in events if event is not None}


def _outcome(kind: Kind, code: str, text: str) -> Outcome:
    return Outcome(kind, code, text, advice_for(code))
