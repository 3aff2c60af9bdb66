"""A client that is signed in at a simulator in the same process, and `$batch` bodies for it."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from frontdesk_sidecar.simulator import SimulatorConfig, create_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

HOST = "http://sap.test"
JSON_HEADERS = ("Content-Type: application/json", "Accept: application/json")
BINARY = ("Content-Type: application/http", "Content-Transfer-Encoding: binary")


class Batches:
    """Writes `$batch` bodies byte by byte, good ones and bad ones, and sends them."""

    def change(
        self,
        entry: object = b"",
        *,
        line: str = "POST Customers HTTP/1.1",
        headers: tuple[str, ...] = JSON_HEADERS,
        mime: tuple[str, ...] = BINARY,
    ) -> bytes:
        """One part with a request; a body that is not bytes is written as JSON."""
        body = entry if isinstance(entry, bytes) else json.dumps(entry, ensure_ascii=False).encode()
        head = "\r\n".join([*mime, "", line, *headers, "", ""])
        return head.encode("latin-1") + body

    def changeset(self, *changes: bytes, boundary: str = "changeset_1") -> bytes:
        """A part that is a changeset."""
        head = f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode()
        return head + self.multipart(*changes, boundary=boundary)

    def multipart(self, *parts: bytes, boundary: str = "batch_1") -> bytes:
        """The parts between delimiters."""
        delimiter = f"--{boundary}".encode()
        written = b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts)
        return written + delimiter + b"--"

    def of(self, *entries: object) -> bytes:
        """A batch with one changeset for each entry."""
        return self.multipart(*[self.changeset(self.change(entry)) for entry in entries])

    async def send(
        self, sap: httpx.AsyncClient, content: bytes, boundary: str = "batch_1", **headers: str
    ) -> httpx.Response:
        """Posts a body."""
        given = {"Content-Type": f"multipart/mixed; boundary={boundary}", **headers}
        return await sap.post("$batch", content=content, headers=given)

    def read(self, answer: httpx.Response) -> list[list[tuple[int, bytes]]]:
        """The status and body of every answer, in a list for each part."""
        assert answer.status_code == 202, answer.text
        return [
            [_http(one) for one in self._pieces(part)]
            if b"multipart/mixed" in part
            else [_http(part)]
            for part in self._pieces(
                f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode() + answer.content
            )
        ]

    def statuses(self, answer: httpx.Response) -> list[list[int]]:
        """The statuses alone."""
        return [[status for status, _ in part] for part in self.read(answer)]

    def _pieces(self, message: bytes) -> list[bytes]:
        head, _, body = message.partition(b"\r\n\r\n")
        delimiter = b"--" + head.partition(b"boundary=")[2].partition(b"\r\n")[0]
        first, *pieces, last = body.split(delimiter)
        assert (first, last.strip()) == (b"", b"--")
        return pieces


def _http(part: bytes) -> tuple[int, bytes]:
    _, head, body = part.split(b"\r\n\r\n", 2)
    return int(head.split(b" ")[1]), body.removesuffix(b"\r\n")


@pytest.fixture(name="batches")
def _batches() -> Batches:
    return Batches()


@asynccontextmanager
async def signed_in(config: SimulatorConfig) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose base is the service root of the configured object."""
    transport = httpx.ASGITransport(create_app(config))
    base = f"{HOST}/odata2webservices/{config.definition.code}"
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        client.headers["Accept"] = "application/json"
        credentials = {"client_id": config.client_id, "client_secret": config.client_secret}
        form = {"grant_type": "client_credentials", **credentials}
        answer = await client.post(f"{HOST}/authorizationserver/oauth/token", data=form)
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


@pytest.fixture
def connect() -> Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]:
    """Signs in at a simulator of the given settings."""
    return signed_in


@pytest.fixture
async def sap() -> AsyncIterator[httpx.AsyncClient]:
    """Signed in at a simulator of the default settings."""
    async with signed_in(SimulatorConfig()) as client:
        yield client
