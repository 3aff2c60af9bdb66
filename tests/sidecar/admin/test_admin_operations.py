"""What can be done with dead letters, on a real store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from frontdesk.event import Identify
from frontdesk_sidecar.admin.arguments import BadArgument
from frontdesk_sidecar.admin.operations import OPERATIONS, Missing
from frontdesk_sidecar.store import Dead, Retry
from frontdesk_sidecar.store.sqlite import SQLiteStore

SECOND = 1_000_000
T0 = 1_700_000_000 * SECOND
MISSING = "odata.missing_property"
TEXT = "Property [name] is required for EntityType [Customer]."
MARKED = ("marked", "5550199777")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    """An empty one."""
    with SQLiteStore.open(tmp_path / "store.db") as opened:
        yield opened


def login(store: SQLiteStore, *names: str) -> None:
    """They become due."""
    store.absorb(
        [
            Identify(
                name,
                datetime.fromtimestamp(T0 / SECOND, UTC),
                f"marked-user-{name}",
                {"email": f"Marked.{name}@Marked-host.example", "phone": "+49 5550199777"},
            )
            for name in names
        ],
        {},
        T0,
    )


def kill(store: SQLiteStore, *names: str, code: str = MISSING, at: int = T0 + 9 * SECOND) -> None:
    """They are refused once, then become dead letters."""
    login(store, *names)
    first = [Retry(one, T0 + SECOND, code, "first", "id-1") for one in store.claim(999, T0, SECOND)]
    store.settle(first, T0 + SECOND)
    claims = store.claim(999, T0 + 8 * SECOND, 60 * SECOND, failed=True)
    store.settle([Dead(one, code, TEXT, f"id-2-{one.key}") for one in claims], at)


def perform(store: SQLiteStore, operation: str, **arguments: Any) -> dict[str, Any]:
    """What comes of it, sent through JSON as HTTP does."""
    given = json.loads(json.dumps(arguments))
    told: dict[str, Any] = OPERATIONS[operation](store, given, T0 + 20 * SECOND)
    return json.loads(json.dumps(told))  # type: ignore[no-any-return] # JSON is Any


def numbers(told: dict[str, Any]) -> list[int]:
    """The letters' numbers."""
    return [letter["id"] for letter in told["letters"]]


def test_a_letter_tells_everything_but_who(store: SQLiteStore) -> None:
    """Why, what to do, every attempt; the person masked."""
    kill(store, "ann")
    letter = perform(store, "dead.show", key="1")
    assert letter["id"] == 1
    assert (letter["code"], letter["text"], letter["attempts"]) == (MISSING, TEXT, 2)
    assert "optional in the integration object" in letter["advice"]
    assert letter["diedAt"] == "2023-11-14T22:13:29Z"
    assert [(one["at"], one["code"], one["text"]) for one in letter["history"]] == [
        ("2023-11-14T22:13:21Z", MISSING, "first"),
        ("2023-11-14T22:13:29Z", MISSING, TEXT),
    ]
    assert letter["history"][0]["integrationMessageId"] == "id-1"
    assert letter["customer"] == "m•••@m•••.example"
    assert letter["userId"] == "m•••"
    assert letter["traits"] == {"email": "M•••@M•••.example", "phone": "+•••"}


def test_reveal_shows_who(store: SQLiteStore) -> None:
    """By number and by address, however that is typed."""
    kill(store, "ann", "bob")
    for key in ("1", " Marked.Ann@MARKED-host.example "):
        letter = perform(store, "dead.show", key=key, reveal=True)
        assert letter["customer"] == "marked.ann@marked-host.example"
        assert letter["userId"] == "marked-user-ann"
        assert letter["traits"]["phone"] == "+49 5550199777"
    listed = perform(store, "dead.list", reveal=True)["letters"]
    exported = perform(store, "dead.export", reveal=True)["letters"]
    assert {one["userId"] for one in listed} == {"marked-user-ann", "marked-user-bob"}
    assert listed == exported


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("dead.list", {}),
        ("dead.show", {"key": "1"}),
        ("dead.show", {"key": "marked.ann@marked-host.example", "reveal": False}),
        ("dead.export", {}),
    ],
)
def test_nothing_personal_without_reveal(
    store: SQLiteStore, operation: str, arguments: dict[str, Any]
) -> None:
    """Also not in what SAP's id for the request is made of: that is ours."""
    login(store, "ann")
    store.settle(
        [Dead(one, MISSING, TEXT, "id") for one in store.claim(9, T0, SECOND)], T0 + SECOND
    )
    shown = json.dumps(perform(store, operation, **arguments))
    assert MISSING in shown
    assert [mark for mark in MARKED if mark in shown.lower()] == []


def test_the_list_has_the_latest_and_counts_all(store: SQLiteStore) -> None:
    """Of each reason how many, with what to do; one reason alone when asked."""
    kill(store, "ann")
    kill(store, "bob", "cid", code="mapping", at=T0 + 10 * SECOND)
    told = perform(store, "dead.list", limit=2)
    assert numbers(told) == [3, 2]
    assert (told["total"], told["codes"]) == (3, {MISSING: 1, "mapping": 2})
    assert "sap.mapping" in told["advice"]["mapping"]
    told = perform(store, "dead.list", reason=MISSING)
    assert (numbers(told), told["total"], told["codes"]) == ([1], 1, {MISSING: 1})
    told = perform(store, "dead.list", reason="http.413")
    assert (told["letters"], told["total"], told["codes"]) == ([], 0, {})


