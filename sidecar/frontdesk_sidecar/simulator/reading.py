"""GET on an entity set: one item, a page of them, or their number."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from frontdesk_sidecar.simulator import entries
from frontdesk_sidecar.simulator.call import VERSION
from frontdesk_sidecar.simulator.errors import ODataError
from frontdesk_sidecar.simulator.keys import join_key
from frontdesk_sidecar.simulator.media import ATOM_FEED, JSON_UTF8, Answer
from frontdesk_sidecar.simulator.query import DEFAULT_PAGE, LARGEST_PAGE, read_options
from frontdesk_sidecar.simulator.upsert import key_text

if TYPE_CHECKING:
    from frontdesk_sidecar.simulator.call import Call
    from frontdesk_sidecar.simulator.query import ReadOptions
    from frontdesk_sidecar.simulator.state import ItemStore, Stored


def read(call: Call) -> Answer:
    """Answers a GET. Raises `ODataError`."""
    below, predicate = call.resource.below, call.resource.predicate
    if below == "$count" and predicate is None:
        return _count(call)
    if below:
        raise ODataError(404, "not_found", f"Could not find property with name: '{below}'.")
    if predicate is None:
        return _collection(call)
    return call.entry(200, call.found(), call.notation())


def _collection(call: Call) -> Answer:
    options = read_options(call.options, call.item)
    notation = call.notation()
    found = _matching(call, options)
    size = min(DEFAULT_PAGE if options.top is None else options.top, LARGEST_PAGE)
    end = options.skip + size
    page = list(islice(found, options.skip, end))
    has_next = len(found) > end and options.top != size
    following = _next_page(call, end) if has_next else None
    count = len(found) if options.count else None
    if notation == "json":
        body = entries.collection_json(call.item, page, call.service, count, following)
        return Answer(200, body, JSON_UTF8, VERSION)
    body = entries.collection_xml(call.item, page, call.service, count, following)
    return Answer(200, body, ATOM_FEED, VERSION)


def _count(call: Call) -> Answer:
    found = _matching(call, read_options(call.options, call.item))
    return Answer(200, str(len(found)).encode(), "text/plain;charset=utf-8", VERSION)


def _matching(call: Call, options: ReadOptions) -> ItemStore | list[Stored]:
    if options.condition is None:
        return call.store
    attribute, value = options.condition.attribute, options.condition.value
    if call.item.key == (attribute,) and value is not None:
        found = call.store.find(join_key([key_text(value)]))
        return [] if found is None else [found]
    return [one for one in call.store if one.attributes.get(attribute.name) == value]


def _next_page(call: Call, offset: int) -> str:
    kept = {name: one for name, one in call.options.items() if name not in {"$skip", "$skiptoken"}}
    if "$top" in kept:
        kept["$top"] = str(int(kept["$top"]) - LARGEST_PAGE)
    query = urlencode({**kept, "$skiptoken": str(offset)}, safe="$")
    return f"{call.service}/{call.item.entity_set}?{query}"
