"""The app that `FRONTDESK_APP` names, imported as a server would have done it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import reduce
from typing import Any

from frontdesk.exceptions import ConfigurationError


def named_app(environ: Mapping[str, str]) -> Any:
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
        return reduce(getattr, attributes.split("."), module)
    except AttributeError:
        problem = f"FRONTDESK_APP: {module_name} has no {attributes}"
        raise ConfigurationError([problem]) from None
