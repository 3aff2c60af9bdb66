"""One request on its way through the service: as it came, and as it is understood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from frontdesk_sidecar.simulator.atom import entry_xml
from frontdesk_sidecar.simulator.entries import PLAIN
from frontdesk_sidecar.simulator.errors import ODataError, entity_not_found
from frontdesk_sidecar.simulator.keys import KeyFormatError
from frontdesk_sidecar.simulator.media import (
    ATOM_ENTRY,
    JSON_UTF8,
    Answer,
    Notation,
    entry_notation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from frontdesk_sidecar.simulator.access import User
    from frontdesk_sidecar.simulator.edm import IntegrationObject, Item
    from frontdesk_sidecar.simulator.entries import Expand, View
    from frontdesk_sidecar.simulator.paths import Resource
    from frontdesk_sidecar.simulator.state import ItemStore, Stored

VERSION: Final = (("DataServiceVersion", "1.0"),)


@dataclass(slots=True)
class ServiceRequest:
    """One request as the service sees it.

    `path` is what follows `/odata2webservices/`, still percent-encoded; header names are in
    lower case; `base` is the address of `/odata2webservices` as links show it; `user` is who
    asks, None for somebody who may do everything.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    base: str
    user: User | None = None

    def header(self, name: str) -> str:
        """A header's value, empty when absent."""
        return self.headers.get(name, "")

    def notation(self, options: Mapping[str, str]) -> Notation:
        """The notation of a successful answer. Raises `ODataError` with 406 when there is none."""
        accept = self.header("accept")
        notation = entry_notation(accept, options.get("$format"))
        if notation is None:
            text = f"The accept header '{accept}' is not supported for this resource."
            raise ODataError(406, None, text)
        return notation


@dataclass(slots=True)
class Call:
    """A request to an entity set of an object, and how its items are shown to who asks."""

    request: ServiceRequest
    options: Mapping[str, str]
    definition: IntegrationObject
    item: Item
    resource: Resource
    store: ItemStore
    view: View

    def notation(self) -> Notation:
        """The notation of a successful answer. Raises `ODataError`."""
        return self.request.notation(self.options)

    def found(self) -> Stored:
        """The item the address names.

        Raises `ODataError` with `not_found`, or `invalid_key` for a malformed key.
        """
        try:
            key = self.resource.integration_key(self.definition.segment_count(self.item))
        except KeyFormatError:
            text = f"The key of [{self.item.code}] in the address is malformed."
            # SAP's table of errors has 404 for DELETE and 400 for the other verbs.
            status = 404 if self.request.method == "DELETE" else 400
            raise ODataError(status, "invalid_key", text) from None
        stored = self.store.find(key)
        if stored is None:
            raise entity_not_found(self.item.code, key)
        return stored

    def entry(
        self,
        status: int,
        stored: Stored,
        notation: Notation,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        item: Item | None = None,
        expand: Expand = PLAIN,
    ) -> Answer:
        """The item as the answer; `item` is its type when it is not that of the address."""
        item = item or self.item
        if notation == "json":
            body = self.view.entry_json(item, stored, expand)
            return Answer(status, body, JSON_UTF8, VERSION + headers)
        body = entry_xml(self.view, item, stored, expand)
        return Answer(status, body, ATOM_ENTRY, VERSION + headers)
