"""The steps of the check, in their order, and what each stands on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from frontdesk_sidecar.check.chain import Chain
from frontdesk_sidecar.check.result import Result, Status


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a target: what it stands on, and how it is taken."""

    name: str
    needs: tuple[str, ...]
    take: Callable[[Chain], Awaitable[Result]]


#: What is looked at once, before any target.
LOCAL: Final = ("configuration", "journal", "store", "sidecar")
STEPS: Final = (
    Step("secret", (), Chain.secret),
    Step("dns", (), Chain.dns),
    Step("connect", ("dns",), Chain.connect),
    Step("tls", ("connect",), Chain.tls),
    Step("token", ("secret", "tls"), Chain.token),
    Step("object", ("token",), Chain.object),
    Step("metadata", ("object",), Chain.metadata),
    Step("entity-set", ("object",), Chain.entity_set),
    Step("mapping", ("metadata", "entity-set"), Chain.mapping),
    Step("rights", ("entity-set",), Chain.rights),
    Step("hooks", ("rights",), Chain.hooks),
    Step("batch", ("entity-set",), Chain.batch),
    Step("write-test", ("mapping", "rights"), Chain.write),
    Step("arrival", ("token",), Chain.arrival),
    Step("clock", ("connect",), Chain.clock),
)
NAMES: Final = (*LOCAL, *(step.name for step in STEPS))
_BY_NAME: Final = {step.name: step for step in STEPS}


#: What a step is nothing without, although it is tried when that failed: a `Date` to look at, and
#: the key that a record must not have.
_WANTS: Final = {"clock": ("token",), "rights": ("metadata",)}


def with_needs(only: tuple[str, ...]) -> frozenset[str]:
    """The steps, and all that they stand on; every one when none is named."""
    if not only:
        return frozenset(NAMES)
    found: set[str] = set()
    waiting = ["configuration", *only]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _WANTS.get(name, ())
            waiting += _BY_NAME[name].needs if name in _BY_NAME else ()
    return frozenset(found)


def blocked(step: Step, why: str, target: str = "") -> Result:
    """A step that was not taken."""
    return Result(step.name, Status.SKIPPED, "", why, target=target)


def about(result: Result, target: str) -> Result:
    """The result as one of a target's."""
    return replace(result, target=target)
