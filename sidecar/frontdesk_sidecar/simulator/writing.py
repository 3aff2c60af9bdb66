"""POST, PATCH and DELETE on an entity set.

Order of the checks: query options, media type, language, `Accept`, JSON, unknown properties,
key, type rights, hooks, required attributes, uniqueness over all principals, references, commit.
Writes of the root item are noted in the commit log, those of a transaction at its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontdesk_sidecar.simulator.access import check_type
from frontdesk_sidecar.simulator.call import VERSION
from frontdesk_sidecar.simulator.errors import (
    ODataError,
    invalid_language,
    method_not_allowed,
)
from frontdesk_sidecar.simulator.hooks import Hooks, find_hooks
from frontdesk_sidecar.simulator.interceptors import change_uid, complete
from frontdesk_sidecar.simulator.media import Answer, Notation, is_json_request
from frontdesk_sidecar.simulator.payload import UnknownPropertyError, read_document, read_entry
from frontdesk_sidecar.simulator.query import has_system_option
from frontdesk_sidecar.simulator.saving import Occasion, Saver
from frontdesk_sidecar.simulator.state import Stored
from frontdesk_sidecar.simulator.upsert import key_of

if TYPE_CHECKING:
    from frontdesk_sidecar.simulator.access import Right
    from frontdesk_sidecar.simulator.call import Call
    from frontdesk_sidecar.simulator.config import SimulatorConfig
    from frontdesk_sidecar.simulator.journal import Journal
    from frontdesk_sidecar.simulator.payload import Entry
    from frontdesk_sidecar.simulator.saved import Saves
    from frontdesk_sidecar.simulator.state import Stores
    from frontdesk_sidecar.simulator.upsert import Verb


class Writer:
    """The verbs that change the stores, under the settings of the simulator."""

    def __init__(
        self, config: SimulatorConfig, journal: Journal, stores: Stores, saves: Saves
    ) -> None:
        self._config = config
        self._journal = journal
        self._stores = stores
        self._saver = Saver(config, stores)
        self._saves = saves

    def post(self, call: Call) -> Answer:
        """Upserts an item: 201 with `Location`, for an update too. Raises `ODataError`."""
        notation, switches = self._check_request(call), self._config.switches
        entry = change_uid(_read(call), switches)
        key = key_of(call.definition, call.item, entry)
        found = call.store.find(key)
        right: Right = "create" if found is None else "change"
        check_type(call.request.user, right, call.item, switches)
        hooks = find_hooks(call.request.headers, self._config.hooks)
        if found is None:
            entry = complete(call.definition, call.item, entry, self._stores, switches)
        status = switches.updateStatus if found is not None else 201
        stored = self._store(call, entry, key, "POST", hooks)
        if stored is None:
            return self._discarded(call, entry, key, notation)
        headers: tuple[tuple[str, str], ...] = ()
        if switches.location:
            headers = (("Location", call.view.address(call.item, stored)),)
        return call.entry(status, stored, notation, headers)

    def patch(self, call: Call) -> Answer:
        """Changes the given attributes of an existing item: 200. Raises `ODataError`."""
        notation = self._check_request(call)
        found = call.found()
        entry = _read(call)
        self._check_key(call, found, entry)
        check_type(call.request.user, "change", call.item, self._config.switches)
        hooks = find_hooks(call.request.headers, self._config.hooks)
        stored = self._store(call, entry, found.key, "PATCH", hooks)
        return call.entry(200, found if stored is None else stored, notation)

    def delete(self, call: Call) -> Answer:
        """Deletes an existing item: 200 without a body. Raises `ODataError`."""
        found = call.found()
        check_type(call.request.user, "remove", call.item, self._config.switches)
        if call.item.protected:
            text = f"The item [{call.item.code}] cannot be deleted."
            raise ODataError(400, "deletion_failure", text, found.key)
        self._saver.remove(call.definition, call.item, found)
        self._saves.note(call, found, self._now_ms(), is_deletion=True)
        return Answer(200, headers=VERSION)

    def _store(
        self, call: Call, entry: Entry, key: str, verb: Verb, hooks: Hooks | None
    ) -> Stored | None:
        """The item as stored, None when a hook discarded it."""
        if hooks is None and call.item.is_simple:
            return self._save(call, entry, key, verb)
        with self._journal.transaction():
            hook = None if hooks is None else hooks.before(key)
            if hook is not None and hook.does == "discard":
                return None
            if hook is not None and hook.set:
                items = call.definition.by_code
                entry = {**entry, **read_document(hook.set, call.item, items)}
            stored = self._save(call, entry, key, verb)
            if hooks is not None:
                hooks.after(key)
        return stored

    def _save(self, call: Call, entry: Entry, key: str, verb: Verb) -> Stored:
        language = call.request.header("content-language").lower() or self._config.language
        now, user = self._now_ms(), call.request.user
        occasion = Occasion(call.definition, verb, language, now, key, user)
        stored = self._saver.save(occasion, call.item, entry, key)
        self._saves.note(call, stored, now)
        return stored

    def _discarded(self, call: Call, entry: Entry, key: str, notation: Notation) -> Answer:
        """No source shows this answer: the entry as it would have been is the guess here."""
        status = self._config.switches.discardedStatus
        if status == 204:
            return Answer(204, headers=VERSION)
        simple = {name: part for name, part in entry.items() if name in call.item.by_name}
        return call.entry(status, Stored(key, simple, 0, 0, 0), notation)  # type: ignore[arg-type] # simple values only

    def _check_request(self, call: Call) -> Notation:
        if has_system_option(call.options):
            raise method_not_allowed()
        content_type = call.request.header("content-type")
        if not is_json_request(content_type):
            raise ODataError(415, None, f"Media type {content_type} is not supported.")
        language = call.request.header("content-language")
        if language and language.lower() not in self._config.languages:
            raise invalid_language(language)
        return call.notation()

    def _check_key(self, call: Call, found: Stored, entry: Entry) -> None:
        for attribute in call.item.key:
            current = found.attributes.get(attribute.name)
            if entry.get(attribute.name, current) != current:
                text = f"The key [{attribute.name}] differs from the one in the address."
                raise ODataError(400, "invalid_key", text, found.key)
        for navigation in call.item.key_navigations:
            part = entry.get(navigation.name)
            if isinstance(part, dict):
                target = call.definition.target(navigation)
                if (key_of(call.definition, target, part),) != found.attributes[navigation.name]:
                    text = f"The key [{navigation.name}] differs from the one in the address."
                    raise ODataError(400, "invalid_key", text, found.key)

    def _now_ms(self) -> int:
        return int(self._config.clock() * 1000)


def _read(call: Call) -> Entry:
    item = call.item
    try:
        return read_entry(call.request.body, item, call.definition.by_code)
    except UnknownPropertyError as unknown:
        text = f"An entity contains [{unknown.name}] that is not defined in the Integration Object."
        key = _key_if_complete(call, unknown.known)
        raise ODataError(400, "invalid_property", text, key) from None


def _key_if_complete(call: Call, known: Entry) -> str | None:
    try:
        return key_of(call.definition, call.item, known)
    except ODataError:
        return None
