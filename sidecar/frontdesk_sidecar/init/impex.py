"""The ImpEx that makes an Integration Object and a client for it, to be read before it is run.

Source: SAP Help, "Integration API Module" (integration objects, inbound channel configurations,
IntegrationClientCredentialsDetails, groups) and "ImpEx".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from frontdesk_sidecar.init.impex_model import ObjectItem, ObjectModel, Row

GROUP: Final = "frontdeskIntegrationGroup"
USER: Final = "frontdeskIntegrationUser"
_SECRET: Final = "<secret>"  # noqa: S105 - stands for one

_HEAD: Final = """\
# The Integration Object {object}, a technical user and an OAuth client for frontdesk.
#
# To import: Administration Console (HAC), Console, ImpEx Import: paste it, Validate content, then
# Import content. Or save it as a file: Backoffice, System, Tools, Import. Every statement is an
# INSERT_UPDATE: it can be run again.
#
# Before that, replace each {secret}, with two different ones, and see that the types have the
# attributes below: your own must be in an items.xml first, or be made in Backoffice."""

_GROUP: Final = """\
# 1. A group and a technical user. Not in employeegroup or customergroup: their search restrictions
#    would hide customers from it. integrationviewgroup lets `frontdesk init` and `check` see which
#    titles and languages there are; deliveries need integrationcreategroup alone."""

_OBJECT: Final = """\
# 2. The object: its root item, what that refers to, and the attributes of each. What is referred to
#    must exist, but for autoCreate; `unique` makes the key by which SAP finds an item again."""

_CHANNEL: Final = """\
# 3. Without this the object is not reachable (releases from 2011 on)."""

_CLIENT: Final = """\
# 4. The client, which acts as the user of 1. An ordinary OAuthClientDetails is not enough.
#    ROLE_INTEGRATIONCREATEGROUP follows the name of the group; SAP's own sample gives
#    ROLE_INTEGRATIONADMINGROUP: take that if tokens come but requests are refused with 403.
#    2211-jdk21: resourceIds is deprecated, leave the column out if the import complains; clients
#    are validated when they are saved and need a secret, a grant and an authority. The user of a
#    client cannot be changed later, and cannot be admin."""

_RIGHTS: Final = """\
# 5. Rights on types: write on customers, read on what they refer to. Looked at only with
#    integrationservices.authorization.accessrights.enabled=true, harmless otherwise."""

_ITEM: Final = (
    "integrationObject(code)[unique = true]",
    "code[unique = true]",
    "type(code)",
    "root[default = false]",
    "itemTypeMatch(code)",
)
_ATTRIBUTE: Final = (
    "integrationObjectItem(integrationObject(code), code)[unique = true]",
    "attributeName[unique = true]",
    "attributeDescriptor(enclosingType(code), qualifier)",
    "returnIntegrationObjectItem(integrationObject(code), code)",
    "unique[default = false]",
    "autoCreate[default = false]",
)


def as_impex(model: ObjectModel, client_id: str) -> str:
    """The whole script."""
    parts = (
        _HEAD.format(object=model.code, secret=_SECRET),
        "\n".join((_GROUP, *_users())),
        "\n".join((_OBJECT, *_object(model))),
        "\n".join((_CHANNEL, *_channel(model))),
        "\n".join((_CLIENT, *_client(client_id))),
        "\n".join((_RIGHTS, *_rights(model))),
    )
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _users() -> Iterator[str]:
    groups = "integrationcreategroup,integrationviewgroup"
    yield from _insert("UserGroup", ("uid[unique = true]", "groups(uid)"), [(GROUP, groups)])
    columns = ("uid[unique = true]", "name", "groups(uid)", "password")
    yield from _insert("Employee", columns, [(USER, "frontdesk", GROUP, _SECRET)])


def _object(model: ObjectModel) -> Iterator[str]:
    columns = ("code[unique = true]", "integrationType(code)")
    yield from _insert("IntegrationObject", columns, [(model.code, "INBOUND")])
    root = model.items[0]
    items = [
        (model.code, one.code, one.type, "true", "ALL_SUB_AND_SUPER_TYPES")
        if one is root
        else (model.code, one.code, one.type, "", "")
        for one in model.items
    ]
    yield from _insert("IntegrationObjectItem", _ITEM, items)
    rows = [_attribute(model, one, row) for one in model.items for row in one.rows]
    yield from _insert("IntegrationObjectItemAttribute", _ATTRIBUTE, rows)


def _attribute(model: ObjectModel, item: ObjectItem, row: Row) -> tuple[str, ...]:
    return (
        f"{model.code}:{item.code}",
        row.name,
        f"{item.type}:{row.name}",
        f"{model.code}:{row.target}" if row.target else "",
        "true" if row.is_unique else "",
        "true" if row.creates else "",
    )


def _channel(model: ObjectModel) -> Iterator[str]:
    columns = ("integrationObject(code)[unique = true]", "authenticationType(code)")
    yield from _insert("InboundChannelConfiguration", columns, [(model.code, "OAUTH")])


def _client(client_id: str) -> Iterator[str]:
    columns = ("clientId[unique = true]", "resourceIds", "authorities", "clientSecret", "user(uid)")
    row = (client_id, "hybris", "ROLE_INTEGRATIONCREATEGROUP", _SECRET, USER)
    yield from _insert("IntegrationClientCredentialsDetails", columns, [row])


def _rights(model: ObjectModel) -> Iterator[str]:
    root, created = model.items[0].code, _created(model)
    rows = [("UserGroup", GROUP, "", "", "", "", "", "", "")]
    rows += [
        ("", "", "", "", one.type, "+", "+", "+", "-")
        if one.code == root or one.code in created
        else ("", "", "", "", one.type, "+", "-", "-", "-")
        for one in model.items
    ]
    columns = ("UID", "MemberOfGroups", "Password", "Target", "read", "change", "create", "remove")
    yield "$START_USERRIGHTS"
    yield from _table([("Type", *columns), *rows])
    yield "$END_USERRIGHTS"


def _created(model: ObjectModel) -> set[str]:
    return {row.target for one in model.items for row in one.rows if row.creates}


def _insert(type_: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"INSERT_UPDATE {type_}; {'; '.join(columns)}"
    yield from (f"; {row}" for row in _table(rows))
    yield ""


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield " ; ".join(cells).rstrip()
