"""The `[capture]` settings: the file, the environment over it, every problem at once."""

from pathlib import Path

import pytest

from asgi_support import SECRET
from frontdesk.event import LOGGED_IN, SIGNED_UP
from frontdesk.exceptions import ConfigurationError
from frontdesk.journal import DEFAULT_DIRECTORY, LIMIT_BYTES
from frontdesk.presets import DEFAULT_PRESETS, USUAL_ROUTES, rules_of
from frontdesk.rules import Rule
from frontdesk.settings import Capture, load_capture

#: What `auto` chooses depends on what other tests of this process have imported.
USUAL = (USUAL_ROUTES,)

FILE = """
[capture]
journal = "/var/journal"
site = "electronics"
presets = []
journal_limit_bytes = 1_000_000

[[capture.rule]]
event = "Signed Up"
route = "POST /account/register"
when = [201]
user_id = "response.json.id"
traits.email = ["response.json.user.email", "request.form.email"]
traits.firstName = "request.form.first"

[[capture.rule]]
event = "Logged In"
route = "/session"

[sap]
client_id = "not for the web side"
"""


@pytest.fixture
def load(tmp_path: Path) -> "Loader":
    """Settings from a text and an environment."""
    return Loader(tmp_path / "frontdesk.toml")


class Loader:
    """Loads settings from a file of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, text: str | bytes, **environ: str) -> Capture:
        self.path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_capture({"FRONTDESK_CONFIG": str(self.path), **environ})

    def problems(self, text: str | bytes, **environ: str) -> list[str]:
        """What is wrong, without the file's name."""
        with pytest.raises(ConfigurationError) as caught:
            self(text, **environ)
        return [problem.replace(str(self.path), "FILE") for problem in caught.value.problems]


def test_nothing_set() -> None:
    """Without a file and an environment everything has a default."""
    assert load_capture({}) == Capture()
    settings = Capture()
    assert settings.journal == DEFAULT_DIRECTORY == "/run/frontdesk/journal"
    assert (settings.site, settings.rules) == (None, ())
    assert (settings.presets, settings.journal_limit_bytes) == (DEFAULT_PRESETS, LIMIT_BYTES)


def test_the_file(load: Loader) -> None:
    """Every key of the file arrives; the sidecar's tables are not read."""
    settings = load(FILE)
    assert settings == Capture(
        journal="/var/journal",
        site="electronics",
        presets=(),
        rules=(
            Rule(
                SIGNED_UP,
                "POST /account/register",
                when=(201,),
                user_id="response.json.id",
                traits={
                    "email": ["response.json.user.email", "request.form.email"],
                    "firstName": "request.form.first",
                },
            ),
            Rule(LOGGED_IN, "/session"),
        ),
        journal_limit_bytes=1_000_000,
    )


def test_the_environment_wins(load: Loader) -> None:
    """Every scalar key may stand in the environment, and is believed over the file."""
    settings = load(
        FILE,
        FRONTDESK_CAPTURE__JOURNAL="/mnt/journal",
        FRONTDESK_CAPTURE__SITE="garden",
        FRONTDESK_CAPTURE__PRESETS=" usual-routes ,",
        FRONTDESK_CAPTURE__JOURNAL_LIMIT_BYTES="500",
        FRONTDESK_SAP__CLIENT_SECRET=SECRET,
    )
    assert (settings.journal, settings.site) == ("/mnt/journal", "garden")
    assert (settings.presets, settings.journal_limit_bytes) == (("usual-routes",), 500)
    assert len(settings.rules) == 2


def test_the_short_name_of_the_journal(load: Loader) -> None:
    """`FRONTDESK_JOURNAL` wins over the file, the long name wins over the short."""
    assert load(FILE, FRONTDESK_JOURNAL="/short").journal == "/short"
    both = {"FRONTDESK_JOURNAL": "/short", "FRONTDESK_CAPTURE__JOURNAL": "/long"}
    assert load(FILE, **both).journal == "/long"


def test_no_presets_by_the_environment() -> None:
    """An empty list switches the built-in rules off."""
    assert load_capture({"FRONTDESK_CAPTURE__PRESETS": ""}).presets == ()


