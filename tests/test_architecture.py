"""The shape of the house, read from its imports: which way arrows point, and what has one home."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

import frontdesk
import frontdesk_sidecar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "frontdesk": Path(frontdesk.__path__[0]),
    "frontdesk_sidecar": Path(frontdesk_sidecar.__path__[0]),
}
#: Room -> its modules that decide and do no I/O.
PURE_IN = {
    "frontdesk": (
        "addresses automatic claims coding details documents environ event exceptions "
        "exchange explain forms graphql graphql_lexer graphql_parser headers multipart notes "
        "operations persons privacy reasons redirects routes rule_keys rules sources stored "
        "success tokens trace_context traits when"
    ),
    "frontdesk_sidecar": "customer plan recent settings_table status watchdog",
    "frontdesk_sidecar.admin": (
        "arguments facts figures letters operations people person plain screen strays"
    ),
    "frontdesk_sidecar.backfill": "reading",
    "frontdesk_sidecar.check": (
        "judge_arrival judge_common judge_local judge_mapping judge_network judge_object "
        "judge_places judge_posting judge_token judge_writing mounts remedies report result"
    ),
    "frontdesk_sidecar.dashboard": "__init__ history view",
    "frontdesk_sidecar.explain": "recordings report",
    "frontdesk_sidecar.forward": (
        "backoff draw fingerprint gate guard ingress limits pace verdict"
    ),
    "frontdesk_sidecar.ingest": (
        "__init__ answers budget cors document inflate message proof routes tally times traits"
    ),
    "frontdesk_sidecar.init": (
        "__init__ choosing impex impex_model jmes known line proposal references report "
        "simple toml_text"
    ),
    "frontdesk_sidecar.journal": "ageing",
    "frontdesk_sidecar.logs": "__init__ events limit",
    "frontdesk_sidecar.mapping": "__init__ expressions functions payload",
    "frontdesk_sidecar.metadata": "__init__ coercion edmx fit model",
    "frontdesk_sidecar.proxy": (
        "__init__ address fields forwarded ingress messages option_kinds options trouble"
    ),
    "frontdesk_sidecar.sap": (
        "__init__ advice answer batch batch_answer delimited destination odata outcome "
        "outcome_table passport scrub spelling"
    ),
    "frontdesk_sidecar.store": "__init__ errors types",
    "frontdesk_sidecar.top": "__init__ blocks chart frame paint rows scene",
}
PURE = {
    f"{room}.{name}".removesuffix(".__init__")
    for room, names in PURE_IN.items()
    for name in names.split()
}
#: What a pure module has no use for: files, network, clocks, chance, threads, other processes.
IMPURE = {
    *("asyncio", "anyio", "concurrent", "contextvars", "ctypes", "fcntl", "fileinput", "glob"),
    *("http", "httpx", "io", "logging", "mmap", "multiprocessing", "os", "pathlib", "queue"),
    *("random", "secrets", "select", "selectors", "shutil", "signal", "socket", "sqlite3"),
    *("ssl", "starlette", "subprocess", "sys", "tempfile", "threading", "time", "uuid", "uvicorn"),
}
SIMULATOR = "frontdesk_sidecar.simulator"
#: Each I/O library has one home: library -> modules, or packages with all that is below them.
HOMES = {
    "sqlite3": {"frontdesk_sidecar.store"},
    "httpx": {
        "frontdesk_sidecar.sap.transport",
        "frontdesk_sidecar.demo",
        "frontdesk_sidecar.sap.failures",
        "frontdesk_sidecar.admin.client",
        "frontdesk_sidecar.check.network",
        "frontdesk_sidecar.explain.live",
        "frontdesk_sidecar.proxy",
    },
    "starlette": {
        SIMULATOR,
        "frontdesk_sidecar.endpoints",
        "frontdesk_sidecar.app",
        "frontdesk_sidecar.serving",
    },
    "uvicorn": {
        SIMULATOR,
        "frontdesk_sidecar.app",
        "frontdesk_sidecar.endpoints",
        "frontdesk_sidecar.explain.live",
        "frontdesk_sidecar.proxy",
        "frontdesk_sidecar.serving",
    },
    "django": {"frontdesk.contrib.django"},
    "allauth": {"frontdesk.contrib.django"},
    "opentelemetry": {"frontdesk_sidecar.tracing.export"},
    "prometheus_client": {"frontdesk_sidecar.metrics"},
    "jmespath": {"frontdesk_sidecar.mapping"},
    "fcntl": {
        "frontdesk.journal",
        "frontdesk_sidecar.journal.tail",
        "frontdesk_sidecar.demo.ports",
    },
}
READERS_OF_THE_ENVIRONMENT = {
    "frontdesk.settings",
    "frontdesk.wrap",
    "frontdesk.wrap_wsgi",
    "frontdesk_sidecar.settings",
    "frontdesk_sidecar.demo",
    "frontdesk_sidecar.admin.terminal",
    "frontdesk_sidecar.admin.reach",
    "frontdesk_sidecar.proxy.loading",
    "frontdesk_sidecar.top.console",
}


@dataclass(frozen=True)
class Import:
    """One import: the module it names, and the name taken from it, if any."""

    module: str
    name: str | None
    for_types: bool
    line: int

    @property
    def top(self) -> str:
        """The outermost package."""
        return self.module.partition(".")[0]


class Made(Mapping[str, T]):
    """A value for each name, made when it is asked for: every worker reads this file."""

    def __init__(self, names: Iterable[str], make: Callable[[str], T]) -> None:
        self._names = dict.fromkeys(names)
        self._make = cache(make)

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def modules() -> dict[str, Path]:
    """Every module of both packages by its dotted name."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            # The storefront that travels in the wheel is an example, not a part of the package.
            if parts[0] != "examples":
                name = ".".join((package, *parts)).removesuffix(".__init__")
                found[name] = path
    return found


