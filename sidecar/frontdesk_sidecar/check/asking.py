"""What the check asks of one target's SAP: the same way as customers are sent."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import orjson

from frontdesk_sidecar.check.judge_writing import Written, entities
from frontdesk_sidecar.check.result import Where
from frontdesk_sidecar.customer import Customer
from frontdesk_sidecar.metadata import Item
from frontdesk_sidecar.plan import Plan
from frontdesk_sidecar.sap.answer import Answer, Failure
from frontdesk_sidecar.sap.destination import Destination
from frontdesk_sidecar.sap.odata import key_predicate, string_literal
from frontdesk_sidecar.sap.outcome import Outcome
from frontdesk_sidecar.sap.session import Reply, Session
from frontdesk_sidecar.sap.transport import MAX_ANSWER_BYTES, Transport
from frontdesk_sidecar.settings import Target

_MAX_EDMX: Final = 16 * MAX_ANSWER_BYTES
_JSON: Final = "application/json"
#: A record that SAP must refuse: what is sent as integrationKey it ignores, and there is no other.
_WITHOUT_KEY: Final = orjson.dumps({"integrationKey": "frontdesk-check"})
_HOOKS: Final = ("Pre-Persist-Hook", "Post-Persist-Hook")


class Recorder(Transport):
    """Remembers what came last, and how far SAP's clock was from ours."""

    last: Answer | Failure | None = None
    skew_s: float | None = None

    async def send(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str],
        most: int = MAX_ANSWER_BYTES,
    ) -> Answer | Failure:
        """See `Transport.send`."""
        reply = await super().send(method, url, body=body, headers=headers, most=most)
        self.last = reply
        if isinstance(reply, Answer):
            skew_s = skew(reply.header("date"), time.time())
            self.skew_s = self.skew_s if skew_s is None else skew_s
        return reply


