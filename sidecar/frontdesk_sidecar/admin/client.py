"""Asks a running sidecar, over its Unix socket or, with the key, over TCP."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import orjson

from frontdesk_sidecar.settings_types import Http

#: What is live says something each second.
_SILENCE: Final = httpx.Timeout(15.0, connect=5.0)
_LIVE: Final = ("snapshot", "charts")
#: `forget` waits for the journal; nothing else takes long.
_TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)
#: No TLS is spoken with a sidecar; httpx would read all authorities for it, for 25 ms.
_NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class NotRunning(Exception):  # noqa: N818 - says what is the case
    """No sidecar answers."""


class Refused(Exception):  # noqa: N818 - says what is the case
    """The sidecar, or the store, says no; the text says why."""


class Away(Refused):
    """Nobody answers, or not to the end."""


class NotHere(Refused):
    """The store is not on this machine, or another process has it open."""


class Client:
    """Calls operations by name. Raises NotRunning and Refused."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def call(
        self, operation: str, arguments: Mapping[str, Any], *, by_key: bool = False
    ) -> dict[str, Any]:
        """The operation's result, by the socket or, `by_key`, over TCP."""
        for client in self._by_key() if by_key else self._by_socket():
            with client:
                try:
                    answer = client.post(f"/admin/{operation}", json=dict(arguments))
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    continue
                except httpx.HTTPError as error:
                    raise Away(
                        f"the sidecar does not answer ({type(error).__name__}); its log says more"
                    ) from None
                return _read(answer)
        raise NotRunning

    def events(self, *, by_key: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
        """What the dashboard is told, each with its name, until the sidecar ends."""
        for client in self._by_key() if by_key else self._by_socket():
            with client:
                try:
                    with client.stream("GET", "/dashboard/events", timeout=_SILENCE) as answer:
                        if answer.status_code != 200:
                            answer.read()
                            _read(answer)
                        yield from _events(answer.iter_lines())
                        return
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    continue
                except httpx.RemoteProtocolError:  # it ended in the middle
                    return
                except httpx.HTTPError as error:
                    raise Refused(
                        f"the sidecar does not answer ({type(error).__name__}); its log says more"
                    ) from None
        raise NotRunning

    @property
    def is_near(self) -> bool:
        """Whether somebody listens at the socket."""
        return _is_open(self._http.socket)

    def _by_socket(self) -> Iterator[httpx.Client]:
        http = self._http
        if _is_open(http.socket):
            transport = httpx.HTTPTransport(verify=_NO_TLS, uds=str(http.socket))
            yield httpx.Client(
                base_url="http://frontdesk", transport=transport, timeout=_TIMEOUT, trust_env=False
            )

    def _by_key(self) -> Iterator[httpx.Client]:
        """No proxy of the environment is to see the key."""
        http = self._http
        if http.key is not None and http.port:
            host = _ANYWHERE.get(http.host, http.host)
            shown = f"[{host}]" if ":" in host else host
            yield httpx.Client(
                base_url=f"http://{shown}:{http.port}",
                headers={"authorization": f"Bearer {http.key}"},
                verify=_NO_TLS,
                timeout=_TIMEOUT,
                trust_env=False,
            )


def _is_open(path: Path) -> bool:
    """Whether somebody listens there; httpcore leaks the socket with which it finds that out."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.settimeout(_TIMEOUT.connect)
            probe.connect(str(path))
        except OSError:  # also when it may not be opened, or its name is too long
            return False
    return True


def _events(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those that show how things stand, of server-sent events that are a line of data each."""
    name = ""
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data" and name in _LIVE:
            yield name, orjson.loads(value)


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = orjson.loads(answer.content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Refused(f"HTTP {answer.status_code}: something else answers where the sidecar should")
    if answer.status_code == 401:
        raise Refused("the sidecar has another http.key than these settings")
    if answer.status_code != 200:
        raise Refused(str(document.get("error") or f"HTTP {answer.status_code}"))
    return document