MODULES = modules()
TREES = Made(MODULES, lambda name: ast.parse(MODULES[name].read_text(encoding="utf-8")))


def imports(tree: ast.AST, *, for_types: bool = False) -> Iterator[Import]:
    """Every import, also within functions, and whether it is for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, None, for_types, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                yield Import(node.module or "", alias.name, for_types, node.lineno)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            body = ast.Module(node.body, [])
            yield from imports(body, for_types=True)
            yield from imports(ast.Module(node.orelse, []), for_types=for_types)
        else:
            yield from imports(node, for_types=for_types)


IMPORTS = Made(MODULES, lambda name: list(imports(TREES[name])))


def is_within(module: str, homes: set[str]) -> bool:
    """Whether a module is one of these, or below one of them."""
    return any(module == home or module.startswith(f"{home}.") for home in homes)


def needed(module: str) -> set[str]:
    """The modules of the house that a module needs to run; never itself."""
    found = set()
    for one in IMPORTS[module]:
        if one.for_types:
            continue
        submodule = f"{one.module}.{one.name}"
        # `__version__` stands above every import of its package, for hatch to read it there.
        if (one.module, one.name) == ("frontdesk", "__version__"):
            continue
        found.add(submodule if submodule in MODULES else one.module)
    return {name for name in found if name in MODULES and name != module}


def test_the_reading_finds_what_there_is() -> None:
    """Otherwise everything below would pass on nothing."""
    assert len(TREES) > 50
    assert set(TREES) >= PURE
    assert "frontdesk_sidecar.store.sqlite_file" in MODULES
    assert "frontdesk_sidecar.store" in needed("frontdesk_sidecar.journal.intake")
    assert "frontdesk.traits" in needed("frontdesk.event")
    assert "frontdesk_sidecar.settings" in needed("frontdesk_sidecar.cli")


def test_the_web_side_never_imports_the_sidecar() -> None:
    """And of others only orjson: it lives in somebody else's process.

    What is for one framework may import that framework.
    """
    allowed = {"frontdesk", "orjson"} | sys.stdlib_module_names
    foreign = [
        f"{module}:{one.line} {one.module}"
        for module in TREES
        if is_within(module, {"frontdesk"})
        for one in IMPORTS[module]
        if one.top not in allowed
        and not (one.top in ("django", "allauth") and "frontdesk.contrib.django" in module)
    ]
    assert foreign == []


def test_the_simulator_imports_nothing_of_the_web_side_nor_of_the_client() -> None:
    """Built on the same code, it would share its mistakes."""
    foreign = [
        f"{module}:{one.line} {one.module}"
        for module in TREES
        if is_within(module, {SIMULATOR})
        for one in IMPORTS[module]
        if one.top in PACKAGES and not is_within(one.module, {SIMULATOR})
    ]
    assert foreign == []


def test_only_commands_and_the_demo_import_the_simulator() -> None:
    """Nothing that runs in production stands on it."""
    users = {
        module
        for module in TREES
        if not is_within(module, {SIMULATOR})
        for one in IMPORTS[module]
        if is_within(one.module, {SIMULATOR})
    }
    assert all(is_within(user, {"frontdesk_sidecar.cli"}) for user in users)


@pytest.mark.parametrize("library", sorted(HOMES))
def test_an_io_library_has_one_home(library: str) -> None:
    """What knows it can be replaced by itself."""
    users = {module for module in TREES for one in IMPORTS[module] if one.top == library}
    assert users
    assert {module for module in users if not is_within(module, HOMES[library])} == set()


def test_only_settings_read_the_environment() -> None:
    """`os.environ` and `os.getenv`, by whatever way they are reached."""
    readers = {
        module
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
        or (isinstance(node, ast.alias) and node.name in ("environ", "environb", "getenv"))
    }
    assert readers
    assert {name for name in readers if not is_within(name, READERS_OF_THE_ENVIRONMENT)} == set()


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_knows_no_world(module: str) -> None:
    """No I/O, clock, chance or log, neither by import nor by a built-in."""
    assert [one for one in IMPORTS[module] if one.top in IMPURE] == []
    clocks = {"now", "utcnow", "today"}
    called = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }
    assert called & {"open", "print", "input", "exec", "eval", *clocks} == set()


@pytest.mark.parametrize("module", sorted(PURE))
def test_a_pure_module_stands_on_pure_modules(module: str) -> None:
    """Otherwise it would be pure by its own text alone."""
    assert needed(module) - PURE == set()


def test_there_is_no_cycle() -> None:
    """Arrows point one way, also those within functions."""
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " → ".join((*way[way.index(module) :], module))
        if module not in done:
            for name in sorted(needed(module)):
                visit(name, (*way, module))
            done.add(module)

    for module in sorted(TREES):
        visit(module, ())


def test_nobody_imports_a_private_name() -> None:
    """What starts with an underscore is of its own module."""
    private = [
        f"{module}:{one.line} {one.module}.{one.name}"
        for module in TREES
        for one in IMPORTS[module]
        if one.top in PACKAGES
        and one.name is not None
        and one.name.startswith("_")
        and not one.name.endswith("__")
    ]
    assert private == []


def test_the_public_names_are_true_and_sorted() -> None:
    """Each is there, once, in order; nothing else public is, but submodules."""
    names = frontdesk.__all__
    assert names == sorted(set(names))
    assert all(hasattr(frontdesk, name) for name in names)
    imported = {one.name for one in IMPORTS["frontdesk"] if one.top == "frontdesk"}
    assert imported | {"__version__"} == set(names)


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_a_package_is_typed(package: str) -> None:
    """A type checker of our users reads it."""
    assert (PACKAGES[package] / "py.typed").is_file()


@pytest.mark.parametrize("module", sorted(TREES))
def test_a_module_says_what_it_is_for(module: str) -> None:
    """In its docstring."""
    assert ast.get_docstring(TREES[module])


def test_the_changelog_tells_of_this_version() -> None:
    """The first version it names is the one that is built."""
    changelog = ROOT / "CHANGELOG.md"
    if not changelog.exists():
        pytest.skip("there is no CHANGELOG.md yet")
    versions = re.findall(r"^## \[?v?(\d+\.\d+\.\d+)", changelog.read_text(), re.MULTILINE)
    assert versions
    assert versions[0] == frontdesk.__version__


_BLOCKED = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

BLOCKED = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Blocked())
import frontdesk
print(*sorted({name.partition(".")[0] for name in sys.modules} & BLOCKED))
"""
HEAVY = ("httpx", "sqlite3", "starlette", "anyio", "frontdesk_sidecar", "uvicorn", "jmespath")


def test_the_web_side_works_without_anything_of_the_sidecar() -> None:
    """`import frontdesk` in a process that has none of it installed."""
    command = [sys.executable, "-c", _BLOCKED, ",".join((*HEAVY, "asyncio"))]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "\n", "")