def skew(date: str, now: float) -> float | None:
    """How far a `Date` is ahead of now, in seconds; None when it cannot be read."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return zoned.timestamp() - now


class Asking:
    """One target's SAP. An async context manager.

    No request takes longer than ``limit_s``. Raises ``OSError`` or ``ssl.SSLError`` at
    construction when a file for TLS is unusable.
    """

    def __init__(self, target: Target, limit_s: float) -> None:
        own = target.destination
        self.destination: Destination = replace(
            own,
            connect_timeout_s=min(own.connect_timeout_s, limit_s),
            total_timeout_s=min(own.total_timeout_s, limit_s),
        )
        self.where = Where(
            own.base_url,
            own.integration_object,
            own.entity_set,
            own.client_id,
            str(own.auth),
            own.token_path,
        )
        self.recorder = Recorder(self.destination)
        self._session = Session(self.destination)
        self._session.transport = self.recorder
        self._seen: set[str] = set(_secret(self.destination))

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._session.__aexit__(exc_type, exc, traceback)

    @property
    def private(self) -> tuple[str, ...]:
        """Texts that must not be shown: the secret, every token and password used so far."""
        self._seen.update(self._session.private)
        return tuple(self._seen)

    async def token(self) -> Outcome | None:
        """Why there are no credentials; None when there are."""
        given = await self._session.credentials()
        self._seen.update(self._session.private)
        return given if isinstance(given, Outcome) else None

    async def service_document(self) -> Reply:
        """The object's service document."""
        return await self._ask("GET", self.destination.service_url)

    async def metadata(self) -> Reply:
        """The object's EDMX."""
        url = self.destination.metadata_url
        return await self._ask("GET", url, headers={"Accept": "application/xml"}, most=_MAX_EDMX)

    async def monitoring(self) -> Reply:
        """What SAP keeps of inbound requests, one of it."""
        service = f"{self.destination.base_url}/odata2webservices/InboundIntegrationMonitoring"
        return await self._ask("GET", f"{service}/InboundRequests?$top=1")

    @property
    def hooks(self) -> tuple[str, ...]:
        """The settings of hooks that are made."""
        own = self.destination
        named = {"sap.pre_persist_hook": own.pre_persist_hook}
        named["sap.post_persist_hook"] = own.post_persist_hook
        return tuple(name for name, value in named.items() if value is not None)

    async def post_without_key(self, *, with_hooks: bool = False) -> Reply:
        """A record that SAP must refuse."""
        headers = dict(self.destination.change_headers)
        if not with_hooks:
            headers = {name: one for name, one in headers.items() if name not in _HOOKS}
        return await self._post(_WITHOUT_KEY, headers)

    async def batch(self, size: int) -> Reply:
        """A `$batch` of look-ups of nobody."""
        boundary = f"b{secrets.token_hex(12)}"
        address = self.destination.entity_set + key_predicate("frontdesk-check")
        part = "\r\n".join(
            (
                f"--{boundary}",
                "Content-Type: application/http",
                "Content-Transfer-Encoding: binary",
                "",
                f"GET {address} HTTP/1.1",
                f"Accept: {_JSON}",
                "",
                "",
                "",
            )
        )
        body = f"{part * size}--{boundary}--\r\n".encode("ascii")
        headers = {"Content-Type": f"multipart/mixed; boundary={boundary}"}
        url = self.destination.batch_url
        return await self._ask("POST", url, body, headers, 16 * MAX_ANSWER_BYTES)

    async def write(self, plan: Plan, item: Item | None) -> Written | Outcome:
        """The test customer there and back; an outcome when the mapping gives nothing to send."""
        uid = f"frontdesk-check-{secrets.token_hex(6)}@example.invalid"
        payload = plan.payload(_customer(uid), None)
        if isinstance(payload, Outcome):
            return payload
        body, headers = orjson.dumps(payload), self.destination.change_headers
        created = await self._post(body, headers)
        if not _is_stored(created):
            return Written(uid, created)
        changed = await self._post(body, headers)
        simple = () if item is None else item.properties
        sent = tuple((name, value) for name, value in payload.items() if name in simple)
        key = _key_of(created)
        read = await self._read(sent, item, key)
        found = entities(read)
        key = key or (str(found[0].get("integrationKey") or "") if found else "")
        deleted = None
        if key:
            deleted = await self._ask("DELETE", self.destination.entity_url + key_predicate(key))
        return Written(uid, created, changed, read, deleted, sent)

    async def _read(
        self, sent: tuple[tuple[str, object], ...], item: Item | None, key: str
    ) -> Reply:
        """By a filter on the simple key, which is what tells whether somebody else finds it."""
        keys = () if item is None else item.key
        by = {name: value for name, value in sent if name in keys and isinstance(value, str)}
        url = self.destination.entity_url
        if len(by) == len(keys) and by:
            filters = (f"{name} eq {string_literal(value)}" for name, value in by.items())
            return await self._ask("GET", f"{url}?$filter={quote(' and '.join(filters))}")
        return await self._ask("GET", url + key_predicate(key))

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        message_id = f"frontdesk-check-{secrets.token_hex(8)}"
        headers = {**headers, "Content-Type": _JSON, "integrationMessageId": message_id}
        return await self._ask("POST", self.destination.entity_url, body, headers)

    async def _ask(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        most: int = MAX_ANSWER_BYTES,
    ) -> Reply:
        reply = await self._session.ask(method, url, lambda: (body, headers or {}), most)
        self._seen.update(self._session.private)
        return reply


def _secret(destination: Destination) -> tuple[str, ...]:
    """SAP might repeat it in a text."""
    try:
        return (destination.client_secret(),)
    except (OSError, ValueError):
        return ()


def _customer(uid: str) -> Customer:
    traits = {
        "email": uid,
        "firstName": "Frontdesk",
        "lastName": "Check",
        "name": "Frontdesk Check",
    }
    return Customer(uid, "frontdesk-check", "Logged In", None, None, traits)


def _is_stored(reply: Reply) -> bool:
    return isinstance(reply, Answer) and reply.status in (200, 201)


def _key_of(reply: Reply) -> str:
    entity = reply.json_object().get("d") if isinstance(reply, Answer) else None
    key = entity.get("integrationKey") if isinstance(entity, dict) else None
    return key if isinstance(key, str) else ""
