"""Runs a simulator on a port.

Connections can be cut without a byte: the protocol offers its transport's `abort` to the app.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from frontdesk_sidecar.simulator.app import create_app
from frontdesk_sidecar.simulator.config import SimulatorConfig, TokenMode
from frontdesk_sidecar.simulator.ingress import Simulator
from frontdesk_sidecar.simulator.system_file import load_config, shipped_config, with_webhook
from frontdesk_sidecar.simulator.wire import CUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

_BACKLOG = 2048
_READY_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS with files in PEM: certificate, key, and who signs the clients' certificates.

    With `client_ca` a client must have one (mutual TLS), as a Commerce Cloud endpoint can ask.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None

    def options(self) -> dict[str, Any]:
        """The options as uvicorn has them."""
        options = {"ssl_certfile": str(self.cert), "ssl_keyfile": str(self.key)}
        if self.client_ca is None:
            return options
        return {
            **options,
            "ssl_ca_certs": str(self.client_ca),
            "ssl_cert_reqs": ssl.CERT_REQUIRED,
        }


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    mode: str = "classic",
    client_id: str = "frontdesk",
    client_secret: str = "secret",  # noqa: S107 - the simulator guards nothing
    shipped: str = "flat",
    definition: Path | None = None,
    token_lifetime_s: int | None = None,
    webhook: str | None = None,
    tls: Tls | None = None,
    on_ready: Callable[[int], None] | None = None,
) -> None:
    """Serves until SIGTERM or SIGINT, then returns. Prints nothing.

    Port 0 takes a free one; `on_ready` is called with the real port once it listens. Without
    `definition` (a JSON file, see `system_file`) the object is that of the name `shipped`.
    Nobody but this machine can reach it unless `host` says so. Raises `OSError` when the port
    cannot be had or a file not be read, `DefinitionError` for a wrong definition or
    webhook and `ValueError` for an unknown mode.
    """
    config = SimulatorConfig(
        mode=cast("TokenMode", mode),
        client_id=client_id,
        client_secret=client_secret,
        token_lifetime_s=token_lifetime_s,
    )
    if definition is None:
        config = shipped_config(shipped, config)
    else:
        config = load_config(definition, config)
    if webhook is not None:
        config = with_webhook(webhook, config)
    with _listen(host, port) as listener:
        _Server(config, listener, on_ready, tls).run(sockets=[listener])


@contextmanager
def running(
    config: SimulatorConfig | None = None, *, port: int = 0, tls: Tls | None = None
) -> Iterator[str]:
    """Runs a simulator in a thread, for tests: yields its address, `http://127.0.0.1:port`."""
    ready = threading.Event()
    with _listen("127.0.0.1", port) as listener:
        server = _Server(config or SimulatorConfig(), listener, lambda _: ready.set(), tls)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            if not ready.wait(_READY_TIMEOUT_S):
                raise TimeoutError("the simulator did not start")
            scheme = "http" if tls is None else "https"
            yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    """uvicorn that says when it listens and leaves quietly on a signal."""

    def __init__(
        self,
        config: SimulatorConfig,
        listener: socket.socket,
        on_ready: Callable[[int], None] | None,
        tls: Tls | None,
    ) -> None:
        self._listener = listener
        self._on_ready = on_ready
        app = create_app(config)
        self._simulator: Simulator = app.state.simulator
        super().__init__(
            uvicorn.Config(
                app,
                http=_cuttable(_http_protocol()),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=1,
                **({} if tls is None else tls.options()),
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._on_ready is not None:
            self._on_ready(self._listener.getsockname()[1])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._simulator.close()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # uvicorn would raise the signal again after its shutdown, and the process would die of it.
        self.force_exit = self.should_exit
        self.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def _http_protocol() -> type[Any]:
    if find_spec("httptools"):
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

        return HttpToolsProtocol
    from uvicorn.protocols.http.h11_impl import H11Protocol

    return H11Protocol


def _cuttable(base: type[Any]) -> type[asyncio.Protocol]:
    """The protocol, with a way to cut the connection in the `state` of every scope."""

    class CuttableProtocol(base):  # type: ignore[misc] # chosen at run time
        def __init__(self, *, app_state: dict[str, Any], **others: Any) -> None:
            super().__init__(app_state={**app_state, CUT: self._cut}, **others)

        def _cut(self) -> None:
            self.transport.abort()

    return CuttableProtocol
