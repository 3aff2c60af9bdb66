"""`POST /admin/<operation>`: from a body to an answer, whatever serves it."""

from __future__ import annotations

import time
from typing import Any, Final

import orjson

from frontdesk_sidecar.admin.arguments import BadArgument, needed_text, only, text
from frontdesk_sidecar.admin.backfill import backfill
from frontdesk_sidecar.admin.controls import Controls
from frontdesk_sidecar.admin.operations import OPERATIONS, Missing
from frontdesk_sidecar.admin.people import PEOPLE
from frontdesk_sidecar.admin.strays import STRAYS, one_of
from frontdesk_sidecar.logs.speaking import Voice
from frontdesk_sidecar.store import StoreError

#: No arguments are longer.
MAX_BODY: Final = 65_536
_log = Voice("frontdesk.admin")


async def status(controls: Controls) -> tuple[int, dict[str, Any]]:
    """HTTP status and document of `GET /status`; never raises."""
    return await _answered(controls, "status", {})


async def answer(controls: Controls, operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """HTTP status and document of one operation: 200, 400, 404, 500 or 503; never raises."""
    try:
        arguments = orjson.loads(body)
    except orjson.JSONDecodeError:
        return 400, {"error": "the body is not JSON"}
    if not isinstance(arguments, dict):
        return 400, {"error": "expected a JSON object"}
    return await _answered(controls, operation, arguments)


async def _answered(
    controls: Controls, operation: str, arguments: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    try:
        told = await _perform(controls, operation, arguments)
    except BadArgument as error:
        return 400, {"error": str(error)}
    except Missing as error:
        return 404, {"error": str(error)}
    except StoreError as error:
        return 503, {"error": f"the store cannot be asked: {error}"}
    except Exception as error:  # noqa: BLE001 - its text and traceback may hold a person's values
        _log.say("admin_failed", error=type(error).__name__)
        return 500, {"error": f"it failed: {type(error).__name__}"}
    return (404, {"error": "there is no such operation"}) if told is None else (200, told)


async def _perform(
    controls: Controls, operation: str, arguments: dict[str, Any]
) -> dict[str, Any] | None:
    """What the operation gives; None when there is none of that name."""
    function = OPERATIONS.get(operation) or PEOPLE.get(operation)
    if function is not None:
        now = time.time_ns() // 1000
        told = await controls.run(lambda store: function(store, arguments, now))
        if told.get("retried"):
            controls.wake()
        return told
    if (stray := STRAYS.get(operation)) is not None:
        now, targets = time.time_ns() // 1000, controls.targets
        told = await controls.run(lambda store: stray(store, arguments, now, targets))
        controls.wake()
        return told
    if operation in ("backfill.lines", "backfill.known"):
        return await backfill(controls, operation, arguments, time.time_ns() // 1000)
    if operation == "forget":
        only(arguments, "key")
        return await controls.forget(needed_text(arguments, "key"))
    if operation in ("pause", "resume"):
        only(arguments, "target")
        target = text(arguments, "target")
        if target is not None:
            one_of(target, "target", controls.targets)
        return await (controls.pause if operation == "pause" else controls.resume)(target)
    if operation not in ("status", "reload"):
        return None
    if arguments:
        raise BadArgument("no arguments are expected")
    return await (controls.status if operation == "status" else controls.reload)()
