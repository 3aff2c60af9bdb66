"""POST, PATCH and DELETE on an entity set.

Order of the checks: query options, media type, language, `Accept`, JSON, unknown properties,
key, required attributes, uniqueness over all principals, commit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontdesk_sidecar.simulator import entries
from frontdesk_sidecar.simulator.call import VERSION
from frontdesk_sidecar.simulator.errors import ODataError, ambiguous_key, method_not_allowed
from frontdesk_sidecar.simulator.media import Answer, Notation, is_json_request
from frontdesk_sidecar.simulator.payload import UnknownPropertyError, read_entry
from frontdesk_sidecar.simulator.query import has_system_option
from frontdesk_sidecar.simulator.upsert import key_of, merge

if TYPE_CHECKING:
    from frontdesk_sidecar.simulator.call import Call
    from frontdesk_sidecar.simulator.config import SimulatorConfig
    from frontdesk_sidecar.simulator.edm import Item
    from frontdesk_sidecar.simulator.payload import Entry


class Writer:
    """The verbs that change the stores, under the settings of the simulator."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config

    def post(self, call: Call) -> Answer:
        """Upserts an item: 201 with `Location`, for an update too. Raises `ODataError`."""
        notation = self._check_request(call)
        entry = _read(call.item, call.request.body)
        key = key_of(call.item, entry)
        found = call.store.find(key)
        attributes = merge(call.item, None if found is None else found.attributes, entry, key)
        self._check_principals(call.item, entry, key)
        stored = call.store.put(key, attributes, self._now_ms())
        location = (("Location", entries.address(call.item, stored, call.service)),)
        return call.entry(201, stored, notation, location)

    def patch(self, call: Call) -> Answer:
        """Changes the given attributes of an existing item: 200. Raises `ODataError`."""
        notation = self._check_request(call)
        found = call.found()
        entry = _read(call.item, call.request.body)
        for attribute in call.item.key:
            current = found.attributes.get(attribute.name)
            if entry.get(attribute.name, current) != current:
                text = f"The key [{attribute.name}] differs from the one in the address."
                raise ODataError(400, "invalid_key", text, found.key)
        attributes = merge(call.item, found.attributes, entry, found.key)
        stored = call.store.put(found.key, attributes, self._now_ms())
        return call.entry(200, stored, notation)

    def delete(self, call: Call) -> Answer:
        """Deletes an existing item: 200 without a body. Raises `ODataError`."""
        call.store.remove(call.found().key)
        return Answer(200, headers=VERSION)

    def _check_request(self, call: Call) -> Notation:
        if has_system_option(call.options):
            raise method_not_allowed()
        content_type = call.request.header("content-type")
        if not is_json_request(content_type):
            raise ODataError(415, None, f"Media type {content_type} is not supported.")
        language = call.request.header("content-language")
        if language and language.lower() not in self._config.languages:
            text = f"The language provided [{language}] is not available."
            raise ODataError(400, "invalid_language", text)
        return call.notation()

    def _check_principals(self, item: Item, entry: Entry, key: str) -> None:
        """A uid is unique over customers, employees and groups alike."""
        if any(attribute.name == "uid" for attribute in item.key):
            uid = str(entry["uid"])
            spelling = uid if self._config.case_sensitive else uid.lower()
            if spelling in self._config.other_principals:
                raise ambiguous_key(item.code, f"uid={uid}", key)

    def _now_ms(self) -> int:
        return int(self._config.clock() * 1000)


def _read(item: Item, body: bytes) -> Entry:
    try:
        return read_entry(body, item)
    except UnknownPropertyError as unknown:
        text = f"An entity contains [{unknown.name}] that is not defined in the Integration Object."
        key = _key_if_complete(item, unknown.known)
        raise ODataError(400, "invalid_property", text, key) from None


def _key_if_complete(item: Item, known: Entry) -> str | None:
    try:
        return key_of(item, known)
    except ODataError:
        return None
