"""Inbound monitoring: a record for each POST, PATCH and DELETE, one for each part of a batch.

Off unless `monitoring` is switched on, as `inboundservices.monitoring.enabled` is by default.
Source: SAP Help, "Integration API Module", on monitoring.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import orjson

from frontdesk_sidecar.simulator.keys import KeyFormatError, form_decode
from frontdesk_sidecar.simulator.paths import parse_path
from frontdesk_sidecar.simulator.payload import read_document
from frontdesk_sidecar.simulator.saving import Occasion, Saver
from frontdesk_sidecar.simulator.system_objects import MONITORING_CODE
from frontdesk_sidecar.simulator.upsert import key_of

if TYPE_CHECKING:
    from frontdesk_sidecar.simulator.call import ServiceRequest
    from frontdesk_sidecar.simulator.config import SimulatorConfig
    from frontdesk_sidecar.simulator.media import Answer
    from frontdesk_sidecar.simulator.service import IntegrationService

_WRITES: Final = frozenset({"POST", "PATCH", "DELETE", "PUT", "MERGE"})
_UNKNOWN: Final = "unknown_error"
_KEPT: Final = 10_000
_XML_ERROR: Final = re.compile(rb"<code>(.*?)</code><message[^>]*>(.*?)</message>", re.DOTALL)


class Monitor:
    """Stores the records. `SAP-PASSPORT` and `integrationMessageId` are kept as they were sent."""

    def __init__(self, config: SimulatorConfig, service: IntegrationService) -> None:
        self._config = config
        self._service = service
        self._saver = Saver(config, service.stores)
        self._errors = 0
        self._last_ms = 0

    def note(
        self, request: ServiceRequest, answer: Answer, body: bytes | None, outer: ServiceRequest
    ) -> None:
        """One request, or one part of a batch, whose headers those of the batch stand behind."""
        switches = self._config.switches
        if not switches.monitoring or request.method not in _WRITES:
            return
        error = _error(answer)
        # No two records have one time, for it is part of their key.
        self._last_ms = max(self._last_ms + 1, int(self._config.clock() * 1000))
        is_kept = switches.successPayloads if error is None else switches.errorPayloads
        headers = {**outer.headers, **request.headers}
        self._store(
            {
                "creationtime": f"/Date({self._last_ms})/",
                "messageId": headers.get("integrationmessageid"),
                "requestKey": _request_key(answer),
                "type": _type(request),
                "httpMethod": request.method,
                "userId": None if outer.user is None else outer.user.uid,
                "sapPassport": headers.get("sap-passport"),
                "payload": _text(body) if is_kept else None,
                "status": {"code": "SUCCESS" if error is None else "ERROR"},
                "errors": [] if error is None else [{"id": self._next_error(), **error}],
            }
        )

    def _next_error(self) -> int:
        self._errors += 1
        return self._errors

    def _store(self, document: dict[str, Any]) -> None:
        definition = self._service.find(MONITORING_CODE)
        if definition is None:
            return
        item = definition.root
        entry = read_document(document, item, definition.by_code)
        key, language = key_of(definition, item, entry), self._config.language
        occasion = Occasion(definition, "POST", language, self._last_ms, key, None)
        self._saver.save(occasion, item, entry, key)
        records = self._service.stores.of(item)
        if len(records) > _KEPT:
            self._saver.remove(definition, item, next(iter(records)))


def _type(request: ServiceRequest) -> str:
    try:
        return parse_path(request.path).object_code
    except KeyFormatError:
        return ""


def _error(answer: Answer) -> dict[str, str] | None:
    if answer.status < 400:
        return None
    error = _json(answer).get("error")
    if isinstance(error, dict):
        code, message = error.get("code"), error["message"]["value"]
    elif match := _XML_ERROR.search(answer.body):
        code, message = match[1].decode(), match[2].decode()
    else:
        code, message = None, f"HTTP {answer.status}"
    # What has no code of its own, and an unknown entity set, monitoring calls unknown.
    is_unknown = not code or message.startswith("Could not find an entity set")
    return {"code": _UNKNOWN if is_unknown else str(code), "message": message}


def _request_key(answer: Answer) -> str | None:
    content = _json(answer)
    found = content.get("d", {}).get("integrationKey")
    found = found or content.get("error", {}).get("innererror")
    if not isinstance(found, str):
        return None
    try:
        return form_decode(found)
    except KeyFormatError:
        return found


def _json(answer: Answer) -> dict[str, Any]:
    if not (answer.content_type or "").startswith("application/json"):
        return {}
    content = orjson.loads(answer.body)
    return content if isinstance(content, dict) else {}


def _text(body: bytes | None) -> str | None:
    return None if body is None else body.decode(errors="replace")