def test_every_problem_at_once(load: Loader) -> None:
    """A file with many mistakes is answered with all of them, and the environment's too."""
    problems = load.problems(
        """
        [capture]
        journal = 5
        site = ""
        presets = ["usual-routes", "nope"]
        journal_limit_bytes = "many"
        colour = "red"
        [[capture.rule]]
        event = "Registered"
        route = "login"
        color = "blue"
        [[capture.rule]]
        route = "/login"
        [[capture.rule]]
        event = "Logged In"
        route = "/login"
        traits.email = "email"
        """,
        FRONTDESK_CAPTURE__FLAVOUR="sweet",
        FRONTDESK_CAPTURE__RULE="POST /login",
    )
    starts = [
        "FRONTDESK_CAPTURE__RULE: is given in the file",
        "capture.colour: is not a setting",
        "capture.flavour: is not a setting",
        "capture.journal: expected text",
        "capture.site: expected text",
        "capture.presets: 'nope' is not one of",
        "capture.rule 1: color is not a setting",
        "capture.rule 1: rule 'login': event: expected one of",
        "capture.rule 1: rule 'login': route: expected",
        "capture.rule 2: expected a table with event and route",
        "capture.rule 3: rule '/login': traits.email: 'email' is no path",
        "capture.journal_limit_bytes: expected a whole number",
    ]
    assert len(problems) == len(starts)
    assert all(any(problem.startswith(start) for problem in problems) for start in starts)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("capture = 5", "capture: expected a table"),
        ("[capture]\nrule = 5", "capture.rule: expected [[capture.rule]] tables"),
        ("[capture]\nrule = [5]", "capture.rule 1: expected a table with event and route"),
        ("[capture]\npresets = 'usual-routes'", "capture.presets: expected a list of names"),
        ("[capture]\npresets = [5]", "capture.presets: expected a list of names"),
        ("[capture]\njournal = ''", "capture.journal: expected text"),
        ("[capture]\njournal_limit_bytes = true", "capture.journal_limit_bytes: expected a whole"),
        ("[capture]\njournal_limit_bytes = 1.5", "capture.journal_limit_bytes: expected a whole"),
        ("[capture]\njournal_limit_bytes = 0", "capture.journal_limit_bytes: expected a number"),
        ("[capture", "FILE: is not TOML: "),
        (b"\xff", "FILE: is not UTF-8"),
    ],
    ids=range(11),
)
def test_single_problems(load: Loader, text: str | bytes, problem: str) -> None:
    """Each mistake is named with its key."""
    found = load.problems(text)
    assert len(found) == 1
    assert found[0].startswith(problem)


@pytest.mark.parametrize("value", ["many", "1.5", "", "0x10"])
def test_a_limit_that_is_no_number(load: Loader, value: str) -> None:
    """The environment's numbers are checked under the environment's name."""
    problems = load.problems("", FRONTDESK_CAPTURE__JOURNAL_LIMIT_BYTES=value)
    assert problems == ["FRONTDESK_CAPTURE__JOURNAL_LIMIT_BYTES: expected a whole number"]


@pytest.mark.parametrize("name", ["FRONTDESK_JOURNAL", "FRONTDESK_CAPTURE__JOURNAL"])
def test_an_empty_journal(load: Loader, name: str) -> None:
    """A variable that was set to nothing by mistake is told of, not taken for this directory."""
    assert load.problems("", **{name: ""}) == ["capture.journal: expected text"]


def test_a_journal_no_directory_can_be_called(load: Loader) -> None:
    """A NUL cannot stand in a directory's name."""
    assert load.problems('[capture]\njournal = "/run/\\u0000"')[0].startswith("capture.journal: ")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """The file and the system's reason are named."""
    for path, reason in ((tmp_path / "none.toml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigurationError, match=reason) as caught:
            load_capture({"FRONTDESK_CONFIG": str(path)})
        assert str(path) in str(caught.value)


def test_no_value_is_ever_told(load: Loader) -> None:
    """A secret that stands in the wrong place is in no error."""
    texts = [
        f'[capture]\nsite = ["{SECRET}"]\njournal_limit_bytes = "{SECRET}"',
        f'[capture]\nsecret = "{SECRET}"',
        f'[capture]\nsite = "{SECRET}',
        f"[capture]\nsite = {SECRET}",
        f'[capture]\nrule = ["{SECRET}"]',
    ]
    for text in texts:
        assert SECRET not in str(load.problems(text))
    environ = {"FRONTDESK_CAPTURE__JOURNAL_LIMIT_BYTES": SECRET, "FRONTDESK_CAPTURE__X": SECRET}
    assert SECRET not in str(load.problems("", **environ))


def test_own_rules_come_first_and_replace() -> None:
    """A preset's rule for a route of yours is not used; its others are."""
    own = Rule(LOGGED_IN, "POST /login/", when="2xx")
    rules = Capture(presets=USUAL, rules=[own]).all_rules()
    assert rules[0] is own
    assert [rule for rule in rules if rule.name == "POST /login"] == [own]
    assert len(rules) == len(rules_of(USUAL))


def test_another_method_is_another_route() -> None:
    """A rule for GET does not take the preset's rule for POST away."""
    rules = Capture(presets=USUAL, rules=[Rule(LOGGED_IN, "GET /login")]).all_rules()
    assert len([rule for rule in rules if rule.path == "/login"]) == 2
