"""The options of `frontdesk check`, for argparse. What it needs is imported when it is run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Final, TypeAlias

Add: TypeAlias = Callable[..., argparse.ArgumentParser]
#: What `add_subparsers` gives; its class has no public name.
Group: TypeAlias = Any

#: Every step, as `--only` takes it; `steps.NAMES` is the same, and a test says so.
STEPS: Final = (
    *("configuration", "journal", "store", "sidecar"),
    *("secret", "dns", "connect", "tls", "token", "object", "metadata", "entity-set", "mapping"),
    *("rights", "hooks", "batch", "write-test", "arrival", "clock"),
)


def add_check(commands: Group, add: Add) -> None:
    """Add `check`; `add(commands, name, function, text, example)` makes a command."""
    check = add(
        commands,
        "check",
        _check,
        "the whole chain step by step: what is wrong between here and SAP, and what to do",
        "frontdesk check --config frontdesk.toml --write-test",
    )
    check.add_argument("--config", help="frontdesk.toml; else FRONTDESK_CONFIG names it")
    check.add_argument(
        "--only",
        action="append",
        default=[],
        choices=STEPS,
        metavar="STEP",
        help=f"this step and what stands in its way; may be repeated: {', '.join(STEPS)}",
    )
    check.add_argument(
        "--write-test",
        action="store_true",
        help="create a test customer in SAP, read it back, delete it if that is allowed",
    )
    check.add_argument("-v", "--verbose", action="store_true", help="tell all of what is fine, too")
    check.add_argument("--json", action="store_true", help="for scripts")


def _check(options: argparse.Namespace) -> int:
    from frontdesk_sidecar.check.command import Options, run

    return run(
        Options(
            config=options.config,
            only=tuple(options.only),
            verbose=options.verbose,
            as_json=options.json,
            write_test=options.write_test,
        )
    )
