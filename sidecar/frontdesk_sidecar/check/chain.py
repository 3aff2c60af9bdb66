"""One target on its way: each step asks, and has what came back judged."""

from __future__ import annotations

import time
from pathlib import Path

from frontdesk_sidecar.check import (
    files,
    judge_arrival,
    judge_local,
    judge_mapping,
    judge_network,
    judge_object,
    judge_posting,
    judge_token,
    judge_writing,
    network,
)
from frontdesk_sidecar.check.asking import Asking
from frontdesk_sidecar.check.judge_common import failure
from frontdesk_sidecar.check.result import Result, Status
from frontdesk_sidecar.metadata import Item, Metadata, MetadataError, read_edmx
from frontdesk_sidecar.plan import Plan, make_plan
from frontdesk_sidecar.sap.answer import Answer
from frontdesk_sidecar.sap.outcome import Outcome
from frontdesk_sidecar.sap.session import Reply
from frontdesk_sidecar.settings import Target


class Chain:
    """One target on its way through the steps: what earlier ones found is there for later ones."""

    def __init__(
        self, target: Target, asking: Asking, *, batch_size: int, write_test: bool, limit_s: float
    ) -> None:
        self.target = target
        self.asking = asking
        self.where = asking.where
        self._batch_size = batch_size
        self._write_test = write_test
        self._limit_s = limit_s
        self._sets: tuple[str, ...] = ()
        self._edmx: Reply | None = None
        self._metadata: Metadata | None = None
        self._problem = ""

    async def secret(self) -> Result:
        """The files with secrets."""
        own = self.target.destination
        paths = [] if self.target.secret_file is None else [(self.target.secret_file, True)]
        key = own.client_key_file or own.client_cert_file
        paths += [] if key is None else [(Path(key), False)]

        def look() -> Result:
            found = [files.secret_file(path, is_text=is_text) for path, is_text in paths]
            return judge_local.secret(found, is_inline=self.target.secret_file is None)

        return network.within(self._limit_s, look)

    async def dns(self) -> Result:
        """The name."""
        return judge_network.dns(network.resolve(self.asking.destination, self._limit_s))

    async def connect(self) -> Result:
        """The port."""
        found = network.connect(self.asking.destination, self.asking.destination.connect_timeout_s)
        return judge_network.connect(found)

    async def tls(self) -> Result:
        """The certificate."""
        destination, limit_s = self.asking.destination, self._limit_s
        proxy = network.proxy_of(destination)
        if proxy or destination.base_url.startswith("http://"):
            return judge_network.no_tls(self.where, proxy=proxy)
        found = network.within(limit_s, lambda: network.handshake(destination, limit_s))
        return judge_network.tls(self.where, found)

    async def token(self) -> Result:
        """The credentials."""
        outcome = await self.asking.token()
        last = self.asking.recorder.last
        return judge_token.token(self.where, outcome, last if isinstance(last, Answer) else None)

    async def clock(self) -> Result:
        """The clocks."""
        return judge_network.clock(self.asking.recorder.skew_s, self.where.host)

    async def object(self) -> Result:
        """The object's service."""
        reply = await self.asking.service_document()
        if isinstance(reply, Answer) and reply.status == 200:
            self._sets = judge_object.entity_sets(reply)
        elif isinstance(reply, Answer) and reply.status == 403:
            await self._describe()  # which takes fewer rights
        return judge_object.exposed(
            self.where,
            reply,
            has_metadata=self._metadata is not None,
            private=self.asking.private,
            now=time.time(),
        )

    async def metadata(self) -> Result:
        """The object's description."""
        reply = await self._describe()
        return judge_object.metadata(
            self.where, reply, self._problem, private=self.asking.private, now=time.time()
        )

    async def entity_set(self) -> Result:
        """The set that customers are posted to."""
        described = () if self._metadata is None else tuple(self._metadata.entity_sets)
        return judge_object.entity_set(self.where, self._sets or described)

    async def mapping(self) -> Result:
        """The mapping."""
        is_default = self.target.mapping is None
        return judge_mapping.mapping(self.where, self._plan, is_default=is_default)

    async def rights(self) -> Result:
        """Whether customers may be created."""
        if (why := self._unsafe()) is not None:
            return judge_posting.not_probed(self.where, why)
        reply = await self.asking.post_without_key()
        return judge_posting.rights(self.where, reply, private=self.asking.private, now=time.time())

    async def hooks(self) -> Result:
        """Whether the hooks exist."""
        names = self.asking.hooks
        reply = None
        if names and self._unsafe() is None:
            reply = await self.asking.post_without_key(with_hooks=True)
        if names and reply is None:
            tried = f"POST with {' and '.join(names)}"
            return Result("hooks", Status.SKIPPED, tried, "not posted; --write-test tells")
        return judge_posting.hooks(
            self.where, names, reply, private=self.asking.private, now=time.time()
        )

    async def batch(self) -> Result:
        """Whether many can be sent at once."""
        size = self._batch_size
        reply = await self.asking.batch(size) if size > 1 else None
        return judge_posting.batch(
            self.where, reply, size, private=self.asking.private, now=time.time()
        )

    async def write(self) -> Result:
        """The test customer."""
        if not self._write_test:
            tried = "a test customer there and back"
            return Result("write-test", Status.SKIPPED, tried, "only with --write-test")
        written = await self.asking.write(self._plan, self._item)
        if isinstance(written, Outcome):
            return failure("write-test", self.where, "map a test customer", written, {})
        return judge_writing.writing(
            self.where,
            written,
            self.asking.hooks,
            private=(*self.asking.private, written.uid),
            now=time.time(),
        )

    async def arrival(self) -> Result:
        """What SAP keeps of what came in."""
        return judge_arrival.arrival(self.where, await self.asking.monitoring())

    async def _describe(self) -> Reply:
        if self._edmx is None:
            self._edmx = await self.asking.metadata()
            if isinstance(self._edmx, Answer) and self._edmx.status == 200:
                try:
                    self._metadata = read_edmx(self._edmx.body)
                except MetadataError as error:
                    self._problem = str(error)
        return self._edmx

    @property
    def _item(self) -> Item | None:
        return None if self._metadata is None else self._metadata.item_of(self.where.entity_set)

    @property
    def _plan(self) -> Plan:
        return make_plan(self.target.mapping, self._metadata, self.where.entity_set)

    def _unsafe(self) -> str | None:
        """Why a record without a key must not be posted."""
        item = self._item
        if item is None:
            return "$metadata does not tell which attributes are the key"
        if not set(item.key) & set(item.required):
            return f"{item.name} has no key attribute that must be there"
        return None
