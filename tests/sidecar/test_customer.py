"""The merged picture of a customer does not depend on order, grouping or repetition."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.event import Identify
from frontdesk_sidecar import customer
from frontdesk_sidecar.customer import (
    MAX_BYTES,
    MAX_TRAITS,
    Customer,
    Facts,
    encode,
    merge,
)

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
START_US = 1_795_176_000_000_000
KEY = "jane@example.com"


def said(seconds: float = 0, **traits: object) -> Identify:
    """A message of Jane's, so many seconds after the start."""
    return Identify(
        message_id="m1",
        timestamp=START + timedelta(seconds=seconds),
        user_id="user-1",
        traits={"email": KEY, **traits},
        event="Logged In",
    )


# Few names, times and values, so that ties and near equals (1, 1.0, true) are the rule.
scalars = st.sampled_from([None, True, False, 0, 1, 1.0, -0.0, "", "1", "Jane", "Zoë"])
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=3,
)
times = st.integers(0, 3)
facts = st.dictionaries(
    st.sampled_from(["name", "phone", "@event", "@site"]), st.tuples(values, times).map(list)
)
messages = st.builds(
    said, seconds=times, name=values, phone=values, firstName=st.sampled_from(["Jane", "Joan"])
)


@given(facts, facts)
def test_merging_is_commutative(one: Facts, other: Facts) -> None:
    """It does not matter which of two pictures was there first."""
    assert encode(merge(one, other)) == encode(merge(other, one))


@given(facts, facts, facts)
def test_merging_is_associative(one: Facts, other: Facts, third: Facts) -> None:
    """It does not matter which pictures are merged first."""
    assert encode(merge(merge(one, other), third)) == encode(merge(one, merge(other, third)))


@given(facts, facts)
def test_merging_is_idempotent(one: Facts, other: Facts) -> None:
    """What is known already changes nothing."""
    merged = merge(one, other)
    assert encode(merge(merged, merged)) == encode(merge(merged, other)) == encode(merged)


@given(facts, facts)
def test_merging_leaves_its_arguments_alone(one: Facts, other: Facts) -> None:
    """The pictures that went in are not changed."""
    before = encode(one), encode(other)
    merge(one, other)
    assert (encode(one), encode(other)) == before


@given(st.data(), st.lists(messages, min_size=1, max_size=6))
def test_any_order_and_grouping_gives_the_same_customer(
    data: st.DataObject, said_in_turn: list[Identify]
) -> None:
    """Several processes' messages, shuffled, repeated and batched, give one picture."""
    expected = reduce(merge, map(customer.from_message, said_in_turn))
    shuffled = data.draw(st.permutations(said_in_turn + said_in_turn[:2]))
    cut = data.draw(st.integers(0, len(shuffled)))
    batches = [customer.gather(part)[0].get(KEY, {}) for part in (shuffled[:cut], shuffled[cut:])]
    assert encode(reduce(merge, batches)) == encode(expected)


@given(facts)
def test_encoding_round_trips(known: Facts) -> None:
    """What was stored is what is read, to the byte."""
    assert encode(customer.decode(encode(known))) == encode(known)


def test_the_newest_value_of_each_trait_wins() -> None:
    """A late message fills in what nobody else said, and overrules nothing newer."""
    late = customer.from_message(said(1, firstName="Jane", phone="1"))
    newer = customer.from_message(said(2, firstName="Joan"))
    assert Customer.of(KEY, merge(newer, late)).traits == {
        "email": KEY,
        "firstName": "Joan",
        "phone": "1",
    }


def test_a_newer_null_takes_a_trait_away() -> None:
    """Null says that nothing is known any more; an older value does not come back."""
    gone = merge(
        customer.from_message(said(2, phone=None)), customer.from_message(said(1, phone="1"))
    )
    assert "phone" not in Customer.of(KEY, gone).traits


def test_a_message_says_who_what_and_where() -> None:
    """The facts that are no traits are there under their own names, each with the time."""
    message = Identify("m1", START, "user-1", {"email": KEY}, "Signed Up", "POST /r", "toys")
    assert customer.from_message(message) == {
        "email": [KEY, START_US],
        "@userId": ["user-1", START_US],
        "@event": ["Signed Up", START_US],
        "@signedUp": [True, START_US],
        "@route": ["POST /r", START_US],
        "@site": ["toys", START_US],
    }
    known = Customer.of(KEY, customer.from_message(message))
    assert (known.user_id, known.event, known.route, known.site) == (
        "user-1",
        "Signed Up",
        "POST /r",
        "toys",
    )
    assert known.traits == {"email": KEY}


def test_a_trait_cannot_pose_as_a_fact() -> None:
    """A trait whose name starts with @ is left out."""
    known = customer.from_message(said(0, **{"@userId": "root", "@other": 1}))
    assert known["@userId"][0] == "user-1"
    assert "@other" not in known


def nested(depth: int) -> Any:
    """A list within a list, and so on."""
    value: Any = None
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [nested(400), "\ud800", {1: 2}, object(), 2**70],
    ids=["deep", "surrogate", "key", "object", "large"],
)
def test_a_value_without_a_json_form_is_left_out(value: object) -> None:
    """One odd trait does not keep the others from being stored."""
    known = customer.from_message(said(odd=value, phone="1"))
    assert "odd" not in known
    assert known["phone"][0] == "1"
    encode(known)


