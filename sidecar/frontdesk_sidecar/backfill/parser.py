"""The options of `frontdesk backfill`, for argparse. What it needs is imported when it is run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

Add: TypeAlias = Callable[..., argparse.ArgumentParser]
#: What `add_subparsers` gives; its class has no public name.
Group: TypeAlias = Any


def add_backfill(commands: Group, add: Add) -> None:
    """Add `backfill`; see `admin.parser.add_commands` for `add`."""
    parser = add(
        commands,
        "backfill",
        _backfill,
        "send the customers of a file, or everybody known once more; few at a time",
        "frontdesk backfill customers.csv",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="a table with a row of names (.csv, .tsv), or a message on each line (.ndjson)",
    )
    which.add_argument(
        "--known", action="store_true", help="everybody whose values the store still has"
    )
    parser.add_argument("--check", action="store_true", help="read the file, and send nothing")
    parser.add_argument(
        "--at",
        type=_time,
        metavar="TIME",
        help="when the file was true, ISO 8601, in UTC where it says nothing else (default: when it"
        " was written to)",
    )
    parser.add_argument(
        "--waiting",
        type=_number,
        default=100,
        metavar="N",
        help="so many may be on their way to SAP at a time, and be before whoever logs in"
        " (default: %(default)s)",
    )
    parser.add_argument("--target", metavar="NAME", help="with --known: of this target alone")
    parser.add_argument("--after", type=_number, metavar="N", help="with --known: go on there")
    parser.add_argument("--config", help="frontdesk.toml; else FRONTDESK_CONFIG names it")
    parser.set_defaults(refuse=parser.error)


def _time(given: str) -> datetime:
    try:
        moment = datetime.fromisoformat(given)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("expected an ISO 8601 time") from None
    if moment > datetime.now(UTC):
        raise argparse.ArgumentTypeError("expected a time that has been")
    return moment


def _number(given: str) -> int:
    if not given.isdecimal() or not 0 < int(given) < 1 << 63:
        raise argparse.ArgumentTypeError("expected a whole number")
    return int(given)


def _backfill(options: argparse.Namespace) -> int:
    from frontdesk_sidecar.admin.command import run
    from frontdesk_sidecar.admin.reach import load_reach
    from frontdesk_sidecar.backfill import command

    of_file, of_known = (options.check, options.at), (options.target, options.after)
    if options.known and any(of_file):
        options.refuse("--check and --at are for a file")
    if not options.known and any(of_known):
        options.refuse("--target and --after are for --known")
    if options.known:
        named = {"target": options.target, "after": options.after, "most": options.waiting}
        return run(load_reach(options.config), lambda d, t: command.known(d, t, **named))
    most, dry = options.waiting, options.check
    given = {"path": options.file, "at": options.at, "most": most, "dry": dry}
    return run(load_reach(options.config), lambda d, t: command.from_file(d, t, **given))
