"""Every fenced block of the documents is of a known class, and is what its class says."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from docs_support import DOCS, PAGES, README, ROOT, Block, all_blocks
from frontdesk import ConfigurationError
from frontdesk_sidecar import cli, settings
from frontdesk_sidecar.backfill.reading import from_table
from frontdesk_sidecar.ingest.document import read_lines
from frontdesk_sidecar.ingest.message import Envelope

BLOCKS = all_blocks()
#: Pages whose every `console` block is run with what it shows, and by which test.
RUN_WITH_WHAT_THEY_SHOW = {
    "README.md": "test_docs_readme.py",
    "docs/tutorial.md": "test_docs_tutorial.py",
    "docs/troubleshooting.md": "test_docs_troubleshooting.py",
    "docs/privacy.md": "test_docs_troubleshooting.py",
}
#: Pages whose Python examples a test of their own runs.
PYTHON_RUN_BY = {
    "docs/tutorial.md": "docs/test_docs_tutorial.py",
    "docs/frameworks.md": "docs/test_docs_frameworks.py",
    "docs/simulator.md": "sidecar/simulator/test_simulator_docs.py",
}
_COMMAND = re.compile(r"(?:^|[\s/(;&|])frontdesk(?= [a-z-])([^|&;<>\n]*)")
_PLACEHOLDER = re.compile(r"…|\.\.\.")


class App:
    """Stands for the app that an example calls `app`."""

    def add_middleware(self, middleware: type) -> None:
        """As FastAPI does it."""
        middleware(self)


def check_toml(block: Block, folder: Path) -> None:
    """The code that reads configurations takes it; what is meant to be wrong is refused."""
    document = tomllib.loads(block.text)
    secret = folder / "secret"
    secret.write_text("s\n")
    text = block.text
    sap = document.get("sap", {})
    if "base_url" not in sap and not block.title.startswith("broken"):
        text += '\n[sap]\nbase_url = "sap.example.com"\nclient_id = "c"\nclient_secret = "s"\n'
    files = [value for value in sap.values() if isinstance(value, str)]
    for name in ({sap.get("client_secret_file")} & {*files}) | {"gateway_key"}:
        text = text.replace(f'"{name}"', f'"{secret}"')
    config = folder / "frontdesk.toml"
    config.write_text(text)
    if block.title.startswith("broken"):
        with pytest.raises(ConfigurationError):
            settings.load(str(config), {})
    else:
        assert settings.load(str(config), {})


def check_python(block: Block, folder: Path) -> None:
    """It compiles; it runs as it stands, given an app, unless another test runs it."""
    compiled = compile(block.text, block.name, "exec")
    page = block.page.relative_to(ROOT).as_posix()
    if page in PYTHON_RUN_BY:
        text = (ROOT / "tests" / PYTHON_RUN_BY[page]).read_text()
        assert block.page.name in text
    else:
        exec(compiled, {"app": App()})  # noqa: S102 - our own example


def check_json(block: Block, folder: Path) -> None:
    """It is JSON."""
    json.loads(block.text)


def check_yaml(block: Block, folder: Path) -> None:
    """It is YAML."""
    assert list(yaml.safe_load_all(block.text))


def check_shell(block: Block, folder: Path) -> None:
    """The shell can read it; `frontdesk` takes its options, `make` its targets; files exist."""
    commands = "".join(f"{command}\n" for command, _ in block.commands())
    text = commands if block.language == "console" else block.text
    assert text, "no command"
    read = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    plain = "\n".join(_lines(text))
    for given in _COMMAND.findall(plain):
        _parse(given)
    for target in re.findall(r"^make ([a-z]+)", plain, re.MULTILINE):
        assert target in _targets(), target
    for place in re.findall(r"(?<![\w/.])((?:examples|tests|docs)/[\w./*-]+)", plain):
        assert list(ROOT.glob(place)), place
    for extra in re.findall(r"(?:frontdesk|\.)\[([a-z,]+)\]", plain):
        assert {*extra.split(",")} <= _extras(), extra


def _lines(text: str) -> Iterator[str]:
    """Whole lines without comments."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=False, punctuation_chars=False)
        lexer.whitespace_split, lexer.commenters, lexer.quotes = True, "#", ""
        yield " ".join(lexer)


