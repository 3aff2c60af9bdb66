"""The proxy as an ASGI app, wired: the capture around what forwards, and nothing else."""

from __future__ import annotations

from frontdesk import CaptureMiddleware, __version__
from frontdesk.exchange import Scope
from frontdesk.routes import RouteTable
from frontdesk.settings import Capture
from frontdesk_sidecar.proxy.dial import Dialer, tls_to
from frontdesk_sidecar.proxy.forward import Forwarder
from frontdesk_sidecar.proxy.inside import Inside
from frontdesk_sidecar.proxy.messages import Terms
from frontdesk_sidecar.proxy.options import Options
from frontdesk_sidecar.proxy.pool import Pool
from frontdesk_sidecar.proxy.tally import Tally
from frontdesk_sidecar.proxy.tunnel import Tunnel


def create_app(options: Options, capture: Capture) -> CaptureMiddleware:
    """The app. Raises OSError when a file for TLS is unusable."""
    terms, tally = _terms(options), Tally(options.access_log)
    dialer = _dialer(options)
    pool = Pool(
        dialer,
        most=options.connections,
        wait_s=options.queue_timeout_s,
        keep_s=options.keepalive_s,
    )
    forwarder = Forwarder(
        terms,
        pool,
        tally,
        answer_s=options.answer_timeout_s,
        idle_s=options.idle_timeout_s,
        tunnel=_tunnel(options, dialer, terms, tally),
        route_of=_RouteNames(RouteTable(capture.all_rules())) if options.access_log else _nowhere,
    )
    app = CaptureMiddleware(forwarder, settings=capture)
    if options.prefix:
        about = {"version": __version__, "upstream": str(options.upstream)}
        forwarder.inside = Inside(
            options.prefix, pool, tally, app.desk.statistics, options.key, about
        )
    return app


def _terms(options: Options) -> Terms:
    upstream = options.upstream
    host = upstream.authority if options.host == "upstream" else options.host
    return Terms(
        authority=upstream.authority.encode(),
        base=upstream.base.encode(),
        host=None if host is None else host.encode(),
        trust=options.trust,
        pseudonym=options.via,
        writes_forwarded=options.forwarded,
    )


def _dialer(options: Options) -> Dialer:
    tls = tls_to(
        options.upstream,
        options.upstream_ca_file,
        options.upstream_cert_file,
        options.upstream_key_file,
    )
    return Dialer(
        options.upstream,
        tls,
        options.upstream_name,
        options.connect_timeout_s,
        options.connect_tries,
    )


def _tunnel(options: Options, dialer: Dialer, terms: Terms, tally: Tally) -> Tunnel:
    return Tunnel(
        dialer,
        terms,
        tally,
        most=options.websocket_bytes,
        at_once=options.websockets,
        answer_s=options.answer_timeout_s,
    )


def _nowhere(scope: Scope) -> str:
    return "-"


class _RouteNames:
    """Names the rule's route that a request is on: the rule's own words, not the request's."""

    def __init__(self, table: RouteTable) -> None:
        self._table = table

    def __call__(self, scope: Scope) -> str:
        group = self._table.find(scope)
        return "-" if group is None else group.rules[0].path
