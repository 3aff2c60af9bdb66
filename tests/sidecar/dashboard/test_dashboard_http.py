"""The page and its stream over real HTTP: who may look, what is sent, and that it ends."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from frontdesk_sidecar import dashboard
from frontdesk_sidecar.dashboard.hub import MOST_VIEWERS
from server_support import wait_until

KEYED = {"authorization": "Bearer marked-key-5d0e"}
STATIC = Path(dashboard.__path__[0]) / "static"


@contextmanager
def stream(url: str, headers: dict[str, str] | None = None) -> Iterator[Iterator[tuple[str, Any]]]:
    """The events of the dashboard, as a page gets them."""
    given = KEYED if headers is None else headers
    with (
        httpx.Client(trust_env=False, timeout=20) as http,
        http.stream("GET", f"{url}/dashboard/events", headers=given) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield events(answer)


def events(answer: httpx.Response) -> Iterator[tuple[str, Any]]:
    """Name and data of each."""
    rest = ""
    for text in answer.iter_text():
        *blocks, rest = (rest + text).split("\n\n")
        for block in blocks:
            name, data = block.split("\n")
            yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def until(told: Iterator[tuple[str, Any]], name: str, so: Callable[[Any], Any]) -> Any:
    """The first of these that is so."""
    return next(data for one, data in told if one == name and so(data))


def test_the_page_is_whole_small_and_of_one_origin(house: Any) -> None:
    """No line of script in it, nothing from elsewhere; what it names is there."""
    page = httpx.get(house.url, trust_env=False)
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert not re.search(r"<script(?![^>]*src=)|<style| on\w+=|style=", page.text)
    size, names = len(page.content), set(re.findall(r'(?:src|href)="(dashboard/[^"]+)"', page.text))
    for one in STATIC.glob("*.js"):
        imported = re.findall(r'from "\./([^"]+)"', one.read_text())
        names |= {f"dashboard/{name}" for name in imported}
    assert {name.removeprefix("dashboard/") for name in names} | {"index.html"} == {
        one.name for one in STATIC.iterdir()
    }
    for name in names:
        found = httpx.get(f"{house.url}/{name}", trust_env=False)
        assert found.status_code == 200
        assert "http:" not in found.text.replace("http://www.w3.org/2000/svg", "")
        assert "https:" not in found.text
        size += len(found.content)
        same = {"if-none-match": found.headers["etag"]}
        again = httpx.get(f"{house.url}/{name}", headers=same, trust_env=False)
        assert (again.status_code, again.content) == (304, b"")
    assert size < 64 * 1024


@pytest.mark.parametrize("name", ["nothing.js", "..%2Ffiles.py", "index.html.bak", "%00"])
def test_no_other_file_is_given(house: Any, name: str) -> None:
    """Names are looked up, never opened."""
    assert httpx.get(f"{house.url}/dashboard/{name}", trust_env=False).status_code == 404


def test_with_a_key_nobody_looks_without_it(house: Any) -> None:
    """Nor with another one; the page itself is for all."""
    for headers in ({}, {"authorization": "Bearer nothing"}):
        answer = httpx.get(f"{house.url}/dashboard/events", headers=headers, trust_env=False)
        assert (answer.status_code, answer.json()) == (401, {"error": "a bearer key is needed"})


def test_without_a_key_this_machine_looks_and_nobody_acts(open_house: Any) -> None:
    """Another site's page does neither: not by a name that was rebound, nor from afar."""
    with stream(open_house.url, {}) as told:
        assert next(told)[1]["mayAct"] is False
        assert next(told)[1]["status"]["running"] is True
    url = f"{open_house.url}/dashboard/events"
    for headers in ({"host": "evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert httpx.get(url, headers=headers, trust_env=False).status_code == 403
    acted = httpx.post(f"{open_house.url}/admin/dead.retry", json={"all": True}, trust_env=False)
    assert acted.status_code == 403


def test_everything_that_is_sent_is_masked(house: Any) -> None:
    """Marked values in every trait, a key and a secret: none of it is in anything of the page."""
    with stream(house.url) as told:
        hello, first = next(told)[1], next(told)[1]
        house.log_in(house.person(), phone="+49 4711 0815", age=4711)
        refused = house.person()
        house.refuse(refused, f"{refused} is no good")
        seen: list[Any] = [hello, first]
        while not any(
            one.get("list") and any(trace["outcome"] == "rejected" for trace in one["list"])
            for one in seen
        ):
            seen.append(next(told)[1])
        dead = until(told, "snapshot", lambda one: one["status"]["dead"])
    text = json.dumps([*seen, dead], ensure_ascii=False)
    text = text.replace(str(house.stack.directory), "")
    assert "marked" not in text.lower()
    assert "4711" not in text
    assert "secret\\n" not in text
    traces = [trace for one in seen for trace in one.get("list", ())]
    assert {trace["customer"] for trace in traces} == {"m•••@m•••.example"}


def test_all_see_the_same_made_once(house: Any) -> None:
    """And more than so many do not look."""
    with stream(house.url) as one, stream(house.url) as other:
        stamps = [
            {until(told, "snapshot", lambda _: True)["at"] for _ in range(3)}
            for told in (one, other)
        ]
        assert stamps[0] & stamps[1]
    with ExitStack() as stack:
        viewers = [stack.enter_context(stream(house.url)) for _ in range(MOST_VIEWERS)]
        assert [next(one)[0] for one in viewers] == ["hello"] * MOST_VIEWERS
        answer = httpx.get(f"{house.url}/dashboard/events", headers=KEYED, trust_env=False)
        assert answer.status_code == 503

    def is_free() -> bool:
        url = f"{house.url}/dashboard/events"
        with httpx.stream("GET", url, headers=KEYED, trust_env=False) as answer:
            return answer.status_code == 200

    wait_until(is_free, "those who left are let go")


def test_the_sidecar_ends_while_somebody_looks(house: Any) -> None:
    """At once, the stream whole to its end, and nothing is complained of."""
    sidecar = house.stack.parts["sidecar"]
    before = sidecar.log.stat().st_size
    with stream(house.url) as told:
        next(told)
        sidecar.signal(signal.SIGTERM)
        for _ in told:
            pass
        assert sidecar.wait() == 0
    told_to_the_log = sidecar.log.read_text()[before:]
    assert "Traceback" not in told_to_the_log
    assert "ERROR" not in told_to_the_log
    house.stack.start_sidecar()
