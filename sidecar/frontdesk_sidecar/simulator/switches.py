"""What no source tells about a real tenant, and what a tenant can set: switches.

Each can be in a definition file (`"switches": {...}`) and be changed while the simulator runs
(`POST /_sim/switches`). The defaults are SAP's where SAP says so, else the likelier answer.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, Literal

Body = Literal["html", "json", "empty"]


class SwitchError(ValueError):
    """A switch is unknown or has a value it cannot have; the text names it."""


@dataclass(slots=True)
class Switches:
    """The switches, by their names in JSON with the question each answers.

    readOnlyAttribute: a POST of a getter-only attribute is ignored or rejected (400).
    noChannelStatus: an object without `InboundChannelConfiguration` gives 404, 401 or 403.
    unauthorizedBody: what a 401 of the service carries.
    legacyAuthentication: `integrationservices.legacy.authentication.enabled`.
    accessRights: `integrationservices.authorization.accessrights.enabled`, the type rights.
    updateStatus: a POST that updates gives 201 or 200.
    location: whether a POST answers with `Location`.
    addCustomerGroup: whether a create without groups puts the customer in `customergroup`.
    generateCustomerId: whether a create without `customerID` gets one.
    setOriginalUid: whether a create without `originalUid` gets the uid.
    lowerCaseUid: whether an interceptor stores the uid in lower case.
    conflictStatus: of ambiguous keys, stale data and deadlocks.
    retryAfter: seconds in `Retry-After` of throttle and maintenance, null for no header.
    throttleBody: what a 429 carries.
    maxChanges: changes a changeset can have, null for no limit; more are a 400.
    mergeStatus: of PUT and MERGE.
    select: a `$select` is rejected (400), ignored or applied.
    discardedStatus: when a pre-persist hook returns nothing.
    explicitPort: whether links carry the port also when it is the scheme's own (`:443`).
    monitoring: `inboundservices.monitoring.enabled`.
    successPayloads, errorPayloads: `inboundservices.monitoring.….payload.retention`.
    """

    readOnlyAttribute: Literal["ignore", "reject"] = "ignore"
    noChannelStatus: Literal[404, 401, 403] = 404
    unauthorizedBody: Body = "html"
    legacyAuthentication: bool = False
    accessRights: bool = False
    updateStatus: Literal[201, 200] = 201
    location: bool = True
    addCustomerGroup: bool = False
    generateCustomerId: bool = False
    setOriginalUid: bool = False
    lowerCaseUid: bool = False
    conflictStatus: Literal[500, 400] = 500
    retryAfter: int | None = None
    throttleBody: Body = "html"
    maxChanges: int | None = None
    mergeStatus: Literal[405, 501] = 405
    select: Literal["reject", "ignore", "apply"] = "reject"
    discardedStatus: Literal[201, 200, 204] = 201
    explicitPort: bool = True
    monitoring: bool = False
    successPayloads: bool = False
    errorPayloads: bool = False

    @property
    def completes(self) -> bool:
        """Whether a create gets something that was not sent."""
        return self.addCustomerGroup or self.generateCustomerId or self.setOriginalUid

    def change(self, document: object) -> None:
        """Takes the switches of a JSON object; others stay. Raises `SwitchError`, then none is."""
        if not isinstance(document, dict):
            raise SwitchError("expected an object of switches")
        for name, value in document.items():
            _check(name, value)
        for name, value in document.items():
            setattr(self, name, value)

    def to_json(self) -> dict[str, Any]:
        """All switches with their values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def restore(self, other: Switches) -> None:
        """Takes over every value of another."""
        self.change(other.to_json())


_CHOICES: Final[dict[str, tuple[object, ...]]] = {
    "readOnlyAttribute": ("ignore", "reject"),
    "noChannelStatus": (404, 401, 403),
    "unauthorizedBody": ("html", "json", "empty"),
    "updateStatus": (201, 200),
    "conflictStatus": (500, 400),
    "throttleBody": ("html", "json", "empty"),
    "mergeStatus": (405, 501),
    "select": ("reject", "ignore", "apply"),
    "discardedStatus": (201, 200, 204),
}
_NUMBERS: Final = frozenset({"retryAfter", "maxChanges"})
_NAMES: Final = frozenset(field.name for field in fields(Switches))


def _check(name: str, value: object) -> None:
    if name not in _NAMES:
        raise SwitchError(f"{name}: unknown switch; known are {', '.join(sorted(_NAMES))}")
    if (choices := _CHOICES.get(name)) is not None:
        if value not in choices or isinstance(value, bool):
            raise SwitchError(f"{name}: expected one of {', '.join(map(str, choices))}")
    elif name in _NUMBERS:
        if value is not None and not _is_count(value):
            raise SwitchError(f"{name}: expected an integer from 1, or null")
    elif not isinstance(value, bool):
        raise SwitchError(f"{name}: expected true or false")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
