"""The Starlette app: SAP's own paths, and `/_sim/*` to look inside and to set faults.

`/_sim/customers`: GET, a JSON list of the root items in the order of creation, each with its
attributes, `integrationKey`, `created`, `updated` (epoch milliseconds) and `writes`; `?uid=`
picks one. `/_sim/requests`: GET `{"total": n, "requests": [...]}`, oldest first; `?limit=n`.
`/_sim/commits?since=n`: GET `{"last": n, "commits": [...]}`, every applied write (POST, PATCH,
DELETE) of the root item in the order applied: `seq` from 1, `time` (epoch milliseconds), `uid`,
`payload` as it was received, `integrationMessageId` of the change or else of its batch; what a
changeset rolled back is not in it. `/_sim/faults`: GET and POST a list of faults.
`/_sim/reset`: POST, forgets everything and puts the configured credentials back;
`?keep=customers,requests,faults,tokens,commits,credentials` names what stays.
`/_sim/tokens/revoke`: POST. `/_sim/credentials`: POST `client_id` and `client_secret`, either may
be missing: the client's credentials from now on; live tokens stay good until they are revoked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, Route

from frontdesk_sidecar.simulator.config import SimulatorConfig
from frontdesk_sidecar.simulator.entries import properties
from frontdesk_sidecar.simulator.fault_document import FaultDocumentError, parse_faults
from frontdesk_sidecar.simulator.ingress import ROOT, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

TOKEN_PATH = "/authorizationserver/oauth/token"  # noqa: S105 - an address, not a token


class _Endpoint:
    """An ASGI app as Starlette's routes want it: an object, so that any method is let through."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def create_app(config: SimulatorConfig | None = None) -> Starlette:
    """A simulator of its own; its state is `app.state.simulator`, a `Simulator`."""
    simulator = Simulator(config or SimulatorConfig())
    control = _Control(simulator)
    app = Starlette(
        routes=[
            Route(TOKEN_PATH, _Endpoint(simulator.serve_token)),
            Mount(ROOT, _Endpoint(simulator.serve_odata)),
            Route("/_sim/customers", control.customers, methods=["GET"]),
            Route("/_sim/requests", control.requests, methods=["GET"]),
            Route("/_sim/commits", control.commits, methods=["GET"]),
            Route("/_sim/faults", control.faults, methods=["GET"]),
            Route("/_sim/faults", control.set_faults, methods=["POST"]),
            Route("/_sim/reset", control.reset, methods=["POST"]),
            Route("/_sim/tokens/revoke", control.revoke, methods=["POST"]),
            Route("/_sim/credentials", control.credentials, methods=["POST"]),
        ]
    )
    app.router.redirect_slashes = False
    app.state.simulator = simulator
    return app


class _Control:
    """The endpoints below `/_sim`. They need no token."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def customers(self, request: Request) -> Response:
        item = self._simulator.config.definition.root
        uid = request.query_params.get("uid")
        return _json(
            [
                {
                    **properties(item, stored),
                    "created": stored.created,
                    "updated": stored.updated,
                    "writes": stored.writes,
                }
                for stored in self._simulator.service.stores[item.entity_set]
                if uid is None or stored.attributes.get("uid") == uid
            ]
        )

    async def requests(self, request: Request) -> Response:
        log = self._simulator.log
        limit = request.query_params.get("limit", str(self._simulator.config.request_log_size))
        if not limit.isdecimal():
            return _json({"error": "limit: expected a number"}, 400)
        last = [logged.to_json() for logged in log.last(int(limit))]
        return _json({"total": log.total, "requests": last})

    async def commits(self, request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdecimal():
            return _json({"error": "since: expected a number"}, 400)
        log = self._simulator.service.commits
        return _json({"last": log.last, "commits": log.since(int(since))})

    async def faults(self, _: Request) -> Response:
        return _json(self._simulator.faults.to_json())

    async def set_faults(self, request: Request) -> Response:
        try:
            faults = parse_faults(orjson.loads(await request.body()))
        except (orjson.JSONDecodeError, FaultDocumentError) as error:
            return _json({"error": str(error)}, 400)
        self._simulator.faults.set(faults)
        return _json(self._simulator.faults.to_json())

    async def reset(self, request: Request) -> Response:
        actions = {
            "customers": self._clear_stores,
            "requests": self._simulator.log.clear,
            "faults": lambda: self._simulator.faults.set([]),
            "tokens": self._simulator.tokens.revoke_all,
            "commits": self._simulator.service.commits.clear,
            "credentials": self._simulator.tokens.restore_client,
        }
        kept = set(filter(None, request.query_params.get("keep", "").split(",")))
        if unknown := kept - actions.keys():
            text = f"keep: unknown {', '.join(sorted(unknown))}; known are {', '.join(actions)}"
            return _json({"error": text}, 400)
        for name in actions.keys() - kept:
            actions[name]()
        return _json({"kept": sorted(kept)})

    async def revoke(self, _: Request) -> Response:
        return _json({"revoked": self._simulator.tokens.revoke_all()})

    async def credentials(self, request: Request) -> Response:
        try:
            given = orjson.loads(await request.body())
        except orjson.JSONDecodeError as error:
            return _json({"error": str(error)}, 400)
        known = {"client_id", "client_secret"}
        if not isinstance(given, dict) or not given.keys() <= known:
            return _json({"error": "expected an object of client_id and client_secret"}, 400)
        if not all(isinstance(value, str) for value in given.values()):
            return _json({"error": "client_id, client_secret: expected strings"}, 400)
        self._simulator.tokens.change_client(**given)
        return _json({"client_id": self._simulator.tokens.client_id})

    def _clear_stores(self) -> None:
        for store in self._simulator.service.stores.values():
            store.clear()


def _json(content: object, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
