"""The text of a `frontdesk.toml`: the proposal, with what a person wants to know beside it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from frontdesk_sidecar.init.line import Line, Proposal, kind

_WIDTH: Final = 98
#: The defaults of the two places that sidecar and web processes use.
JOURNAL: Final = "/run/frontdesk/journal"
STORE: Final = "/var/lib/frontdesk/frontdesk.db"
SECRET_FILE: Final = "/run/secrets/frontdesk/client_secret"  # noqa: S105 - a place


@dataclass(frozen=True, slots=True)
class Where:
    """Everything of the file that is no mapping.

    Without a `secret_file` the secret has to come from the environment. `placeholders` are keys
    of `[sap]` whose values are made up.
    """

    base_url: str
    integration_object: str
    client_id: str
    secret_file: str | None = None
    others: tuple[tuple[str, str], ...] = ()
    journal: str = JOURNAL
    store: str = STORE
    placeholders: tuple[str, ...] = ()
    is_offline: bool = False


def as_toml(where: Where, proposal: Proposal) -> str:
    """The whole file."""
    parts = [_head(where), _places(where), _sap(where, proposal), _mapping(proposal)]
    parts += [_on(event, proposal) for event in proposal.events]
    return "\n".join(line for part in parts for line in (*part, ""))[:-1] + "\n"


def _head(where: Where) -> Iterator[str]:
    source = "an EDMX file" if where.is_offline else _printable(where.base_url)
    yield f"# Written by `frontdesk init` from {source}."
    yield from _comment(
        "Each key is also an environment variable, FRONTDESK_SECTION__KEY, which wins over this"
        " file. `frontdesk check` says whether all of it holds."
    )


def _places(where: Where) -> Iterator[str]:
    yield "[capture]"
    yield from _comment("Where the web processes leave what they see: a directory in memory.")
    if where.journal != JOURNAL:
        yield from _comment(f"For a try without root; on a server {JOURNAL}.")
    yield f"journal = {_quoted(where.journal)}"
    if where.store != STORE:
        yield ""
        yield "[store]"
        yield from _comment(f"The sidecar's SQLite file, from where it starts; else {STORE}.")
        yield f"path = {_quoted(where.store)}"


def _sap(where: Where, proposal: Proposal) -> Iterator[str]:
    yield "[sap]"
    values = {
        "base_url": where.base_url,
        "integration_object": where.integration_object,
        "entity_set": proposal.entity_set,
        "client_id": where.client_id,
        **dict(where.others),
    }
    for key, value in values.items():
        remark = "  # NEEDS YOUR DECISION: made up" if key in where.placeholders else ""
        yield f"{key} = {_quoted(value)}{remark}"
    if where.secret_file is not None:
        yield f"client_secret_file = {_quoted(where.secret_file)}"
    else:
        yield from _comment("The secret is expected in FRONTDESK_SAP__CLIENT_SECRET; or in a file:")
        yield f"# client_secret_file = {_quoted(SECRET_FILE)}"


def _mapping(proposal: Proposal) -> Iterator[str]:
    yield from _comment(
        f"What is sent, as {proposal.item.name}: attribute in SAP = JMESPath expression over the"
        " traits (https://jmespath.org), such as email, firstName, lastName, name, phone, title,"
        " birthday, gender, company, locale and userId. What has no value is left out, and stays"
        " in SAP as it is."
    )
    yield "[sap.mapping]"
    for line in proposal.lines:
        if line.event is None:
            yield from _line(line, proposal)


def _on(event: str, proposal: Proposal) -> Iterator[str]:
    yield from _comment(f"What is sent beside that with those who come by {event!r}.")
    yield f"[sap.event_mapping.{_quoted(event)}]"
    for line in proposal.lines:
        if line.event == event:
            yield from _line(line, proposal)


def _line(line: Line, proposal: Proposal) -> Iterator[str]:
    note = f"; {line.note}" if line.note else ""
    yield ""
    yield from _comment(f"{line.name}: {kind(line.to, proposal.metadata)}{note}")
    if line.decision:
        yield from _comment(f"NEEDS YOUR DECISION: {line.decision}")
    if line.expression:
        mark = "" if line.is_sent else "# "
        yield from (f"{mark}{row}" for row in _assigned(line.name, line.expression))


def _assigned(name: str, expression: str) -> Iterator[str]:
    """On one line, or each alternative on its own: JMESPath takes a line break for a space."""
    row = f"{name} = {_quoted(expression)}"
    alternatives = _quoted(expression)[1:-1].split(" || ")
    if len(row) <= _WIDTH or len(alternatives) == 1:
        yield row
        return
    yield f'{name} = """'
    yield from (f"{one} ||" for one in alternatives[:-1])
    yield f'{alternatives[-1]}"""'


def _comment(text: str) -> Iterator[str]:
    broken = textwrap.wrap(
        _printable(text), _WIDTH - 2, break_long_words=False, break_on_hyphens=False
    )
    yield from (f"# {row}" for row in broken)


def _quoted(text: str) -> str:
    """A basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _printable(text: str) -> str:
    """On one line, whatever SAP's names are made of."""
    return "".join(one if one.isprintable() else "�" for one in text)
