"""The options of the commands, for argparse. What a command needs is imported when it is run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from frontdesk_sidecar.admin.dead_command import Chosen

Options: TypeAlias = argparse.Namespace
Add: TypeAlias = Callable[..., argparse.ArgumentParser]
#: What `add_subparsers` gives; its class has no public name.
Group: TypeAlias = Any


def add_commands(commands: Group, add: Add) -> None:
    """Add `status`, `dead`, `pause`, `resume`, `reload`, `forget`, `target` and
    `show`.

    `add(commands, name, function, text, example)` makes a command; `function(options)` gives the
    exit code and may raise ConfigurationError.
    """
    status = add(
        commands,
        "status",
        _status,
        "what is the matter, and what to do; then how things stand",
        "frontdesk status --watch",
    )
    status.add_argument("--json", action="store_true", help="for scripts")
    how = status.add_mutually_exclusive_group()
    how.add_argument("--watch", action="store_true", help="again each second, until Ctrl-C")
    how.add_argument(
        "--exit-code",
        action="store_true",
        help="for scripts: 0 fine, 3 somebody must act, 4 no sidecar, 5 SAP does not take customers"
        " now, 1 it cannot be told, 78 configuration",
    )
    dead = add(
        commands,
        "dead",
        None,
        "the customers that SAP refuses: list, show, retry, discard, export",
        "frontdesk dead list",
    )
    _add_dead(dead.add_subparsers(metavar="COMMAND", required=True), add)
    pause = add(commands, "pause", _pause, "send nothing until resume", "frontdesk pause")
    resume = add(commands, "resume", _resume, "send again, and try at once", "frontdesk resume")
    reload = add(
        commands,
        "reload",
        _reload,
        "have the running sidecar read its settings anew: all of them, or none if one is wrong",
        "frontdesk reload",
    )
    forget = add(
        commands,
        "forget",
        _forget,
        "delete everything known of a customer",
        "frontdesk forget jane.doe@example.com",
    )
    forget.add_argument("email", metavar="EMAIL", help="the customer's address")
    forget.add_argument("--yes", action="store_true", help="do not ask")
    target = add(
        commands,
        "target",
        None,
        "customers of a target that is no longer in the settings: move, drop",
        "frontdesk target drop b2b",
    )
    _add_target(target.add_subparsers(metavar="COMMAND", required=True), add)
    for parser in (pause, resume):
        parser.add_argument("--target", metavar="NAME", help="that one alone (default: all)")
    show = add(
        commands,
        "show",
        _person,
        "everything about one customer: waiting, delivered when, or refused why",
        "frontdesk show jane.doe@example.com",
    )
    show.add_argument("who", metavar="WHO", help="address or user id; - reads it from the input")
    show.add_argument("--reveal", action="store_true", help="show personal data unmasked")
    show.add_argument("--json", action="store_true", help="for scripts")
    for parser in (status, pause, resume, reload, forget, show):
        _add_config(parser)


def _add_target(target: Group, add: Add) -> None:
    move = add(
        target,
        "move",
        _move,
        "have them sent to another target",
        "frontdesk target move b2b --to business",
    )
    move.add_argument("--to", required=True, metavar="NAME", help="a target of the settings")
    drop = add(target, "drop", _drop, "delete them for good", "frontdesk target drop b2b")
    drop.add_argument("--yes", action="store_true", help="do not ask")
    for parser in (move, drop):
        parser.add_argument("target", metavar="NAME", help="the target that is not there any more")
        _add_config(parser)


def _add_dead(dead: Group, add: Add) -> None:
    listing = add(
        dead, "list", _list, "the latest, and how many of each reason", "frontdesk dead list"
    )
    listing.add_argument("--reason", metavar="R", help="of this reason alone")
    listing.add_argument(
        "--limit", type=_limit, default=50, metavar="N", help="so many (default: %(default)s)"
    )
    show = add(dead, "show", _show, "one, with its last tries", "frontdesk dead show 17")
    show.add_argument("key", metavar="KEY", help="its number, or the customer's e-mail address")
    retry = add(
        dead,
        "retry",
        _retry,
        "send again",
        "frontdesk dead retry --reason odata.missing_property",
    )
    discard = add(dead, "discard", _discard, "delete for good", "frontdesk dead discard 17")
    discard.add_argument("--yes", action="store_true", help="do not ask")
    export = add(
        dead,
        "export",
        _export,
        "all of them as JSON, one a line",
        "frontdesk dead export --output dead.ndjson",
    )
    export.add_argument("--reason", metavar="R", help="of this reason alone")
    export.add_argument("--output", type=Path, metavar="FILE", help="a new file, made 0600")
    for parser in (retry, discard):
        which = parser.add_mutually_exclusive_group()
        which.add_argument("key", nargs="?", metavar="KEY", help="number, or e-mail address")
        which.add_argument("--reason", metavar="R", help="all of this reason")
        which.add_argument("--all", action="store_true", help="all there are")
        parser.set_defaults(refuse=parser.error)
    for parser in (show, export):
        parser.add_argument("--reveal", action="store_true", help="show personal data unmasked")
    for parser in (listing, show):
        parser.add_argument("--json", action="store_true", help="for scripts")
    for parser in (listing, show, retry, discard, export):
        parser.add_argument("--target", metavar="NAME", help="of this target alone")
        _add_config(parser)


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", help="frontdesk.toml; else FRONTDESK_CONFIG names it")


def _limit(given: str) -> int:
    try:
        number = int(given)
    except ValueError:
        raise argparse.ArgumentTypeError("expected a whole number") from None
    if not 1 <= number <= 1000:
        raise argparse.ArgumentTypeError("expected a whole number from 1 to 1000")
    return number


def _run(options: Options, command: Callable[..., int], *given: Any, **named: Any) -> int:
    from frontdesk_sidecar.admin.command import run
    from frontdesk_sidecar.admin.reach import load_reach

    return run(
        load_reach(options.config),
        lambda desk, terminal: command(desk, terminal, *given, **named),
    )


def _status(options: Options) -> int:
    from frontdesk_sidecar.admin.command import status

    named = {"as_json": options.json, "watch": options.watch}
    return _run(options, status, **named, telling=options.exit_code)


def _pause(options: Options) -> int:
    from frontdesk_sidecar.admin.command import pause

    return _run(options, pause, target=options.target)


def _resume(options: Options) -> int:
    from frontdesk_sidecar.admin.command import resume

    return _run(options, resume, target=options.target)


def _reload(options: Options) -> int:
    from frontdesk_sidecar.admin.reload_command import reload

    return _run(options, reload)


def _forget(options: Options) -> int:
    from frontdesk_sidecar.admin.command import forget

    return _run(options, forget, email=options.email, yes=options.yes)


def _person(options: Options) -> int:
    from frontdesk_sidecar.admin.person_command import show

    return _run(options, show, who=options.who, reveal=options.reveal, as_json=options.json)


def _list(options: Options) -> int:
    from frontdesk_sidecar.admin.dead_command import listing

    named = {"reason": options.reason, "limit": options.limit, "as_json": options.json}
    return _run(options, listing, **named, target=options.target)


def _show(options: Options) -> int:
    from frontdesk_sidecar.admin.dead_command import show

    named = {"key": options.key, "reveal": options.reveal, "as_json": options.json}
    return _run(options, show, **named, target=options.target)


def _retry(options: Options) -> int:
    from frontdesk_sidecar.admin.dead_command import retry

    return _run(options, retry, _chosen(options))


def _discard(options: Options) -> int:
    from frontdesk_sidecar.admin.dead_command import discard

    return _run(options, discard, _chosen(options), yes=options.yes)


def _chosen(options: Options) -> Chosen:
    """Which dead letters; to name none of them is a slip, not a wish for all."""
    from frontdesk_sidecar.admin.dead_command import Chosen

    if not (options.key or options.reason or options.all or options.target):
        options.refuse("one of KEY, --reason, --all and --target is needed")
    return Chosen(options.key, options.reason, options.all, options.target)


def _export(options: Options) -> int:
    from frontdesk_sidecar.admin.dead_command import export

    named = {"reason": options.reason, "reveal": options.reveal, "output": options.output}
    return _run(options, export, **named, target=options.target)


def _move(options: Options) -> int:
    from frontdesk_sidecar.admin.target_command import move

    return _run(options, move, target=options.target, to=options.to)


def _drop(options: Options) -> int:
    from frontdesk_sidecar.admin.target_command import drop

    return _run(options, drop, target=options.target, yes=options.yes)
