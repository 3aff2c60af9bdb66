"""The options of `frontdesk top`, for argparse. What it needs is imported when it is run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeAlias

Add: TypeAlias = Callable[..., argparse.ArgumentParser]
#: What `add_subparsers` gives; its class has no public name.
Group: TypeAlias = Any
_LEAST_S, _MOST_S = 0.2, 86_400.0


def add_top(commands: Group, add: Add) -> None:
    """Add `top`; see `admin.parser.add_commands` for `add`."""
    parser = add(commands, "top", _top, "how things stand, live on a terminal", "frontdesk top")
    parser.add_argument("--once", action="store_true", help="one frame as plain text")
    parser.add_argument(
        "--each",
        type=_seconds,
        default=5.0,
        metavar="SECONDS",
        help="between plain frames, where there is no terminal to draw on (default: 5)",
    )
    parser.add_argument(
        "--ascii", action="store_true", help="ASCII alone, also where the locale has more"
    )
    parser.add_argument("--config", help="frontdesk.toml; else FRONTDESK_CONFIG names it")


def _seconds(given: str) -> float:
    try:
        number = float(given)
    except ValueError:
        raise argparse.ArgumentTypeError("expected a number of seconds") from None
    if not _LEAST_S <= number <= _MOST_S:
        raise argparse.ArgumentTypeError(f"expected {_LEAST_S} to {_MOST_S:.0f} seconds")
    return number


def _top(options: argparse.Namespace) -> int:
    from frontdesk_sidecar.admin.command import run
    from frontdesk_sidecar.admin.reach import load_reach
    from frontdesk_sidecar.top.command import top

    named = {"once": options.once, "each_s": options.each, "ascii_only": options.ascii}
    return run(load_reach(options.config), lambda desk, terminal: top(desk, terminal, **named))