def test_retry_makes_them_due_again(store: SQLiteStore) -> None:
    """By number, by address, by reason, or all of them when that is said."""
    now = T0 + 30 * SECOND
    kill(store, "ann", "bob")
    kill(store, "cid", "dan", code="mapping")
    assert perform(store, "dead.retry", key="1") == {"retried": 1}
    assert perform(store, "dead.retry", key="MARKED.bob@marked-host.example") == {"retried": 1}
    assert store.counts(now).due == 2
    assert perform(store, "dead.retry", reason="nothing.such") == {"retried": 0}
    assert perform(store, "dead.retry", reason="mapping") == {"retried": 2}
    assert perform(store, "dead.retry", all=True) == {"retried": 0}
    assert (store.counts(now).due, store.counts(now).dead) == (4, 0)


def test_discard_deletes_them(store: SQLiteStore) -> None:
    """A piece at a time; nobody else is touched."""
    kill(store, *(f"n{number}" for number in range(5)))
    kill(store, "cid", code="mapping")
    login(store, "dan")
    assert perform(store, "dead.discard", key="1") == {"discarded": 1, "more": False}
    assert perform(store, "dead.discard", reason=MISSING, limit=3) == {"discarded": 3, "more": True}
    assert perform(store, "dead.discard", reason=MISSING, limit=3) == {
        "discarded": 1,
        "more": False,
    }
    assert perform(store, "dead.discard", all=True) == {"discarded": 1, "more": False}
    assert (store.counts(T0).dead, store.counts(T0).pending) == (0, 1)


@pytest.mark.parametrize("operation", ["dead.show", "dead.retry", "dead.discard"])
@pytest.mark.parametrize("key", ["2", "99999999999999999999", "marked.dan@marked-host.example"])
def test_a_letter_that_is_not_there_is_missing(
    store: SQLiteStore, operation: str, key: str
) -> None:
    """A customer who is not dead is none; the text repeats nothing."""
    kill(store, "ann")
    login(store, "dan")
    with pytest.raises(Missing) as caught:
        perform(store, operation, key=key)
    assert key not in str(caught.value)
    assert store.counts(T0).dead == 1


def test_pages_of_an_export_hold_each_letter_once(store: SQLiteStore) -> None:
    """Also when many died in the same microsecond, and when some go meanwhile."""
    kill(store, *(f"a{number}" for number in range(7)))
    kill(store, *(f"b{number}" for number in range(4)), at=T0 + 10 * SECOND, code="mapping")
    everybody = numbers(perform(store, "dead.list"))
    for limit in range(1, 13):
        found: list[int] = []
        after = None
        while True:
            given: dict[str, Any] = {} if after is None else {"after": after}
            page = perform(store, "dead.export", limit=limit, **given)
            found += numbers(page)
            after = page["next"]
            if after is None:
                break
        assert found == everybody
    first = perform(store, "dead.export", limit=2, reason=MISSING)
    perform(store, "dead.discard", key=str(numbers(first)[-1]))
    rest = perform(store, "dead.export", reason=MISSING, after=first["next"])
    assert numbers(first) + numbers(rest) == [one for one in everybody if one <= 7]


@pytest.mark.parametrize(
    ("operation", "arguments", "named"),
    [
        ("dead.list", {"limit": 0}, "limit"),
        ("dead.list", {"limit": 1001}, "limit"),
        ("dead.list", {"limit": True}, "limit"),
        ("dead.list", {"limit": "5"}, "limit"),
        ("dead.list", {"limit": 1.5}, "limit"),
        ("dead.list", {"reason": ""}, "reason"),
        ("dead.list", {"reason": ["marked"]}, "reason"),
        ("dead.list", {"reveal": "yes"}, "reveal"),
        ("dead.list", {"reveal": 1}, "reveal"),
        ("dead.show", {}, "key"),
        ("dead.show", {"key": " "}, "key"),
        ("dead.show", {"key": 1}, "key"),
        ("dead.show", {"key": "marked" * 99}, "key"),
        ("dead.show", {"key": "1", "marked@marked.example": 1}, "an argument"),
        ("dead.retry", {}, "key, reason, all"),
        ("dead.retry", {"all": False}, "key, reason, all"),
        ("dead.retry", {"key": "1", "all": True}, "key, reason, all"),
        ("dead.discard", {}, "key, reason, all"),
        ("dead.discard", {"key": "1", "reason": "marked"}, "key, reason, all"),
        ("dead.discard", {"all": "marked"}, "all"),
        ("dead.discard", {"all": True, "reveal": True}, "an argument"),
        ("dead.export", {"after": "marked"}, "after"),
        ("dead.export", {"after": "1"}, "after"),
        ("dead.export", {"after": 17}, "after"),
    ],
)
def test_a_bad_argument_is_named_without_its_value(
    store: SQLiteStore, operation: str, arguments: dict[str, Any], named: str
) -> None:
    """And nothing is done."""
    kill(store, "ann")
    with pytest.raises(BadArgument) as caught:
        perform(store, operation, **arguments)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).startswith(named)
    assert "marked" not in str(caught.value)
    assert store.counts(T0).dead == 1
