"""Objects of the system itself, to read: `IntegrationService` and `InboundIntegrationMonitoring`.

Source: the IntegrationService Meta API reference on help.sap.com, and SAP Help on inbound
monitoring. They hold what clients ask for; the real ones have some attributes more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from frontdesk_sidecar.simulator.access import MONITORING, SERVICE
from frontdesk_sidecar.simulator.definition import parse_definition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from frontdesk_sidecar.simulator.edm import IntegrationObject, Item

_CODE: Final = {"name": "code", "unique": True}
_SERVICE_CODE: Final = "IntegrationService"
MONITORING_CODE: Final = "InboundIntegrationMonitoring"


def system_objects(served: tuple[IntegrationObject, ...]) -> tuple[IntegrationObject, ...]:
    """Both objects; the first describes those that are served."""
    return _of_group(_service_document(served), SERVICE), _of_group(_MONITORING, MONITORING)


def _of_group(document: dict[str, Any], group: str) -> IntegrationObject:
    return replace(parse_definition({**document, "authentication": "ANY"}), group=group)


def _service_document(served: tuple[IntegrationObject, ...]) -> dict[str, Any]:
    return {
        "object": _SERVICE_CODE,
        "items": [
            {"code": "IntegrationObject", **_OBJECT, "presets": list(map(_object, served))},
            {"code": "InboundChannelConfiguration", **_CHANNEL, "presets": _channels(served)},
            {"code": "IntegrationObjectItem", **_ITEM, "presets": _items(served)},
            {"code": "IntegrationObjectItemAttribute", **_ATTRIBUTE, "presets": _all(served)},
            {"code": "ComposedType", **_codes(_types(served))},
            {"code": "IntegrationType", "enum": ["INBOUND", "OUTBOUND"]},
            {"code": "AuthenticationType", "enum": ["BASIC", "OAUTH"]},
        ],
    }


def _channels(served: Iterable[IntegrationObject]) -> list[dict[str, Any]]:
    return [
        {
            "integrationObject": {"code": one.code},
            "authenticationType": {"code": "OAUTH" if one.channel == "ANY" else one.channel},
        }
        for one in served
        if one.channel is not None
    ]


def _codes(codes: Iterable[str]) -> dict[str, Any]:
    return {"attributes": [_CODE], "presets": [{"code": one} for one in dict.fromkeys(codes)]}


def _object(one: IntegrationObject) -> dict[str, Any]:
    items = [{"code": item.code, "integrationObject": {"code": one.code}} for item in _real(one)]
    return {"code": one.code, "integrationType": {"code": "INBOUND"}, "items": items}


def _real(one: IntegrationObject) -> list[Item]:
    return [item for item in one.items if item.kind == "item"]


def _types(served: Iterable[IntegrationObject]) -> Iterator[str]:
    return (item.type or item.code for one in served for item in _real(one))


def _items(served: Iterable[IntegrationObject]) -> list[dict[str, Any]]:
    return [
        {
            "code": item.code,
            "integrationObject": {"code": one.code},
            "root": item is one.root,
            "type": {"code": item.type or item.code},
            "attributes": [_attribute(one, item, name) for name, _ in _flags(item)],
        }
        for one in served
        for item in _real(one)
    ]


def _all(served: Iterable[IntegrationObject]) -> list[dict[str, Any]]:
    return [
        {**_attribute(one, item, name), **flags}
        for one in served
        for item in _real(one)
        for name, flags in _flags(item)
    ]


def _attribute(one: IntegrationObject, item: Item, name: str) -> dict[str, Any]:
    """What names an attribute of an item."""
    owner = {"code": item.code, "integrationObject": {"code": one.code}}
    return {"attributeName": name, "integrationObjectItem": owner}


def _flags(item: Item) -> Iterator[tuple[str, dict[str, bool]]]:
    for attribute in item.attributes:
        yield attribute.name, {"unique": attribute.unique, "autoCreate": False, "partOf": False}
    for navigation in item.navigations:
        if navigation.name != "localizedAttributes":
            yield (
                navigation.name,
                {
                    "unique": navigation.unique,
                    "autoCreate": navigation.auto_create,
                    "partOf": navigation.part_of,
                },
            )


# What is stored later creates what it belongs to, which gets its own attributes after that.
_OBJECT: Final[dict[str, Any]] = {
    "attributes": [
        _CODE,
        {"name": "integrationType", "reference": "IntegrationType"},
        {"name": "items", "reference": "IntegrationObjectItem", "collection": True},
    ]
}
_CHANNEL: Final[dict[str, Any]] = {
    "attributes": [
        {"name": "integrationObject", "reference": "IntegrationObject", "unique": True},
        {"name": "authenticationType", "reference": "AuthenticationType"},
    ]
}
_ITEM: Final[dict[str, Any]] = {
    "attributes": [
        _CODE,
        {
            "name": "integrationObject",
            "reference": "IntegrationObject",
            "unique": True,
            "autoCreate": True,
        },
        {"name": "root", "type": "Boolean", "default": False},
        {"name": "type", "reference": "ComposedType"},
        {"name": "attributes", "reference": "IntegrationObjectItemAttribute", "collection": True},
    ]
}
_ATTRIBUTE: Final[dict[str, Any]] = {
    "attributes": [
        {"name": "attributeName", "unique": True},
        {
            "name": "integrationObjectItem",
            "reference": "IntegrationObjectItem",
            "unique": True,
            "autoCreate": True,
        },
        {"name": "unique", "type": "Boolean"},
        {"name": "autoCreate", "type": "Boolean"},
        {"name": "partOf", "type": "Boolean"},
    ]
}
_MONITORING: Final[dict[str, Any]] = {
    "object": MONITORING_CODE,
    "items": [
        {
            "code": "InboundRequest",
            "attributes": [
                {"name": "creationtime", "type": "Date", "unique": True},
                {"name": "messageId", "unique": True, "nullable": True},
                {"name": "requestKey", "unique": True, "nullable": True},
                {"name": "type"},
                {"name": "httpMethod"},
                {"name": "userId"},
                {"name": "sapPassport"},
                {"name": "payload"},
                {"name": "status", "reference": "IntegrationRequestStatus"},
                {
                    "name": "errors",
                    "reference": "InboundRequestError",
                    "collection": True,
                    "partOf": True,
                },
            ],
        },
        {
            "code": "InboundRequestError",
            "attributes": [
                {"name": "id", "type": "Integer", "unique": True},
                {"name": "code"},
                {"name": "message"},
            ],
        },
        {
            "code": "IntegrationRequestStatus",
            "entitySet": "IntegrationRequestStatuses",
            "enum": ["SUCCESS", "ERROR"],
        },
    ],
}
