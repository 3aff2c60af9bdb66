"""The endpoints below `/_sim`, to look inside and to make things go wrong. They need no token.

`customers`: GET, a JSON list of the root items in the order of creation, each with its
attributes, `integrationKey`, `created`, `updated` (epoch milliseconds) and `writes`; `?uid=`
picks one, `?object=` another object, `?entitySet=` another of its entity sets.
`requests`: GET `{"total": n, "requests": [...]}`, oldest first; `?limit=n`.
`commits?since=n`: GET `{"last": n, "commits": [...]}`, every applied write (POST, PATCH, DELETE)
of a root item in the order applied: `seq` from 1, `time` (epoch milliseconds), `uid`, `payload`
as it was received, `integrationMessageId` of the change or else of its batch; what a changeset
rolled back is not in it.
`webhooks`: GET what was posted to the webhook: key, message id, status, error.
`faults`: GET and POST a list of faults. `switches`: GET, and POST an object of those to change.
`reset`: POST, forgets everything and puts presets, switches and the configured credentials back;
`?keep=customers,requests,faults,tokens,commits,credentials,webhooks,switches` names what stays.
`tokens/revoke`: POST. `credentials`: POST `client_id` and `client_secret`, either may be missing:
the first client's credentials from now on; live tokens stay good until they are revoked.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response
from starlette.routing import Route

from frontdesk_sidecar.simulator.entries import shown
from frontdesk_sidecar.simulator.fault_document import FaultDocumentError, parse_faults
from frontdesk_sidecar.simulator.switches import SwitchError
from frontdesk_sidecar.simulator.wire import http_date

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from frontdesk_sidecar.simulator.edm import IntegrationObject, Item
    from frontdesk_sidecar.simulator.ingress import Simulator


class Control:
    """The endpoints of one simulator."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self) -> list[Route]:
        """The routes, for the app."""
        return [
            Route("/_sim/customers", self.customers, methods=["GET"]),
            Route("/_sim/requests", self.requests, methods=["GET"]),
            Route("/_sim/commits", self.commits, methods=["GET"]),
            Route("/_sim/faults", self.faults, methods=["GET"]),
            Route("/_sim/faults", self.set_faults, methods=["POST"]),
            Route("/_sim/switches", self.switches, methods=["GET"]),
            Route("/_sim/switches", self.set_switches, methods=["POST"]),
            Route("/_sim/webhooks", self.webhooks, methods=["GET"]),
            Route("/_sim/reset", self.reset, methods=["POST"]),
            Route("/_sim/tokens/revoke", self.revoke, methods=["POST"]),
            Route("/_sim/credentials", self.credentials, methods=["POST"]),
        ]

    async def customers(self, request: Request) -> Response:
        """The stored items of an entity set."""
        asked = request.query_params
        definition, item = self._entity_set(asked.get("object"), asked.get("entitySet"))
        if definition is None or item is None:
            return _json({"error": "object, entitySet: there is no such thing"}, 404)
        uid, language = asked.get("uid"), self._simulator.config.language
        return _json(
            [
                {
                    **shown(definition, item, stored, language),
                    "created": stored.created,
                    "updated": stored.updated,
                    "writes": stored.writes,
                }
                for stored in self._simulator.service.stores.of(item)
                if uid is None or stored.attributes.get("uid") == uid
            ]
        )

    async def requests(self, request: Request) -> Response:
        """The last requests."""
        log = self._simulator.log
        limit = request.query_params.get("limit", str(self._simulator.config.request_log_size))
        if not limit.isdecimal():
            return _json({"error": "limit: expected a number"}, 400)
        last = [logged.to_json() for logged in log.last(int(limit))]
        return _json({"total": log.total, "requests": last})

    async def commits(self, request: Request) -> Response:
        """The applied writes."""
        since = request.query_params.get("since", "0")
        if not since.isdecimal():
            return _json({"error": "since: expected a number"}, 400)
        log = self._simulator.service.commits
        return _json({"last": log.last, "commits": log.since(int(since))})

    async def faults(self, _: Request) -> Response:
        """The active faults."""
        return _json(self._simulator.faults.to_json())

    async def set_faults(self, request: Request) -> Response:
        """Replaces the faults."""
        try:
            faults = parse_faults(orjson.loads(await request.body()))
        except (orjson.JSONDecodeError, FaultDocumentError) as error:
            return _json({"error": str(error)}, 400)
        self._simulator.faults.set(faults)
        return _json(self._simulator.faults.to_json())

    async def switches(self, _: Request) -> Response:
        """All switches."""
        return _json(self._simulator.config.switches.to_json())

    async def set_switches(self, request: Request) -> Response:
        """Changes the switches that are given."""
        try:
            self._simulator.config.switches.change(orjson.loads(await request.body()))
        except (orjson.JSONDecodeError, SwitchError) as error:
            return _json({"error": str(error)}, 400)
        return await self.switches(request)

    async def webhooks(self, _: Request) -> Response:
        """What was posted to the webhook."""
        webhook = self._simulator.webhook
        return _json([] if webhook is None else webhook.deliveries())

    async def reset(self, request: Request) -> Response:
        """Forgets what is not named to stay."""
        simulator = self._simulator
        actions: dict[str, Callable[[], object]] = {
            "customers": simulator.service.reset,
            "requests": simulator.log.clear,
            "faults": lambda: simulator.faults.set([]),
            "tokens": simulator.tokens.revoke_all,
            "commits": simulator.service.commits.clear,
            "credentials": simulator.tokens.restore_client,
            "webhooks": self._clear_webhooks,
            "switches": lambda: simulator.config.switches.restore(simulator.initial_switches),
        }
        kept = set(filter(None, request.query_params.get("keep", "").split(",")))
        if unknown := kept - actions.keys():
            text = f"keep: unknown {', '.join(sorted(unknown))}; known are {', '.join(actions)}"
            return _json({"error": text}, 400)
        for name, action in actions.items():
            if name not in kept:
                action()
        return _json({"kept": sorted(kept)})

    async def revoke(self, _: Request) -> Response:
        """Ends every token."""
        return _json({"revoked": self._simulator.tokens.revoke_all()})

    async def credentials(self, request: Request) -> Response:
        """Changes the first client's credentials."""
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

    def _clear_webhooks(self) -> None:
        if self._simulator.webhook is not None:
            self._simulator.webhook.clear()

    def _entity_set(
        self, code: str | None, entity_set: str | None
    ) -> tuple[IntegrationObject | None, Item | None]:
        main = self._simulator.config.definition
        definition = main if code is None else self._simulator.service.find(code)
        if definition is None or entity_set is None:
            return definition, None if definition is None else definition.root
        return definition, definition.by_entity_set.get(entity_set)


def _json(content: object, status: int = 200) -> Response:
    date = {"date": http_date(int(time.time())).decode()}
    return Response(orjson.dumps(content), status, date, "application/json")
