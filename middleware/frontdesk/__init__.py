"""The web side of frontdesk: notes who registered or logged in, and never holds up the shopper."""

__version__ = "0.1.0"

from frontdesk.asgi import CaptureMiddleware
from frontdesk.desk import identify
from frontdesk.event import Identify
from frontdesk.exceptions import ConfigurationError, FrontdeskError, MalformedMessage
from frontdesk.notes import add_traits, veto
from frontdesk.rules import Rule
from frontdesk.settings import Capture

__all__ = [
    "Capture",
    "CaptureMiddleware",
    "ConfigurationError",
    "FrontdeskError",
    "Identify",
    "MalformedMessage",
    "Rule",
    "__version__",
    "add_traits",
    "identify",
    "veto",
]
