"""Runs the proxy: what listens, how many processes, and how they come to their end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from frontdesk import CaptureMiddleware
from frontdesk.settings import load_capture
from frontdesk_sidecar.logs.speaking import Voice
from frontdesk_sidecar.logs.starting import start as start_log
from frontdesk_sidecar.openings import CannotRun
from frontdesk_sidecar.proxy.address import Listener
from frontdesk_sidecar.proxy.app import create_app
from frontdesk_sidecar.proxy.client_side import client_side
from frontdesk_sidecar.proxy.options import Options
from frontdesk_sidecar.proxy.trouble import Aborted

_BACKLOG = 2048
#: What many clients cause at once is not logged again for so long.
_REPEAT_S = 60.0


def run(options: Options, config_file: str | None) -> None:
    """Run until SIGTERM or SIGINT. Raises CannotRun, and ConfigurationError for `[capture]`."""
    load_capture(path=config_file)  # what is wrong with it is said now, not by each worker
    _start_logging(options)
    listener = _listen(options.listen, options.socket_mode)
    config = _config(options, partial(_make, options, config_file))
    name = listener.getsockname()
    where = f"http://{name[0]}:{name[1]}" if isinstance(name, tuple) else f"unix:{name}"
    log = Voice("frontdesk.proxy")
    log.say("listening", on=where, upstream=str(options.upstream), workers=options.workers)
    try:
        if options.workers == 1:
            _Server(config).run([listener])
        else:
            Multiprocess(config, [listener]).run()
    finally:
        listener.close()
        if options.listen.socket is not None:
            with contextlib.suppress(OSError):
                os.unlink(options.listen.socket)
    log.say("stopped")


def _make(options: Options, config_file: str | None) -> CaptureMiddleware:
    """The app of one process."""
    _start_logging(options)
    app = create_app(options, load_capture(path=config_file))
    # What is there now stays: the collector need not look through all rules in a shopper's request.
    gc.collect()
    gc.freeze()
    return app


def _config(options: Options, make: partial[CaptureMiddleware]) -> uvicorn.Config:
    return uvicorn.Config(
        make,
        factory=True,
        loop="uvloop" if find_spec("uvloop") else "asyncio",
        workers=options.workers,
        **server_settings(options),
    )


def server_settings(options: Options) -> dict[str, Any]:
    """What uvicorn is told, whoever runs it."""
    return {
        # h11, since httptools hands a request's trailers on as header fields, and loses the host of
        # an absolute form.
        "http": client_side(options.head_timeout_s, options.idle_timeout_s),
        "ws": "websockets-sansio",
        "ws_max_size": options.websocket_bytes,
        "log_config": None,
        "access_log": False,
        # The answer is the shop's, and so is what it says of its server and date; who asked is
        # told by `forwarded`, with its own rules of trust.
        "server_header": False,
        "date_header": False,
        "proxy_headers": False,
        # uvicorn refuses the one that makes it so many.
        "limit_concurrency": options.clients + 1,
        "backlog": _BACKLOG,
        # An ingress may send a login over a connection just when it is closed here, and a login is
        # not sent twice: so the ingress shall be the one that closes.
        "timeout_keep_alive": round(options.client_keepalive_s),
        "timeout_graceful_shutdown": round(options.drain_s),
        "ssl_certfile": options.tls_cert_file,
        "ssl_keyfile": options.tls_key_file,
    }


class _Server(uvicorn.Server):
    """uvicorn, which ends with 0 when it was asked to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        def asked(number: int, frame: FrameType | None) -> None:
            self.handle_exit(number, frame)

        before = {one: signal.signal(one, asked) for one in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _start_logging(options: Options) -> None:
    start_log(options.log_level, options.log_format)
    server = logging.getLogger("uvicorn.error")
    server.setLevel(logging.WARNING)
    if not any(isinstance(one, _Quiet) for one in server.filters):
        server.addFilter(_Quiet())
    for noisy in ("asyncio", "websockets"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


#: How an exchange ends that broke off, or whose time was over at the end of a drain.
_ENDED = (Aborted, asyncio.CancelledError)


class _Quiet(logging.Filter):
    """Leaves out what is told elsewhere: an answer that broke off, and each unreadable request.

    That too many clients are there is said once a minute.
    """

    _said_at = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is logged."""
        info: Any = record.exc_info
        if info and info[0] is not None and issubclass(info[0], _ENDED):
            return False
        text = record.getMessage()
        if text.startswith("Exceeded concurrency limit"):
            is_due = record.created - self._said_at >= _REPEAT_S
            self._said_at = record.created if is_due else self._said_at
            return is_due
        return not text.startswith(("Invalid HTTP request", "Unsupported upgrade request"))


def _listen(where: Listener, mode: int) -> socket.socket:
    """A listening socket. Raises CannotRun."""
    try:
        if where.fd is not None:
            return socket.socket(fileno=where.fd)
        if where.socket is not None:
            return _listen_locally(where.socket, mode)
        family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((where.host, where.port))
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise CannotRun(f"proxy: {where}: {error.strerror or error}") from error
    return listener


def _listen_locally(path: str, mode: int) -> socket.socket:
    """A Unix socket. One that nobody listens on any more is replaced."""
    with (
        contextlib.suppress(FileNotFoundError, ConnectionRefusedError),
        socket.socket(socket.AF_UNIX) as probe,
    ):
        probe.connect(path)
        raise OSError(98, "somebody listens there already")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o777 & ~mode)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    return listener