def _parse(given: str) -> None:
    """The command line takes these arguments."""
    arguments = shlex.split(given)
    if arguments[-1] == "\\":
        arguments.pop()
    if "--help" in arguments:
        return
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            cli._parser().parse_args(arguments)
    except SystemExit:
        pytest.fail(f"frontdesk{given}: {said.getvalue()}")


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def _extras() -> set[str]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return set(document["project"]["optional-dependencies"])


def check_session(block: Block, folder: Path) -> None:
    """As with a script; a test runs it with what it shows where the page is one of these."""
    check_shell(block, folder)
    page = block.page.relative_to(ROOT).as_posix()
    if page in RUN_WITH_WHAT_THEY_SHOW:
        text = (ROOT / "tests" / "docs" / RUN_WITH_WHAT_THEY_SHOW[page]).read_text()
        assert block.page.name in text


def check_javascript(block: Block, folder: Path) -> None:
    """Node reads it, where there is one."""
    node = shutil.which("node")
    script = folder / "example.mjs"
    script.write_text(block.text)
    if node is not None:
        subprocess.run([node, "--check", str(script)], check=True)
    assert "import" in block.text


def check_impex(block: Block, folder: Path) -> None:
    """Statements that can be run again; `test_init_impex.py` compares it with what is printed."""
    heads = re.findall(r"^(INSERT\w*|UPDATE)\b", block.text, re.MULTILINE)
    assert set(heads) == {"INSERT_UPDATE"}


def check_compiles(block: Block, folder: Path) -> None:
    """For a program elsewhere, such as a server that uses an SDK; a test beside the SDK runs it."""
    compile(block.text, block.name, "exec")


def check_exchange(block: Block, folder: Path) -> None:
    """A recording for `frontdesk explain`, which its page shows the outcome of."""
    assert block.title.endswith(".http")
    assert block.page.relative_to(ROOT).as_posix() in RUN_WITH_WHAT_THEY_SHOW


def check_text(block: Block, folder: Path) -> None:
    """A drawing, or what a command prints: nothing that could be typed."""
    assert not re.search(r"^(\$ |(sudo )?(frontdesk|make|pip|curl) [a-z-]+( |$))", block.text)


def check_table(block: Block, _: Path) -> None:
    """Customers for `frontdesk backfill`, each of whom it would take."""
    lines = [line.message for line in from_table(io.StringIO(block.text))]
    reading = read_lines(lines, 1, Envelope(datetime.now(UTC), "0"))
    assert len(reading.messages) == len(lines) == block.text.strip().count("\n")


CLASSES: dict[str, Callable[[Block, Path], None]] = {
    "toml": check_toml,
    "python": check_python,
    "py": check_compiles,
    "json": check_json,
    "yaml": check_yaml,
    "sh": check_shell,
    "bash": check_shell,
    "console": check_session,
    "csv": check_table,
    "js": check_javascript,
    "impex": check_impex,
    "http": check_exchange,
    "text": check_text,
}


def test_every_block_is_of_a_known_class() -> None:
    """A new language needs a check; a block without one is `text`, or commands."""
    assert [block.name for block in BLOCKS if block.language not in CLASSES] == []
    assert len(BLOCKS) > 80


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_a_block(block: Block, tmp_path: Path) -> None:
    """It is what its class says."""
    if block.language in CLASSES:
        CLASSES[block.language](block, tmp_path)


def subcommand(words: list[str]) -> argparse.ArgumentParser:
    """The parser of a command as far as the words name one."""
    parser = cli._parser()
    for word in words:
        groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
        if not groups:
            break
        assert word in groups[0].choices, word
        parser = groups[0].choices[word]
    return parser


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_in_its_sentences_exist(page: Path) -> None:
    """`frontdesk …` and `make …` within the text: the words and the options are there."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for span in re.findall(r"`(frontdesk [a-z][^`\n]*)`", text):
        words = _PLACEHOLDER.sub("", span).split()[1:]
        names = [word for word in words if re.fullmatch(r"[a-z]+", word)]
        parser = subcommand(names[:2])
        known = set(parser._option_string_actions)
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert options <= known, span
    for target in re.findall(r"`(?:[A-Z_]+=\S+ )?make ([a-z]+)", text):
        assert target in _targets(), target


def test_the_first_commands_are_shown() -> None:
    """Whoever opens README sees how to try it."""
    assert {"demo", "test"} <= set(re.findall(r"^make ([a-z]+)", README.read_text(), re.MULTILINE))
    assert DOCS / "tutorial.md" in PAGES
