"""Access tokens, without a network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import anyio
import pytest

from frontdesk_sidecar.sap.answer import Answer, Failure
from frontdesk_sidecar.sap.destination import Destination
from frontdesk_sidecar.sap.outcome import Kind, Outcome
from frontdesk_sidecar.sap.tokens import Tokens


def granted(token: str, life: str = "300") -> Answer:
    """A successful answer of the token endpoint."""
    return Answer(200, {}, f'{{"access_token":"{token}","expires_in":{life}}}'.encode())


@dataclass
class Endpoint:
    """Answers token requests from a list, when the gate is open, and advances a clock."""

    replies: list[Answer | Failure]
    secret: Callable[[], str] = lambda: "s3cret&"
    seconds: float = 0.0
    calls: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    told: list[Outcome] = field(default_factory=list)
    gate: anyio.Event | None = None

    def tokens(self) -> Tokens:
        destination = Destination("https://x.com", "O", "S", "id", self.secret)
        return Tokens(
            destination, self.post, clock=self.clock, now=self.clock, on_token=self.told.append
        )

    def clock(self) -> float:
        return self.seconds

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer | Failure:
        self.calls.append((url, body, headers))
        if self.gate is not None:
            await self.gate.wait()
        return self.replies.pop(0)


async def test_credentials_go_in_the_form_body() -> None:
    """The request is the one both of SAP's authorization servers take."""
    endpoint = Endpoint([granted("one")])
    assert await endpoint.tokens().get() == "one"
    [(url, body, headers)] = endpoint.calls
    assert url == "https://x.com/authorizationserver/oauth/token"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["id"],
        "client_secret": ["s3cret&"],
    }
    assert [outcome.code for outcome in endpoint.told] == ["token.ok"]


@pytest.mark.parametrize(
    ("life", "kept_until"),
    [("43199", 43_139), ("300", 240), ("299", 239.2), ("10", 8), ("null", 48)],
)
async def test_a_token_is_replaced_before_it_ends(life: str, kept_until: float) -> None:
    """A minute before the end, or a fifth of a short life; the life is what SAP says it is."""
    endpoint = Endpoint([granted("one", life), granted("two")])
    tokens = endpoint.tokens()
    assert await tokens.get() == "one"
    endpoint.seconds = kept_until - 0.1
    assert await tokens.get() == "one"
    endpoint.seconds = kept_until
    assert await tokens.get() == "two"


async def test_a_token_that_has_ended_is_tried_once() -> None:
    """SAP may hand out a stored token in its last second; it serves the one who asked."""
    endpoint = Endpoint([granted("one", "0"), granted("two", "-5"), granted("three")])
    tokens = endpoint.tokens()
    assert [await tokens.get() for _ in range(4)] == ["one", "two", "three", "three"]


async def test_one_request_serves_all_who_wait() -> None:
    """Parallel needs make one request, whether it succeeds or is refused."""
    endpoint = Endpoint([Answer(401, {}, b'{"error":"invalid_client"}'), granted("two")])
    tokens = endpoint.tokens()
    got: list[str | Outcome] = []

    async def get() -> None:
        got.append(await tokens.get())

    for expected in ("token.invalid_client", "two"):
        got.clear()
        endpoint.gate = anyio.Event()
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(get)
            await anyio.wait_all_tasks_blocked()
            endpoint.gate.set()
        shown = {one.code if isinstance(one, Outcome) else one for one in got}
        assert (len(got), shown) == (10, {expected})
    assert len(endpoint.calls) == 2


async def test_whoever_waits_goes_on_when_the_first_gives_up() -> None:
    """A cancelled request does not leave the others without a token."""
    endpoint = Endpoint([granted("one")], gate=anyio.Event())
    tokens = endpoint.tokens()
    got: list[str | Outcome] = []

    async def get(scope: anyio.CancelScope) -> None:
        with scope:
            got.append(await tokens.get())

    async with anyio.create_task_group() as group:
        first = anyio.CancelScope()
        group.start_soon(get, first)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(get, anyio.CancelScope())
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        assert endpoint.gate is not None
        endpoint.gate.set()
    assert got == ["one"]


async def test_only_the_current_token_is_forgotten() -> None:
    """A late refusal of an old token does not cost the new one."""
    endpoint = Endpoint([granted("one"), granted("two")])
    tokens = endpoint.tokens()
    assert await tokens.get() == "one"
    tokens.invalidate("one")
    assert await tokens.get() == "two"
    tokens.invalidate("one")
    assert await tokens.get() == "two"
    assert len(endpoint.calls) == 2


async def test_a_rotated_secret_is_seen() -> None:
    """The secret is read for every request, not once."""
    secrets = iter(["old", "new"])
    endpoint = Endpoint([Answer(401), granted("one")], secret=lambda: next(secrets))
    tokens = endpoint.tokens()
    refusal = await tokens.get()
    assert isinstance(refusal, Outcome)
    assert refusal.kind is Kind.SETUP
    assert await tokens.get() == "one"
    assert [parse_qs(body.decode())["client_secret"] for _, body, _ in endpoint.calls] == [
        ["old"],
        ["new"],
    ]


def missing() -> str:
    """A secret whose file is not there."""
    raise FileNotFoundError("/run/secrets/client_secret")


@pytest.mark.parametrize("secret", [missing, str, lambda: "\udcff"])
async def test_without_a_secret_nothing_is_asked(secret: Callable[[], str]) -> None:
    """A missing, empty or unreadable secret is a matter of setup."""
    endpoint = Endpoint([], secret=secret)
    outcome = await endpoint.tokens().get()
    assert isinstance(outcome, Outcome)
    assert outcome.code == "token.secret_unreadable"
    assert endpoint.told == [outcome]
    assert endpoint.calls == []


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Answer(503), "token.http.503"),
        (Answer(200, {}, b"<html>"), "token.unreadable"),
        (Failure.DNS, "token.dns"),
    ],
)
async def test_a_failure_is_handed_on(reply: Answer | Failure, code: str) -> None:
    """Whoever needed the token learns why there is none."""
    outcome = await Endpoint([reply]).tokens().get()
    assert isinstance(outcome, Outcome)
    assert outcome.code == code
