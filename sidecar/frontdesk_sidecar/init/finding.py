"""The one object that is written about: found in SAP, or read from a file, or a reason why not."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from frontdesk_sidecar.init.choosing import customer_sets
from frontdesk_sidecar.init.looking import Seen, look, look_up_codes
from frontdesk_sidecar.init.references import Codes
from frontdesk_sidecar.init.report import Miss
from frontdesk_sidecar.metadata import Item, Metadata, MetadataError, read_edmx
from frontdesk_sidecar.sap.destination import Destination
from frontdesk_sidecar.sap.session import Session

FAILED: Final = 1
USAGE: Final = 2


class Stop(Exception):  # noqa: N818 - it is an end, not a defect
    """The command ends with `code`; each line says what is the matter, or what to do."""

    def __init__(self, *lines: str, code: int = FAILED) -> None:
        super().__init__(*lines)
        self.lines = lines
        self.code = code


@dataclass(frozen=True, slots=True)
class Found:
    """An object, the set of its customers, and what else was learned on the way."""

    object: str
    metadata: Metadata
    entity_set: str
    misses: Sequence[Miss] = ()
    codes: Codes = field(default_factory=dict)

    @property
    def item(self) -> Item:
        """The item of the customers."""
        return self.metadata.items[self.metadata.entity_sets[self.entity_set]]


def read_file(path: Path, name: str | None, entity_set: str | None) -> Found:
    """The object that a saved `$metadata` describes; it does not say its own name. Raises Stop."""
    try:
        metadata = read_edmx(path.read_bytes())
    except OSError as error:
        raise Stop(f"{path} cannot be read: {error.strerror}") from None
    except MetadataError as error:
        remedy = "Save what GET https://HOST/odata2webservices/OBJECT/$metadata answers."
        raise Stop(f"{path} {error}.", remedy) from None
    seen = Seen(name or str(path), metadata, tuple(customer_sets(metadata)))
    chosen = _choose_set(seen, entity_set)
    item = metadata.entity_sets[chosen]
    return Found(name or f"Inbound{item}", metadata, chosen)


async def ask(destination: Destination, name: str | None, entity_set: str | None) -> Found:
    """The object of that name in SAP, or the only one that holds customers. Raises Stop."""
    try:
        session = Session(destination)
    except (OSError, ssl.SSLError) as error:
        raise Stop(f"a file for TLS cannot be used: {error.strerror}") from None
    async with session:
        view = await look(session, destination, name)
        if not view.seen:
            raise Stop(*_why(destination, view.misses))
        seen = _choose_object(view.seen, name, entity_set)
        chosen = _choose_set(seen, entity_set)
        found = Found(seen.name, seen.metadata, chosen, view.misses)
        there = replace(destination, integration_object=seen.name)
        codes = await look_up_codes(session, there, seen.metadata, found.item)
    return replace(found, codes=codes)


def _why(destination: Destination, misses: Sequence[Miss]) -> list[str]:
    """Each reason once, with what helps."""
    lines = [f"nothing can be read from {destination.base_url}:"]
    by_reason: dict[tuple[str, str], list[str]] = {}
    for miss in misses:
        by_reason.setdefault((miss.reason, miss.remedy), []).append(miss.name)
    for (reason, remedy), names in by_reason.items():
        lines.append(f"{', '.join(names)}: {reason}")
        lines += [f"  {remedy}"] if remedy else []
    lines.append("An object of another name is named by --object; one that does not exist yet is")
    lines.append("made by the ImpEx of `frontdesk init --impex`.")
    return lines


def _choose_object(seen: Sequence[Seen], name: str | None, entity_set: str | None) -> Seen:
    """The only one, or else somebody must say which."""
    fit = [one for one in seen if _has(one, entity_set)] if name is None else list(seen)
    if len(fit) == 1:
        return fit[0]
    if not fit:
        names = ", ".join(one.name for one in seen)
        raise Stop(f"no customers in {names}: name the object with --object", code=USAGE)
    lines = (f"  --object {one.name:<24} {', '.join(one.sets)}" for one in fit)
    raise Stop("several objects may hold customers: choose one", *lines, code=USAGE)


def _has(seen: Seen, entity_set: str | None) -> bool:
    return bool(seen.sets) if entity_set is None else entity_set in seen.metadata.entity_sets


def _choose_set(seen: Seen, wanted: str | None) -> str:
    sets = [name for name in seen.metadata.entity_sets if seen.metadata.item_of(name) is not None]
    if wanted is None and len(seen.sets) == 1:
        return seen.sets[0]
    if wanted in sets:
        return str(wanted)
    if wanted is not None:
        text = f"{seen.name} has no entity set {wanted}; names are case-sensitive"
    elif seen.sets:
        text = f"{seen.name} has several entity sets that may hold customers: choose one"
    else:
        text = f"{seen.name} has no entity set with a uid that looks like customers: choose one"
    lines = (_set_line(name, seen.metadata) for name in seen.sets or sets)
    raise Stop(text, *lines, code=USAGE)


def _set_line(name: str, metadata: Metadata) -> str:
    item = metadata.item_of(name)
    key = ", ".join(item.key) if item is not None else ""
    return f"  --entity-set {name}" + (f"   by {key}" if key else "")
