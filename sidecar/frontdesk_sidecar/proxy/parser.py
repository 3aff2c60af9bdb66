"""The options of `frontdesk proxy`, for argparse. What it needs is imported when it is run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from frontdesk_sidecar.proxy.options import OPTIONS, REQUIRED

Add: TypeAlias = Callable[..., argparse.ArgumentParser]
#: What `add_subparsers` gives; its class has no public name.
Group: TypeAlias = Any

#: As `ingress.FORMATS` has them, and a test says so.
FORMATS: Final = ("azure-front-door", "envoy", "kubernetes", "nginx", "paths", "traefik")


def add_proxy(commands: Group, add: Add) -> None:
    """Add `proxy`; `add(commands, name, function, text, example)` makes a command."""
    proxy = add(
        commands,
        "proxy",
        _proxy,
        "a reverse proxy that notes who logs in, for storefronts in any language",
        "frontdesk proxy --upstream http://127.0.0.1:3000 --listen 127.0.0.1:8078",
    )
    proxy.add_argument("--config", help="frontdesk.toml; else FRONTDESK_CONFIG names it")
    proxy.add_argument(
        "--only-auth-routes",
        choices=FORMATS,
        metavar="FORMAT",
        help="print the rules that send logins and registrations here, and nothing else: "
        + ", ".join(FORMATS),
    )
    _add_options(proxy)


def _add_options(proxy: argparse.ArgumentParser) -> None:
    for option in OPTIONS:
        if option.key == "key":
            continue  # a command line can be read by everybody on the machine
        text = option.help
        if option.default not in (REQUIRED, None, ""):
            text += f" (default: {str(option.default).lower()})"
        keywords: dict[str, Any] = {"dest": f"proxy_{option.key}", "help": text}
        if option.kind.is_switch:
            keywords["action"] = argparse.BooleanOptionalAction
        else:
            keywords["metavar"] = option.key.rpartition("_")[2].upper()
        proxy.add_argument(option.flag, **keywords)


def _proxy(options: argparse.Namespace) -> int:
    if options.only_auth_routes:
        from frontdesk.settings import load_capture
        from frontdesk_sidecar.proxy.ingress import render

        rules = load_capture(path=options.config).all_rules()
        sys.stdout.write(render(options.only_auth_routes, rules))
        return 0
    from frontdesk_sidecar.openings import CannotRun
    from frontdesk_sidecar.proxy.loading import load_options
    from frontdesk_sidecar.proxy.serve import run

    given = {one.key: getattr(options, f"proxy_{one.key}", None) for one in OPTIONS}
    loaded = load_options(
        options.config, {key: value for key, value in given.items() if value is not None}
    )
    try:
        run(loaded, options.config)
    except CannotRun as error:
        sys.stderr.write(f"frontdesk: {error}\n")
        return 1
    return 0
