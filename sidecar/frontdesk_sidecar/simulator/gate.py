"""Who is let in: the channel configuration of an object, and the credentials it wants.

Source: SAP Help, "Integration API Module", on `InboundChannelConfiguration`: OAUTH wants a Bearer
token of an `IntegrationClientCredentialsDetails`, BASIC the password of an employee. Nothing
tells how a 401 of the service looks; its body is a switch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

import orjson

from frontdesk_sidecar.simulator.errors import (
    ODataError,
    entity_not_found,
    error_answer,
    forbidden,
)
from frontdesk_sidecar.simulator.media import JSON, Answer, error_notation, page
from frontdesk_sidecar.simulator.tokens import basic_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from frontdesk_sidecar.simulator.access import User
    from frontdesk_sidecar.simulator.call import ServiceRequest
    from frontdesk_sidecar.simulator.config import SimulatorConfig
    from frontdesk_sidecar.simulator.edm import Channel, IntegrationObject
    from frontdesk_sidecar.simulator.tokens import TokenOffice

_TITLE: Final = "HTTP Status 401 - Unauthorized"
_BEARER: Final = 'Bearer realm="hybris"'
_INVALID: Final = 'Bearer realm="hybris", error="invalid_token"'
_BASIC: Final = 'Basic realm="hybris"'
_ERROR_TYPES: Final = {"classic": "InvalidTokenError", "jdk21": "InvalidBearerTokenError"}


class Gate:
    """Tells the user behind a request, or the answer that turns it away."""

    def __init__(
        self,
        config: SimulatorConfig,
        tokens: TokenOffice,
        find: Callable[[str], IntegrationObject | None],
    ) -> None:
        self._config = config
        self._tokens = tokens
        self._find = find

    def admit(self, request: ServiceRequest) -> User | Answer:
        """The user of the request."""
        definition = self._find(unquote_plus(request.path.partition("/")[0]))
        channel = "ANY" if definition is None else definition.channel
        if (
            definition is not None
            and channel is None
            and self._config.switches.legacyAuthentication
        ):
            channel = "BASIC"
        authorization = request.header("authorization")
        is_bearer = authorization[:7].lower() == "bearer "
        if channel != "BASIC" and is_bearer:
            client = self._tokens.holder(authorization)
            if client is None:
                return self._unauthorized(_INVALID)
            user = None if client.user is None else self._config.by_uid.get(client.user)
            if user is None:
                return _refused(forbidden(_NO_USER), request)
        else:
            user = None if channel == "OAUTH" else self._employee(authorization)
            if user is None:
                return self._unauthorized(_challenge(channel))
        if channel is None and definition is not None:
            return self._without_channel(definition.code, request)
        return user

    def _employee(self, authorization: str) -> User | None:
        """The employee whose password a Basic header has."""
        if authorization[:6].lower() != "basic ":
            return None
        uid, password = basic_credentials(authorization[6:])
        user = self._config.by_uid.get(uid)
        is_right = user is not None and user.password is not None and user.password == password
        return user if is_right else None

    def _without_channel(self, code: str, request: ServiceRequest) -> Answer:
        status = self._config.switches.noChannelStatus
        if status == 401:
            return self._unauthorized(_BEARER)
        error = forbidden() if status == 403 else entity_not_found("IntegrationObject", code)
        return _refused(error, request)

    def _unauthorized(self, challenge: str) -> Answer:
        headers = (("WWW-Authenticate", challenge),)
        body = self._config.switches.unauthorizedBody
        if body == "html":
            return page(401, _TITLE, headers)
        if body == "empty":
            return Answer(401, headers=headers)
        kind = _ERROR_TYPES[self._config.mode]
        errors = [{"type": kind, "message": "Full authentication is required."}]
        return Answer(401, orjson.dumps({"errors": errors}), JSON, headers)


_NO_USER: Final = "Credentials provided are not authorized for the operation."


def _challenge(channel: Channel | None) -> str:
    return _BASIC if channel == "BASIC" else _BEARER


def _refused(error: ODataError, request: ServiceRequest) -> Answer:
    return error_answer(error, error_notation(request.header("accept"), None))
