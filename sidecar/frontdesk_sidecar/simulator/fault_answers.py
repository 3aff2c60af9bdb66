"""What a struck request is answered with: pages of the ingress, errors of the service.

Source of the texts: SAP Help on Cloud Portal endpoints and maintenance, and on ambiguous keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from frontdesk_sidecar.simulator.errors import ODataError, ambiguous_key, error_answer
from frontdesk_sidecar.simulator.keys import form_encode
from frontdesk_sidecar.simulator.media import HTML, JSON, Answer, page

if TYPE_CHECKING:
    from collections.abc import Collection

    from frontdesk_sidecar.simulator.config import SimulatorConfig
    from frontdesk_sidecar.simulator.faults import Fault
    from frontdesk_sidecar.simulator.switches import Switches

_ENTITY: Final = "There was an error encountered during the processing of the Integration Object."
_CONFLICTS: Final = {
    "stale": f"{_ENTITY} The item was changed by another transaction (stale data).",
    "deadlock": f"{_ENTITY} Deadlock found when trying to get a lock; the transaction was undone.",
}
_PAGES: Final = {
    "maintenance": (503, "503 Service Unavailable: maintenance"),
    "blocked": (403, "403 Forbidden"),
    "timeout": (504, "504 Gateway Timeout"),
    "throttle": (429, "429 Too Many Requests"),
}
_LOGIN: Final = "/backoffice/login.zul"


def answer_of(fault: Fault, config: SimulatorConfig, uids: Collection[str]) -> Answer:
    """The answer of a fault that replaces one, for a request about these uids."""
    kind, switches = fault.kind, config.switches
    headers = tuple((fault.headers or {}).items())
    if kind == "login":
        return page(302, "Log in", (("Location", _LOGIN),))
    if kind in _PAGES:
        return _page(fault, switches)
    if kind in _CONFLICTS:
        inner = form_encode(min(uids)) if uids else None
        error = ODataError(switches.conflictStatus, "internal_error", _CONFLICTS[kind], inner)
        return error_answer(error, "json")
    if kind == "ambiguous":
        uid = min(uids, default="")
        code, status = config.definition.root.code, switches.conflictStatus
        error = ambiguous_key(code, f"uid={uid}", form_encode(uid), status)
        return error_answer(error, "json")
    if fault.body is not None:
        return Answer(fault.status, *_body(fault.body, fault.content_type), headers)
    if fault.code is not None or fault.message is not None:
        error = ODataError(fault.status, fault.code, fault.message or "Simulated fault.")
        plain = error_answer(error, "json")
        return Answer(fault.status, plain.body, JSON, plain.headers + headers)
    return page(fault.status, f"HTTP Status {fault.status}", headers)


def _page(fault: Fault, switches: Switches) -> Answer:
    status, title = _PAGES[fault.kind]
    again = switches.retryAfter if status in {429, 503} else None
    headers = () if again is None else (("Retry-After", str(again)),)
    if fault.kind != "throttle" or switches.throttleBody == "html":
        return page(status, title, headers)
    if switches.throttleBody == "empty":
        return Answer(status, headers=headers)
    return Answer(status, orjson.dumps({"error": title}), JSON, headers)


def _body(body: object, content_type: str | None) -> tuple[bytes, str]:
    if not isinstance(body, str):
        return orjson.dumps(body), content_type or JSON
    is_json = body.lstrip().startswith("{")
    return body.encode(), content_type or (JSON if is_json else HTML)
