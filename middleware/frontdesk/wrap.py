"""Zero code: `FRONTDESK_APP=shop.main:app uvicorn frontdesk.wrap:app`.

The app named in `FRONTDESK_APP` is imported when this module is, as the server would have done
it, and wrapped. Everything passes through, lifespan included.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from functools import reduce
from typing import Any, cast

from frontdesk.asgi import ASGIApp, CaptureMiddleware
from frontdesk.exceptions import ConfigurationError
from frontdesk.settings import load_capture


def named_app(environ: Mapping[str, str] = os.environ) -> ASGIApp:
    """The app that `FRONTDESK_APP` (`module:attribute`, as servers take it) names.

    Raises ConfigurationError when it names none; an error inside the app's own module is the
    app's and passes through.
    """
    name = environ.get("FRONTDESK_APP", "")
    module_name, _, attributes = name.partition(":")
    if not module_name or not attributes:
        raise ConfigurationError(
            ["FRONTDESK_APP: expected module:attribute, such as shop.main:app"]
        )
    try:
        module: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise ConfigurationError([f"FRONTDESK_APP: there is no module {module_name}"]) from error
    try:
        return cast(ASGIApp, reduce(getattr, attributes.split("."), module))
    except AttributeError:
        problem = f"FRONTDESK_APP: {module_name} has no {attributes}"
        raise ConfigurationError([problem]) from None


app = CaptureMiddleware(named_app(), settings=load_capture())
