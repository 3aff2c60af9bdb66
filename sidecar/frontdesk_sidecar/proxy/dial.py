"""Opens connections to the upstream: TCP, Unix socket, TLS. Tried again where no byte was sent."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from frontdesk_sidecar.proxy.address import Upstream
from frontdesk_sidecar.proxy.trouble import Cause, Trouble

AnyProtocol = TypeVar("AnyProtocol", bound=asyncio.BaseProtocol)

_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Dialer:
    """How to reach the upstream. `tries`: how often, within `connect_s` seconds in all."""

    upstream: Upstream
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    connect_s: float = 5.0
    tries: int = 3

    async def open(self, protocol: Callable[[], AnyProtocol]) -> AnyProtocol:
        """A connection. Raises Trouble."""
        try:
            async with asyncio.timeout(self.connect_s):
                return await self._open(protocol)
        except TimeoutError:
            raise Trouble(Cause.CONNECT_SLOW) from None
        except ssl.SSLError:
            raise Trouble(Cause.TLS) from None
        except OSError:
            raise Trouble(Cause.UNREACHABLE) from None

    async def _open(self, protocol: Callable[[], AnyProtocol]) -> AnyProtocol:
        for number in range(1, self.tries):
            try:
                return await self._open_once(protocol)
            except ssl.SSLError:
                raise
            except OSError:
                # An upstream that starts anew is back in a moment.
                await asyncio.sleep(_PAUSE_S * 2 ** (number - 1))
        return await self._open_once(protocol)

    async def _open_once(self, protocol: Callable[[], AnyProtocol]) -> AnyProtocol:
        loop, upstream = asyncio.get_running_loop(), self.upstream
        if upstream.socket is not None:
            _, opened = await loop.create_unix_connection(protocol, upstream.socket)
            return opened
        name = (self.server_name or upstream.host) if self.tls is not None else None
        _, opened = await loop.create_connection(
            protocol,
            upstream.host,
            upstream.port,
            ssl=self.tls,
            server_hostname=name,
        )
        return opened


def tls_to(
    upstream: Upstream, ca_file: str | None, cert_file: str | None, key_file: str | None
) -> ssl.SSLContext | None:
    """TLS towards the upstream; None where there is none. Raises OSError for unusable files."""
    if not upstream.is_tls:
        return None
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    if cert_file is not None:
        context.load_cert_chain(cert_file, key_file, password=_no_password)
    return context


def _no_password() -> str:
    # Without a password given OpenSSL would ask the terminal for one.
    raise ssl.SSLError("the key is protected by a password")
