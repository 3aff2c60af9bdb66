"""A local SAP Commerce Integration API (`odata2webservices`) to develop and test against.

In a test, over a real port:

    with running() as url:
        ...  # POST f"{url}/odata2webservices/InboundCustomer/Customers"

or in the same process, with `httpx.ASGITransport(create_app())`. From a shell:
`frontdesk simulate --port 8090`. For pytest there is a fixture in `pytest_plugin`. What it
knows, and what it does not, is in docs/simulator.md.
"""

from frontdesk_sidecar.simulator.access import Client, User
from frontdesk_sidecar.simulator.app import create_app
from frontdesk_sidecar.simulator.config import SimulatorConfig
from frontdesk_sidecar.simulator.definition import load_definition, parse_definition
from frontdesk_sidecar.simulator.edm import Attribute, IntegrationObject, Item
from frontdesk_sidecar.simulator.fields import DefinitionError
from frontdesk_sidecar.simulator.hooks import Hook
from frontdesk_sidecar.simulator.ingress import Simulator
from frontdesk_sidecar.simulator.server import Tls, running, serve
from frontdesk_sidecar.simulator.shipped import INBOUND_CUSTOMER
from frontdesk_sidecar.simulator.switches import Switches
from frontdesk_sidecar.simulator.system_file import load_config, parse_config, shipped_config
from frontdesk_sidecar.simulator.wire import ConnectionCutError

__all__ = [
    "INBOUND_CUSTOMER",
    "Attribute",
    "Client",
    "ConnectionCutError",
    "DefinitionError",
    "Hook",
    "IntegrationObject",
    "Item",
    "Simulator",
    "SimulatorConfig",
    "Switches",
    "Tls",
    "User",
    "create_app",
    "load_config",
    "load_definition",
    "parse_config",
    "parse_definition",
    "running",
    "serve",
    "shipped_config",
]