def test_a_clock_that_is_ahead_is_held_back() -> None:
    """A message from the future counts as of now, so that a later one can overrule it."""
    ahead = customer.from_message(said(3600, phone="1"), latest=START_US)
    later = customer.from_message(said(1, phone="2"), latest=START_US + 1_000_000)
    assert ahead["phone"] == ["1", START_US]
    assert merge(ahead, later)["phone"][0] == "2"


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=5, minutes=30)))))
def test_times_are_exact(moment: datetime) -> None:
    """Microseconds survive for every year and offset."""
    past = timedelta(microseconds=customer.microseconds(moment))
    assert datetime(1970, 1, 1, tzinfo=UTC) + past == moment


def test_gathering_counts_the_anonymous() -> None:
    """Messages without a key are counted and left out."""
    anonymous = Identify("m2", START, "user-2", {"firstName": "Nobody"})
    gathered, count = customer.gather([said(phone="1"), anonymous, said(1, phone="2")])
    assert list(gathered) == [KEY]
    assert gathered[KEY]["phone"][0] == "2"
    assert count == 1


def test_traits_do_not_grow_without_bound() -> None:
    """The oldest leave first; who somebody is, and what happened last, never."""
    known: Facts = {}
    for number in range(400):
        known = merge(known, customer.from_message(said(number, **{f"t{number:03}": "x"})))
    traits = [name for name in known if name[0] == "t"]
    assert sorted(traits) == [f"t{number:03}" for number in range(400 - MAX_TRAITS, 400)]
    assert set(known) - set(traits) == {"email", "@userId", "@event"}
    old = customer.from_message(said(0, late="x"))
    assert encode(merge(known, old)) == encode(known)
    assert encode(customer.forgotten({**old, **known})) == encode(customer.forgotten(known))


def test_traits_have_a_size() -> None:
    """What does not fit even alone is left out; of the rest the newest is kept."""
    known = customer.from_message(said(0, old="x"))
    for number in range(1, 200):
        fresh = customer.from_message(said(number, **{f"t{number}": "x" * 1000}))
        known = merge(known, fresh)
        assert len(encode(known)) <= MAX_BYTES
    assert "t199" in known
    assert "t1" not in known
    assert len(encode(known)) > MAX_BYTES - 2000
    assert "huge" not in merge(known, customer.from_message(said(300, huge="x" * MAX_BYTES)))
    alone = customer.from_message(said(0, **{f"t{number}": "x" * 1000 for number in range(200)}))
    assert len(encode(alone)) <= MAX_BYTES


@given(st.lists(st.integers(0, 3 * MAX_TRAITS), min_size=1, max_size=5), st.randoms())
def test_the_cap_by_number_keeps_the_laws(starts: list[int], chance: Any) -> None:
    """In any order and grouping the same ones are left."""
    pictures: list[Facts] = [
        {f"t{name}": [name, (name * 7) % 50 + start % 3] for name in range(start, start + 150)}
        for start in starts
    ]
    shuffled = list(pictures)
    chance.shuffle(shuffled)
    merged = reduce(merge, pictures)
    assert encode(reduce(merge, shuffled)) == encode(merged)
    grouped = merge(reduce(merge, pictures[:2]), reduce(merge, pictures[1:], pictures[0]))
    assert encode(grouped) == encode(merged) == encode(merge(merged, pictures[-1]))


def test_what_is_forgotten_stays_beaten() -> None:
    """Forgetting takes every value; an old message does not bring one back, a newer one does."""
    known = customer.from_message(said(2, phone="1"))
    blank = customer.forgotten(known)
    nothing = {"email": KEY}  # which is the key itself
    assert Customer.of(KEY, blank) == Customer(KEY, None, None, None, None, nothing)
    late = merge(blank, customer.from_message(said(1, phone="0")))
    assert Customer.of(KEY, late).traits == nothing
    back = Customer.of(KEY, merge(blank, customer.from_message(said(3, phone="2"))))
    assert back.traits == {"email": KEY, "phone": "2"}


def test_a_customer_shows_no_value() -> None:
    """The repr is masked, the key included."""
    shown = repr(Customer.of(KEY, customer.from_message(said(phone="+49301234", name="Jane Doe"))))
    assert "j•••@e•••.com" in shown
    for secret in (KEY, "jane", "4930", "Doe", "user-1"):
        assert secret not in shown


def test_a_clock_that_was_set_back_does_not_make_the_past_win() -> None:
    """What is known of a time to come was written before; it gives way to whatever comes in."""
    known = customer.from_message(said(3600, firstName="Old", phone="1"))
    fresh = customer.from_message(said(1, firstName="New"))
    merged = merge(known, fresh, latest=START_US + 2_000_000)
    assert merged["firstName"][0] == "New"
    assert merged["phone"] == known["phone"]
    assert merge(known, fresh)["firstName"][0] == "Old"


def test_messages_that_are_ahead_keep_their_order() -> None:
    """All are taken for now, but the last one of a customer is still the last one."""
    later, sooner = said(7200, firstName="Aa"), said(3600, firstName="Zz")
    for messages in ([later, sooner], [sooner, later]):
        [facts] = customer.gather(messages, latest=START_US)[0].values()
        assert facts["firstName"] == ["Aa", START_US]
