"""docs/cli.md is the command line's own words; UPDATE_DOCS=1 writes it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from docs_support import DOCS, assert_generated
from frontdesk_sidecar import cli

PAGE = DOCS / "cli.md"


def cli_reference() -> str:
    """Each command with its options, from the parser."""
    return "\n".join(line for command in commands(cli._parser()) for line in section(command))


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Those that do something, in the order of the help."""
    groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not groups:
        yield parser
    for group in groups:
        for command in group.choices.values():
            yield from commands(command)


def section(command: argparse.ArgumentParser) -> Iterator[str]:
    """One command."""
    example = (command.epilog or "").removeprefix("example:\n")
    yield from (f"## {command.prog}", "", command.description or "", "")
    yield from ("```sh", *(line.strip() for line in example.splitlines()), "```", "")
    told = [row(one) for one in command._actions if one.dest != "help"]
    if told:
        yield from ("| option | |", "|---|---|", *told, "")


def row(action: argparse.Action) -> str:
    """One option, as a line of the table."""
    text = (action.help or "").replace("%(default)s", str(action.default)).replace("|", "\\|")
    if action.nargs in ("*", "+") or isinstance(action, argparse._AppendAction):
        text += "" if "repeated" in text else "; several"
    if action.required and action.option_strings:
        text += "; required"
    return f"| `{shown(action)}` | {text} |"


def shown(action: argparse.Action) -> str:
    """An option with its value, as argparse's usage has it."""
    choices = action.choices and f"{{{','.join(map(str, action.choices))}}}"
    value = str(action.metavar or choices or action.dest.upper())
    if action.nargs == 0:
        value = ""
    return f"{', '.join(action.option_strings)} {value}".strip()


def test_the_commands_are_the_parsers() -> None:
    """Each command with its example and its options."""
    assert_generated(PAGE, "commands", cli_reference())


def test_the_exit_codes_are_the_command_lines() -> None:
    """Those that the page tells."""
    codes = [str(one) for one in (cli.OK, cli.FAILED, 2, cli.EX_CONFIG)]
    table = PAGE.read_text().partition("## Exit codes")[2].partition("\n## ")[0]
    assert [line.split("|")[1].strip() for line in table.splitlines() if "| " in line][1:] == codes
