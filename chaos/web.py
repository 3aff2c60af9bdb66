"""The web app that customers log in to: `login_app` of the tests, on a clock that can be set."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

from chaos.clock import offset_in
from frontdesk.desk import Desk

_offset = offset_in(Path(os.environ["CHAOS_CLOCK"]))
_defaults = Desk.__init__.__kwdefaults__
if _defaults is None:
    raise TypeError("the middleware's Desk takes no clock any more")
# The middleware's clock alone: uvicorn tells gunicorn by `time.time` that it is alive.
_defaults["now"] = lambda: datetime.now(UTC) + timedelta(seconds=_offset())

app = import_module("login_app").app
