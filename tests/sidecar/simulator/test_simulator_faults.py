"""Faults: when they strike, and which documents are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from frontdesk_sidecar.simulator import ConnectionCutError, SimulatorConfig
from frontdesk_sidecar.simulator.fault_document import FaultDocumentError, parse_faults
from frontdesk_sidecar.simulator.faults import Effects, FaultBoard, Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    Connect = Callable[[SimulatorConfig], AbstractAsyncContextManager[httpx.AsyncClient]]

FAULTS = "http://sap.test/_sim/faults"
DROP = {"kind": "drop"}


def board(*faults: dict[str, Any]) -> FaultBoard:
    made = FaultBoard()
    made.set(parse_faults(list(faults)))
    return made


def consult(
    on: FaultBoard, *, target: Target = "odata", uid: str | None = None, now: float = 0.0
) -> Effects:
    return on.consult(target, lambda: () if uid is None else (uid,), now)


def strikes(on: FaultBoard, count: int) -> list[bool]:
    return [consult(on).before is not None for _ in range(count)]


def test_times() -> None:
    """A fault with times is spent after them."""
    faults = board({**DROP, "times": 2})
    assert strikes(faults, 4) == [True, True, False, False]
    assert faults.to_json() == [{**DROP, "times": 2, "hits": 2, "remaining": 0}]


def test_every() -> None:
    """Every n-th request is struck."""
    assert strikes(board({**DROP, "every": 3}), 6) == [False, False, True] * 2


def test_probability_is_repeatable() -> None:
    """The same seed strikes the same requests, about as often as asked."""
    first, second = (strikes(board({**DROP, "probability": 0.3, "seed": 7}), 1000) for _ in "ab")
    assert first == second
    assert 200 < sum(first) < 400
    assert strikes(board({**DROP, "probability": 0}), 3) == [False] * 3


@pytest.mark.parametrize(
    ("on", "token", "odata"), [(None, 0, 1), ("odata", 0, 1), ("token", 1, 0), ("all", 1, 1)]
)
def test_on(on: str | None, token: int, odata: int) -> None:
    """`on` says which requests are meant; OData by default."""
    faults = board({**DROP, **({} if on is None else {"on": on})})
    assert (consult(faults, target="token").before is not None) == bool(token)
    assert (consult(faults).before is not None) == bool(odata)


def test_match() -> None:
    """`match` strikes one uid only, and others do not count."""
    faults = board({**DROP, "match": "a", "times": 1})
    found = [consult(faults, uid=uid).before is not None for uid in ("b", None, "a", "a")]
    assert found == [False, False, True, False]


def test_combination() -> None:
    """Waits add up; a fault before the commit wins over one after it."""
    slow = {"kind": "latency", "seconds": 1}
    late = {"kind": "latency", "seconds": 2, "when": "after"}
    after = {"kind": "status", "status": 504, "when": "after"}
    effects = consult(board(slow, slow, late, after, {**DROP, "when": "after"}))
    assert (effects.wait_before, effects.wait_after, effects.before) == (2, 2, None)
    assert effects.after is not None
    assert effects.after.status == 504
    effects = consult(board(after, slow, DROP))
    assert (effects.wait_before, effects.after) == (1, None)
    assert effects.before is not None
    assert effects.before.kind == "drop"


def test_throttle_restarts_with_each_request() -> None:
    """After the threshold everything is 429 until the cool-down passed in silence."""
    faults = board({"kind": "throttle", "threshold": 2, "cooldown": 5})
    times = [0, 1, 2, 6, 10.9, 15.9, 16, 17]
    struck = [consult(faults, now=now).before is not None for now in times]
    assert struck == [False, False, True, True, True, False, False, True]


def test_throttle_with_an_interval() -> None:
    """With an interval, a steady rate below the threshold is never throttled."""
    faults = board({"kind": "throttle", "threshold": 2, "cooldown": 5, "interval": 1})
    times = [0, 0.9, 1.0, 1.9, 2.0, 2.1, 2.2, 3.5]
    struck = [consult(faults, now=now).before is not None for now in times]
    assert struck == [False] * 6 + [True, True]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (1, "expected a list"),
        ({"fault": []}, "faults"),
        ([1], r"faults\[0\]: expected a JSON object"),
        ([{}], r"faults\[0\]\.kind: expected one of latency, status, drop, throttle"),
        ([{"kind": "flood"}], r"faults\[0\]\.kind"),
        ([DROP, {"kind": "drop", "seconds": 1}], r"faults\[1\]\.seconds: unknown field"),
        ([{"kind": "latency"}], r"faults\[0\]\.seconds: a latency fault needs it"),
        ([{"kind": "latency", "seconds": -1}], r"faults\[0\]\.seconds: expected"),
        ([{"kind": "latency", "seconds": "1"}], r"faults\[0\]\.seconds: expected"),
        ([{"kind": "status"}], r"faults\[0\]\.status"),
        ([{"kind": "status", "status": 99}], r"faults\[0\]\.status"),
        ([{"kind": "status", "status": 503, "headers": {"a": 1}}], r"\.headers"),
        ([{"kind": "drop", "when": "never"}], r'\.when: expected "before" or "after"'),
        ([{"kind": "drop", "on": "batch"}], r"\.on: expected"),
        ([{"kind": "drop", "times": 0}], r"\.times: expected an integer from 1"),
        ([{"kind": "drop", "times": True}], r"\.times"),
        ([{"kind": "drop", "every": 0}], r"\.every"),
        ([{"kind": "drop", "every": 2, "probability": 0.5}], r"\.every: not together"),
        ([{"kind": "drop", "probability": 1.5}], r"\.probability"),
        ([{"kind": "throttle", "threshold": 0}], r"\.threshold"),
    ],
)
def test_refused_documents(document: object, text: str) -> None:
    """A wrong document is refused with the name of the field."""
    with pytest.raises(FaultDocumentError, match=text):
        parse_faults(document)


@pytest.mark.parametrize(
    ("fault", "content_type", "body"),
    [
        ({}, "text/html;charset=utf-8", "HTTP Status 503"),
        ({"body": "<html>away</html>"}, "text/html;charset=utf-8", "<html>away</html>"),
        ({"body": "away", "contentType": "text/plain"}, "text/plain", "away"),
        ({"body": {"error": {"code": "x"}}}, "application/json", '{"error":{"code":"x"}}'),
        ({"body": '{"a":1}'}, "application/json", '{"a":1}'),
        ({"code": "internal_error", "message": "stale"}, "application/json", '"value":"stale"'),
    ],
)
async def test_status_bodies(
    sap: httpx.AsyncClient, fault: dict[str, Any], content_type: str, body: str
) -> None:
    """A status fault answers with the body it was given, or a page."""
    headers = {"Retry-After": "7"}
    await sap.post(FAULTS, json=[{"kind": "status", "status": 503, "headers": headers, **fault}])
    answer = await sap.post("Customers", json={"uid": "a"})
    assert (answer.status_code, answer.headers["content-type"]) == (503, content_type)
    assert answer.headers["retry-after"] == "7"
    assert body in answer.text


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("kind", ["drop", "status"])
async def test_before_and_after_the_commit(
    sap: httpx.AsyncClient, kind: str, when: str, stored: int
) -> None:
    """A fault before the commit stores nothing, one after it does; both are in the log."""
    fault: dict[str, Any] = {"kind": kind, "when": when}
    await sap.post(FAULTS, json=[fault | ({"status": 504} if kind == "status" else {})])
    if kind == "drop":
        with pytest.raises(ConnectionCutError):
            await sap.post("Customers", json={"uid": "a"})
    else:
        assert (await sap.post("Customers", json={"uid": "a"})).status_code == 504
    assert len((await sap.get("http://sap.test/_sim/customers")).json()) == stored
    last = (await sap.get("http://sap.test/_sim/requests?limit=1")).json()["requests"][0]
    assert (last["fault"], last["status"]) == (kind, None if kind == "drop" else 504)


async def test_match_reads_body_and_key(sap: httpx.AsyncClient) -> None:
    """A uid is matched in the body of a POST and in the key of a GET."""
    await sap.post("Customers", json={"uid": "a+b"})
    await sap.post(FAULTS, json=[{"kind": "status", "status": 500, "match": "a+b"}])
    assert (await sap.post("Customers", json={"uid": "a"})).status_code == 201
    assert (await sap.post("Customers", json={"uid": "a+b"})).status_code == 500
    assert (await sap.post("Customers", json={"d": {"uid": "a+b"}})).status_code == 500
    assert (await sap.get("Customers('a%252Bb')")).status_code == 500
    assert (await sap.get("Customers")).status_code == 200
    assert (await sap.post("Customers", content=b"x")).status_code == 415


async def test_fault_comes_before_the_token_check(sap: httpx.AsyncClient) -> None:
    """Ingress faults strike callers without a token too."""
    await sap.post(FAULTS, json={"faults": [{"kind": "throttle", "threshold": 1}]})
    bad = {"authorization": "Bearer x"}
    answers = [(await sap.get("Customers", headers=bad)).status_code for _ in range(2)]
    assert answers == [401, 429]


async def test_latency_waits_through_the_clock_given(connect: Connect) -> None:
    """A latency fault waits the seconds it was given, on the given side of the commit."""
    waits: list[tuple[float, int]] = []

    async def sleep(seconds: float) -> None:
        customers = await sap.get("http://sap.test/_sim/customers")
        waits.append((seconds, len(customers.json())))

    async with connect(SimulatorConfig(sleep=sleep)) as sap:
        faults = [
            {"kind": "latency", "seconds": 30},
            {"kind": "latency", "seconds": 2.5, "when": "after"},
        ]
        await sap.post(FAULTS, json=faults)
        assert (await sap.post("Customers", json={"uid": "a"})).status_code == 201
    assert waits == [(30, 0), (2.5, 1)]
