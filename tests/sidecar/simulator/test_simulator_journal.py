"""Transactions over the stores."""

from __future__ import annotations

import pytest

from frontdesk_sidecar.simulator.journal import Journal, Rollback
from frontdesk_sidecar.simulator.state import ItemStore


def test_rollback_restores_everything() -> None:
    """After a rollback items, their counts and their order are as before."""
    journal = Journal()
    store = ItemStore(1, journal=journal)
    store.put("a", {"n": 1}, 1)
    store.put("b", {"n": 2}, 2)
    with journal.transaction():
        store.put("c", {}, 3)
        store.put("a", {"n": 9}, 3)
        assert store.remove("a")
        assert not store.remove("a")
        store.put("a", {"n": 10}, 4)
        raise Rollback
    found = [(one.key, one.attributes, one.created, one.updated, one.writes) for one in store]
    assert found == [("a", {"n": 1}, 1, 1, 1), ("b", {"n": 2}, 2, 2, 1)]
    store.put("c", {}, 5)
    assert [one.key for one in store] == ["a", "b", "c"]


def test_any_other_exception_rolls_back_and_goes_on() -> None:
    """An error inside is not lost, and the journal is usable afterwards."""
    journal, done = Journal(), list[str]()
    store = ItemStore(1, journal=journal)

    def fail() -> None:
        with journal.transaction():
            store.put("a", {}, 1)
            journal.afterwards(lambda: done.append("never"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (len(store), done, journal.is_open) == (0, [], False)


def test_afterwards() -> None:
    """An action waits for the end of the transaction; outside of one it is done at once."""
    journal, done = Journal(), list[str]()
    with journal.transaction():
        journal.afterwards(lambda: done.append("first"))
        journal.afterwards(lambda: done.append("second"))
        assert done == []
    assert done == ["first", "second"]
    journal.afterwards(lambda: done.append("now"))
    assert done[-1] == "now"
