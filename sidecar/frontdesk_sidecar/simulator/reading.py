"""GET on an entity set: one item, a page of them, what they lead to, or their number."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from frontdesk_sidecar.simulator.access import check_type
from frontdesk_sidecar.simulator.atom import collection_xml
from frontdesk_sidecar.simulator.call import VERSION
from frontdesk_sidecar.simulator.entries import simple
from frontdesk_sidecar.simulator.errors import ODataError, property_not_found
from frontdesk_sidecar.simulator.filters import Comparison
from frontdesk_sidecar.simulator.keys import entity_address, join_key
from frontdesk_sidecar.simulator.media import ATOM_FEED, JSON_UTF8, Answer
from frontdesk_sidecar.simulator.query import (
    DEFAULT_PAGE,
    LARGEST_PAGE,
    entry_options,
    read_options,
)
from frontdesk_sidecar.simulator.state import ItemStore
from frontdesk_sidecar.simulator.upsert import key_text

if TYPE_CHECKING:
    from collections.abc import Collection

    from frontdesk_sidecar.simulator.call import Call
    from frontdesk_sidecar.simulator.config import SimulatorConfig
    from frontdesk_sidecar.simulator.edm import Attribute, Item
    from frontdesk_sidecar.simulator.entries import Expand
    from frontdesk_sidecar.simulator.query import ReadOptions
    from frontdesk_sidecar.simulator.state import Stored


class Reader:
    """The reads, under the settings of the simulator."""

    def __init__(self, config: SimulatorConfig) -> None:
        self._config = config

    def read(self, call: Call) -> Answer:
        """Answers a GET. Raises `ODataError`."""
        item, predicate = call.item, call.resource.predicate
        below, _, rest = call.resource.below.partition("/")
        check_type(call.request.user, "read", item, self._config.switches)
        if predicate is None:
            if below not in {"", "$count"} or rest:
                raise property_not_found(below)
            return self._many(call, item, call.store, item.entity_set, is_count=bool(below))
        if below:
            return self._below(call, below, rest)
        expand = entry_options(call.options, call.definition, item, self._config.switches.select)
        self._check_expanded(call, item, expand)
        return call.entry(200, call.found(), call.notation(), expand=expand)

    def _below(self, call: Call, name: str, rest: str) -> Answer:
        """What a navigation of one item leads to."""
        navigation = call.item.navigation_by_name.get(name)
        if navigation is None and name in call.item.by_name:
            call.found()
            raise ODataError(501, None, "Reading a single property is not implemented.")
        is_count = navigation is not None and navigation.many and rest == "$count"
        if navigation is None or (rest and not is_count):
            raise property_not_found(rest if navigation is not None else name)
        owner = call.found()
        target = call.definition.target(navigation)
        check_type(call.request.user, "read", target, self._config.switches)
        found = call.view.related(navigation, owner)
        if navigation.many:
            path = f"{entity_address(call.item.entity_set, owner.key)}/{name}"
            return self._many(call, target, found, path, is_count=is_count)
        expand = entry_options(call.options, call.definition, target, self._config.switches.select)
        if not found:
            text = f"[{call.item.code}] with integration key [{owner.key}] has no [{name}]."
            raise ODataError(404, "not_found", text, owner.key)
        return call.entry(200, found[0], call.notation(), item=target, expand=expand)

    def _many(
        self, call: Call, item: Item, items: Collection[Stored], path: str, *, is_count: bool
    ) -> Answer:
        options = read_options(call.options, call.definition, item, self._config.switches.select)
        found = self._matching(call, item, items, options)
        if is_count:
            body = str(len(found)).encode()
            return Answer(200, body, "text/plain;charset=utf-8", VERSION)
        self._check_expanded(call, item, options.expand)
        notation = call.notation()
        size = min(DEFAULT_PAGE if options.top is None else options.top, LARGEST_PAGE)
        end = options.skip + size
        page = list(islice(found, options.skip, end))
        has_next = len(found) > end and options.top != size
        following = _next_page(call, path, end) if has_next else None
        count = len(found) if options.count else None
        if notation == "json":
            body = call.view.collection_json(item, page, options.expand, count, following)
            return Answer(200, body, JSON_UTF8, VERSION)
        body = collection_xml(call.view, item, page, options.expand, count, following)
        return Answer(200, body, ATOM_FEED, VERSION)

    def _matching(
        self, call: Call, item: Item, items: Collection[Stored], options: ReadOptions
    ) -> Collection[Stored]:
        condition, fold = options.condition, not self._config.case_sensitive
        if isinstance(condition, Comparison) and _is_key(item, items, condition):
            found = call.store.find(join_key([key_text(condition.value)]))
            return [] if found is None else [found]
        if condition is not None:
            items = [one for one in items if condition.matches(one, call.view, fold=fold)]
        if not options.order:
            return items
        ordered = list(items)
        # Sorting is stable, so the least important attribute comes first.
        for attribute, is_descending in reversed(options.order):
            ordered.sort(key=partial(_rank, attribute, call.view.language), reverse=is_descending)
        return ordered

    def _check_expanded(self, call: Call, item: Item, expand: Expand) -> None:
        for name, inner in expand.inline.items():
            target = call.definition.target(item.navigation_by_name[name])
            check_type(call.request.user, "read", target, self._config.switches)
            self._check_expanded(call, target, inner)


def _is_key(item: Item, items: Collection[Stored], condition: Comparison) -> bool:
    """Whether the condition names one item of a whole store by its key."""
    is_only = item.key == (condition.attribute,) and not item.key_navigations
    is_equal = condition.operator == "eq" and condition.value is not None
    return isinstance(items, ItemStore) and is_only and is_equal


def _rank(attribute: Attribute, language: str, stored: Stored) -> tuple[bool, float, str]:
    """Where an item stands in an order; null comes first, as most databases have it."""
    value = simple(stored.attributes.get(attribute.name), language)
    if value is None:
        return False, 0.0, ""
    if attribute.type == "Edm.String":
        return True, 0.0, str(value)
    return True, float(value), ""


def _next_page(call: Call, path: str, offset: int) -> str:
    kept = {name: one for name, one in call.options.items() if name not in {"$skip", "$skiptoken"}}
    if "$top" in kept:
        kept["$top"] = str(int(kept["$top"]) - LARGEST_PAGE)
    query = urlencode({**kept, "$skiptoken": str(offset)}, safe="$")
    return f"{call.view.service}/{path}?{query}"
