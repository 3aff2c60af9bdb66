"""What `frontdesk init` says about an object, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from frontdesk_sidecar.init.line import Line, Proposal, as_data, kind
from frontdesk_sidecar.init.toml_text import Where

_WHY: Final = {
    "base_url": "made up: the host that serves odata2webservices, often the backoffice one",
    "integration_object": "a guess, an EDMX does not say it: the code of the Integration Object",
    "client_id": "made up: the OAuth client of that object",
}


@dataclass(frozen=True, slots=True)
class Miss:
    """An object that could not be used, and why."""

    name: str
    reason: str
    remedy: str = ""


def lines(where: Where, proposal: Proposal, path: str, misses: Sequence[Miss]) -> Iterator[str]:
    """The whole report."""
    source = "the EDMX file" if where.is_offline else where.base_url
    item = proposal.item.name
    yield f"{where.integration_object} in {source}: entity set {proposal.entity_set}, item {item}"
    for miss in misses:
        yield f"  (not {miss.name}: {miss.reason})"
    yield ""
    yield from _table(proposal)
    if undecided := list(_undecided(where, proposal)):
        yield ""
        yield "Needs your decision, each marked in the file:"
        width = max(len(name) for name, _ in undecided)
        yield from (f"  {name:<{width}}  {text}" for name, text in undecided)
    yield ""
    yield f"Written: {path}"
    yield "Next:"
    yield from (f"  {command}" for command in following(where, path))


def following(where: Where, path: str) -> Iterator[str]:
    """The commands that come next, as they can be typed."""
    if where.secret_file is None:
        yield "export FRONTDESK_SAP__CLIENT_SECRET=…        (or name a client_secret_file)"
    yield f"frontdesk check --config {path}"
    yield f"frontdesk run --config {path}"


def document(where: Where, proposal: Proposal, path: str, misses: Sequence[Miss]) -> dict[str, Any]:
    """The same for a script."""
    return {
        "base_url": where.base_url,
        "integration_object": where.integration_object,
        "entity_set": proposal.entity_set,
        "item": proposal.item.name,
        "attributes": [as_data(line, proposal.item, proposal.metadata) for line in proposal.lines],
        "decisions": dict(_undecided(where, proposal)),
        "unusable": {miss.name: miss.reason for miss in misses},
        "file": path,
        "next": list(following(where, path)),
    }


def _undecided(where: Where, proposal: Proposal) -> Iterator[tuple[str, str]]:
    yield from ((f"sap.{key}", _WHY[key]) for key in where.placeholders)
    yield from ((line.name, line.decision) for line in proposal.undecided)


def _table(proposal: Proposal) -> Iterator[str]:
    rows = [("attribute", "type", "is sent")]
    rows += [(line.name, kind(line.to, proposal.metadata), _sent(line)) for line in proposal.lines]
    name, type_ = (max(len(row[column]) for row in rows) for column in (0, 1))
    yield from (f"  {row[0]:<{name}}  {row[1]:<{type_}}  {row[2]}".rstrip() for row in rows)


def _sent(line: Line) -> str:
    if not line.is_sent:
        return "– " + (line.note or line.decision or "not sent")
    return f"{line.expression}  (on {line.event})" if line.event else line.expression
