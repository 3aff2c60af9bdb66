"""Entries and collections in Atom XML, the notation of whoever does not ask for JSON.

Source: OData V2 "Atom Format", with the inline form of expanded links.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frontdesk_sidecar.simulator.entries import PLAIN, Expand, View, properties
from frontdesk_sidecar.simulator.media import xml_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from frontdesk_sidecar.simulator.edm import Item, Navigation, Value
    from frontdesk_sidecar.simulator.state import Stored

_ATOM = (
    'xmlns="http://www.w3.org/2005/Atom"'
    ' xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"'
    ' xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"'
)
_DECLARATION = "<?xml version='1.0' encoding='UTF-8'?>"
_DATASERVICES = "http://schemas.microsoft.com/ado/2007/08/dataservices"


def entry_xml(view: View, item: Item, stored: Stored, expand: Expand = PLAIN) -> bytes:
    """One Atom entry."""
    return (_DECLARATION + _entry(view, item, stored, expand, f" {_ATOM}")).encode()


def collection_xml(
    view: View,
    item: Item,
    page: Sequence[Stored],
    expand: Expand,
    count: int | None,
    following: str | None,
) -> bytes:
    """An Atom feed."""
    counted = "" if count is None else f"<m:count>{count}</m:count>"
    link = "" if following is None else f'<link href="{xml_text(following)}" rel="next"/>'
    entries = "".join(_entry(view, item, one, expand, "") for one in page)
    feed = _feed_head(view, item)
    return f"{_DECLARATION}<feed {_ATOM}>{feed}{counted}{entries}{link}</feed>".encode()


def _feed_head(view: View, item: Item) -> str:
    return f"<id>{xml_text(view.service)}/{item.entity_set}</id><title>{item.entity_set}</title>"


def _entry(view: View, item: Item, stored: Stored, expand: Expand, namespaces: str) -> str:
    uri = xml_text(view.address(item, stored))
    pairs = properties(item, stored, view.language).items()
    chosen = expand.select
    values = "".join(_property(*pair) for pair in pairs if chosen is None or pair[0] in chosen)
    links = "".join(_link(view, one, stored, expand, uri) for one in item.navigations)
    return (
        f"<entry{namespaces}><id>{uri}</id><title>{item.entity_set}</title>"
        f'<category term="{item.type_name}" scheme="{_DATASERVICES}/scheme"/>{links}'
        f'<content type="application/xml"><m:properties>{values}</m:properties></content></entry>'
    )


def _link(view: View, navigation: Navigation, stored: Stored, expand: Expand, uri: str) -> str:
    kind = "feed" if navigation.many else "entry"
    name = navigation.name
    start = (
        f'<link href="{uri}/{name}" rel="{_DATASERVICES}/related/{name}" title="{name}"'
        f' type="application/atom+xml;type={kind}"'
    )
    inner = expand.inline.get(name)
    if inner is None:
        return f"{start}/>"
    target = view.definition.target(navigation)
    found = "".join(
        _entry(view, target, one, inner, "") for one in view.related(navigation, stored)
    )
    content = f"<feed>{_feed_head(view, target)}{found}</feed>" if navigation.many else found
    return f"{start}><m:inline>{content}</m:inline></link>"


def _property(name: str, value: Value) -> str:
    if value is None:
        return f'<d:{name} m:null="true"/>'
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<d:{name}>{xml_text(text)}</d:{name}>"
