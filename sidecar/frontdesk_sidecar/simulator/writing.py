"""POST, PATCH and DELETE on an entity set.

Order of the checks: query options, media type, language, `Accept`, JSON, unknown properties,
key, required attributes, uniqueness over all principals, commit. Writes of the root item are
noted in the commit log, those of a transaction at its end.
"""

from __future__ import annotations

from functools import partial
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
    from frontdesk_sidecar.simulator.commits import CommitLog
    from frontdesk_sidecar.simulator.config import SimulatorConfig
    from frontdesk_sidecar.simulator.edm import Item
    from frontdesk_sidecar.simulator.journal import Journal
    from frontdesk_sidecar.simulator.payload import Entry
    from frontdesk_sidecar.simulator.state import Stored

_MESSAGE_ID = "integrationmessageid"


class Writer:
    """The verbs that change the stores, under the settings of the simulator."""

    def __init__(self, config: SimulatorConfig, journal: Journal, commits: CommitLog) -> None:
        self._config = config
        self._journal = journal
        self._commits = commits

    def post(self, call: Call) -> Answer:
        """Upserts an item: 201 with `Location`, for an update too. Raises `ODataError`."""
        notation = self._check_request(call)
        entry = _read(call.item, call.request.body)
        key = key_of(call.item, entry)
        found = call.store.find(key)
        attributes = merge(call.item, None if found is None else found.attributes, entry, key)
        self._check_principals(call.item, entry, key)
        stored = self._put(call, key, attributes)
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
        stored = self._put(call, found.key, attributes)
        return call.entry(200, stored, notation)

    def delete(self, call: Call) -> Answer:
        """Deletes an existing item: 200 without a body. Raises `ODataError`."""
        found = call.found()
        call.store.remove(found.key)
        self._committed(call, found, self._now_ms())
        return Answer(200, headers=VERSION)

    def _put(self, call: Call, key: str, attributes: Entry) -> Stored:
        now = self._now_ms()
        stored = call.store.put(key, attributes, now)
        self._committed(call, stored, now)
        return stored

    def _committed(self, call: Call, stored: Stored, now_ms: int) -> None:
        if call.item is not self._config.definition.root:
            return
        uid, message_id = stored.attributes.get("uid"), call.request.headers.get(_MESSAGE_ID)
        write = partial(self._commits.append, now_ms, uid, message_id, call.request.body)
        self._journal.afterwards(write)

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
